"""A run, or a single saved model, for serving: which of its models answers, and which histories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from spadework import events, files, formatting
from spadework.arrays import Codes
from spadework.artifacts import artifact, roles
from spadework.data.addresses import ADDRESSES, read_interactions
from spadework.data.excluded_items import is_file
from spadework.data.interactions import Interactions
from spadework.data.reading.columns.column_roles import ABSENT, ROLES
from spadework.data.reading.formats.joined_tables import joins_of
from spadework.data.reading.formats.opening import has_tables
from spadework.data.reading.formats.wide_tables import MATRIX
from spadework.data.reading.rows.returned_rows import OF_NOTHING
from spadework.data.reading.values.conditions import is_rule
from spadework.errors import BadData, BadRequest
from spadework.json_values import as_list, as_map, as_text
from spadework.workbench.recipe import Recipe, make
from spadework.workbench.recipe_texts import from_settings
from spadework.workbench.run import Run
from spadework.workbench.sources import read_again, read_for
from spadework.workbench.storage import run_files
from spadework.workbench.storage.folder import UPDATED

if TYPE_CHECKING:
    from spadework.workbench.updating.generations import Generation


@dataclass(frozen=True)
class Service:
    """A run, or a single saved model: finds the kept model that answers, of the newest update where
    a run was updated.
    """

    path: Path
    run: Run | None
    update: Generation | None = None

    @classmethod
    def of(cls, where: str) -> Service:
        """The content of a folder. Raises `BadRequest` where that is neither a run nor a model."""
        path = Path(where)
        if not path.is_dir():
            raise BadRequest(
                f"There is no folder {where!r}.",
                "Name a run such as runs/2026-01-31-orders, or a model inside it.",
            )
        if (path / artifact.HEADER).exists():
            return cls(path, None)
        if not (path / run_files.RECIPE).exists():
            raise BadRequest(
                f"{where} is neither a run nor a model.", "Make a run with: spadework dig SOURCE"
            )
        return cls(path, Run(path))

    @classmethod
    def updated(cls, where: str) -> Service:
        """The same, with the newest update of a run. A note says where the judge refused it."""
        found = cls.of(where)
        run = found.run
        if run is None or not (run.folder / UPDATED).is_dir():
            return found
        from spadework.workbench.updating import generations  # which few runs need

        update = generations.current(run.folder / UPDATED)
        if update is None:
            return found
        if roles.labels(update.models) != roles.labels(run.folder / "models"):
            events.note(
                f"The models of {run.folder} were changed after its last update, which is left "
                f"out; to take its events in again: spadework nightly {run.folder}"
            )
            return found
        verdict = update.verdict or {}
        if verdict and not verdict.get("activate"):
            events.note(
                f"The models of update {update.number} answer, which `spadework nightly` refused: "
                f"{verdict.get('says')}"
            )
        return replace(found, update=update)

    @property
    def models(self) -> Path:
        """The folder of a run's models and of their roles."""
        assert self.run is not None
        return self.run.folder / "models" if self.update is None else self.update.models

    def histories(self, histories: str | None = None, settings: Sequence[str] = ()) -> Interactions:
        """As `histories_of`; the log of a run that was updated is the joined one."""
        if self.update is not None and histories is None and not settings:
            return self.update.kept.log
        return histories_of(self.run, histories, settings)

    def folder(self, name: str | None = None) -> Path:
        """The folder of a model by role, folder or label; of the winner if none is named."""
        if self.run is not None:
            return roles.find(self.models, name)
        label = roles.label_of(self.path)
        if name not in (None, self.path.name, label):
            raise BadRequest(
                f"{self.path} is one model, {label!r}, and keeps no {name!r}.",
                "Leave out --model, or name the run.",
            )
        return self.path

    def folder_for(self, role: str, name: str | None) -> Path | None:
        """The folder of the named model, else of the one with this role; None where there is
        neither.
        """
        if name is not None:
            return self.folder(name)
        return (
            self.folder(role) if self.run is not None and role in roles.read(self.models) else None
        )

    def others(self) -> str:
        """The advice where a model cannot answer."""
        if self.run is None:
            return "Name the run of this model, which may keep one that can, or another model."
        kept = roles.in_words(self.models)
        if len(set(roles.read(self.models).values())) > 1:
            return f"Name another with --model; the run keeps {kept}."
        return (
            f"There is no other to name with --model: the run keeps {kept} alone. Dig again, "
            "with such a model among its models."
        )

    @property
    def protocol(self) -> dict[str, Any]:
        """The run's protocol; empty for a single saved model."""
        found: dict[str, Any] = {} if self.run is None else self.run.board["protocol"]
        return found


def histories_of(
    run: Run | None, histories: str | None, settings: Sequence[str] = ()
) -> Interactions:
    """The log of a file, read with the run's own settings, else the log of the run, with a remark
    where that has changed. `settings` such as `user=CustomerID` change how a file is read. Raises
    `BadRequest` where there is neither.
    """
    if histories is not None:
        return _read_as(run, histories, settings)
    if run is None:
        raise BadRequest(
            "A saved model has no users to answer.",
            "Give a log of the users with --histories FILE.",
        )
    if settings:
        raise BadRequest(
            "The run's own log is read as it was, so --set has no meaning.",
            "Name the file that is read in another way: --histories FILE.",
        )
    recipe = recipe_here(run)
    source = source_of(run, "Give a log with --histories FILE.")
    # by the recipe alone, as the dig read it: a weight that did not vary still sets rows aside
    log = read_again(recipe, source, None, run.data, items=False).log
    if run.data["fingerprint"].get("log") != log.fingerprint:
        events.note(
            f"{recipe.source} has changed since the run; its present rows are the histories."
        )
    return log


def reading_of(run: Run) -> Recipe:
    """The run's recipe with the columns that its log was read from, so that another file is read
    in the same way; roles without a column have `-`, but for a weight, which may not have varied
    and still tells which rows are returns.
    """
    recipe = _excluding(run, run.recipe).model_copy(update={"join": _joins_here(run)})
    columns = as_map(run.data.get("columns"))
    if not columns:
        return recipe  # a log that was made in memory, or by a world
    # the roles of a matrix are no columns of its file
    left = ("user", "item", "weight") if recipe.shape == MATRIX else ()
    found = {
        role: as_text(columns.get(role), ABSENT)
        for role in ROLES
        if getattr(recipe, role) is None
        and role not in left
        and (role != "weight" or role in columns)
    }
    return make({**recipe.model_dump(), **found})


def _excluding(run: Run, recipe: Recipe) -> Recipe:
    """The recipe with the ids of the items that the run excluded in place of rules and files, which
    need not be there any more.
    """
    if not recipe.exclude_items:
        return recipe
    found = [str(item) for item in as_list(run.data.get("excluded_items"))]
    named = [each for each in recipe.exclude_items if not (is_rule(each) or is_file(each))]
    ids = [each for each in dict.fromkeys([*named, *found]) if not (is_rule(each) or is_file(each))]
    return recipe.model_copy(update={"exclude_items": ids or None})


def _read_as(run: Run | None, histories: str, settings: Sequence[str]) -> Interactions:
    given = from_settings(settings)
    if histories.startswith(ADDRESSES):
        return read_interactions(histories)
    carried_over = (make({}) if run is None else reading_of(run)).model_dump()
    # further files and dates are those of the run's own log
    of_file = {"source": histories, "more": None, "since": None, "until": None}
    if not has_tables(histories):
        of_file |= {"table": None, "query": None}  # which have no meaning there
    recipe = make({**carried_over, **of_file, **given})
    try:
        log, _ = read_for(recipe, histories, None, items=False)
    except BadData as error:
        if run is None:
            raise
        carried = {
            role: column
            for role in ("table", *ROLES)
            if (column := getattr(recipe, role)) not in (None, ABSENT)
        }
        columns = ", ".join(f"{role} = {column!r}" for role, column in carried.items())
        how = "--histories are read as the log of the run was" + (
            f" ({columns})" if columns else ""
        )
        rule = "" if recipe.positive is None else "; --set positive= reads all rows"
        if recipe.join:
            rule += f"; --set join= reads it without {', '.join(recipe.join)}"
        raise type(error)(
            error.message,
            f"{error.hint} {how}; change that with --set user=COLUMN and the like, and read no "
            f"such column with --set time=-{rule}.",
        ) from None
    _tell_unwanted(log)
    known = {} if run is None else as_map(run.data.get("columns"))
    if known and "weight" not in known and recipe.weight is None:
        return replace(log, weights=None)  # the model learned without; it only set rows aside
    return log


def _tell_unwanted(log: Interactions) -> None:
    """Note how many returns have their purchase elsewhere, and how many users chose nothing."""
    found = 0 if log.account is None else log.account.set_aside.get(OF_NOTHING, 0)
    if found:
        events.note(
            f"{formatting.count(found, 'return')} in the histories of what they do not hold as "
            "bought: these items are not recommended to who returned them."
        )
    if log.unwanted is not None:
        chose_nothing = int((log.user_vocabulary.codes(log.unwanted.users.unique()) < 0).sum())
        if chose_nothing:
            events.note(
                f"{formatting.count(chose_nothing, 'user')} without a list: the histories hold "
                "nothing of theirs but returns and dislikes."
            )


def recipe_here(run: Run) -> Recipe:
    """The run's recipe with further files that can be found from the present folder."""
    recipe, paths = run.recipe, as_list(run.data.get("more paths"))
    more = [
        name if files.is_there(name) else as_text(path, name)
        for name, path in zip_longest(recipe.more or (), paths[: len(recipe.more or ())])
    ]
    here = {"more": more or None, "join": _joins_here(run)}
    return _excluding(run, recipe).model_copy(update=here)


def _joins_here(run: Run) -> list[str] | None:
    """The run's joined tables, as they can be found from the present folder."""
    if not run.recipe.join:
        return None
    joins = joins_of(run.recipe.join)
    paths, tables = (
        as_list(run.data.get(key))[: len(joins)] for key in ("join paths", "join tables")
    )
    return [
        str(
            join
            if files.is_there(str(join.source)) or not as_text(path)
            else replace(join, source=as_text(path), table=as_text(table) or None)
        )
        for join, path, table in zip_longest(joins, paths, tables)
    ]


def source_of(run: Run, instead: str) -> str:
    """The source from which a run's log can be read again. Raises `BadRequest`, with the advice
    `instead`, where it was in memory or came through a pipe.
    """
    recipe = run.recipe
    if recipe.source in ("memory", "-"):
        raise BadRequest(
            f"The run was made from {recipe.source!r}, which cannot be read again.", instead
        )
    found: str = (
        recipe.source
        if ":" in recipe.source or files.is_there(recipe.source)
        else run.data.get("path") or recipe.source
    )
    return found


def one_user(log: Interactions, user: str | None) -> int | str:
    """The id of the named user, or of the only one."""
    if user is None and len(log.active_users) != 1:
        raise BadRequest(
            f"The histories are of {formatting.count(len(log.active_users), 'user')}.",
            "Name one with --user ID.",
        )
    code = log.active_users[0] if user is None else codes_of(log, [user])[0]
    found: int | str = log.user_vocabulary.ids[int(code)]
    return found


def codes_of(log: Interactions, user_ids: Sequence[str]) -> Codes:
    """Codes of users by the texts of their ids. Raises `BadRequest` with the first id that has no
    history.
    """
    codes: Codes = log.user_vocabulary.codes(ids_of(user_ids, log.user_vocabulary.ids.dtype))
    if (codes < 0).any():
        missing = user_ids[int((codes < 0).argmax())]
        raise BadRequest(
            f"User {missing!r} is not in the histories.",
            (
                "Check the id, or give a log of that user with --histories; the list of a customer "
                "without a history: --new."
            ),
        )
    return codes


def ids_of(texts: Sequence[str], dtype: Any) -> pl.Series:
    """Texts of the command line as ids of the log's dtype. Raises `BadRequest` for a text that is
    not a number where ids are numbers.
    """
    ids = pl.Series("ids", list(texts), dtype=pl.String)
    if not dtype.is_integer():
        return ids
    numbers = ids.cast(dtype, strict=False)
    if numbers.null_count():
        raise BadRequest(
            (
                f"{texts[int(numbers.is_null().arg_max() or 0)]!r} is not an id of this log, "
                "whose ids are whole numbers."
            ),
            "Check the id.",
        )
    return numbers
