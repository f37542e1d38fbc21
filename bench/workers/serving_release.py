"""A release with a made model of a given size, and histories, for the bench of serving.

    serving_release.py FOLDER ITEMS NEIGHBOURS USERS HISTORY [MODEL]

The neighbours are drawn, since what an answer costs does not depend on how good it is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from spadework.artifacts import artifact, release
from spadework.data.vocabulary import Vocabulary
from spadework.models.labels import model
from spadework.models.single_lists import SingleLists
from spadework.serving import releases, stored_checks
from spadework.serving.history_reading import LogForm
from spadework.serving.item_ids import ItemIds
from spadework.serving.stores.sqlite_store import SqliteStore
from spadework.serving.stores.store import Event, History


def main(folder: Path, items: int, neighbours: int, users: int, history: int, name: str) -> None:
    rng = np.random.default_rng(0)
    vocabulary = Vocabulary(pl.Series([f"item-{code:07d}" for code in range(items)]))
    columns = np.empty((items, neighbours), np.int32)
    steps = 1 + np.arange(neighbours) * max(1, items // neighbours - 1)
    for code in range(items):  # distinct and ascending
        columns[code] = np.sort((code + steps) % items)
    values = rng.random(items * neighbours).astype(np.float32) + 0.01
    fitted = model(name)
    state = {
        "starts": np.arange(items + 1, dtype=np.int64) * neighbours,
        "columns": columns.ravel(),
        "values": values,
        "popularity": rng.integers(1, 1000, items),
    }
    if name.startswith("ease"):
        state["left"] = state["right"] = np.ones(items, np.float32)
    fitted._restore(state, vocabulary)
    artifact.save(fitted, folder / "model")
    form = LogForm(times=True, weights=False, baskets=False, event_type_names=())
    texts = vocabulary.ids.to_list()

    def events(user: int, drawn: np.ndarray) -> list[Event]:
        return [
            Event(f"user-{user}", texts[item], 1_700_000_000_000 + at * 60_000)
            for at, item in enumerate(drawn.tolist())
        ]

    def histories() -> Iterator[tuple[str, History]]:
        for user in range(users):
            drawn = (rng.random(history) ** 2 * items).astype(np.int64)
            yield f"user-{user}", History(events(user, drawn))

    lists, ids = SingleLists.of(fitted), ItemIds(vocabulary)
    samples = [events(0, rng.integers(0, items, history)) for _ in range(50)]
    made = release.write(
        folder / releases.RELEASES,
        {"winner": folder / "model", "similar": folder / "model"},
        pl.DataFrame({release.ID: vocabulary.ids}),
        {"model": name, "repeats": "forbid", "log": {"times": True}},
        stored_checks.stored(lists, ids, form, "forbid", samples),
    )
    releases.activate(folder, made.id, "bench")
    store = SqliteStore(folder / "events.sqlite")
    store.set_base("bench", histories())
    store.close()


if __name__ == "__main__":
    given = sys.argv[1:]
    main(Path(given[0]), *(int(number) for number in given[1:5]), *(given[5:] or ["cosine"]))
