"""Which mixtures are proposed after validation: of the best of each family, in order, cut as the
evaluation cuts.
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
    return [trial(one, protocol) for one in named], protocol


def pairs(scores, protocol):
    """Settings and what each reached."""
    return [
        (model(one.model, **one.params), one.means(protocol.judged)[protocol.primary])
        for one in scores
        if one.state == "done"
    ]


def test_families_are_told_apart():
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


def test_each_family_sends_its_best_and_the_best_family_comes_first(validated):
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
    assert {one.name for one in chosen} == {chosen[0].name, "popular", chosen[1].name}
    assert sorted((means[one.label] for one in chosen), reverse=True) == [
        means[one.label] for one in chosen
    ]


def test_the_mixtures_are_of_the_best_two_and_three_and_can_be_tried(validated):
    scores, protocol = validated
    found = mixtures(scores, protocol)
    assert [one.name for one in found] == ["blend", "blend", "blend", "boosted", "prior", "prior"]
    assert [len(one.models) for one in found[:4]] == [2, 3, 3, 3]
    assert [one.parts for one in found[4:]] == [
        one.label for one in best_of_families(pairs(scores, protocol)) if one.name != "popular"
    ]
    assert {one.cut for one in found[2:]} == {"time"}
    assert [trial(one, protocol).state for one in found] == ["done"] * 6


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
        one.name for one in mixtures(scores, replace(protocol, repeats="forbid"))
    }
