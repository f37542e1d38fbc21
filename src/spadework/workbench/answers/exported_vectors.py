"""What a model has learned as tables for other programs: vectors of items and users, for a feature
store or an index of vectors, and neighbours of items.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from spadework import events, files, formatting
from spadework.arrays import Array, Codes
from spadework.artifacts import artifact
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.errors import OutputExists, SpadeworkError, Unsuitable
from spadework.models.base import Recommender
from spadework.models.factors.vector_scorer import VectorScorer
from spadework.models.table_scorer import TableScorer
from spadework.ragged import SparseRows, places_in_rows
from spadework.workbench.answers.choices import histories_in, titled, titles_of
from spadework.workbench.answers.service import Service
from spadework.workbench.sinks.batch import write_lists
from spadework.workbench.sinks.file_sink import FileSink

CELLS = 4_000_000
"""Numbers of a part that is written at once."""
WIDEST = 2000
"""Numbers of a vector that pgvector's index takes in 32 bits; of more it takes 16."""
ITEMS, USERS, NEIGHBOURS, SQL, FACTS = (
    "items.parquet",
    "users.parquet",
    "neighbours.parquet",
    "pgvector.sql",
    "vectors.json",
)


def export_vectors(
    where: str,
    folder: Path,
    *,
    model: str | None = None,
    histories: str | None = None,
) -> list[Path]:
    """Write what the winner of a run, or another of its models, or a saved model has learned, into
    a new folder: `items.parquet` and `users.parquet` (id and vector) where scores are products of
    vectors, `neighbours.parquet` where they are sums over a table, `vectors.json` with what a score
    is, and `pgvector.sql`. Users are those of the histories, by default of the run's log. Raises
    `Unsuitable` for models that have neither.
    """
    service = Service.updated(where)
    saved = service.folder(model)
    fitted = artifact.load(saved)
    scorer = fitted.scorer
    if not isinstance(scorer, VectorScorer | TableScorer):
        raise Unsuitable(
            f"{fitted.label!r} has neither vectors nor a table of neighbours.", service.others()
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputExists(f"{folder} exists already.", "Choose another folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(f"{files.HALF}{folder.name}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        titles = titles_of(saved, fitted)
        if isinstance(scorer, VectorScorer):
            _write_items(scorer, fitted, titles, fresh / ITEMS)
            log = _log(service, fitted, histories)
            if log is not None:
                _write_users(scorer, log, fresh / USERS)
            sql = pgvector(fitted.item_vocabulary.ids.dtype, int(scorer.items.vectors.shape[1]))
            files.write_bytes(fresh / SQL, sql.encode())
        if scorer.table is not None:
            _write_neighbours(scorer.table, fitted, titles, fresh / NEIGHBOURS)
        files.write_json(fresh / FACTS, _facts(fitted, scorer))
        files.replace_folder(fresh, folder)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return sorted(folder.iterdir())


def user_vectors(scorer: VectorScorer, log: Interactions, users: Codes) -> tuple[Codes, Array]:
    """The users of whom the model knows something, and their vectors [users, width]. The log has
    the codes of the model.
    """
    side = scorer.users
    block = side.reading.reader.read(log, users)
    recent, weights = side.reading.weighted(block)
    known = side.with_evidence(recent)
    return users[known], np.asarray(side.vectors(recent, weights)[known], np.float32)


def pgvector(ids: pl.DataType, width: int) -> str:
    """What makes the table and the index of item vectors in PostgreSQL with pgvector, and the query
    for the best items of a vector.
    """
    kind = "bigint" if ids.is_integer() and ids != pl.UInt64 else "text"
    column, rule = "vector", "vector_ip_ops"
    if width > WIDEST:
        column, rule = f"(vector::halfvec({width}))", "halfvec_ip_ops"
    sought = f"$1::{'halfvec' if width > WIDEST else 'vector'}({width})"
    return f"""-- Vectors of items, for inner products; needs pgvector 0.5, above 2,000 numbers 0.7.
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE item_vectors (item_id {kind} PRIMARY KEY, vector vector({width}) NOT NULL);
-- load items.parquet here: the index is quicker to make of a full table
CREATE INDEX item_vectors_index ON item_vectors USING hnsw ({column} {rule});
PREPARE best_items AS SELECT item_id, -({column} <#> {sought}) AS score
    FROM item_vectors ORDER BY {column} <#> {sought} LIMIT $2;
"""


@dataclass(frozen=True)
class _Written:
    """A table that is written part by part, so that it never is in memory as a whole."""

    path: Path
    frame_of: Callable[[Codes], pl.DataFrame]
    codes: Codes
    rows: int  # of a part

    def write(self) -> None:
        """Write it."""
        size = max(1, self.rows)
        parts = [self.codes[at : at + size] for at in range(0, max(1, len(self.codes)), size)]
        with FileSink(self.path) as sink:
            write_lists(self.frame_of, parts, {}, sink, label=self.path.stem)


def _write_items(
    scorer: VectorScorer, fitted: Recommender, titles: pl.DataFrame | None, path: Path
) -> None:
    vectors = scorer.items.vectors

    def frame_of(codes: Codes) -> pl.DataFrame:
        frame = _with_vectors("item_id", fitted.item_vocabulary.take(codes), vectors[codes])
        return titled(frame, titles)

    _Written(path, frame_of, scorer.items.codes, CELLS // vectors.shape[1]).write()


def _write_users(scorer: VectorScorer, log: Interactions, path: Path) -> None:
    def frame_of(users: Codes) -> pl.DataFrame:
        known, vectors = user_vectors(scorer, log, users)
        return _with_vectors("user_id", log.user_vocabulary.take(known), vectors)

    with scorer.while_answering():
        rows = CELLS // scorer.items.vectors.shape[1]
        _Written(path, frame_of, log.active_users, rows).write()


def _write_neighbours(
    table: SparseRows, fitted: Recommender, titles: pl.DataFrame | None, path: Path
) -> None:
    vocabulary = fitted.item_vocabulary

    def frame_of(items: Codes) -> pl.DataFrame:
        lengths = np.diff(table.starts)[items]
        first = int(table.starts[items[0]]) if len(items) else 0
        cells = slice(first, first + int(lengths.sum()))  # rows of items that follow one another
        owners = np.repeat(items, lengths)
        order = np.lexsort((table.columns[cells], -table.values[cells], owners))
        ranks = places_in_rows(lengths) + 1
        frame = pl.DataFrame(
            {
                "source_item_id": vocabulary.take(owners),
                "item_id": vocabulary.take(table.columns[cells][order]),
                "weight": pl.Series(table.values[cells][order], dtype=pl.Float32),
                "rank": pl.Series(ranks, dtype=pl.Int32),
            }
        )
        return titled(frame, titles)

    items = np.arange(table.rows, dtype=np.int32)
    longest = max(1, int(np.diff(table.starts).max(initial=1)))
    _Written(path, frame_of, items, CELLS // longest).write()


def _with_vectors(key: str, ids: pl.Series, vectors: Array) -> pl.DataFrame:
    kind = pl.Array(pl.Float32, int(vectors.shape[1]))
    column = pl.Series("vector", np.ascontiguousarray(vectors), dtype=kind)
    return pl.DataFrame({key: ids, "vector": column})


def _log(service: Service, fitted: Recommender, histories: str | None) -> Interactions | None:
    """The histories with the codes of the model; None, with a note, where there are none."""
    if service.run is None and histories is None:
        events.note("A saved model has no users; give their log with --histories FILE.")
        return None
    try:
        log = service.histories(histories)
    except (SpadeworkError, OSError) as error:
        if histories is not None:
            raise
        why = error.message if isinstance(error, SpadeworkError) else str(error)
        events.note(f"The log cannot be read again: {why} There are no vectors of users.")
        return None
    return fitted._in_own_codes(histories_in(log, fitted.item_vocabulary))


def _facts(fitted: Recommender, scorer: VectorScorer | TableScorer) -> Mapping[str, object]:
    """What a score is, in words, and what of it the tables hold."""
    if isinstance(scorer, TableScorer):
        joins = {
            "sum": "the sum",
            "max": "the largest",
            "noisy-or": "1 − Π (1 − each)",
        }[scorer.aggregate]
        score = f"{joins} of the weights of an item in the rows of the history's items"
        return {
            "model": fitted.label,
            "score": f"{score}, each times the weight of the history item",
        }
    says = ["the inner product of the vectors of user and item"]
    if _adds(scorer, fitted):
        says.append("something for each item of the history, which is not in the vectors")
    if scorer.table is not None:
        says.append("the sum of the weights in neighbours.parquet over the history's items")
    exact = "for all items" if len(says) == 1 else "for items outside of the history"
    if scorer.table is not None:
        exact = "never: the vectors are a part of the score"
    return {
        "model": fitted.label,
        "width": int(scorer.items.vectors.shape[1]),
        "items": formatting.count(len(scorer.items.codes), "item"),
        "score": " + ".join(says),
        "the product is the score": exact,
    }


def _adds(scorer: VectorScorer, fitted: Recommender) -> bool:
    """Whether scores of items of the history have a part that is not in the vectors: asked of a
    user without a history.
    """
    none = np.zeros(0, np.int32)
    nobody = Interactions(
        users=none,
        items=none,
        times=np.zeros(0, np.int64),
        user_vocabulary=Vocabulary(pl.Series([0])),
        item_vocabulary=fitted.item_vocabulary,
    )
    side = scorer.users
    block = side.reading.reader.read(nobody, np.zeros(1, np.int32))
    return side.added(*side.reading.weighted(block)) is not None
