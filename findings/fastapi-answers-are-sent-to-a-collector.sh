#!/usr/bin/env bash
# FastAPI 0.165.0 sends what it served, and the messages of errors, to a collector that two variables
# of the environment name, from an application that asks for nothing of the kind.
#
# A server of recommendations holds ids of users in its addresses and its errors. An application that
# is `FastAPI()` and no more has tracing, metrics and logs of validation failures and exceptions on.
# They end nowhere until OpenTelemetry's SDK is installed and FASTAPI_OTEL_AUTO_CONFIGURE=true and
# OTEL_EXPORTER_OTLP_ENDPOINT are set, as images of containers and operators of clusters do for all
# programs alike; then the address of each request, with what is in its path, and the text of an
# exception leave the machine. `telemetry={"tracing": False, "metrics": False, "logs": False}` ends it.
#
# Valid input: one request whose path holds an id, one handler that raises with an id in its message.
# Seen: a collector at loopback gets both ids, and none with the three switched off.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    fastapi==0.165.0 httpx2==2.16.2 opentelemetry-sdk==1.45.2 \
    opentelemetry-exporter-otlp-proto-http==1.45.2
cat >"$folder/seen.py" <<'PY'
import http.server
import os
import sys
import threading
import gzip

received = []


class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        received.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=collector.serve_forever, daemon=True).start()
os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{collector.server_port}"
os.environ["FASTAPI_OTEL_AUTO_CONFIGURE"] = "true"

from importlib.metadata import version

from fastapi import FastAPI
from fastapi.testclient import TestClient

off = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False}
app = FastAPI(telemetry=off) if sys.argv[1] == "off" else FastAPI()


@app.get("/users/{user}")
def answer(user: str) -> dict[str, str]:
    if user == "broken":
        raise ValueError("no history of customer-4711")
    return {"user": user}


with TestClient(app, raise_server_exceptions=False) as client:
    client.get("/users/customer-0815")
    client.get("/users/broken")
content = b"".join(body for _, body in received)
print(
    f"fastapi {version('fastapi')}, {sys.argv[1]}: paths {sorted({path for path, _ in received})}, "
    f"id of the path {b'customer-0815' in content}, id of the message {b'customer-4711' in content}"
)
PY
on=$("$folder/venv/bin/python" "$folder/seen.py" default 2>/dev/null)
off=$("$folder/venv/bin/python" "$folder/seen.py" off 2>/dev/null)
echo "$on"
echo "$off"
[[ $on == *"id of the path True, id of the message True"* ]]
[[ $off == *"id of the path False, id of the message False"* ]]
