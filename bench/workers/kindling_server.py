"""kindling_server.py LOG FOLDER PORT: kindling-rec's own example application.

As it is, it takes the body of a request for a parameter of the address and refuses each with 422:
its annotations are texts, which FastAPI looks up in the module, and the classes that they name are
inside of a function. The module gets classes of these names here; its handlers are its own.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import uvicorn
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


def main(path: str, folder: Path, port: int) -> None:
    log = np.load(path)
    users, items = log["users"], log["items"]
    frame = pd.DataFrame(
        {
            "entity_id": [f"user-{user}" for user in users],
            "item_id": [f"item-{item:07d}" for item in items],
            "timestamp": np.arange(len(users)),
        }
    )
    engine = Engine(repeat_recommend=False)
    engine.fit(frame)
    KindlingServer.from_engine(engine).save(folder)
    for model in (RecommendReq, BatchReq, SeedReq):
        setattr(serving_app, model.__name__, model)
    app = serving_app.create_app(str(folder))
    uvicorn.run(app, host="127.0.0.1", port=port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
