"""implicit_server.py LOG PORT KIND: the handler that people write around implicit's `recommend`, in
its own environment. KIND is `def`, which FastAPI runs in a thread, or `async`.
"""

from __future__ import annotations

import sys

import numpy as np
import uvicorn
from fastapi import FastAPI
from implicit.nearest_neighbours import CosineRecommender
from pydantic import BaseModel
from scipy.sparse import csr_matrix


class Request(BaseModel):
    user: str
    n: int = 10


def main(path: str, port: int, kind: str) -> None:
    log = np.load(path)
    users, items = log["users"], log["items"]
    matrix = csr_matrix(
        (np.ones(len(users), np.float32), (users, items)), shape=(users.max() + 1, 10_000)
    )
    matrix.sum_duplicates()
    matrix.data[:] = 1
    model = CosineRecommender(K=100)
    model.fit(matrix, show_progress=False)
    ids = [f"item-{code:07d}" for code in range(matrix.shape[1])]
    app = FastAPI()

    def answer(request: Request) -> list[dict[str, object]]:
        user = int(request.user[5:])
        found, scores = model.recommend(user, matrix[user], N=request.n)
        return [
            {"item": ids[item], "score": float(score)}
            for item, score in zip(found, scores, strict=True)
        ]

    async def answer_in_loop(request: Request) -> list[dict[str, object]]:
        return answer(request)

    app.post("/v1/recommend")(answer if kind == "def" else answer_in_loop)
    uvicorn.run(app, host="127.0.0.1", port=port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
