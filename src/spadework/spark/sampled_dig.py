"""A dig of a log in Spark: a sample of its users is dug on the driver, and what wins is fitted on
everything where the rows are.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from spadework import events, files, formatting
from spadework.artifacts import artifact
from spadework.data.addresses import read_interactions
from spadework.data.reading.values.readings import UNITS
from spadework.errors import BadData, BadRequest, OutputExists, Unsuitable
from spadework.models.labels import model
from spadework.spark.engine_fit import fit
from spadework.spark.sessions import session, settled
from spadework.spark.spark_log import SparkLog, read
from spadework.workbench.large.room import limit_of, parts_within
from spadework.workbench.recipe import Recipe, make
from spadework.workbench.run import Run
from spadework.workbench.run import dig as dig_here

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ADDRESS = "spark://"
SAMPLE, EVERYTHING = ".sample.parquet", ".everything"
"""What stands beside the run folder: the rows that were dug, and the winner fitted on all."""
LOOKED_AT = 10_000
"""Rows by which the columns of a table are told."""
_LOCAL = ("local", "local[")


def dig(
    log: SparkLog | DataFrame,
    *,
    folder: str | Path,
    recipe: Recipe | None = None,
    budget: str | None = None,
    force: bool = False,
) -> Run:
    """Dig a sample of the users of a log in Spark, with all of their events, and fit the winner on
    all rows. Returns the run.

    The sample is as large as the recipe's `memory` and budget allow; a log that fits is dug as a
    whole. Its rows come to the driver and are kept as `FOLDER.sample.parquet`, which is the source
    of the run. A winner that learns from counts of pairs is then fitted on everything by
    `sw.spark.fit` and saved as `FOLDER.everything`; others are of the sample, and a note says so.

    Raises what `sw.dig` raises, BadRequest for a recipe with settings that a table in Spark does
    not have, OutputExists where `FOLDER.everything` is there, unless with `force`.
    """
    log = log if isinstance(log, SparkLog) else read(log)
    recipe = _checked(recipe or make({}))
    if budget is not None:
        recipe = recipe.model_copy(update={"budget": budget})
    place = Path(folder)
    target = place.with_name(place.name + EVERYTHING)
    if target.exists() and not force:
        raise OutputExists(
            f"{target} exists already.", "Choose another folder, or replace it with --force."
        )
    with settled(log.session):
        rows = log.rows().count()
        parts = parts_within(limit_of(recipe), rows, recipe.budget_seconds)
        columns = ", ".join(f"{role} {name!r}" for role, name in log.names.items())
        events.note(f"spark       {formatting.count(rows, 'row')} with {columns}")
        sample = place.with_name(place.name + SAMPLE)
        _write_sample(log, parts, rows, sample)
    if parts > 1:
        events.note(
            f"sample      One in {parts} users, with all of their events, of "
            f"{formatting.count(rows, 'row')} in Spark: as many as memory and the budget allow."
        )
    run = dig_here(str(sample), folder=place, recipe=_of_sample(log, recipe), force=force)
    shutil.rmtree(target, ignore_errors=True)  # of a run that this one replaces
    if parts > 1 and run.winner is not None:
        _fit_on_everything(run.winner, log, target)
    return run


def told_of(run: Run) -> str:
    """What was fitted in Spark after a run of a table there; empty where the run is of all rows."""
    source = Path(str(run.recipe.source))
    if files.REMARK not in pl.read_parquet_metadata(source):
        return ""
    target = run.folder.with_name(run.folder.name + EVERYTHING)
    if not target.exists():
        return f"spark    {run.folder} is of the sample; its winner is not fitted in Spark"
    return (
        f"spark    {target} is the winner fitted on all rows of the table:\n"
        f"         spadework recommend {target} --histories LOG --out recommendations.parquet"
    )


def dig_address(
    address: str, table: str | None, *, folder: str | None, recipe: Recipe, force: bool
) -> Run:
    """Dig a table by its name: `spark://HOST:PORT` is the master of a cluster, `spark://local[2]`
    this machine; the table is one of the session's catalogue, or a folder of parquet.
    """
    if table is None:
        raise BadRequest(
            f"No table of {address} is named.",
            "Write it behind the address: spadework dig spark://HOST:PORT shop.orders, or a folder "
            "of parquet that all machines see.",
        )
    place = address.removeprefix(ADDRESS)
    spark = session(place if place.startswith(_LOCAL) else address)
    try:
        frame = spark.read.parquet(table) if "/" in table else spark.table(table)
    except Exception as error:
        raise BadRequest(
            f"The table {table!r} cannot be opened: {str(error).splitlines()[0][:300]}",
            "Name a table of the catalogue, or a folder of parquet with a / in its name.",
        ) from None
    name = Path(table).name.replace(".", "-") or "spark"
    return dig(
        read(frame, **_columns(frame, recipe)),
        folder=folder or Path("runs") / f"spark-{name}",
        recipe=recipe,
        force=force,
    )


def _columns(frame: DataFrame, recipe: Recipe) -> dict[str, Any]:
    """Role → column, as the recipe says or as the first rows tell."""
    with settled(frame.sparkSession):
        head = pl.from_arrow(frame.limit(LOOKED_AT).toArrow())
    assert isinstance(head, pl.DataFrame)
    if not head.height:
        raise BadData("The table in Spark has 0 rows.", "Give a table with rows.")
    given = {
        role: value
        for role in ("user", "item", "time", "weight", "event", "basket")
        if (value := getattr(recipe, role)) is not None
    }
    account = read_interactions(head, **given).account
    assert account is not None
    found: dict[str, Any] = dict(account.columns) | {
        role: name for role, name in given.items() if role != "time" and name != "-"
    }
    if (time := found.get("time")) is not None:
        name, _, reading = time.rpartition(":")
        found["time"] = time if not name or reading in UNITS else name
    if found.get("event") is not None and recipe.events is not None:
        found["events"] = recipe.events
    return found | {"duplicates": recipe.duplicates, "returns": recipe.returns}


def _checked(recipe: Recipe) -> Recipe:
    """Refuse settings about files, joined tables and rules of rows, which are done in Spark."""
    plain = make({})
    if recipe.exclude_items != plain.exclude_items:
        raise BadRequest(
            "Items are excluded, and the fit on everything would recommend them: the sample alone "
            "would leave them out.",
            "Leave their rows out in Spark, and give the table that comes out.",
        )
    for name in (
        "join",
        "positive",
        "dislikes",
        "since",
        "until",
        "shape",
        "query",
        "explode",
    ):
        if getattr(recipe, name) != getattr(plain, name):
            raise BadRequest(
                f"The setting {name!r} is about files, and the log is in Spark.",
                "Do it in Spark, and give the table that comes out.",
            )
    return recipe


def _write_sample(log: SparkLog, parts: int, rows: int, path: Path) -> None:
    from pyspark.sql import functions

    chosen = log.frame.select(*dict.fromkeys(log.names.values()))
    if parts > 1:
        user = functions.xxhash64(functions.col(log.names["user"]).cast("string"))
        chosen = chosen.where(functions.pmod(user, functions.lit(parts)) == 0)
    frame = pl.from_arrow(chosen.toArrow())
    assert isinstance(frame, pl.DataFrame)
    path.parent.mkdir(parents=True, exist_ok=True)
    remark = (
        f"These are one in {parts} users, with all of their events, of "
        f"{formatting.count(rows, 'usable row')} of a table in Spark."
    )
    files.write_parquet(path, frame, remark if parts > 1 else "")


def _of_sample(log: SparkLog, recipe: Recipe) -> Recipe:
    """The recipe with the columns by their names."""
    names = {role: name for role, name in log.names.items() if role != "order"}
    if "time" in names and log.reading is not None:
        names["time"] = f"{names['time']}:{log.reading}"
    others = {
        "events": None if log.events is None else list(log.events),
        "duplicates": log.duplicates,
        "returns": log.returns,
    }
    return make({**recipe.model_dump(), **names, **others})


def _fit_on_everything(winner: str, log: SparkLog, target: Path) -> None:
    try:
        fitted = fit(model(winner), log)
    except Unsuitable as error:
        events.note(f"everything  {winner} is of the sample alone: {error.message}")
        return
    fresh = target.with_name(f"{target.name}.new")
    artifact.save(fitted, fresh, facts={"fitted on": "the whole log in Spark"})
    files.replace_folder(fresh, target)
    events.note(f"everything  {winner}, fitted on all rows, is in {target}")
