"""The list of a customer without a history: best sellers of late, where the run found that these
predict better, else of all time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from spadework import events
from spadework.arrays import Array, Codes
from spadework.data.interactions import Interactions
from spadework.data.joins import join
from spadework.errors import SpadeworkError
from spadework.json_values import as_map, as_text, maps
from spadework.kernels.ranking import top_k
from spadework.models.base import Recommender
from spadework.models.labels import model
from spadework.models.recommendations import Recommendations
from spadework.workbench.answers.service import Service
from spadework.workbench.run import Run
from spadework.workbench.storage import run_files

FINDING = "TIME-1"


@dataclass(frozen=True, eq=False)
class BestSellers:
    """The items that customers without a history get, best first."""

    items: Codes  # [items] that may be recommended
    scores: Array  # [items] float32: events; below 0 where an item did not sell of late
    says: str  # which best sellers these are, and why


def best_sellers(
    service: Service,
    fitted: Recommender,
    candidates: pl.Series | None,
    log: Interactions | None = None,
) -> BestSellers:
    """Best sellers of late where the run found that these predict better, else of all time. Where
    too few items sold of late, those of all time follow, with scores below 0. `log` is the run's
    own, where it was read already.
    """
    window, says = _window(service.run)
    ever = fitted.state["popularity"].astype(np.float64)
    scores = ever
    if window is not None:
        try:
            scores = _of_late(service.histories() if log is None else log, fitted, window)
        except (SpadeworkError, OSError) as error:
            why = error.message if isinstance(error, SpadeworkError) else str(error)
            says, window = f"the log cannot be read again: {why}", None
    span = f"the last {window}" if window is not None else "all time"
    allowed = np.ones(len(scores), np.bool_)
    if candidates is not None:
        allowed[:] = False
        allowed[fitted.item_vocabulary.codes(candidates)] = True
    behind = np.where(ever > 0, -1 / (1 + ever), -np.inf)
    ranked = np.where(allowed, np.where(scores > 0, scores, behind), -np.inf).astype(np.float32)
    best = top_k.order_of(ranked)
    return BestSellers(best, ranked[best], f"the best sellers of {span}: {says}")


def newcomers(
    service: Service, fitted: Recommender, k: int, candidates: pl.Series | None
) -> pl.DataFrame:
    """One list: user_id (null), item_id, score (events), rank. A note says which best sellers these
    are, and why.
    """
    found = best_sellers(service, fitted, candidates)
    events.note(f"A customer without a history gets {found.says}")
    best = found.items[:k]
    return pl.DataFrame(
        {
            "user_id": pl.Series([None] * len(best), dtype=fitted.item_vocabulary.ids.dtype),
            "item_id": fitted.item_vocabulary.take(best),
            "score": pl.Series(found.scores[:k], dtype=pl.Float32),
            "rank": pl.Series(np.arange(1, len(best) + 1), dtype=pl.Int32),
        }
    )


def with_newcomers(
    lists: Recommendations, log: Interactions, found: BestSellers
) -> Recommendations:
    """The lists, in which users without an event in the log get best sellers, but for what they
    must not be shown.
    """
    is_new = np.diff(log.starts)[lists.users] == 0
    users, items, scores = lists.users[is_new], lists.items.copy(), lists.scores.copy()
    unwanted = None if log.unwanted is None else log.unwanted.of_users(log, users)
    for row, user in zip(np.flatnonzero(is_new), users, strict=True):
        most = lists.k + (0 if unwanted is None else len(unwanted[int(user)]))
        best, their = found.items[:most], found.scores[:most]
        if unwanted is not None:
            shown = ~np.isin(best, unwanted[int(user)])
            best, their = best[shown][: lists.k], their[shown][: lists.k]
        items[row], scores[row] = -1, -np.inf
        items[row, : len(best)], scores[row, : len(best)] = best, their
    return replace(lists, items=items, scores=scores)


def _window(run: Run | None) -> tuple[str | None, str]:
    """The window of recent best sellers that the run found to be better, and the reason."""
    if run is None:
        return None, "a saved model knows no findings; name the run for more."
    found = run_files.contents(run.folder, run_files.FINDINGS).value
    finding = next((one for one in maps(found) if one.get("code") == FINDING), None)
    if finding is None:
        return None, f"the run has no finding {FINDING}."
    window = as_text(as_map(finding.get("patch")).get("window")) or None
    better = finding.get("level") in ("strong", "weak") and (finding.get("effect") or 0) > 0
    return (window if better else None), f"{FINDING}: {as_text(finding.get('says'))}"


def _of_late(log: Interactions, fitted: Recommender, window: str) -> Array:
    """Events of each item of a model in the last window of the run's log."""
    popular = model("popular", window=window).fit(log)
    joined = join(
        fitted.item_vocabulary.ids,
        log.item_vocabulary,
        what="item",
        here="the model",
        there="the log",
    )
    found = popular.state["scores"].astype(np.float64)
    return np.where(joined.codes >= 0, found[joined.codes], 0.0)
