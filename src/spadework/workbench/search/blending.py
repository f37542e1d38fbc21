"""The mixtures that are worth a trial once single models were tried: the best settings of the best
families together.
"""

from __future__ import annotations

from collections.abc import Sequence

from spadework.evaluation.trial import Protocol, Score
from spadework.models.base import Recommender
from spadework.models.baskets.purchases import READ_PURCHASES
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
"""How mixtures cut their train log, by the split that judges them: they learn from the same type of
target that they are judged on.
"""
PRIORS = 2
"""Number of models that are tried with personal popularity as their prior."""


def mixtures(
    validation: Sequence[Score], protocol: Protocol, *, most: int = 3
) -> list[Recommender]:
    """Mixtures of the best settings of the `most` best families, to be tried on the span of the
    scores.

    For the best two, three, … families a blend by scaled scores; of all of them a blend with
    learned weights and a second stage. None where fewer than two families have a finished score.
    Where items of the history may be repeated, the best models that do not count own purchases get
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
    """The same from pairs of a setting and its mean."""
    families = best_of_families(found)
    chosen = families[:most]
    if len(chosen) < 2:
        return []
    cut = _CUTS.get(protocol.split.name, "auto")
    all_parts = text_of(chosen)
    made = [model("blend", parts=text_of(chosen[:count])) for count in range(2, len(chosen) + 1)]
    made += [
        model("blend", parts=all_parts, how="learned", cut=cut),
        model("boosted", parts=all_parts, cut=cut),
    ]
    if protocol.repeats != "forbid":
        without_own_items = [
            setting
            for setting in families
            if setting.family not in READ_PURCHASES and not isinstance(setting, Popular)
        ]
        made += [
            model("prior", parts=setting.label, cut=cut) for setting in without_own_items[:PRIORS]
        ]
    return made


def best_of_families(found: Sequence[tuple[Recommender, float]]) -> list[Recommender]:
    """The best setting of each family, the best family first; ties go to the one tried first.
    Random lists and mixtures are left out.
    """
    best: dict[str, tuple[float, Recommender]] = {}
    for setting, mean in found:
        if isinstance(setting, Mixture | Random):
            continue
        earlier = best.get(setting.family)
        if earlier is None or mean > earlier[0]:
            best[setting.family] = (mean, setting)
    return [setting for _, setting in sorted(best.values(), key=lambda pair: -pair[0])]
