"""The rows of one partition as a log, read by the rules of files. What the whole decides (the unit
of times, whether weights are used) is given, so that no part decides it in another way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import polars as pl

from spadework.arrays import Codes
from spadework.data.interactions import Interactions
from spadework.data.ordering import by_user_time_arrival
from spadework.data.reading.rows.checked_rows import CheckedColumns
from spadework.data.reading.rows.sorted_log import sorted_log
from spadework.data.reading.set_aside import Ledger
from spadework.data.reading.values.clocks import Clock, filled, in_unit
from spadework.data.reading.values.identifiers import clean_ids
from spadework.data.reading.values.numbers import read_weights
from spadework.data.unwanted import Unwanted
from spadework.data.vocabulary import Vocabulary

_TYPES: dict[str | None, type[np.floating[Any]] | None] = {
    None: None,
    "single": np.float32,
    "double": np.float64,
}
_POLARS_UNITS = {"ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass(frozen=True, kw_only=True)
class PartPlan:
    """What to do with the rows of every part."""

    roles: tuple[str, ...]  # columns of a part that are used
    names: dict[str, str]  # role → column, for sentences
    time_scale: int | None  # units a second of whole numbers; None: positions
    weight_type: Literal["single", "double"] | None
    keep_duplicates: bool
    net_returns: bool


def log_of_part(frame: pl.DataFrame, plan: PartPlan) -> tuple[Interactions, dict[str, int]]:
    """The log of all rows of some users, and how many rows were set aside for which reason.

    `frame` has columns by role. Rows come in any order; the log is the same. O(rows · log rows).
    """
    frame = in_one_order(frame.select([role for role in plan.roles if role in frame.columns]))
    ledger = Ledger(frame.height)
    users = clean_ids(frame["user"], "user", plan.names["user"], ledger)
    clock = _clock(frame["time"], plan, ledger) if "time" in frame.columns else None
    weights = None
    if "weight" in frame.columns:
        weights = read_weights(
            frame["weight"], plan.names["weight"], ledger, keep_returns=plan.net_returns
        )
    rows = CheckedColumns(
        users=users,
        items=frame["item"],
        clock=clock,
        weights=weights,
        baskets=frame["basket"] if "basket" in frame.columns else None,
        events=frame["event"] if "event" in frame.columns else None,
    )
    log, aside = sorted_log(
        rows.kept(ledger.used()),
        ledger,
        plan.names.get("weight", ""),
        keep_duplicates=plan.keep_duplicates,
        weight_type=_TYPES[plan.weight_type],
    )
    more = {reason: len(places) for reason, places in aside.items()}
    return log, {**ledger.totals(), **more}


def in_one_order(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows in an order that does not depend on how they came, as far as it matters for rows of
    one user and time: by `order` where it is there, then by item, then by all other columns.
    """
    others = [name for name in frame.columns if name not in ("user", "time", "item", "order")]
    keys = [name for name in ("order", "item") if name in frame.columns] + others
    if keys != ["item"]:
        return frame.sort(keys, nulls_last=True).drop("order", strict=False)
    codes = frame["item"].to_numpy()
    if not len(codes):
        return frame
    if frame.width == 2 and (pairs := _ordered_pairs(frame["user"], codes)) is not None:
        return pairs
    order = by_user_time_arrival(codes, None, int(codes.max()) + 1)  # a sort by counting
    return frame.with_columns(
        item=pl.Series(order.users),
        **{name: order.take(frame[name]) for name in frame.columns if name != "item"},
    )


def _ordered_pairs(users: pl.Series, items: Codes) -> pl.DataFrame | None:
    """Rows of nothing but a user and an item, by both: one sort of numbers that hold both. None
    where users are no numbers, or too far apart. Within a user rows come by item, as they must;
    that users ascend, too, spares the next sort.
    """
    if not users.dtype.is_signed_integer() or users.null_count():
        return None
    bits = int(items.max()).bit_length()
    low, high = int(users.min()), int(users.max())  # type: ignore[arg-type]
    if (high - low).bit_length() + bits > 63:
        return None
    keys = users.to_numpy().astype(np.int64)
    keys -= low
    keys <<= bits
    keys |= items
    keys.sort()
    ordered = (keys >> bits) + low
    keys &= (1 << bits) - 1
    return pl.DataFrame(
        {"user": pl.Series(ordered).cast(users.dtype), "item": pl.Series(keys.astype(np.int32))}
    )


def _clock(column: pl.Series, plan: PartPlan, ledger: Ledger) -> Clock:
    dtype = column.dtype
    if isinstance(dtype, pl.Datetime):
        values, present = filled(column.to_physical(), ledger)
        return in_unit(values, present, _POLARS_UNITS[dtype.time_unit], ledger)
    if dtype == pl.Date:
        values, present = filled(column.to_physical().cast(pl.Int64), ledger)
        return in_unit(values * 86_400, present, 1, ledger)
    values, present = filled(column.cast(pl.Int64), ledger)
    if plan.time_scale is None:
        return Clock(values, None, False)
    return in_unit(values, present, plan.time_scale, ledger)


def item_codes(log: Interactions) -> Codes:
    """The codes among all items of the items of a part, of which they are the ids. Shape
    [items of the part], ascending.
    """
    return log.item_vocabulary.ids.to_numpy().astype(np.int32)


def with_ids(log: Interactions, items: Vocabulary) -> Interactions:
    """The log of a part with the ids of items in place of their codes among all `items`; rows of
    items beyond these are left out. Users stay as they are.
    """
    codes = item_codes(log)
    known = codes < len(items)
    if not known.all():
        log = log.where(known[log.items])
    unwanted = log.unwanted
    if unwanted is not None:
        there = (unwanted.items < len(items)).to_numpy()
        unwanted = Unwanted.of(
            unwanted.users.filter(pl.Series(there)),
            items.take(unwanted.items.to_numpy()[there]),
            None if unwanted.times is None else unwanted.times[there],
        )
    ids = Vocabulary(items.take(codes[known]))  # unknown ones are the last
    return replace(log, item_vocabulary=ids, returns=None, unwanted=unwanted)
