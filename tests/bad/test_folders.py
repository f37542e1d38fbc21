"""Folders of parquet: what is read, what is left out and said, and tables of other formats."""

from __future__ import annotations

import gzip
import os
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from spadework.data.addresses import read_interactions
from spadework.data.interactions import Interactions
from spadework.data.reading.formats import folder_parts
from spadework.errors import BadData, SpadeworkError

DAY = 1_767_225_600  # 2026-01-01


def part(path: Path, user: int = 1, item: int = 2, **more: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame({"user_id": [user], "item_id": [item], **more}).write_parquet(path)
    return path


def remarks(log: Interactions) -> tuple[str, ...]:
    assert log.account is not None
    return log.account.remarks


def refusal(source: object, **options: str) -> str:
    with pytest.raises(SpadeworkError) as caught:
        read_interactions(source, **options)  # type: ignore[arg-type]
    return str(caught.value)


# ---- tables of Delta, Iceberg and Hudi


LOGS = {
    "Delta": "_delta_log/00000000000000000000.json",
    "Iceberg": "metadata/00000-abc.metadata.json",
    "Hudi": ".hoodie/hoodie.properties",
}


@pytest.mark.parametrize(("kind", "log"), LOGS.items())
@pytest.mark.parametrize(
    "given",
    ["shop", "shop/part-0.parquet", "shop/dt=2026-01-01", ".", "shop/*.parquet"],
)
def test_a_table_is_never_the_sum_of_its_files(
    tmp_path: Path, kind: str, log: str, given: str
) -> None:
    part(tmp_path / "shop" / "part-0.parquet")
    part(tmp_path / "shop" / "dt=2026-01-01" / "part-1.parquet")
    (tmp_path / "shop" / log).parent.mkdir()
    (tmp_path / "shop" / log).write_text("{}")
    said = refusal(tmp_path / given)
    assert f"{kind} table" in said
    whole = given == "shop" and kind != "Hudi"  # it is read, and this log says nothing
    assert whole or "rows that were removed" in said
    way = "Give the folder of the table" if kind != "Hudi" and not whole else "Export what it holds"
    assert way in said


def test_a_table_below_the_folder_is_named(tmp_path: Path) -> None:
    part(tmp_path / "plain.parquet")
    part(tmp_path / "shop" / "part-0.parquet")
    (tmp_path / "shop" / "_delta_log").mkdir()
    assert refusal(tmp_path).startswith("The folder 'shop' is a Delta table")


def test_a_csv_beside_a_delta_log_is_read(tmp_path: Path) -> None:
    (tmp_path / "_delta_log").mkdir()
    (tmp_path / "export.csv").write_text("user,item\na,x\n")
    assert len(read_interactions(tmp_path / "export.csv")) == 1


# ---- columns in the names of folders


def test_folders_are_columns_with_types(tmp_path: Path) -> None:
    part(tmp_path / "event=buy" / "dt=2026-01-01" / "p.parquet")
    part(tmp_path / "event=buy" / "dt=2026-01-02" / "p.parquet", user=2)
    part(tmp_path / "event=view" / "dt=2026-01-02" / "p.parquet", user=3)
    log = read_interactions(tmp_path)
    assert log.frame().rows() == [
        (1, 2, DAY, "buy"),
        (2, 2, DAY + 86_400, "buy"),
        (3, 2, DAY + 86_400, "view"),
    ]
    assert log.account is not None
    assert log.account.columns["time"] == "dt"


def test_a_column_of_folders_can_be_a_role(tmp_path: Path) -> None:
    for shop in ("007", "7"):
        part(tmp_path / f"shop={shop}" / "p.parquet")
    log = read_interactions(tmp_path, user="shop")
    assert log.user_vocabulary.ids.to_list() == ["007", "7"]


def test_numbers_and_escapes_in_names_of_folders(tmp_path: Path) -> None:
    part(tmp_path / "customer=10" / "p.parquet")
    part(tmp_path / "customer=9" / "p.parquet")
    part(tmp_path / "customer=__HIVE_DEFAULT_PARTITION__" / "p.parquet")
    log = read_interactions(tmp_path, user="customer")
    assert log.user_vocabulary.ids.to_list() == [9, 10]
    assert log.account is not None
    assert dict(log.account.set_aside) == {"user missing": 1}
    for name in ("a%2Fb", "c d"):
        part(tmp_path / "names" / f"who={name}" / "p.parquet")
    named = read_interactions(tmp_path / "names", user="who")
    assert named.user_vocabulary.ids.to_list() == ["a/b", "c d"]


def test_year_month_and_day_are_one_date(tmp_path: Path) -> None:
    for day in (1, 2):
        part(tmp_path / "year=2026" / "month=01" / f"day={day:02}" / "p.parquet", user=day)
    log = read_interactions(tmp_path)
    assert log.times is not None
    assert log.times.tolist() == [DAY, DAY + 86_400]
    assert log.account is not None
    assert log.account.columns["time"] == "year/month/day"


def test_days_without_hyphens_and_their_column_in_the_files(tmp_path: Path) -> None:
    part(tmp_path / "dt=20260101" / "p.parquet")
    part(tmp_path / "dt=20260102" / "p.parquet", user=2)
    log = read_interactions(tmp_path)
    assert log.times is not None
    assert log.times.tolist() == [DAY, DAY + 86_400]
    for day in (1, 2):
        path = tmp_path / "own" / f"dt=2026-01-0{day}" / "p.parquet"
        part(path, user=day, dt=date(2026, 1, day + 1))
    own = read_interactions(tmp_path / "own")
    assert own.times is not None
    assert own.times.tolist() == [DAY + 86_400, DAY + 2 * 86_400]
    assert "The files hold 'dt' themselves" in remarks(own)[0]


def test_folders_with_different_keys_are_refused(tmp_path: Path) -> None:
    part(tmp_path / "dt=2026-01-01" / "p.parquet")
    part(tmp_path / "event=buy" / "p.parquet")
    assert refusal(tmp_path).startswith(
        "event=buy/p.parquet lies in folders that say event=…, but dt=2026-01-01/p.parquet in "
        "folders that say dt=…."
    )


def test_a_pattern_over_folders_keeps_their_columns(tmp_path: Path) -> None:
    for day in (1, 2):
        folder = tmp_path / f"dt=2026-01-0{day}"
        folder.mkdir()
        (folder / "log.csv").write_text(f"user,item\nu{day},x\n")
    log = read_interactions(str(tmp_path / "dt=*" / "log.csv"))
    assert log.times is not None
    assert log.times.tolist() == [DAY, DAY + 86_400]


@pytest.mark.parametrize(
    "given",
    [
        "logs/dt=*/event=*/*.parquet",
        "logs/dt=2026-01-01/event=buy/*.parquet",
        "logs/dt=2026-01-01/event=*/p.parquet",
        "logs/dt=2026-01-01/event=buy/p.parquet",
        "logs/dt=2026-01-01/event=buy",
        "logs/dt=2026-01-01",
        "logs",
    ],
)
@pytest.mark.parametrize("parts", [1, 2])
def test_columns_of_folders_do_not_depend_on_how_many_match(
    tmp_path: Path, given: str, parts: int
) -> None:
    """A pattern, a file or a folder: what stands above says the same as what stands below."""
    for at in range(parts):
        part(tmp_path / "logs" / "dt=2026-01-01" / "event=buy" / f"{'pq'[at]}.parquet", user=at)
    log = read_interactions(str(tmp_path / given))
    assert log.frame().rows()[0] == (0, 2, DAY)
    assert log.account is not None
    assert log.account.columns["time"] == "dt"
    assert log.event_type_names == ("buy",)


def test_a_day_in_a_month_that_was_given_is_one_date(tmp_path: Path) -> None:
    for day in (1, 2):
        part(tmp_path / "year=2026" / "month=01" / f"day={day:02}" / "p.parquet", user=day)
    log = read_interactions(tmp_path / "year=2026" / "month=01")
    assert log.times is not None
    assert log.times.tolist() == [DAY, DAY + 86_400]


def test_a_text_file_has_the_columns_of_its_folder_and_its_own_win(tmp_path: Path) -> None:
    folder = tmp_path / "dt=2026-01-01"
    folder.mkdir()
    (folder / "log.csv").write_text("user,item\na,x\n")
    (folder / "own.csv").write_text("user,item,dt\na,x,2026-01-02\n")
    log, own = (read_interactions(folder / name) for name in ("log.csv", "own.csv"))
    assert log.times is not None
    assert own.times is not None
    assert (log.times.tolist(), own.times.tolist()) == ([DAY], [DAY + 86_400])


@pytest.mark.parametrize("as_list", [False, True], ids=["pattern", "list"])
def test_several_folders_keep_the_columns_of_their_own_names(tmp_path: Path, as_list: bool) -> None:
    for user, event in enumerate(("buy", "view"), start=1):
        for day in (1, 2):
            folder = tmp_path / f"event={event}" / f"dt=2026-01-0{day}"
            part(folder / "p.parquet", user=user)
    source = [tmp_path / "event=buy", tmp_path / "event=view"]
    log = read_interactions(source if as_list else str(tmp_path / "event=*"))
    assert log.frame().rows() == [
        (user, 2, DAY + 86_400 * day, event)
        for user, event in ((1, "buy"), (2, "view"))
        for day in (0, 1)
    ]


def test_folders_without_keys_need_none(tmp_path: Path) -> None:
    for name in ("a", "b"):
        part(tmp_path / name / "p.parquet", user=ord(name))
    assert len(read_interactions([tmp_path / "a", tmp_path / "b"])) == 2
    part(tmp_path / "event=buy" / "p.parquet")
    assert "lies in folders that say event=…" in refusal([tmp_path / "a", tmp_path / "event=buy"])


def test_many_parts_are_one_remark(tmp_path: Path) -> None:
    for day in range(1, 29):
        part(tmp_path / f"dt=2026-01-{day:02}" / "p.parquet", user=day)
    said = remarks(read_interactions(tmp_path))
    about = [remark for remark in said if "parquet" in remark]
    assert about == [
        "28 parts, from dt=2026-01-01/p.parquet to dt=2026-01-28/p.parquet, of 1 to 1 row."
    ]


# ---- what is left out


def test_what_is_left_out_is_one_remark(tmp_path: Path) -> None:
    part(tmp_path / "a.parquet")
    part(tmp_path / "B.PARQUET", user=2)
    part(tmp_path / "c.pq", user=3)
    part(tmp_path / "part-00000", user=4)
    part(tmp_path / "_temporary" / "d.parquet", user=9)
    part(tmp_path / ".hidden.parquet", user=9)
    part(tmp_path.parent / f"{tmp_path.name}-elsewhere" / "e.parquet", user=9)
    (tmp_path / "notes.csv").write_text("user,item\n1,2\n")
    (tmp_path / "_SUCCESS").write_text("")
    (tmp_path / "gone.parquet").symlink_to(tmp_path / "nowhere.parquet")
    (tmp_path / "linked").symlink_to(tmp_path.parent / f"{tmp_path.name}-elsewhere")
    log = read_interactions(tmp_path)
    assert log.user_vocabulary.ids.to_list() == [1, 2, 3, 4]
    left_out = [remark for remark in remarks(log) if remark.startswith("Left out")]
    assert len(left_out) == 1
    for piece in (
        "hidden or temporary: 2 (.hidden.parquet, _temporary/)",
        "another format: 1 (notes.csv)",
        "links to nothing: 1 (gone.parquet)",
        "links to folders: 1 (linked)",
    ):
        assert piece in left_out[0]
    assert "_SUCCESS" not in left_out[0]


def test_folders_that_may_not_be_read_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part(tmp_path / "a.parquet")
    part(tmp_path / "closed" / "b.parquet", user=2)
    part(tmp_path / "locked.parquet", user=3)
    scan, access = os.scandir, os.access

    def refusing(path: str) -> object:
        if os.fspath(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    monkeypatch.setattr(
        folder_parts.os,
        "access",
        lambda path, mode: not str(path).endswith("locked.parquet") and access(path, mode),
    )
    log = read_interactions(tmp_path)
    assert log.user_vocabulary.ids.to_list() == [1]
    assert "no right to read: 2 (closed/, locked.parquet)" in " ".join(remarks(log))


def test_own_runs_are_left_out(tmp_path: Path) -> None:
    part(tmp_path / "a.parquet")
    part(tmp_path / "runs" / "set-aside" / "a.parquet", user=2)
    run = tmp_path / "runs" / "2026-01-01-a"
    part(run / "set_aside.parquet", user=3)
    for name in ("recipe.json", "data.json"):
        (run / name).write_text("{}")
    log = read_interactions(tmp_path)
    assert log.user_vocabulary.ids.to_list() == [1]
    assert "runs of spadework: 2" in remarks(log)[0]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "csv.gz"])
def test_a_folder_of_text_is_its_files(tmp_path: Path, ending: str) -> None:
    for day, kind in ((1, "buy"), (2, "view")):
        path = tmp_path / f"event={kind}" / f"dt=2026-01-0{day}" / f"part-0.{ending}"
        path.parent.mkdir(parents=True)
        rows = "user,item,note\nu1,i1,a\nu2,i2,b\n"
        if ending == "jsonl":
            rows = '{"user": "u1", "item": "i1"}\n{"user": "u2", "item": "i2"}\n'
        path.write_bytes(gzip.compress(rows.encode()) if ending == "csv.gz" else rows.encode())
    (tmp_path / "readme.md").write_text("text")
    (tmp_path / "_SUCCESS").touch()
    log = read_interactions(tmp_path)
    assert log.frame().rows() == [
        ("u1", "i1", DAY, "buy"),
        ("u1", "i1", DAY + 86_400, "view"),
        ("u2", "i2", DAY, "buy"),
        ("u2", "i2", DAY + 86_400, "view"),
    ]
    assert f"event=view/dt=2026-01-02/part-0.{ending}: 2 rows." in remarks(log)
    assert "Left out of the folder: another format: 1 (readme.md)." in remarks(log)
    (tmp_path / "more.tsv").write_text("user\titem\nu1\ti1\n")
    assert "holds files of several kinds: ." in refusal(tmp_path)


# ---- files whose columns differ


def test_a_column_that_some_files_lack_is_left_out_where_nobody_needs_it(tmp_path: Path) -> None:
    for folder, write in (("p", pl.DataFrame.write_parquet), ("c", pl.DataFrame.write_csv)):
        (tmp_path / folder).mkdir()
        ending = "parquet" if folder == "p" else "csv"
        frame = pl.DataFrame({"user_id": [1, 2], "item_id": [3, 4], "ts": [DAY, DAY + 1]})
        write(frame.with_columns(colour=pl.lit("red")), tmp_path / folder / f"a.{ending}")
        write(frame.with_columns(size=pl.lit(7)), tmp_path / folder / f"b.{ending}")
        log = read_interactions(tmp_path / folder)
        assert len(log) == 2
        assert log.account is not None
        assert log.account.read == 4
        said = remarks(log)
        assert f"a.{ending}: 2 rows." in said
        assert (
            f"The column 'colour' is not read, since not all files agree: 'b.{ending}' is "
            "without it."
        ) in said
        again = read_interactions(tmp_path / folder, duplicates="keep")
        assert len(again) == 4
        told = refusal(tmp_path / folder, event="colour")
        assert f"b.{ending} does not fit to a.{ending}: it lacks 'colour' and has 'size'" in told
        # the time, found by itself, has to be in all
        write(frame.drop("ts"), tmp_path / folder / f"c.{ending}")
        assert f"c.{ending} does not fit to a.{ending}: it lacks" in refusal(tmp_path / folder)


def test_types_that_differ_become_one_that_holds_all(tmp_path: Path) -> None:
    first = pl.DataFrame(
        {
            "user_id": pl.Series([1], dtype=pl.Int32),
            "item_id": pl.Series(["a"], dtype=pl.Categorical),
            "ts": pl.Series([DAY * 1000]).cast(pl.Datetime("ms")),
            "rating": pl.Series([4], dtype=pl.Int64),
            "nothing": pl.Series([None], dtype=pl.Null),
        }
    )
    second = pl.DataFrame(
        {
            "user_id": pl.Series([2**40], dtype=pl.Int64),
            "item_id": ["b"],
            "ts": pl.Series([(DAY + 1) * 1_000_000]).cast(pl.Datetime("us")),
            "rating": [4.5],
            "nothing": ["x"],
        }
    )
    first.write_parquet(tmp_path / "a.parquet")
    second.write_parquet(tmp_path / "b.parquet")
    for source in (tmp_path, str(tmp_path / "*.parquet")):
        log = read_interactions(source)
        assert log.frame().rows() == [(1, "a", DAY, 4.0), (2**40, "b", DAY + 1, 4.5)]
        assert "The files hold 'user_id' as Int32 and Int64; all is Int64." in remarks(log)
    second.with_columns(user_id=pl.lit(7.0)).write_parquet(tmp_path / "b.parquet")
    assert "it holds 'user_id' as Float64, not Int32" in refusal(tmp_path)


def test_a_part_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    part(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_text("user,item\n")
    with pytest.raises(BadData, match=r"b\.parquet is not a parquet file"):
        read_interactions(tmp_path)


# ---- several folders, and keys within keys


def test_folders_at_different_depths_say_the_same_columns(tmp_path: Path) -> None:
    part(tmp_path / "event=buy" / "dt=2026-01-01" / "p.parquet")
    part(tmp_path / "event=buy" / "dt=2026-01-02" / "p.parquet", user=2)
    part(tmp_path / "event=view" / "dt=2026-01-01" / "p.parquet", user=3)
    part(tmp_path / "event=view" / "dt=2026-01-02" / "p.parquet", user=4)
    whole = read_interactions(tmp_path)
    for given in (
        ["event=buy", "event=view"],
        ["event=buy", "event=view/dt=2026-01-01", "event=view/dt=2026-01-02/p.parquet"],
        ["event=buy/dt=2026-01-01/p.parquet", "event=buy/dt=2026-01-02", "event=view"],
    ):
        log = read_interactions([tmp_path / name for name in given])
        assert log.fingerprint == whole.fingerprint, given
        assert log.account is not None
        assert log.account.columns["time"] == "dt"


def test_days_below_months_that_are_given_are_dates(tmp_path: Path) -> None:
    months = [tmp_path / "year=2026" / f"month=0{month}" for month in (1, 2)]
    for month, folder in enumerate(months):
        part(folder / "day=01" / "p.parquet", user=month)
        part(folder / "day=02" / "p.parquet", user=month)
    log = read_interactions(months)
    assert log.times is not None
    assert sorted(log.times.tolist()) == [DAY, DAY + 86_400, DAY + 31 * 86_400, DAY + 32 * 86_400]


def test_one_type_for_keys_of_all_folders(tmp_path: Path) -> None:
    for shop, city in (("7", "north"), ("A7", "south")):
        part(tmp_path / city / f"shop={shop}" / "p.parquet")
    log = read_interactions([tmp_path / "north", tmp_path / "south"], user="shop")
    assert log.user_vocabulary.ids.to_list() == ["7", "A7"]


def test_a_key_that_stands_twice_in_a_path_is_refused(tmp_path: Path) -> None:
    part(tmp_path / "event=buy" / "event=view" / "p.parquet")
    said = refusal(tmp_path)
    assert "say 'event' twice, as 'buy' and as 'view'" in said
    assert "Rename one of them" in said
    part(tmp_path / "own" / "event=buy" / "event=buy" / "p.parquet")
    assert len(read_interactions(tmp_path / "own" / "event=buy")) == 1
