"""What is deployed beside the package: a Dockerfile, a unit of systemd, a site of nginx."""

from __future__ import annotations

import http.client
import json
import os
import re
import shlex
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from live_server import live_server
from makers import ROOT
from spadework.apps.commands.serve import command as serve
from spadework.client import BadRequest, Client, NewEvent, NotAllowed
from store_servers import free_port

DEPLOY = ROOT / "deploy"


def tool(name: str) -> str:
    """A program, or the test is left out."""
    path = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def instructions() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile, lines joined and comments left out."""
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", "", text)
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for name, rest in instructions():
        if name == "FROM":
            found.append([])
        if found:
            found[-1].append((name, rest))
    return found


def test_the_image_is_made_in_two_stages_of_named_versions():
    build, last = stages()
    assert re.fullmatch(r"PYTHON=3\.\d+", dict(instructions())["ARG"])
    assert "--no-index" in dict(build)["RUN"], "nothing of that name is taken from elsewhere"
    for stage in (build, last):
        image = stage[0][1].split()[0]
        assert image == "python:${PYTHON}-slim-bookworm"
    copied = [rest for name, rest in last if name == "COPY"]
    assert copied
    assert all(rest.startswith("--from=build ") for rest in copied)
    tools = ("apt-get", "curl", "wget", "git ")
    assert not any(word in rest for _, rest in instructions() for word in tools)
    assert "ADD" not in {name for name, _ in instructions()}


def test_the_server_runs_without_rights_and_stops_gently():
    _, last = stages()
    names = [name for name, _ in last]
    found = dict(last)
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", found["USER"]), (
        "a number, so that any runtime sees it"
    )
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert not any(name == "RUN" for name in names[names.index("USER") :])
    assert found["STOPSIGNAL"] == "SIGTERM"
    assert "ready()" in found["HEALTHCHECK"]
    for name in ("ENTRYPOINT", "CMD"):
        assert isinstance(json.loads(found[name]), list), f"{name} goes through a shell"


def test_the_entry_point_is_a_command_that_exists():
    _, last = stages()
    found = dict(last)
    program, name, *arguments = [*json.loads(found["ENTRYPOINT"]), *json.loads(found["CMD"])]
    assert (program, name) == ("spadework", "serve")
    context = serve.make_context("serve", list(arguments))
    assert context.params["host"] == "0.0.0.0"
    unit = (DEPLOY / "spadework.service").read_text(encoding="utf-8")
    (line,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    _, name, *arguments = shlex.split(line)
    assert name == "serve"
    assert serve.make_context("serve", arguments).params["host"] == "127.0.0.1"


def test_the_health_check_is_that_of_a_server(released, tmp_path):
    _, last = stages()
    check = json.loads(dict(last)["HEALTHCHECK"].partition("CMD ")[2])
    assert check[0] == "python"
    folder = tmp_path / "serving"
    shutil.copytree(released, folder)
    with live_server(folder) as server:
        code = check[2].replace("http://127.0.0.1:8765", server.address)
        assert code != check[2]
        done = subprocess.run([sys.executable, "-c", code], timeout=30, check=False)
        assert done.returncode == 0
    gone = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=30, check=False
    )
    assert gone.returncode == 1


def test_the_dockerfile_is_linted():
    done = subprocess.run(
        [tool("hadolint"), str(DEPLOY / "Dockerfile")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_image_is_built():
    docker = tool("docker")
    there = subprocess.run([docker, "info"], capture_output=True, timeout=60, check=False)
    if there.returncode:
        pytest.skip("no builder runs")
    done = subprocess.run(
        [docker, "build", "--check", "--file", str(DEPLOY / "Dockerfile"), str(DEPLOY)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_systemd_takes_the_unit(tmp_path):
    analyze = tool("systemd-analyze")
    text = (DEPLOY / "spadework.service").read_text(encoding="utf-8")
    unit = tmp_path / "spadework.service"
    unit.write_text(text.replace("/opt/spadework/bin/spadework", sys.executable))
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    told = [line for line in done.stderr.splitlines() if "spadework" in line]
    assert (done.returncode, told) == (0, [])
    security = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=25", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert security.returncode == 0, security.stdout + security.stderr  # 2.5 of 10 is "OK"


def site(folder: Path, server: str = "127.0.0.1:8765", ports=(18080, 18443)) -> Path:
    """A whole configuration of nginx around the site, in a folder with a certificate of its own."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            tool("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
            "/CN=recs.example", "-keyout", str(key), "-out", str(certificate),
        ],
        capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    for path, own in (
        ("/etc/ssl/certs/recs.example.pem", certificate),
        ("/etc/ssl/private/recs.example.key", key),
        ("/var/log/nginx/recommendations.error.log", folder / "error.log"),
        ("127.0.0.1:8765", server),
    ):
        assert path in text
        text = text.replace(path, str(own))
    text = re.sub(r"listen \[::\]:.*", "", text)  # not every machine has such addresses
    for public, own in zip(("80", "443"), ports, strict=True):
        text = re.sub(rf"listen {public}\b", f"listen 127.0.0.1:{own}", text)
    (folder / "site.conf").write_text(text)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    user = "user root;" if os.geteuid() == 0 else ""
    whole = folder / "nginx.conf"
    whole.write_text(
        f"{user} daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{ {paths} include {folder}/site.conf; }}\n"
    )
    return whole


def test_nginx_takes_the_site(tmp_path):
    nginx = tool("nginx")
    done = subprocess.run(
        [nginx, "-t", "-q", "-p", str(tmp_path), "-c", str(site(tmp_path))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_nginx_passes_requests_on_within_its_limits(released, tmp_path):
    nginx, ports = tool("nginx"), (free_port(), free_port())
    folder = tmp_path / "serving"
    shutil.copytree(released, folder)
    with live_server(folder, "--host-name", "127.0.0.1") as server:
        whole = site(tmp_path, server.address.removeprefix("http://"), ports)
        process = subprocess.Popen([nginx, "-p", str(tmp_path), "-c", str(whole)])
        try:
            context = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
            context.check_hostname = False
            address = f"https://127.0.0.1:{ports[1]}"
            with Client(address, key=server.key, context=context, retries=8) as client:
                best = client.recommend("u007", n=3)
                assert len(best.items) == 3
                assert client.add_events([NewEvent("u007", "i003")]).accepted == 1
                for hidden in (client.metrics, client.models, lambda: client.activate("x")):
                    with pytest.raises(NotAllowed) as refused:
                        hidden()
                    assert refused.value.status == 403
                with pytest.raises(BadRequest) as large:
                    client.recommend(candidates=["x" * 250] * 9000)
                assert large.value.status == 413
            with Client(address, context=context) as nobody, pytest.raises(NotAllowed) as denied:
                nobody.recommend("u007")
            assert denied.value.status == 401
            plain = http.client.HTTPConnection("127.0.0.1", ports[0], timeout=5)
            plain.request("GET", "/health/live", headers={"Host": "recs.example"})
            answer = plain.getresponse()
            assert (answer.status, answer.headers["Location"]) == (
                308, "https://recs.example/health/live",
            )  # fmt: skip
            plain.close()
        finally:
            process.terminate()
            process.wait(timeout=20)
