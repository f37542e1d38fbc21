"""The mixtures that are proposed after validation: of the best of each family, in order, with the
evaluation's way of cutting.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from spadework.data import splitting
from spadework.evaluation.trial import Protocol, trial
from spadework.models.catalogue import catalogue
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.labels import model
from spadework.workbench.search.blending import best_of_families, mixtures


@pytest.fixture(scope="module")
def validated(world):
    split = splitting.by_time(world("order").log, test="14d", valid="14d")
    protocol = Protocol.of(split.valid, metrics=["ndcg@10"])
    named = [
        model("random"),
        model("popular"),
        model("popular", window="7d"),
        model("cosine"),
        model("forward", history=0.5),
        model("forward"),
        model("vmis-knn"),
        model("v-sknn"),
        model("blend"),
        model("content"),
    ]
    return [trial(setting, protocol) for setting in named], protocol


def pairs(scores, protocol):
    """Pairs of a setting and its mean."""
    return [
        (model(score.model, **score.params), score.means(protocol.judged)[protocol.primary])
        for score in scores
        if score.state == "done"
    ]


def test_families_are_kept_apart():
    families = {name: cls.family for name, cls in catalogue().items()}
    assert families["forward"] == families["cooccurrence"] == "cooccurrence"
    assert families["v-sknn"] == families["vmis-knn"]
    assert families["mrf"] == families["slim"] == families["sansa"]
    assert families["ease"] == families["cease"]
    for name in (
        "popular",
        "content",
        "cross-occurrence",
        "popular_by_category",
        "ease",
        "forward-ridge",
        "elsa",
        "ials",
        "gf-cf",
    ):
        assert families[name] == name


def test_the_best_of_each_family_with_the_best_family_first(validated):
    scores, protocol = validated
    chosen = best_of_families(pairs(scores, protocol))
    means = {
        score.label: score.means(protocol.judged)[protocol.primary]
        for score in scores
        if score.state == "done"
    }
    assert isinstance(chosen[0], CoOccurrence)
    assert chosen[0].label == max(
        ("cosine", "forward", "forward(history=0.5)"), key=means.__getitem__
    )
    assert {setting.name for setting in chosen} == {chosen[0].name, "popular", chosen[1].name}
    assert sorted((means[setting.label] for setting in chosen), reverse=True) == [
        means[setting.label] for setting in chosen
    ]


def test_the_mixtures_are_of_the_best_two_and_three_and_can_be_tried(validated):
    scores, protocol = validated
    found = mixtures(scores, protocol)
    assert [setting.name for setting in found] == [
        "blend",
        "blend",
        "blend",
        "boosted",
        "prior",
        "prior",
    ]
    assert [len(setting.models) for setting in found[:4]] == [2, 3, 3, 3]
    assert [setting.parts for setting in found[4:]] == [
        setting.label
        for setting in best_of_families(pairs(scores, protocol))
        if setting.name != "popular"
    ]
    assert {setting.cut for setting in found[2:]} == {"time"}
    assert [trial(setting, protocol).state for setting in found] == ["done"] * 6


def test_one_family_makes_no_mixture(validated):
    scores, protocol = validated
    assert (
        mixtures(
            [
                score
                for score in scores
                if score.model in ("forward", "cosine", "random", "content")
            ],
            protocol,
        )
        == []
    )
    assert mixtures([], protocol) == []
    assert len(mixtures(scores, protocol, most=2)) == 5


def test_a_prior_is_tried_only_where_items_may_come_back(validated):
    scores, protocol = validated
    assert "prior" not in {
        setting.name for setting in mixtures(scores, replace(protocol, repeats="forbid"))
    }
