"""Effects of each choice in the sweep, with paired intervals, over the users of the first rung."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from spadework import formatting
from spadework.arrays import Array
from spadework.evaluation import statistics
from spadework.evaluation.entries import Entry
from spadework.evaluation.trial import Protocol
from spadework.models.base import Recommender
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.workbench.search.design import Design, Factor
from spadework.workbench.search.judgement import Judgement
from spadework.workbench.search.sweep import Sweep


def effects(sweep: Sweep) -> list[dict[str, Any]]:
    """Main effects of the core and of single changes outside it, the largest first.

    The effect of a level is the mean, over all settings of the other factors, of its values less
    those of the factor's first level, user by user.
    """
    rows: list[dict[str, Any]] = []
    columns: list[Array] = []
    for row, column in [*_main(sweep.design, sweep.first), *_single(sweep)]:
        rows.append(row)
        columns.append(column)
    if not rows:
        return []
    values = np.column_stack(columns)
    low, high = statistics.interval(statistics.bootstrap(values, sweep.protocol.seed))
    for at, row in enumerate(rows):
        row |= {
            "effect": float(np.nanmean(values[:, at])),
            "interval": [float(low[at]), float(high[at])],
            "users": len(values),
        }
    return sorted(rows, key=lambda row: -abs(row["effect"]))


def heat(sweep: Sweep) -> dict[str, Any] | None:
    """The highest mean of the deciding metric, by the first factor (rows) and up to two more
    (columns).

    Every setting of the first rung belongs to the cell of its levels, also outside the core, so all
    cells are of the same users. A setting with none of a factor's levels belongs to no cell.
    """
    factors = sweep.design.factors
    names = [factor.name for factor in factors]
    across = [names.index(name) for name in ("order", "history", "users") if name in names][:2]
    shown = [_Levels(factors[at]) for at in (0, *across)]
    cells: dict[tuple[int, ...], Judgement] = {}
    for found in sweep.first.values():
        cell = tuple(levels.of(found.setting) for levels in shown)
        if (
            found.reason is None
            and -1 not in cell
            and (cell not in cells or cells[cell].mean < found.mean)
        ):
            cells[cell] = found
    if not cells:
        return None
    columns = sorted({key[1:] for key in cells})
    rows = range(len(factors[0].levels))

    def matrix(show: Callable[[Judgement], Any]) -> list[list[Any]]:
        return [
            [show(cells[(row, *column)]) if (row, *column) in cells else None for column in columns]
            for row in rows
        ]

    return {
        "rows": [level.description for level in factors[0].levels],
        "columns": [
            ", ".join(
                factors[at].levels[level].description
                for at, level in zip(across, column, strict=True)
            )
            for column in columns
        ],
        "row_title": factors[0].name,
        "column_title": " and ".join(names[at] for at in across),
        "values": matrix(lambda found: found.mean),
        "settings": matrix(lambda found: found.setting.label),
        "users": len(sweep.rungs[0]),
        "metric": (
            f"{sweep.protocol.primary}, validation, "
            f"{formatting.count(len(sweep.rungs[0]), 'user')}, the best that a setting of the cell "
            "reached"
        ),
    }


class _Levels:
    """The parameters of each level of a factor, with defaults for those of other levels."""

    def __init__(self, factor: Factor) -> None:
        names = list(dict.fromkeys(name for level in factor.levels for name in level.settings))
        self._params = [
            {name: CoOccurrence(**level.settings).params[name] for name in names}
            for level in factor.levels
        ]

    def of(self, setting: Recommender) -> int:
        """The level of a setting; −1 where it has none of them."""
        params = setting.params
        return next(
            (
                at
                for at, level in enumerate(self._params)
                if all(params[name] == value for name, value in level.items())
            ),
            -1,
        )


def entries(judged: Mapping[str, Judgement], protocol: Protocol, shown: set[str]) -> list[Entry]:
    """One entry for each setting that is not in `shown`, with its number of users, as in
    `validation` of the JSON.
    """
    results = [result for label, result in judged.items() if label not in shown]
    intervals: dict[int, tuple[float, float]] = {}
    for size in {len(result.rows) for result in results}:
        group = [result for result in results if len(result.rows) == size and result.reason is None]
        if group:
            low, high = statistics.interval(
                statistics.bootstrap(
                    np.column_stack([result.values for result in group]), protocol.seed, 400
                )
            )
            intervals |= {
                id(result): (float(low[at]), float(high[at])) for at, result in enumerate(group)
            }
    return [
        Entry(
            model=result.setting.name,
            label=result.setting.label,
            params=result.setting.params,
            metrics={protocol.primary: result.mean} if result.reason is None else {},
            interval=intervals.get(id(result)),
            fit_seconds=result.score.fit_seconds,
            recommend_seconds=result.score.recommend_seconds,
            state=result.score.state,
            reason=result.reason,
            users=len(result.rows),
        )
        for result in results
    ]


def _main(design: Design, first: Mapping[str, Judgement]) -> list[tuple[dict[str, Any], Array]]:
    by_levels = {
        levels: first[setting.label]
        for levels, setting in zip(design.combinations(), design.core(), strict=True)
        if setting.label in first and first[setting.label].reason is None
    }
    found = []
    for at, factor in enumerate(design.factors):
        for level in range(1, len(factor.levels)):
            pairs = [
                (by_levels[(*levels[:at], 0, *levels[at + 1 :])], result)
                for levels, result in by_levels.items()
                if levels[at] == level and (*levels[:at], 0, *levels[at + 1 :]) in by_levels
            ]
            if pairs:
                found.append(_effect(factor, level, pairs))
    return found


def _effect(
    factor: Factor, level: int, pairs: list[tuple[Judgement, Judgement]]
) -> tuple[dict[str, Any], Array]:
    base = np.mean([plain.values for plain, _ in pairs], axis=0)
    value = np.mean([changed.values for _, changed in pairs], axis=0)
    what = f"{factor.levels[level].description}, instead of {factor.levels[0].description}"
    model = f"{len(pairs)} pairs of settings" if len(pairs) > 1 else pairs[0][1].setting.label
    row = {
        "what": what,
        "kind": factor.name,
        "model": model,
        "pairs": len(pairs),
        "base": float(np.nanmean(base)),
        "value": float(np.nanmean(value)),
    }
    return row, value - base


def _single(sweep: Sweep) -> list[tuple[dict[str, Any], Array]]:
    """Settings outside the core that differ from one of the core in one parameter; of equal
    changes, the one with the better base.
    """
    done = {label: result for label, result in sweep.first.items() if result.reason is None}
    core = [
        (done[setting.label], setting.params)
        for setting in sweep.design.core()
        if setting.label in done
    ]
    found: dict[str, tuple[dict[str, Any], Array]] = {}
    for other in sweep.design.others():
        if other.label not in done:
            continue
        result = done[other.label]
        params = result.setting.params
        for base, base_params in core:
            changed = [name for name, value in params.items() if value != base_params[name]]
            if len(changed) == 1:
                name = changed[0]
                what = formatting.changed(name, params[name], base_params[name])
                row = {
                    "what": what,
                    "kind": name,
                    "model": result.setting.label,
                    "pairs": 1,
                    "base": base.mean,
                    "value": result.mean,
                }
                if what not in found or found[what][0]["base"] < base.mean:
                    found[what] = (row, result.values - base.values)
                break
    return list(found.values())
