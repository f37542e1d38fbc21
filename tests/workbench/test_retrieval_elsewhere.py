"""The code of docs/serving.md that takes exported vectors elsewhere runs as it stands there, and
finds what an exact search finds.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import store_servers
from makers import ROOT, START
from served_run import served_run
from spadework.workbench.answers.exported_vectors import export_vectors, pgvector
from spadework.workbench.answers.serving_answers import recommend

PAGE = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
ITEMS, USERS = 3000, 400


def code(library: str) -> str:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (found,) = [block for block in blocks if f"import {library}" in block]
    return found


@pytest.fixture(scope="module", params=["elsa(dimensions=32, epochs=3)", "ials(dimensions=32)"])
def exported(request, tmp_path_factory):
    """Vectors of items with tastes of twenty kinds, in a folder of that name."""
    folder = tmp_path_factory.mktemp("exported")
    rng = np.random.default_rng(5)
    owners = np.repeat(np.arange(USERS), 25)
    items = (rng.integers(0, ITEMS // 20, len(owners)) * 20 + owners % 20) % ITEMS
    ids = [f"i{item}" for item in items]
    frame = pl.DataFrame({"user": owners, "item": ids, "time": START + np.arange(len(owners))})
    frame.write_csv(folder / "log.csv")
    run = served_run(folder / "run", {"source": str(folder / "log.csv")}, request.param)
    export_vectors(str(run), folder / "vectors")
    return folder


def exact(folder, k=10) -> tuple[list[set[str]], list[str]]:
    """The best items of each user by an exact search, and the users."""
    items, users = (
        pl.read_parquet(folder / "vectors" / f"{n}.parquet") for n in ("items", "users")
    )
    product = users["vector"].to_numpy() @ items["vector"].to_numpy().T
    best = np.argsort(-product, axis=1, kind="stable")[:, :k]
    return [set(items["item_id"].gather(row)) for row in best], users["user_id"].to_list()


def share(found, expected) -> float:
    hits = [len(set(one) & other) / len(other) for one, other in zip(found, expected, strict=True)]
    return float(np.mean(hits))


def test_hnswlib_finds_the_best_items(exported, monkeypatch, capsys):
    pytest.importorskip("hnswlib")
    monkeypatch.chdir(exported)
    names: dict[str, object] = {}
    exec(compile(code("hnswlib"), "docs/serving.md", "exec"), names)
    expected, _ = exact(exported)
    found = share(names["best"], expected)
    with capsys.disabled():
        print(f"\nhnswlib finds {found:.4f} of the exact ten best")
    assert found >= 0.95


@pytest.fixture
def with_pgvector():
    """The address of a server that has pgvector, and a connection, without the table."""
    import psycopg

    server = store_servers.with_pgvector()
    with psycopg.connect(server.address, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS item_vectors")
        yield server.address, connection


@pytest.fixture
def asked(exported, with_pgvector, monkeypatch):
    """What the table answers for the vector of a user, loaded and asked as docs/serving.md says."""
    address, connection = with_pgvector
    monkeypatch.chdir(exported)
    monkeypatch.setenv("DATABASE", address)
    exec(compile(code("psycopg"), "docs/serving.md", "exec"), {})
    prepared = re.search(r"PREPARE .*;", Path("vectors/pgvector.sql").read_text(), re.DOTALL)
    assert prepared is not None
    connection.execute("SET hnsw.ef_search = 200; SET enable_seqscan = off")
    connection.execute(prepared[0])

    def found(vector: pl.Series, count: int) -> list[str]:
        query = f"EXECUTE best_items('{vector.to_list()}', {count})"
        plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {query}").fetchall())
        assert "Index Scan using item_vectors_index" in plan
        return [item for item, _ in connection.execute(query).fetchall()]

    return found


def test_pgvector_finds_the_best_items(exported, asked, capsys):
    expected, _ = exact(exported)
    users = pl.read_parquet(exported / "vectors" / "users.parquet")
    told = share([asked(vector, 10) for vector in users["vector"]], expected)
    with capsys.disabled():
        print(f"\npgvector finds {told:.4f} of the exact ten best")
    assert told >= 0.95


def test_pgvector_gives_the_lists_of_the_run(exported, asked, capsys):
    """With the history taken out, and as many more asked for as it is long."""
    log = pl.read_csv(exported / "log.csv", infer_schema=False)
    history = dict(log.group_by("user").agg(pl.col("item").unique()).rows())
    lists = recommend(str(exported / "run"), k=10, repeats="forbid").filter(pl.col("score") > 0)
    expected = dict(lists.group_by("user_id", maintain_order=True).agg("item_id").rows())
    users = pl.read_parquet(exported / "vectors" / "users.parquet")
    found = []
    for user, vector in users.select("user_id", "vector").rows():
        own = history[user]
        rest = [item for item in asked(pl.Series(vector), 10 + len(own)) if item not in own]
        found.append(rest[: len(expected[user])])
    told = share(found, [set(expected[user]) for user in users["user_id"]])
    with capsys.disabled():
        print(f"\npgvector and the history taken out: {told:.4f} of the lists of `recommend`")
    assert told >= 0.95


@pytest.mark.parametrize("width", [3, 2000, 2048])
def test_pgvector_takes_the_statements(width, with_pgvector):
    _, connection = with_pgvector
    make, index = pgvector(pl.Int64(), width).split("-- load items.parquet here")
    connection.execute(make)
    vectors = [[float(at == row) for at in range(width)] for row in range(3)]
    for row, vector in enumerate(vectors):
        connection.execute("INSERT INTO item_vectors VALUES (%s, %s)", (row, str(vector)))
    connection.execute("--" + index)
    connection.execute("SET enable_seqscan = off")
    best = connection.execute(f"EXECUTE best_items('{vectors[1]}', 1)").fetchall()
    assert best == [(1, 1.0)]


def test_the_statements_for_pgvector_are_sql():
    """Held by PostgreSQL's own parser, which needs no extension for that."""
    import psycopg

    server = store_servers.place("postgres")
    with psycopg.connect(server.address) as connection:
        for width in (8, 2048):
            text = pgvector(pl.String(), width)
            statements = re.sub(r"PREPARE best_items AS SELECT", "PERFORM", text)
            statements = statements.replace("$1", "'[]'").replace("$2", "10")
            connection.execute(f"DO $do$ BEGIN RETURN; {statements} END $do$")
            with pytest.raises(psycopg.errors.SyntaxError):
                connection.execute(f"DO $do$ BEGIN RETURN; {statements} CREATE INDEX; END $do$")
            connection.rollback()
