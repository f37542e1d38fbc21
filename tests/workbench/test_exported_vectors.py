"""Exported vectors and neighbours give back the model's own lists."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from command_line import call
from makers import START
from served_run import served_run
from spadework.artifacts import artifact
from spadework.workbench.answers import exported_vectors
from spadework.workbench.answers.exported_vectors import export_vectors, pgvector
from spadework.workbench.answers.serving_answers import recommend

FACTORS = {
    "elsa": "elsa(dimensions=16, epochs=4)",
    "ials": "ials(dimensions=16, epochs=4, block_size=16)",
    "gf-cf": "gf-cf(dimensions=8)",
}
TITLES = [f"item {at}" for at in range(40)]


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """120 users in two groups with some taste of their own, and the titles of the items."""
    folder = tmp_path_factory.mktemp("log")
    rng = np.random.default_rng(3)
    rows = []
    for user in range(120):
        for at, item in enumerate(rng.choice(20, rng.integers(2, 9), replace=False)):
            rows.append((f"u{user:03}", f"i{item + 20 * (user % 2):02}", START + 3600 * at + user))
    schema = ["user", "item", "time"]
    pl.DataFrame(rows, schema=schema, orient="row").write_csv(folder / "log.csv")
    ids = [f"i{at:02}" for at in range(40)]
    pl.DataFrame({"item_id": ids, "title": TITLES}).write_csv(folder / "items.csv")
    return folder / "log.csv"


def run_of(log, folder, label):
    return served_run(
        folder / "run", {"source": str(log), "items": str(log.with_name("items.csv"))}, label
    )


def scores_of(folder) -> tuple[list[str], list[str], np.ndarray]:
    users, items = (pl.read_parquet(folder / f"{name}.parquet") for name in ("users", "items"))
    product = users["vector"].to_numpy() @ items["vector"].to_numpy().T
    return users["user_id"].to_list(), items["item_id"].to_list(), product


@pytest.mark.parametrize("name", ["elsa", "ials"])
def test_products_of_the_vectors_are_the_lists(name, log, tmp_path, monkeypatch):
    monkeypatch.setattr(exported_vectors, "CELLS", 16 * 7)  # seven vectors a part
    run = run_of(log, tmp_path, FACTORS[name])
    export_vectors(str(run), tmp_path / "out")
    users, items, product = scores_of(tmp_path / "out")
    assert len(users) == 120
    lists = recommend(str(run), k=5, repeats="forbid")
    history = pl.read_csv(log).group_by("user").agg("item")
    own = dict(zip(history["user"], history["item"], strict=True))
    for row, user in enumerate(users):
        scores = product[row].copy()
        scores[[items.index(item) for item in own[user] if item in items]] = -np.inf
        mine = lists.filter(pl.col("user_id") == user, pl.col("score") > 0)
        for item, score in mine.select("item_id", "score").iter_rows():
            assert scores[items.index(item)] == pytest.approx(score, rel=1e-4, abs=1e-5)
        best = np.sort(scores)[::-1][: len(mine)]
        np.testing.assert_allclose(best, mine["score"], rtol=1e-4, atol=1e-5)
    facts = json.loads((tmp_path / "out" / "vectors.json").read_text())
    assert facts["width"] == 16
    every = "for all items" if name == "ials" else "for items outside of the history"
    assert facts["the product is the score"] == every


def test_neighbours_are_the_rows_of_the_table(log, tmp_path, monkeypatch):
    monkeypatch.setattr(exported_vectors, "CELLS", 50)
    run = run_of(log, tmp_path, "cosine(keep=7)")
    paths = export_vectors(str(run), tmp_path / "out")
    assert [path.name for path in paths] == ["neighbours.parquet", "vectors.json"]
    found = pl.read_parquet(tmp_path / "out" / "neighbours.parquet")
    fitted = artifact.load(next((run / "models").glob("*/model.json")).parent)
    ids = fitted.item_vocabulary.ids.to_list()
    for item in ids[:12]:
        own = found.filter(pl.col("source_item_id") == item)
        expected = fitted.similar_items([item], 7).frame()
        assert own["item_id"].to_list() == expected["item_id"].to_list()
        assert own["weight"].to_list() == expected["score"].to_list()
        assert own["rank"].to_list() == expected["rank"].to_list()
    assert len(found) == len(fitted.state["values"])
    assert found["title"].to_list()[0] == TITLES[ids.index(found["item_id"][0])]


def test_a_model_of_both_parts_gives_both(log, tmp_path):
    """x · table + (user · item): the parts sum to the model's scores."""
    run = run_of(log, tmp_path, FACTORS["gf-cf"])
    export_vectors(str(run), tmp_path / "out")
    users, items, product = scores_of(tmp_path / "out")
    near = pl.read_parquet(tmp_path / "out" / "neighbours.parquet")
    cells = {
        (a, b): w for a, b, w in near.select("source_item_id", "item_id", "weight").iter_rows()
    }
    history = pl.read_csv(log).group_by("user").agg("item")
    own = dict(zip(history["user"], history["item"], strict=True))
    lists = recommend(str(run), k=5, repeats="forbid").filter(pl.col("score") > 0)
    for user, item, score in lists.select("user_id", "item_id", "score").iter_rows():
        base = sum(cells.get((source, item), 0.0) for source in own[user])
        total = product[users.index(user), items.index(item)] + base
        assert total == pytest.approx(score, rel=1e-4, abs=1e-5)
    told = json.loads((tmp_path / "out" / "vectors.json").read_text())
    assert told["the product is the score"].startswith("never")


def test_the_command_writes_a_new_folder_or_nothing(log, tmp_path, capsys):
    run = run_of(log, tmp_path, FACTORS["elsa"])
    output = call(capsys, "export", run, "--vectors", tmp_path / "out", "--json")
    assert output.code == 0, output.err
    assert sorted(json.loads(output.out)) == [
        "items.parquet", "pgvector.sql", "users.parquet", "vectors.json",
    ]  # fmt: skip
    again = call(capsys, "export", run, "--vectors", tmp_path / "out")
    assert (again.code, again.sentences[0]) == (2, f"{tmp_path / 'out'} exists already.")
    for arguments, told in (
        ([], "Name one folder"),
        (["--out", "a", "--vectors", "b"], "Name one folder"),
        (["--vectors", "b", "-k", "3"], "--k has a meaning with --out alone."),
        (["--vectors", "b", "--repeats", "allow"], "--repeats has a meaning with --out alone."),
        (["--out", "b", "--histories", "x"], "--histories has a meaning with --vectors alone."),
    ):
        refused = call(capsys, "export", run, *arguments)
        assert refused.code == 2
        assert told in refused.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "run"]


def test_a_model_without_vectors_and_neighbours_is_refused(log, tmp_path, capsys):
    output = call(capsys, "export", run_of(log, tmp_path, "popular"), "--vectors", tmp_path / "out")
    assert output.code == 2
    assert "neither vectors nor a table" in output.sentences[0]
    assert not (tmp_path / "out").exists()


def test_users_of_another_file_and_none_of_a_saved_model(log, tmp_path, capsys):
    run = run_of(log, tmp_path, FACTORS["ials"])
    saved = next((run / "models").glob("*/model.json")).parent
    output = call(capsys, "export", saved, "--vectors", tmp_path / "alone")
    assert "has no users" in output.err
    assert not (tmp_path / "alone" / "users.parquet").exists()
    mine = tmp_path / "mine.csv"
    mine.write_text("user,item,time\nme,i01,1704067200\nyou,unknown,1704067200\n")
    call(capsys, "export", saved, "--vectors", tmp_path / "mine", "--histories", mine)
    users = pl.read_parquet(tmp_path / "mine" / "users.parquet")
    assert users["user_id"].to_list() == ["me"], "nothing is known of the other"


def test_a_log_without_a_learned_item_gives_tables_without_rows(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user,item,time\n" + "".join(f"u{at},i{at},{START + at}\n" for at in range(9)))
    run = served_run(tmp_path / "run", {"source": str(path)}, FACTORS["elsa"])
    export_vectors(str(run), tmp_path / "out")
    for name in ("items", "users"):
        frame = pl.read_parquet(tmp_path / "out" / f"{name}.parquet")
        assert (len(frame), frame.columns[1]) == (0, "vector")


def test_statements_for_pgvector_fit_the_ids_and_the_width():
    assert "item_id text" in pgvector(pl.String(), 8)
    assert "item_id bigint" in pgvector(pl.Int64(), 8)
    assert "item_id text" in pgvector(pl.UInt64(), 8)
    assert "vector_ip_ops" in pgvector(pl.String(), 2000)
    assert "(vector::halfvec(2048)) halfvec_ip_ops" in pgvector(pl.String(), 2048)


@pytest.mark.slow
@pytest.mark.parametrize(
    "label",
    [
        "transformer(width=16, blocks=1, heads=1, epochs=1)",
        "mult-vae(hidden=16, latent=8, epochs=2, batch=32)",
    ],
)
def test_networks_give_vectors_too(label, log, tmp_path):
    pytest.importorskip("torch")
    run = run_of(log, tmp_path, label)
    export_vectors(str(run), tmp_path / "out")
    users, _, product = scores_of(tmp_path / "out")
    lists = recommend(str(run), k=3, repeats="allow")
    best = np.sort(product, axis=1)[:, ::-1]
    for row, user in enumerate(users[:20]):
        mine = lists.filter(pl.col("user_id") == user)
        np.testing.assert_allclose(best[row, : len(mine)], mine["score"], rtol=1e-3, atol=1e-4)
    told = json.loads((tmp_path / "out" / "vectors.json").read_text())
    assert told["the product is the score"] == "for all items"
