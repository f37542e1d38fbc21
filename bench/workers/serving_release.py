"""A release for the bench of serving, with histories.

    serving_release.py FOLDER ITEMS NEIGHBOURS USERS HISTORY MODEL

MODEL is `cosine`, fitted on the drawn histories, which are also written to log.npz for peers;
`table` or `ease`, whose neighbours are drawn, since what an answer costs does not depend on how
good it is; or `transformer`, trained for one step.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl

from spadework.artifacts import artifact, release
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.models.base import Recommender
from spadework.models.labels import model
from spadework.models.single_lists import SingleLists
from spadework.serving import live_file, releases, stored_checks
from spadework.serving.history_reading import LogForm
from spadework.serving.item_ids import ItemIds
from spadework.serving.stores.sqlite_store import SqliteStore
from spadework.serving.stores.store import Event, History

FIRST = 1_700_000_000


def main(folder: Path, items: int, neighbours: int, users: int, length: int, name: str) -> None:
    rng = np.random.default_rng(0)
    vocabulary = Vocabulary(pl.Series([f"item-{code:07d}" for code in range(items)]))
    drawn = (rng.random((users, length)) ** 2 * items).astype(np.int32)
    if name in ("cosine", "transformer"):
        fitted = fit(drawn, vocabulary, neighbours, name, folder)
    else:
        fitted = made(items, neighbours, vocabulary, name, rng)
    artifact.save(fitted, folder / "model")
    form = LogForm(times=True, weights=False, baskets=False, event_type_names=())
    texts = vocabulary.ids.to_list()

    def events(user: int, codes: np.ndarray) -> list[Event]:
        return [
            Event(f"user-{user}", texts[item], (FIRST + at * 60) * 1000)
            for at, item in enumerate(codes.tolist())
        ]

    lists, ids = SingleLists.of(fitted), ItemIds(vocabulary)
    samples = [events(user, drawn[user]) for user in range(min(50, users))]
    made_release = release.write(
        folder / releases.RELEASES,
        {"winner": folder / "model"},
        pl.DataFrame({release.ID: vocabulary.ids}),
        {"model": name, "repeats": "forbid", "log": {"times": True}},
        stored_checks.stored(lists, ids, form, "forbid", samples),
    )
    releases.activate(folder, made_release.id, "bench")
    store = SqliteStore(folder / live_file.STORE)
    store.set_base(
        "bench", ((f"user-{user}", History(events(user, drawn[user]))) for user in range(users))
    )
    store.close()


def fit(
    drawn: np.ndarray, vocabulary: Vocabulary, neighbours: int, name: str, folder: Path
) -> Recommender:
    users, length = drawn.shape
    owners = np.repeat(np.arange(users, dtype=np.int32), length)
    user_vocabulary, codes = Vocabulary.build(pl.Series([f"user-{user}" for user in range(users)]))
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "log.npz", users=owners, items=drawn.ravel())
    log = Interactions.from_codes(
        codes[owners],
        drawn.ravel(),
        user_vocabulary=user_vocabulary,
        item_vocabulary=vocabulary,
        times=np.tile(FIRST + np.arange(length, dtype=np.int64) * 60, users),
    )
    if name == "cosine":
        return model("cosine", keep=neighbours).fit(log)
    return model(name, max_length=50, width=64, epochs=1).fit(log)


def made(
    items: int, neighbours: int, vocabulary: Vocabulary, name: str, rng: np.random.Generator
) -> Recommender:
    steps = 1 + np.arange(neighbours) * max(1, items // neighbours - 1)
    columns = np.empty((items, neighbours), np.int32)
    for code in range(items):  # distinct and ascending
        columns[code] = np.sort((code + steps) % items)
    state = {
        "starts": np.arange(items + 1, dtype=np.int64) * neighbours,
        "columns": columns.ravel(),
        "values": rng.random(items * neighbours).astype(np.float32) + np.float32(0.01),
        "popularity": rng.integers(1, 1000, items),
    }
    fitted = model("cosine", keep=neighbours) if name == "table" else model(name, keep=neighbours)
    fitted._restore(state, vocabulary)
    return fitted


if __name__ == "__main__":
    given = sys.argv[1:]
    main(Path(given[0]), *(int(number) for number in given[1:5]), given[5])
