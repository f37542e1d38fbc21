"""kindling_server.py LOG FOLDER PORT: kindling-rec's own example application."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import uvicorn
from kindling import Engine
from kindling.serving import KindlingServer


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
    os.environ["KINDLING_ARTIFACT"] = str(folder)
    from kindling.serving_app import app

    uvicorn.run(app, host="127.0.0.1", port=port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
