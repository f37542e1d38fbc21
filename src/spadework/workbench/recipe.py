"""The settings of a job as one validated value. Users write TOML, a run stores JSON; the error for
an unknown key names the nearest known one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from spadework import durations, sizes
from spadework.data.reading.formats.encodings import check_encoding
from spadework.data.reading.values.conditions import between, is_rule
from spadework.data.reading.values.conditions import parse as parse_rule
from spadework.data.splitting import splits
from spadework.errors import BadRequest, nearest
from spadework.evaluation.dialects import dialects
from spadework.evaluation.metrics import metrics, parse
from spadework.evaluation.trial import DEFAULT_METRICS, LIST_METRICS
from spadework.models.catalogue import catalogue
from spadework.shown_addresses import holds_password

VERSION = 1
_SECRET = re.compile(r"(pass(word|wd)?|secret|token|api_?key|credential)", re.IGNORECASE)


class Recipe(BaseModel):
    """The requested job, with every default filled in."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: int = Field(VERSION, description="Version of this list of keys.")
    source: str = Field(
        "sample:grocery",
        description=(
            "A file, a pattern (logs/*.csv), a folder of parquet, csv or JSON lines, a table of "
            "Delta or Iceberg, files in a storage (s3://, gs://, az://), a database "
            "(postgresql://NAME@HOST/DATABASE, mysql://…), sample:grocery, world:NAME or - for "
            "standard input. Files are text, parquet, JSON, databases (SQLite, DuckDB) or "
            "workbooks."
        ),
    )
    more: list[str] | None = Field(
        None, description="Further files of the same log, with the columns that are needed."
    )
    table: str | None = Field(
        None,
        description=(
            "The table, view or sheet of a database or a workbook; the only one that holds a log "
            "is found by itself. A pattern ('orders_*') takes several as one log."
        ),
    )
    query: str | None = Field(
        None,
        description=(
            "A statement that gives the rows of the log, where the source is a database: "
            "select user_id, item_id, ts from events."
        ),
    )
    explode: str | None = Field(
        None,
        description=(
            "The list whose entries are the rows, where records hold lists: items, or with the "
            "item in it, items.item_id; - takes none apart. Found by itself if absent."
        ),
    )
    items: str | None = Field(None, description="An item table: texts and categories.")
    join: list[str] | None = Field(
        None,
        description="Tables with more columns, by a key: orders.csv:order_id, shop.db/orders:id.",
    )
    items_id: str | None = Field(
        None, description="The item table's column of item ids; found by itself if absent."
    )
    items_encoding: str = Field(
        "utf-8", description="Encoding of the item table, where it is a text file."
    )
    items_delimiter: str | None = Field(
        None,
        description="The delimiter between fields of the item table; found by itself if absent.",
    )
    items_before: str | None = Field(
        None,
        description=(
            "Of an item table whose values change with time, the latest before this day count."
        ),
    )
    items_table: str | None = Field(
        None,
        description=(
            "The table, view or sheet with the items, where the item table is in a database or a "
            "workbook; found by itself if absent."
        ),
    )
    title: str | None = Field(
        None, description="Name of the item table's column of titles; found by itself if absent."
    )
    user: str | None = Field(
        None,
        description=(
            "Name of the user column; found by itself if absent. CUSTOMER,ORDER takes the first of "
            "several columns that is filled, so that the order of a guest is a user of its own."
        ),
    )
    item: str | None = Field(None, description="Name of the item column.")
    time: str | None = Field(
        None,
        description=(
            "Name of the time column, perhaps with a reading (ts:milliseconds); DATE+TIME joins "
            "two columns, @row is the order of the rows."
        ),
    )
    basket: str | None = Field(None, description="Name of the basket column.")
    weight: str | None = Field(None, description="Name of the weight column.")
    event: str | None = Field(None, description="Name of the column with the event type of a row.")
    events: list[str] | None = Field(None, description="Event types to use; all if absent.")
    target: str | None = Field(
        None,
        description=(
            "The event type to predict; the first of `events` if absent, all types where "
            "there is no list."
        ),
    )
    delimiter: str | None = Field(
        None, description="The delimiter between fields of a text file; found by itself if absent."
    )
    encoding: str = Field("utf-8", description="Encoding of text files.")
    shape: Literal["adjacency", "baskets", "matrix", "impressions", "lists"] | None = Field(
        None,
        description=(
            "What cannot be seen in the file: each line is a user and their items (adjacency) or "
            "one basket (baskets), each column is an item (matrix), a column lists what was shown "
            "and clicked (impressions), or cells of the item column are lists (lists)."
        ),
    )
    skip_bad: bool = Field(
        False,
        description="Set rows with too many or too few fields aside instead of refusing the file.",
    )
    duplicates: Literal["set aside", "keep"] = Field(
        "set aside", description="What happens to exact duplicates."
    )
    returns: Literal["net", "set aside"] = Field(
        "net",
        description=(
            "What happens to rows with a weight below zero: net takes them off what the user had "
            "bought of the item, the latest first; set aside leaves purchases as they were."
        ),
    )
    positive: str | None = Field(
        None,
        description=(
            "Only rows that satisfy this are used, such as 'rating >= 4' or 'kind != refund'; the "
            "others are set aside. Any column; >=, >, <=, <, ==, !=; several joined by and."
        ),
    )
    dislikes: list[str] | None = Field(
        None,
        description=(
            "Event types, or rules such as 'rating <= 2', of rows that say a dislike: they are no "
            "choices, and these items are not recommended to these users."
        ),
    )
    exclude_items: list[str] | None = Field(
        None,
        description=(
            "Items that are no products, such as postage: ids, files with an id a line (FILE.txt), "
            "or rules about the item table such as 'category == service'. Their rows are set "
            "aside, and they are never recommended."
        ),
    )
    since: str | None = Field(
        None, description="The first date (or epoch second) whose rows are used: 2025-01-01."
    )
    until: str | None = Field(
        None, description="The last date (or epoch second) whose rows are used: 2025-12-31."
    )
    split: str = Field(
        "auto", description="How to cut the log; auto takes by_time where there is a calendar."
    )
    test: str | float = Field(
        0.1, description="Test span as a duration (7d) or a share of rows (0.1); for by_time."
    )
    valid: str | float = Field(
        0.1, description="Validation span before it; a share means the length of the test span."
    )
    metrics: list[str] = Field(
        [*DEFAULT_METRICS, *LIST_METRICS], description="Metrics; the first decides."
    )
    dialect: str = Field("lightgcn", description="Which paper's definition of the metrics.")
    repeats: Literal["auto", "forbid", "allow", "only", "novel"] = Field(
        "auto",
        description=(
            "Whether items of the history may come back; novel: they are neither recommended "
            "nor expected."
        ),
    )
    prefer: Literal["sense", "quality"] = Field(
        "sense",
        description=(
            "Which model is saved and served: sense takes the cheapest that cannot be told from "
            "the best, quality the best."
        ),
    )
    models: list[str] | None = Field(None, description="Names of models to try; all if absent.")
    budget: str = Field(
        "5m",
        description=(
            "Time for the whole dig, from reading to the report. It decides what is tried, "
            "never how well a model is fitted."
        ),
    )
    memory: float | None = Field(
        None,
        gt=0,
        le=2**20,
        allow_inf_nan=False,
        description=(
            "Memory limit, such as 4g or 800m (a number alone is GiB); four fifths of what is free "
            "if absent. Of a log with more rows than a dig holds within it, a sample of the users "
            "is dug."
        ),
    )
    threads: int | None = Field(
        None, ge=1, le=4096, description="Threads; all processors if absent."
    )
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of everything random.")
    faces: int = Field(12, ge=0, le=50, description="Users shown in the report.")
    with_ids: bool = Field(False, description="Print the users' own ids in the report.")

    @field_validator("join", "dislikes", "exclude_items", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        """A text or a number alone is a list of one; ids that are numbers are texts here."""
        several = [value] if isinstance(value, str | int) else value
        if not isinstance(several, list) or any(isinstance(each, bool) for each in several):
            return value
        return [str(each) if isinstance(each, int) else each for each in several]

    @field_validator("memory", mode="before")
    @classmethod
    def _size(cls, value: Any) -> Any:
        """A text such as 4g is a size in GiB."""
        return sizes.gibibytes(value, "memory") if isinstance(value, str) else value

    @model_validator(mode="after")
    def _names_are_known(self) -> Recipe:
        _check_names(self)
        return self

    @property
    def budget_seconds(self) -> float:
        """The budget in seconds."""
        return durations.seconds(self.budget, "budget")


def make(values: Mapping[str, Any], where: str = "The recipe") -> Recipe:
    """A validated recipe. Raises `BadRequest` with the first fault."""
    _refuse_secrets(values, where)
    version = values.get("version", VERSION)
    if isinstance(version, int) and version != VERSION:
        newer = (
            "newer than this spadework; upgrade it"
            if version > VERSION
            else f"older; the present version is {VERSION}"
        )
        raise BadRequest(
            f"{where} has version {_shown(version)}, which is {newer}.",
            "See the keys with: spadework explain recipe",
        )
    try:
        return Recipe.model_validate(dict(values))
    except ValidationError as error:
        raise _refusal(error, where) from None
    except RecursionError:
        raise BadRequest(
            f"{where} is nested without end.", "Write plain keys and values."
        ) from None


def _refuse_secrets(values: Mapping[str, Any], where: str) -> None:
    for key, value in values.items():
        texts = value if isinstance(value, list) else [value]
        if (_SECRET.search(key) and key not in Recipe.model_fields) or any(
            isinstance(text, str) and holds_password(text) for text in texts
        ):
            raise BadRequest(
                f"{where} holds a secret in {key!r}; recipes are stored as they are.",
                "Put secrets into environment variables.",
            )


def _refusal(error: ValidationError, where: str) -> BadRequest:
    first = error.errors()[0]
    key = str(first["loc"][0]) if first["loc"] else "?"
    if first["type"] == "extra_forbidden":
        near = nearest(key, Recipe.model_fields)
        hint = f"Did you mean {near!r}? " if near else ""
        return BadRequest(
            f"{where} has no key {key!r}.", f"{hint}Keys: {', '.join(Recipe.model_fields)}."
        )
    message = first["msg"][0].lower() + first["msg"][1:]
    field = Recipe.model_fields.get(key)
    return BadRequest(
        f"{where} has {key} = {_shown(first['input'])}: {message}.",
        (field.description if field is not None else None) or "",
    )


def _shown(value: object) -> str:
    """A value of any size for a message."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, or nested without end
        return f"a {type(value).__name__} that is too long to show"
    return text if len(text) <= 80 else f"{text[:79]}…"


def _check_names(recipe: Recipe) -> None:
    """Check names before work starts, not after the models have run."""
    if recipe.split != "auto":
        splits[recipe.split]
    dialects[recipe.dialect]
    for name in recipe.metrics:
        parse(name)
    if not any(parse(name).metric.per_user for name in recipe.metrics):
        able = ", ".join(name for name, metric in metrics.items() if metric.per_user)
        raise BadRequest(
            "No metric has a value per user, so nothing can decide.", f"Add one of: {able}."
        )
    for name in recipe.models or ():
        catalogue()[name]
    several = (*(recipe.dislikes or ()), *(recipe.exclude_items or ()))
    for rule in (recipe.positive, *filter(is_rule, several)):
        parse_rule(rule)
    between(recipe.since, recipe.until)
    durations.seconds(recipe.budget, "budget")
    for key in ("test", "valid"):
        value = getattr(recipe, key)
        if isinstance(value, str):
            durations.seconds(value, f"{key} span")
        elif not 0 < value < 1:  # NaN is not, either
            raise BadRequest(
                f"The {key} span is {value!r}, which is no share of the rows.",
                "Write a share between 0 and 1, such as 0.1, or a duration such as 7d.",
            )
    for key in ("encoding", "items_encoding"):
        check_encoding(key, getattr(recipe, key))
    for key, value in recipe:
        for text in value if isinstance(value, list) else [value]:
            _check_text(key, text)


def _check_text(key: str, text: object) -> None:
    """Refuse what no file of the run could hold: a name that is not UTF-8 arrives in this form."""
    if isinstance(text, str) and not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise BadRequest(
                f"The {key} {text!a} is not UTF-8.",
                "Rename the file or the column, and try again.",
            ) from None
