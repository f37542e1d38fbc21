"""The code of docs/serving.md that takes exported vectors elsewhere runs as it stands there, and
finds what an exact search finds.
"""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest

import store_servers
from makers import ROOT, START
from served_run import served_run
from spadework.workbench.answers.exported_vectors import export_vectors, pgvector

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


def test_pgvector_finds_the_best_items(exported, monkeypatch, capsys):
    import psycopg

    server = store_servers.place("postgres")
    with psycopg.connect(server.address, autocommit=True) as connection:
        query = "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"
        if connection.execute(query).fetchone() is None:
            pytest.skip("pgvector is not installed: apt-get install postgresql-15-pgvector")
        connection.execute("DROP TABLE IF EXISTS item_vectors")
    monkeypatch.chdir(exported)
    monkeypatch.setenv("DATABASE", server.address)
    exec(compile(code("psycopg"), "docs/serving.md", "exec"), {})
    expected, _ = exact(exported)
    users = pl.read_parquet("vectors/users.parquet")
    sql = (exported / "vectors" / "pgvector.sql").read_text()
    with psycopg.connect(server.address) as connection:
        connection.execute("SET hnsw.ef_search = 200")
        prepared = re.search(r"PREPARE .*;", sql, re.DOTALL)
        assert prepared is not None
        connection.execute(prepared[0])
        found = []
        for vector in users["vector"]:
            rows = connection.execute(f"EXECUTE best_items('{vector.to_list()}', 10)").fetchall()
            found.append([item for item, _ in rows])
        plan = connection.execute(
            f"EXPLAIN EXECUTE best_items('{users['vector'][0].to_list()}', 10)"
        ).fetchall()
    told = share(found, expected)
    with capsys.disabled():
        print(f"\npgvector finds {told:.4f} of the exact ten best; {plan[1][0].strip()}")
    assert told >= 0.95


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
