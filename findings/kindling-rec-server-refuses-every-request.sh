#!/usr/bin/env bash
# The serving application that kindling-rec 1.0.4 ships answers 422 to each valid request under the
# FastAPI that its extra installs today, and 500 where it is asked what it serves.
#
# Its handlers stand in a function, with classes of bodies inside of it, in a module that postpones
# the evaluation of annotations. FastAPI looks their names up in the module, does not find them, and
# takes the body for a parameter of the address, which is then missing. A probe of /openapi.json, as
# load balancers and benches use it, sees a server that never comes up.
#
# Valid input: a log of 40 users, and the request that the application documents.
# Seen: 422 that misses `req` in the query, and an error for /openapi.json; with the three classes in
# its module the same request is answered 200.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    kindling-rec==1.0.4 fastapi==0.165.0 starlette==1.10.0 pydantic==2.14.4 httpx2==2.16.2 \
    numpy==2.4.6 pandas==3.1.1 scipy==1.17.1
cat >"$folder/seen.py" <<'PY'
import sys
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from fastapi.testclient import TestClient
from kindling import Engine, serving_app
from kindling.serving import KindlingServer
from pydantic import BaseModel


class RecommendReq(BaseModel):
    entity_id: Any
    n: int = 10


class BatchReq(BaseModel):
    entity_ids: list[Any]
    n: int = 10


class SeedReq(BaseModel):
    seeds: list[Any]
    n: int = 10


how, folder = sys.argv[1:]
draw = np.random.default_rng(0)
log = pd.DataFrame(
    {
        "entity_id": [f"user-{row // 10}" for row in range(400)],
        "item_id": [f"item-{item}" for item in draw.integers(0, 60, 400)],
        "timestamp": np.arange(400),
    }
)
engine = Engine(repeat_recommend=False)
engine.fit(log)
KindlingServer.from_engine(engine).save(folder)
if how == "named":
    for model in (RecommendReq, BatchReq, SeedReq):
        setattr(serving_app, model.__name__, model)
client = TestClient(serving_app.create_app(folder), raise_server_exceptions=False)
answer = client.post("/recommend", json={"entity_id": "user-3", "n": 5})
found = answer.json()
missing = found["detail"][0]["loc"] if answer.status_code == 422 else "nothing"
print(
    f"kindling-rec {version('kindling-rec')}, fastapi {version('fastapi')}, {how}: "
    f"/recommend {answer.status_code} missing {missing}, "
    f"/openapi.json {client.get('/openapi.json').status_code}"
)
PY
shipped=$("$folder/venv/bin/python" "$folder/seen.py" shipped "$folder/a" 2>/dev/null | tail -1)
named=$("$folder/venv/bin/python" "$folder/seen.py" named "$folder/b" 2>/dev/null | tail -1)
echo "$shipped"
echo "$named"
[[ $shipped == *"/recommend 422 missing ['query', 'req'], /openapi.json 500"* ]]
[[ $named == *"/recommend 200 missing nothing"* ]]
