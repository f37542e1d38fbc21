"""Names of files: brackets, patterns, several files as one log, bytes that are not UTF-8."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

from command_line import call
from spadework.data.addresses import read_interactions
from spadework.data.interactions import Interactions
from spadework.errors import BadData, BadRequest, SpadeworkError


def frame(user: int) -> pl.DataFrame:
    return pl.DataFrame({"user_id": [user], "item_id": [2]})


@pytest.mark.parametrize("name", ["log[1]", "log*", "a?b", "[ab]"])
@pytest.mark.parametrize("ending", ["arrow", "parquet", "csv"])
def test_signs_in_a_name_are_no_pattern(tmp_path: Path, name: str, ending: str) -> None:
    for at, stem in enumerate((name, "log1", "log2", "axb", "a")):
        path = tmp_path / f"{stem}.{ending}"
        if ending == "arrow":
            frame(at).write_ipc(path)
        elif ending == "parquet":
            frame(at).write_parquet(path)
        else:
            frame(at).write_csv(path)
    log = read_interactions(tmp_path / f"{name}.{ending}")
    assert [str(user) for user in log.user_vocabulary.ids] == ["0"]


def test_a_pattern_reads_its_files_in_order(tmp_path: Path) -> None:
    for at, name in enumerate(("b", "a", "c")):
        (tmp_path / f"{name}.csv").write_text(f"user,item\nu{at},x\n")
    log = read_interactions(str(tmp_path / "*.csv"))
    assert log.user_vocabulary.ids.to_list() == ["u0", "u1", "u2"]
    assert log.account is not None
    assert log.account.remarks[-3:] == ("a.csv: 1 row.", "b.csv: 1 row.", "c.csv: 1 row.")


def test_a_pattern_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="as a pattern it matches none"):
        read_interactions(str(tmp_path / "*.csv"))


@pytest.mark.parametrize("source", ["", " ", [""]])
def test_an_empty_text_is_not_the_working_folder(source: str | list[str]) -> None:
    with pytest.raises(BadRequest, match="The source is an empty text"):
        read_interactions(source)


def test_one_file_twice_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("user,item\nu,x\n")
    account = read_interactions([path, str(tmp_path / "." / "a.csv")]).account
    assert account is not None
    assert any(said.startswith("a.csv is given more than once") for said in account.remarks)


def test_baskets_of_several_files_are_different_users(tmp_path: Path) -> None:
    for name, text in (("a.csv", "milk,bread\nbeer,salt\n"), ("b.csv", "milk,beer\n")):
        (tmp_path / name).write_text(text)
    log = read_interactions(str(tmp_path / "*.csv"), shape="baskets")
    assert log.frame().rows() == [
        ("1:1", "milk"), ("1:1", "bread"), ("1:2", "beer"), ("1:2", "salt"),
        ("2:1", "milk"), ("2:1", "beer"),
    ]  # fmt: skip
    assert log.account is not None
    assert any("FILE:LINE" in remark for remark in log.account.remarks)
    single = read_interactions(tmp_path / "a.csv", shape="baskets")
    assert single.user_vocabulary.ids.to_list() == ["1", "2"]


def test_different_columns_are_refused_naming_both(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user,item\nu,x\n")
    (tmp_path / "b.csv").write_text("user,thing\nu,x\n")
    with pytest.raises(BadData) as caught:
        read_interactions([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert caught.value.message == (
        "b.csv does not fit to a.csv: it lacks 'item' and has 'thing' in addition."
    )


def test_several_files_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(f"user,item\n{name},x\n{name},y\n")
    shown = call(capsys, "look", "a.csv", "b.csv").out
    assert shown.startswith("a.csv and 1 more   4 rows → 4 used")
    assert "a.csv: 2 rows." in shown
    assert "b.csv: 2 rows." in shown
    assert "next: spadework dig a.csv b.csv" in shown
    refused = call(capsys, "look", "a.csv", "world:order")
    assert refused.code == 2
    assert "Several sources have to be files." in refused.err


def test_a_name_that_is_not_utf_8_is_refused_before_reading(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/log\xff.csv"))
    path.write_text("user,item\nu,x\n")
    for source in (path, tmp_path / "*.csv"):
        with pytest.raises(SpadeworkError, match=r"The file name '.*log\\udcff\.csv' is not UTF-8"):
            read_interactions(source)


def outcome_of(path: Path, role: str) -> int | str:
    """Rows read, or the sentence."""
    try:
        return len(read_interactions(path, **{role: "odd"}))
    except SpadeworkError as error:
        return str(error)


@pytest.mark.parametrize("role", ["event", "basket", "weight", "time"])
@pytest.mark.parametrize(
    "values",
    [
        pl.Series([1, 2], dtype=pl.Duration("us")),
        pl.Series([[1], [2]]),
        pl.Series([b"x", b"y"]),
        pl.Series([1, 2], dtype=pl.Time),
        pl.Series([None, None], dtype=pl.Null),
    ],
    ids=["duration", "list", "bytes", "time of day", "nothing"],
)
def test_types_that_fit_no_role_end_in_a_sentence(
    tmp_path: Path, role: str, values: pl.Series
) -> None:
    path = tmp_path / "log.parquet"
    pl.DataFrame({"user_id": [1, 2], "item_id": [3, 4], "odd": values}).write_parquet(path)
    outcome = outcome_of(path, role)
    assert outcome == 2 or "'odd'" in str(outcome)


# ---- each file has an account


def parts_of(log: Interactions) -> list[tuple[str, int, int, dict[str, int]]]:
    assert log.account is not None
    assert log.account.read == sum(part.read for part in log.account.parts)
    assert log.account.used == sum(part.used for part in log.account.parts)
    return [(part.source, part.read, part.used, dict(part.set_aside)) for part in log.account.parts]


def test_each_file_tells_what_is_set_aside_of_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user,item,ts\nu,x,1767225600\n,x,1767225600\nu,y,5\nv\n")
    (tmp_path / "b.csv").write_text("user,item,ts\nu,x,1767225600\nv,z,1767225700\n")
    (tmp_path / "c.csv").write_text("user,item,ts\nw,x,1767225600\n")
    log = read_interactions(str(tmp_path / "*.csv"), skip_bad=True)
    assert parts_of(log) == [
        ("a.csv", 4, 1, {"user missing": 1, "time before 1971": 1,
                         "fewer fields than the header": 1}),
        ("b.csv", 2, 1, {"exact duplicate": 1}),
        ("c.csv", 1, 1, {}),
    ]  # fmt: skip
    assert log.account is not None
    assert log.account.remarks[-3:] == (
        "a.csv: 4 rows, 3 set aside: 1 fewer fields than the header, 1 time before 1971, 1 user "
        "missing.",
        "b.csv: 2 rows, 1 set aside: 1 exact duplicate.",
        "c.csv: 1 row.",
    )
    assert log.account.as_json()["parts"][1] == {
        "source": "b.csv",
        "rows": {"read": 2, "used": 1, "set_aside": {"exact duplicate": 1}},
    }


def test_entries_of_lists_are_rows_of_their_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"user": "u", "items": ["x", "y", null]}\nbroken\n{"user": null, "items": ["x", "z"]}\n'
    )
    (tmp_path / "b.jsonl").write_text('{"user": "v", "items": ["x"]}\n')
    log = read_interactions(str(tmp_path / "*.jsonl"), skip_bad=True)
    assert [(name, read, used) for name, read, used, _ in parts_of(log)] == [
        ("a.jsonl", 6, 2),
        ("b.jsonl", 1, 1),
    ]


def test_many_files_have_one_sentence_and_an_account_each(tmp_path: Path) -> None:
    for at in range(60):
        lost = ",x\n" if at % 20 == 3 else ""
        (tmp_path / f"{at:02}.csv").write_text(f"user,item\nu{at},x\n{lost}")
    log = read_interactions(str(tmp_path / "*.csv"))
    assert len(parts_of(log)) == 60
    assert log.account is not None
    assert (
        "60 parts, from 00.csv to 59.csv, of 1 to 2 rows. Rows are set aside in 3 of them, most in "
        "03.csv (1 set aside: 1 user missing)."
    ) in log.account.remarks
