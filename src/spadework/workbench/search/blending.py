"""Which mixtures are worth a trial once single models have been tried: the best configurations of
the best families together.
"""

from __future__ import annotations

from collections.abc import Sequence

from spadework.evaluation.trial import Protocol, Score
from spadework.models.base import Recommender
from spadework.models.baskets.basket_neighbours import UserNeighbours
from spadework.models.baskets.personal import OwnItems
from spadework.models.ensemble.inner_holdout import Cut
from spadework.models.ensemble.mixture import Mixture
from spadework.models.labels import model, text_of
from spadework.models.popular import Popular, Random

_CUTS: dict[str, Cut] = {
    "by_time": "time",
    "last_item": "last",
    "last_basket": "last",
    "random": "random",
}
"""How mixtures cut their train log, by the split that judges them: what they learn is then of the
kind that they are asked.
"""
PRIORS = 2
"""Models that are tried with personal popularity as their prior."""


def mixtures(
    validation: Sequence[Score], protocol: Protocol, *, most: int = 3
) -> list[Recommender]:
    """Mixtures of the best configurations of the `most` best families, to be tried on the span that
    the scores are from.

    For the best two, three, … families a blend by scaled scores; of all of them a blend with
    learned weights and a second stage. None where fewer than two families have a finished score.
    Where items of the history may come back, the best models that do not count own purchases get
    personal popularity as their prior. The best by the primary metric is chosen on the validation
    span, never on the test span. O(scores).
    """
    finished = [score for score in validation if score.state == "done"]
    found = [
        (model(score.model, **score.params), score.means(protocol.judged)[protocol.primary])
        for score in finished
    ]
    return mixtures_of(found, protocol, most=most)


def mixtures_of(
    found: Sequence[tuple[Recommender, float]], protocol: Protocol, *, most: int = 3
) -> list[Recommender]:
    """The same from settings and what each reached."""
    families = best_of_families(found)
    chosen = families[:most]
    if len(chosen) < 2:
        return []
    cut = _CUTS.get(protocol.split.name, "auto")
    everything = text_of(chosen)
    made = [model("blend", parts=text_of(chosen[:count])) for count in range(2, len(chosen) + 1)]
    made += [
        model("blend", parts=everything, how="learned", cut=cut),
        model("boosted", parts=everything, cut=cut),
    ]
    if protocol.repeats != "forbid":
        blind = [
            one for one in families if not isinstance(one, OwnItems | UserNeighbours | Popular)
        ]
        made += [model("prior", parts=one.label, cut=cut) for one in blind[:PRIORS]]
    return made


def best_of_families(found: Sequence[tuple[Recommender, float]]) -> list[Recommender]:
    """The best setting of each family, the best family first; ties go to the one tried first.
    Neither chance nor a mixture is one.
    """
    best: dict[str, tuple[float, Recommender]] = {}
    for one, mean in found:
        if isinstance(one, Mixture | Random):
            continue
        held = best.get(one.family)
        if held is None or mean > held[0]:
            best[one.family] = (mean, one)
    return [one for _, one in sorted(best.values(), key=lambda pair: -pair[0])]
