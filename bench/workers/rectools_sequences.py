"""rectools_sequences.py FOLDER WHAT SETTINGS: the same by RecTools' SASRecModel with its defaults
but for SETTINGS, in its own environment.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from counted import two_processors

warnings.filterwarnings("ignore")

from pytorch_lightning import Callback, Trainer  # noqa: E402
from rectools import Columns  # noqa: E402
from rectools.dataset import Dataset  # noqa: E402
from rectools.models import SASRecModel  # noqa: E402


class Clock(Callback):
    """When each epoch began and ended."""

    def __init__(self) -> None:
        self.took: list[float] = []

    def on_train_epoch_start(self, *_: object) -> None:
        """An epoch begins."""
        self.begun = time.perf_counter()

    def on_train_epoch_end(self, *_: object) -> None:
        """It ends."""
        self.took.append(time.perf_counter() - self.begun)


def frame_of(path: Path) -> pd.DataFrame:
    """A log as RecTools wants it; order is told by seconds."""
    frame = pd.read_csv(path).rename(columns={"user": Columns.User, "item": Columns.Item})
    frame[Columns.Datetime] = pd.to_datetime(frame["order"], unit="s")
    frame[Columns.Weight] = 1.0
    return frame[[Columns.User, Columns.Item, Columns.Weight, Columns.Datetime]]


def main(folder: Path, what: str, settings: dict[str, Any]) -> None:
    """Train, answer, judge."""
    two_processors()
    torch.set_num_threads(2)
    epochs = settings.pop("epochs")
    train, given = (
        Dataset.construct(frame_of(folder / "train.csv")),
        Dataset.construct(frame_of(folder / "given.csv")),
    )

    def trainer() -> Trainer:
        return Trainer(
            max_epochs=epochs,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[Clock()],
        )

    model = SASRecModel(
        **settings, epochs=epochs, verbose=0, dataloader_num_workers=0, get_trainer_func=trainer
    )
    model.fit(train)
    # the trainer that fits is a copy
    clock = next(one for one in model.fit_trainer.callbacks if isinstance(one, Clock))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if what == "steps":
        print(json.dumps({"seconds": float(np.mean(clock.took)), "answer": {"fit MiB": peak}}))
        return
    expected = pd.read_csv(folder / "expected.csv").set_index("user")["item"]
    known = expected[expected.index.isin(pd.read_csv(folder / "given.csv")["user"].unique())]
    model.recommend(known.index.values[:100], given, k=10, filter_viewed=True)
    begun = time.perf_counter()
    lists = model.recommend(known.index.values, given, k=10, filter_viewed=True)
    answering = time.perf_counter() - begun
    hits = lists[Columns.Item].to_numpy() == known.loc[lists[Columns.User].to_numpy()].to_numpy()
    gains = (hits / np.log2(lists[Columns.Rank].to_numpy() + 1)).sum() / len(known)
    seconds = {"epochs": float(np.mean(clock.took)), "recommend": answering}[what]
    answer = {
        "fit MiB": peak,
        "recall@10": float(hits.sum() / len(known)),
        "ndcg@10": float(gains),
        "recommend": answering,
    }
    print(json.dumps({"seconds": seconds, "answer": answer}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
