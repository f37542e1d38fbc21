"""A damaged source is read and judged: an account that adds up, or one sentence with a way out."""

from __future__ import annotations

import contextlib
import io
import os
import re
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import click

from shape_damages import DAMAGES
from shape_sources import SHAPES, Event, Source, source_of
from spadework.data.addresses import read_interactions
from spadework.data.interactions import Interactions
from spadework.diagnosis.checking import diagnose
from spadework.errors import SpadeworkError

ACCOUNT, SENTENCE, TRACEBACK = "account", "sentence", "traceback"
SILENT, LOST, VAGUE, SLOW = "changed in silence", "rows lost", "no way out", "slow"
SECONDS = 5.0  # of a processor, so that a busy machine is no slow reading

NAMES = tuple(SHAPES)
KINDS = tuple(DAMAGES)


@dataclass(frozen=True)
class Reading:
    """What one reading came to."""

    number: int
    shape: str
    damage: str
    outcome: str
    said: str
    seconds: float
    by_command: bool
    options: Mapping[str, Any]
    changed: bool = False  # used events are others, which is told


def planned(number: int, seed: int = 0) -> tuple[str, tuple[str, ...], Random]:
    """Shape and damages of a reading: all pairs in turn; each fourth round two damages."""
    pair, turn = number % (len(NAMES) * len(KINDS)), number // (len(NAMES) * len(KINDS))
    rng = Random(f"{seed} {number}")
    first = KINDS[pair // len(NAMES)]
    more = (rng.choice(KINDS),) if turn % 4 == 3 else ()
    return NAMES[pair % len(NAMES)], (first, *more), rng


def damaged(number: int, folder: Path, seed: int = 0) -> tuple[Source, str] | None:
    """The source of a reading and its damage; None where the damage does not apply to the shape."""
    name, kinds, rng = planned(number, seed)
    source = source_of(name, rng, folder)
    for kind in kinds:
        before = source.rows
        try:
            applies = DAMAGES[kind](rng, source)
        except (ValueError, IndexError, KeyError, AttributeError, TypeError):
            if kind == kinds[0] or len(kinds) == 1:
                raise
            applies = True  # the first damage has left nothing to damage
            source.known = False
        if not applies:
            return None
        if len(kinds) > 1 or before is None:
            source.rows = None
    if "skip_bad" not in source.options and rng.random() < 0.5:
        source.options["skip_bad"] = True
    return source, " + ".join(kinds)


def read(number: int, folder: Path, seed: int = 0) -> Reading | None:
    """One reading of a damaged source in an empty folder; each fifth goes through the command."""
    made = damaged(number, folder, seed)
    if made is None:
        return None
    source, kind = made
    try:
        path = source.write(folder)
    except OSError:
        return None  # two parts of one name
    by_command = number % 5 == 0
    begun = time.process_time()
    outcome, said, log = (_looked if by_command else _read)(path, source.options, folder)
    seconds = time.process_time() - begun
    changed = False
    if log is not None:
        outcome, said, changed = _judged(log, source)
    elif outcome == SENTENCE:
        message, _, hint = said.partition("\n")
        if not message.strip() or not hint.strip():
            outcome = VAGUE
    if seconds > SECONDS and outcome in (ACCOUNT, SENTENCE):
        outcome = SLOW
    return Reading(
        number, source.shape, kind, outcome, said, seconds, by_command, source.options, changed
    )


def _read(
    path: Path, options: Mapping[str, Any], folder: Path
) -> tuple[str, str, Interactions | None]:
    try:
        log = read_interactions(str(path), **options)
    except SpadeworkError as error:
        return SENTENCE, str(error), None
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return TRACEBACK, traceback.format_exc(), None
    return ACCOUNT, "", log


def _looked(
    path: Path, options: Mapping[str, Any], folder: Path
) -> tuple[str, str, Interactions | None]:
    from spadework.apps.cli import spadework

    words = ["look", str(path), "--json"]
    for key, value in options.items():
        option = f"--{key.replace('_', '-')}"
        if value is True:
            words.append(option)
        else:
            words += [option, ",".join(value) if isinstance(value, list) else str(value)]
    shown = io.StringIO()
    here = Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
            spadework.main(args=words, standalone_mode=False, prog_name="spadework")
    except SpadeworkError as error:
        return SENTENCE, str(error), None
    except click.ClickException as error:
        return SENTENCE, f"{error.format_message()}\nusage", None
    except click.exceptions.Exit:
        return ACCOUNT, shown.getvalue(), None
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return TRACEBACK, traceback.format_exc(), None
    finally:
        os.chdir(here)
    return ACCOUNT, "", None


# ---- judging


def events_of(log: Interactions, roles: tuple[str, ...]) -> Counter[tuple[Any, ...]]:
    """How often each event is used, as values of these roles."""
    frame = log.frame().rename({"user_id": "user", "item_id": "item"})
    return Counter(tuple(_plain(role, row[role]) for role in roles) for row in frame.to_dicts())


def _plain(role: str, value: Any) -> Any:
    if role == "time":
        return int(value)
    return float(value) if role == "weight" else str(value)


def _true(events: list[Event], roles: tuple[str, ...]) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(_plain(role, event[role]) for role in roles) for event in events)


def roles_of(log: Interactions, events: list[Event]) -> tuple[str, ...]:
    """The roles that both a log and true events have."""
    have = {"user", "item"}
    have |= {"time"} if log.times is not None else set()
    have |= {"weight"} if log.weights is not None else set()
    have |= {"event"} if log.event_types is not None else set()
    return tuple(role for role in events[0] if role in have)


def _judged(log: Interactions, source: Source) -> tuple[str, str, bool]:
    account = log.account
    if account is None or account.used != len(log):
        return LOST, f"used {account and account.used}, but the log has {len(log)}", False
    if account.read != account.used + sum(account.set_aside.values()):
        return LOST, "the account does not add up", False
    if source.rows is not None and account.read != source.rows:
        return LOST, f"the source has {source.rows} rows, the account {account.read}", False
    if not source.known or not source.events:
        return ACCOUNT, "", False
    roles = roles_of(log, source.events)
    used, true = events_of(log, roles), _true(source.events, roles)
    if source.repeats:
        used = Counter(dict.fromkeys(used, 1))
    strays = used - true
    if sum(strays.values()) <= source.odd:
        return ACCOUNT, "", False
    told = told_of(log)
    shown = f"strays {list(strays.items())[:3]}; set aside {dict(account.set_aside)}; told {told}"
    if not told - usual(source.shape):
        return SILENT, shown, True
    return ACCOUNT, shown, True


def told_of(log: Interactions) -> set[str]:
    """Remarks without their numbers, and the codes of what the checks find."""
    assert log.account is not None
    remarks = {re.sub(r"[0-9][0-9,]*", "N", remark) for remark in log.account.remarks}
    unused = {f"not used: {column}" for column in log.account.other_columns}
    return remarks | unused | {found.code for found in diagnose(log)}


@lru_cache
def usual(shape: str) -> set[str]:
    """What is told of sources that are not damaged says nothing of a damage."""
    told: set[str] = set()
    for seed in range(8):
        with tempfile.TemporaryDirectory() as place:
            source = source_of(shape, Random(seed), Path(place))
            with contextlib.suppress(SpadeworkError):
                told |= told_of(read_interactions(str(source.write(Path(place))), **source.options))
    return told
