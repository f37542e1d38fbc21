"""A run's settings are carried to every later reading; which items may be recommended; titles; the
customer without a history.
"""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl
import pytest

import spadework as sw
from command_line import call
from makers import START, make_log
from served_run import served_run
from spadework.apps.recipe_options import inputs_of, out_path
from spadework.data.account import RowAccount
from spadework.errors import BadData, BadRequest
from spadework.workbench import sources
from spadework.workbench.answers.choices import Choice
from spadework.workbench.answers.service import histories_of, reading_of
from spadework.workbench.answers.serving_answers import recommend
from spadework.workbench.recipe import make
from spadework.workbench.run import Run
from table_files import write_sqlite

ROWS = [  # user, asin, parent_asin, kind, quantity, day
    ("u1", "a1", "p1", "View", 1, 1), ("u1", "a2", "p1", "Purchase", 2, 2),
    ("u2", "a1", "p1", "Purchase", 1, 1), ("u2", "a3", "p2", "View", 1, 3),
    ("u2", "a2", "p1", "Purchase", 3, 4), ("u3", "a3", "p2", "Purchase", 1, 5),
    ("u3", "a1", "p1", "Purchase", 1, 9), ("u3", "a2", "p1", "View", 1, 9),
]  # fmt: skip


@pytest.fixture
def orders(tmp_path):
    path = tmp_path / "orders.csv"
    pl.DataFrame(
        [(*row[:5], f"2024-01-0{row[5]}") for row in ROWS],
        schema=["user", "asin", "parent_asin", "kind", "quantity", "day"],
        orient="row",
    ).write_csv(path)
    return path


@pytest.fixture
def run(orders, tmp_path):
    """A run of the purchases, by asin."""
    settings = {"source": str(orders), "item": "asin", "event": "kind", "events": ["Purchase"]}
    return served_run(tmp_path / "run", settings)


def test_histories_are_read_as_the_log_of_the_run_was(run, orders):
    log = histories_of(Run(run), str(orders))
    assert log.item_vocabulary.ids.to_list() == ["a1", "a2", "a3"]
    assert len(log) == 5
    assert log.fingerprint == histories_of(Run(run), None).fingerprint
    with_file = recommend(str(run), histories=str(orders), k=2)
    assert with_file.equals(recommend(str(run), k=2))


def test_columns_that_were_found_are_carried_too(orders, tmp_path):
    plain = pl.read_csv(orders).drop("parent_asin", "kind", "quantity")
    plain.write_csv(tmp_path / "plain.csv")
    run = served_run(tmp_path / "plain", {"source": str(tmp_path / "plain.csv")})
    assert reading_of(Run(run)).item == "asin"
    log = histories_of(Run(run), str(orders))
    assert log.item_vocabulary.ids.to_list() == ["a1", "a2", "a3"]
    assert log.weights is None
    assert log.event_types is None


HEAD = "user,item,quantity,day\n"


def test_rows_that_a_constant_weight_set_aside_are_no_history(tmp_path):
    path, other = tmp_path / "log.csv", tmp_path / "other.csv"
    bought = "u1,a1,1,2024-01-01\nu1,a2,1,2024-01-02\nu2,a1,1,2024-01-01\nu2,a3,1,2024-01-03\n"
    path.write_text(f"{HEAD}{bought}u1,a3,0,2024-01-04\nu2,a2,-1,2024-01-04\n")
    run = Run(served_run(tmp_path / "run", {"source": str(path)}))
    assert "weight" not in run.data["columns"]
    again = histories_of(run, None)
    assert len(again) == 4
    assert again.fingerprint == run.data["fingerprint"]["log"]
    assert histories_of(run, str(path)).fingerprint == again.fingerprint
    other.write_text(f"{HEAD}me,a1,5,2024-01-01\nme,a2,2,2024-01-02\nme,a3,-1,2024-01-03\n")
    found = histories_of(run, str(other))
    assert (len(found), found.weights) == (2, None), "the model learned without weights"
    assert histories_of(run, str(other), ["weight=quantity"]).weights.tolist() == [5, 2]


@pytest.mark.parametrize("returns", ["net", "set aside"])
def test_guests_and_returns_are_read_as_the_run_read_them(returns, tmp_path):
    header = "order,item,qty,day,customer\n"
    path, mine = tmp_path / "orders.csv", tmp_path / "mine.csv"
    path.write_text(
        f"{header}1,a,2,2024-01-01,u1\n2,b,1,2024-01-02,\n3,b,4,2024-01-03,u1\n"
        "C4,a,-2,2024-01-04,u1\n"
    )
    settings = {"source": str(path), "user": "customer,order", "returns": returns}
    run = Run(served_run(tmp_path / "run", settings))
    assert histories_of(run, None).fingerprint == run.data["fingerprint"]["log"]
    mine.write_text(f"{header}8,a,3,2024-02-01,\n9,a,3,2024-02-01,me\nC10,a,-1,2024-02-02,me\n")
    log = histories_of(run, str(mine))
    assert log.user_vocabulary.ids.to_list() == ["8", "me"]
    assert log.weights is None or log.weights.tolist() == [3.0, 2.0]
    assert (log.weights is None) == (returns == "set aside"), "both bought 3, so they do not vary"


def test_what_came_back_is_not_recommended_where_the_file_lacks_its_purchase(tmp_path, capsys):
    """It was bought before the file of histories begins."""
    header = "user,item,qty,day\n"
    path, mine = tmp_path / "orders.csv", tmp_path / "mine.csv"
    bought = [f"u{user},{item},2,2024-01-0{user}\n" for user in range(1, 9) for item in "abc"]
    path.write_text(f"{header}{''.join(bought)}me,a,1,2024-01-09\nme,b,1,2024-01-09\n")
    run = served_run(tmp_path / "run", {"source": str(path)})
    mine.write_text(
        f"{header}me,c,1,2024-02-01\nme,a,-1,2024-02-02\nyou,c,1,2024-02-02\nshe,a,-1,2024-02-03\n"
    )
    output = call(
        capsys, "recommend", run, "--histories", mine, "--repeats", "forbid", "--json"
    )  # fmt: skip
    lists = {(row["user_id"], row["item_id"]) for row in json.loads(output.out)}
    assert lists == {("me", "b"), ("you", "a"), ("you", "b")}
    assert (
        "2 returns in the histories of what they do not hold as bought: these items are not "
        "recommended to who returned them."
    ) in output.err
    assert "1 user without a list: the histories hold nothing of theirs but" in output.err
    mine.write_text(f"{header}me,a,-1,2024-02-02\n")
    output = call(capsys, "recommend", run, "--histories", mine)
    assert output.code == 2
    assert "No row of mine.csv can be used: 1 a return of nothing bought before." in output.err
    assert "Give the earlier purchases, too" in output.err


def test_the_table_of_a_run_is_that_of_its_later_readings(orders, tmp_path, capsys):
    frame = pl.read_csv(orders).drop("parent_asin", "kind", "quantity")
    mine = frame.filter(pl.col("user") != "u1")
    shop, other, found = (tmp_path / name for name in ("shop.db", "other.db", "found.db"))
    titles = pl.DataFrame({"asin": ["a1", "a2", "a3"], "title": ["one", "two", "three"]})
    write_sqlite(shop, {"old": frame.head(2), "new": frame, "items": titles, "more": titles})
    settings = {"source": str(shop), "table": "new", "items": str(shop), "items_table": "more"}
    run = Run(served_run(tmp_path / "run", settings))
    assert histories_of(run, None).fingerprint == run.data["fingerprint"]["log"]
    shown = call(capsys, "recommend", run.folder, "--only", "title=two", "-k", "1", "--json").out
    assert {row["item_id"] for row in json.loads(shown)} == {"a2"}
    write_sqlite(other, {"old": frame, "new": mine})
    assert histories_of(run, str(other)).user_vocabulary.ids.to_list() == ["u2", "u3"]
    mine.write_csv(tmp_path / "mine.csv")
    assert len(histories_of(run, str(tmp_path / "mine.csv"))) == len(mine)
    write_sqlite(found, {"log": mine})
    with pytest.raises(BadData, match="has no table 'new'") as caught:
        histories_of(run, str(found))
    assert "table = 'new'" in caught.value.hint
    assert len(histories_of(run, str(found), ["table=log"])) == len(mine)
    assert len(histories_of(run, str(found), ["table="])) == len(mine)


def test_a_matrix_is_read_again_as_a_matrix(tmp_path):
    path = tmp_path / "matrix.csv"
    path.write_text("who,a1,a2,a3\nu1,1,2,\nu2,,3,1\nu3,2,,1\n")
    run = Run(served_run(tmp_path / "run", {"source": str(path), "shape": "matrix"}))
    for histories in (None, str(path)):
        assert histories_of(run, histories).fingerprint == run.data["fingerprint"]["log"]


def test_other_files_and_dates_of_the_run_are_not_those_of_the_histories(tmp_path):
    one, more, mine = (tmp_path / f"{name}.csv" for name in ("one", "more", "mine"))
    one.write_text(f"{HEAD}u1,a1,1,2024-01-01\nu1,a2,2,2024-01-02\n")
    more.write_text(f"{HEAD}u2,a1,1,2024-01-01\nu2,a2,2,2024-01-02\n")
    settings = {"source": str(one), "more": [str(more)], "until": "2024-01-02"}
    run = Run(served_run(tmp_path / "run", settings | {"positive": "quantity > 0"}))
    mine.write_text(f"{HEAD}me,a1,1,2024-02-01\nme,a2,0,2024-02-02\nme,a2,2,2024-02-03\n")
    log = histories_of(run, str(mine))
    assert log.user_vocabulary.ids.to_list() == ["me"]
    assert len(log) == 2
    log = histories_of(run, str(mine), ["until=2024-02-01", f"more={more}"])
    assert (log.user_vocabulary.ids.to_list(), len(log)) == (["me", "u2"], 3)
    mine.write_text("user,item,day\nme,a1,2024-02-01\nme,a2,2024-02-02\n")
    with pytest.raises(BadData, match="quantity") as caught:
        histories_of(run, str(mine))
    assert "--set positive= reads all rows" in caught.value.hint
    assert len(histories_of(run, str(mine), ["positive=", "weight="])) == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"source": "one.csv", "more": ["two.csv", "three.csv"]},
        {"source": "one.csv", "more": ["t*.csv"]},
        {"source": "*.csv"},
    ],
    ids=["files", "a pattern of more", "a pattern"],
)
def test_all_files_of_a_run_are_found_from_another_folder(settings, tmp_path, monkeypatch):
    for number, name in enumerate(("one", "two", "three")):
        (tmp_path / f"{name}.csv").write_text(f"{HEAD}u{number},a1,1,2024-01-01\n")
    monkeypatch.chdir(tmp_path)
    run = Run(served_run(tmp_path / "run", settings, "popular"))
    (tmp_path / "elsewhere").mkdir()
    for folder in (tmp_path, tmp_path / "elsewhere"):
        monkeypatch.chdir(folder)
        assert histories_of(run, None).fingerprint == run.data["fingerprint"]["log"]
        for name in ("one", "two", "three"):
            with pytest.raises(BadRequest, match="an input is never replaced"):
                out_path(str(tmp_path / f"{name}.csv"), True, inputs=inputs_of(str(run.folder)))


def test_a_file_without_such_a_column_is_an_error_that_says_how_to_name_another(
    run, tmp_path, capsys
):
    path = tmp_path / "mine.csv"
    path.write_text("customer,sku,kind,quantity,day\nme,a1,Purchase,1,2024-01-05\n")
    output = call(capsys, "recommend", run, "--histories", path)
    assert output.code == 2
    assert "mine.csv has no column 'user' (--user)." in output.err
    assert "item = 'asin'" in output.err
    assert "--set user=COLUMN" in output.err
    named = ("--set", "user=customer", "--set", "item=sku")
    output = call(capsys, "recommend", run, "--histories", path, *named, "-k", "1", "--json")
    assert output.code == 0, output.err
    assert json.loads(output.out)[0]["user_id"] == "me"
    output = call(capsys, "explain", run, "--item", "a2", "--histories", path, *named, "--json")
    assert output.code == 0, output.err
    assert json.loads(output.out)["contributions"][0]["item_id"] == "a1"


def test_events_that_the_file_lacks_are_an_error(run, tmp_path):
    path = tmp_path / "views.csv"
    path.write_text("user,asin,kind,quantity,day\nme,a1,View,1,2024-01-05\n")
    with pytest.raises(BadData, match="No row has the event 'Purchase'") as caught:
        recommend(str(run), histories=str(path))
    assert "read as the log of the run was" in caught.value.hint


def test_settings_need_a_file(run):
    with pytest.raises(BadRequest, match="--set has no meaning"):
        recommend(str(run), settings=["user=customer"])


def test_histories_whose_items_do_not_fit_are_refused_or_counted(run, tmp_path, capsys):
    head = "user,asin,kind,quantity,day\n"
    path = tmp_path / "new.csv"
    path.write_text(f"{head}me,A1,Purchase,1,2024-01-05\n")
    output = call(capsys, "recommend", run, "--histories", path)
    assert output.code == 2
    assert "'A1' in the histories, 'a1' in the log that the model learned from" in output.err
    path.write_text(f"{head}me,a1,Purchase,1,2024-01-05\nyou,zz,Purchase,1,2024-01-05\n")
    output = call(capsys, "recommend", run, "--histories", path, "--json")
    assert "1 of 2, such as 'zz'" in output.err
    assert {row["user_id"] for row in json.loads(output.out)} == {"me", "you"}


def test_numbers_of_a_csv_fit_a_log_of_numbers(tmp_path, capsys):
    table = pl.DataFrame(
        {"user": [1, 1, 2, 2], "item": [10, 20, 10, 20], "time": [1_704_067_200] * 4}
    )
    table.write_parquet(tmp_path / "log.parquet")
    run = served_run(tmp_path / "numbers", {"source": str(tmp_path / "log.parquet")})
    path = tmp_path / "me.csv"
    path.write_text("user,item,time\nme,10,2024-01-01\n")
    output = call(
        capsys, "recommend", run, "--histories", path, "--repeats", "forbid", "-k", "1", "--json"
    )
    assert [row["item_id"] for row in json.loads(output.out)] == [20]
    assert "ids of the histories are text" in output.err


# ---- which items


def items_of(frame):
    return set(frame["item_id"].to_list())


@pytest.mark.parametrize(
    "text",
    ["a2\na3\n", "item_id\na2\na3\n", "\ufeffa3\r\na2\r\n\r\na2\r\n", '"a2"\n"a3"\n',
     "item_id,stock\na2,1\na3,4\n", "sku\na2\na3", '{"item": "a2"}\n{"item": "a3"}\n'],
    ids=["lines", "with a name", "of a spreadsheet", "quoted", "table", "another name", "jsonl"],
)  # fmt: skip
def test_candidates_and_exclusions_come_from_files_of_ids(text, run, tmp_path):
    path = tmp_path / "ids.txt"
    path.write_text(text, encoding="utf-8")
    assert items_of(recommend(str(run), choice=Choice(candidates=str(path)))) == {"a2", "a3"}
    assert items_of(recommend(str(run), choice=Choice(exclude=str(path)))) == {"a1"}


def test_ids_that_do_not_fit_are_counted_and_none_is_an_error(run, tmp_path, capsys):
    path = tmp_path / "ids.txt"
    path.write_text("a2\nA3\nb7\n")
    for option in ("--candidates", "--exclude"):
        output = call(capsys, "recommend", run, option, path, "--json")
        assert output.code == 0
        assert "Item ids of ids.txt that are not in the log" in output.err
        assert "2 of 3, such as 'A3', 'b7'. Perhaps 'A3' in ids.txt is 'a3'" in output.err
    path.write_text("A2\nA3\n")
    for option in ("--candidates", "--exclude"):
        output = call(capsys, "recommend", run, option, path)
        assert output.code == 2
        assert "'A2' in ids.txt, 'a2' in the log" in output.err
    path.write_text("a1\na2\na3\n")
    output = call(capsys, "recommend", run, "--exclude", path)
    assert output.sentences[0] == "No item is left that may be recommended."
    path.write_text("")
    assert call(capsys, "recommend", run, "--exclude", path).code == 2


def test_python_excludes_by_id(run):
    log = histories_of(Run(run), None)
    fitted = sw.load(Run(run).artifact)
    assert items_of(fitted.recommend(log, exclude=["a1"]).frame()) == {"a2", "a3"}
    assert items_of(fitted.recommend(log, exclude="a1", candidates=["a1", "a2"]).frame()) == {"a2"}
    with pytest.raises(BadRequest, match="'A1' in the items to exclude, 'a1' in the log"):
        fitted.recommend(log, exclude=["A1"])
    with pytest.raises(BadRequest, match="All items are excluded"):
        fitted.recommend(log, exclude=["a1", "a2", "a3"])


@pytest.fixture
def with_items(orders, tmp_path):
    path = tmp_path / "items.csv"
    path.write_text(
        "asin,Label,shelf,price,tags\na1,Anvil,metal,3,x|y\na2,Bread,food,2.5,y\na3,,food,,\n"
    )
    settings = {
        "source": str(orders), "item": "asin", "event": "kind", "events": ["Purchase"],
        "items": str(path), "title": "Label",
    }  # fmt: skip
    return served_run(tmp_path / "with-items", settings)


def test_only_items_with_a_value_of_the_item_table(with_items, run):
    def chosen(*conditions):
        return items_of(recommend(str(with_items), choice=Choice(only=conditions)))

    assert chosen("shelf=food") == {"a2", "a3"}
    assert chosen("tags=y") == {"a1", "a2"}
    assert chosen("price=2.50") == {"a2"}
    assert chosen("shelf=food", "tags=y") == {"a2"}
    for condition, message in (
        ("shelf=toys", "No item has shelf = 'toys'"),
        ("colour=red", "no column 'colour'"),
        ("shelf", "is not COLUMN=VALUE"),
    ):
        with pytest.raises(BadRequest, match=message):
            chosen(condition)
    with pytest.raises(BadRequest, match="There is no item table"):
        recommend(str(run), choice=Choice(only=["shelf=food"]))


def test_a_column_of_the_item_table_may_have_any_name(orders, tmp_path):
    path = tmp_path / "counted.csv"
    path.write_text("asin,count,rows,value\na1,many,p,x\na2,few,q,y\na3,few,r,z\n")
    settings = {"source": str(orders), "item": "asin", "event": "kind", "items": str(path)}
    run = str(served_run(tmp_path / "counted", settings | {"events": ["Purchase"]}))
    assert items_of(recommend(run, choice=Choice(only=["count=few"]))) == {"a2", "a3"}
    for column, most in (("count", "'few'"), ("rows", "'p'"), ("value", "'x'")):
        with pytest.raises(BadRequest, match=f"No item has {column} = 'none'") as caught:
            recommend(run, choice=Choice(only=[f"{column}=none"]))
        assert most in caught.value.hint
    with pytest.raises(BadRequest, match="is not COLUMN=VALUE") as caught:
        recommend(run, choice=Choice(only=["count"]))
    assert caught.value.hint.startswith("Its columns are '")
    assert "[" not in caught.value.hint


def test_titles_are_shown_and_written_where_asked(with_items, run, tmp_path, capsys):
    output = call(capsys, "recommend", with_items, "--user", "u1")
    assert "title" in output.out.splitlines()[0]
    assert "Anvil" in output.out
    assert "title" not in json.loads(call(capsys, "recommend", with_items, "--json").out)[0]
    rows = json.loads(call(capsys, "recommend", with_items, "--with", "titles", "--json").out)
    assert {(row["item_id"], row["title"]) for row in rows} == {
        ("a1", "Anvil"),
        ("a2", "Bread"),
        ("a3", "a3"),
    }
    out = tmp_path / "lists.csv"
    call(capsys, "recommend", with_items, "--with", "titles", "--out", out)
    assert pl.read_csv(out).columns[-1] == "title"
    assert "Bread" in call(capsys, "similar", with_items, "a1").out
    output = call(capsys, "recommend", run, "--with", "titles")
    assert "There are no titles" in output.err


# ---- a customer without a history

LATE = {
    "code": "TIME-1",
    "level": "strong",
    "effect": 0.3,
    "patch": {"window": "7d"},
    "says": "What is popular changes with time.",
}


@pytest.mark.parametrize(
    ("findings", "best", "says"),
    [
        ([LATE], "a3", "of the last 7d: TIME-1: What is popular changes"),
        ([LATE | {"effect": -0.3}], "a1", "of all time: TIME-1"),
        ([LATE | {"level": "note"}], "a1", "of all time: TIME-1"),
        ([], "a1", "of all time: the run has no finding TIME-1."),
    ],
    ids=["changing", "the other way", "not sure", "not asked"],
)
def test_a_customer_without_a_history_gets_best_sellers(findings, best, says, tmp_path, capsys):
    days = [("a1", 1), ("a1", 2), ("a1", 3), ("a2", 4), ("a3", 28), ("a3", 29)]
    path = tmp_path / "log.csv"
    rows = "".join(f"u{n},{item},2024-01-{day:02d}\n" for n, (item, day) in enumerate(days))
    path.write_text(f"user,item,day\n{rows}")
    run = served_run(tmp_path / "run", {"source": str(path)}, "popular", findings)
    output = call(capsys, "recommend", run, "--new", "-k", "1", "--json")
    assert output.code == 0, output.err
    assert [(row["user_id"], row["item_id"]) for row in json.loads(output.out)] == [(None, best)]
    assert says in output.err
    stock = tmp_path / "stock.txt"
    stock.write_text("a2\n")
    output = call(capsys, "recommend", run, "--new", "--candidates", stock)
    assert "(new)" in output.out
    assert "a2" in output.out
    assert best not in output.out
    assert call(capsys, "recommend", run, "--new", "--user", "u1").code == 2


@pytest.mark.parametrize("content", [None, "", "who,what\nu1,a1\n"])
def test_a_customer_without_a_history_is_answered_without_the_log(content, tmp_path, capsys):
    path = tmp_path / "log.csv"
    path.write_text("user,item,day\nu1,a1,2024-01-01\nu2,a1,2024-01-02\nu3,a2,2024-01-29\n")
    run = served_run(tmp_path / "run", {"source": str(path)}, "popular", [LATE])
    path.unlink() if content is None else path.write_text(content)
    output = call(capsys, "recommend", run, "--new", "-k", "1", "--json")
    assert output.code == 0, output.err
    assert json.loads(output.out)[0]["item_id"] == "a1"
    assert "of all time: the log cannot be read again: " in output.err


# ---- the same file some days later


def test_an_unchanged_file_is_the_same_data_days_later(tmp_path, monkeypatch):
    day, start = 86_400, 1_700_000_000
    path = tmp_path / "log.csv"
    rows = [(f"u{n % 4}", f"i{n % 3}", start + n * day) for n in range(12)]
    pl.DataFrame(rows, schema=["user", "item", "time"], orient="row").write_csv(path)
    now = [start + 8 * day]
    monkeypatch.setattr("spadework.timestamps.time.time", lambda: float(now[0]))
    run = Run(served_run(tmp_path / "run", {"source": str(path)}, "popular"))
    assert run.rows["set_aside"] == {"time in the future": 2}
    now[0] += 3 * day
    again = histories_of(run, None)
    assert again.fingerprint == run.data["fingerprint"]["log"]
    assert again.account.set_aside == {"time in the future": 2}
    pl.DataFrame([*rows, ("u9", "i0", start)], schema=["user", "item", "time"], orient="row",
                 ).write_csv(path)  # fmt: skip
    changed = histories_of(run, None)
    assert len(changed) == 13, "a file with another row is read as of today"


def test_a_pipe_is_read_once(monkeypatch):
    log, read = make_log(["a", "b"], ["x", "y"], [START, START + 9]), []
    account = RowAccount(source="-", read=3, used=2, set_aside={"time in the future": 1})
    log = replace(log, account=account)
    monkeypatch.setattr(sources, "read_for", lambda *given, **more: read.append(1) or (log, None))
    kept = {
        "rows": {"read": 3, "set_aside": {"time in the future": 1}},
        "read_at": START,
        "fingerprint": {"log": "another"},
    }
    for source, times in (("-", 1), ("log.csv", 2)):
        read.clear()
        sources.read_again(make({"source": source}), source, None, kept)
        assert len(read) == times


def test_none_is_no_source():
    with pytest.raises(BadRequest, match="The source is None"):
        sw.dig(None)
