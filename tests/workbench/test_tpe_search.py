"""The search near the best: proposals lie in its space, and a failed one counts as failed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from makers import make_log, random_rows
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.workbench.search.tpe_search import Search, space

FORWARD = {
    "weight": "power",
    "left_power": 0.7,
    "right_power": 0.3,
    "distance": "inverse",
    "backward": 0.5,
    "history": 0.7,
}


def protocol(*, timed: bool = True, seed: int = 0):
    users, items, times = random_rows(1)
    return SimpleNamespace(
        seed=seed, split=SimpleNamespace(train=make_log(users, items, times if timed else None))
    )


def seen(**settings):
    return [
        (CoOccurrence(**(FORWARD | settings)), 0.3),
        (CoOccurrence(weight="cosine"), 0.2),
        (CoOccurrence(), 0.1),
    ]


def labels(models) -> list[str]:
    return [model.label for model in models]


def test_proposals_lie_in_the_space_and_keep_what_is_not_searched():
    known = seen(max_distance=5)
    search = Search(protocol(), known, with_content=True)
    bounds = space([setting for setting, _ in known], timed=True, with_content=True)
    proposed = [setting for _ in range(5) for setting in search.propose(6)]
    assert len(set(labels(proposed))) > 20
    for setting in proposed:
        assert setting.max_distance == 5
        assert setting.weight in ("power",)
        assert all(0 <= power <= 1 for power in (setting.left_power, setting.right_power))
        assert 0.5 <= setting.history <= 1
        assert setting.content_cold in bounds["content_cold"].choices
        setting.check_weight()


def test_values_outside_the_usual_choices_become_choices():
    known = seen(age_half_life="49d", keep=123)
    bounds = space([setting for setting, _ in known], timed=True, with_content=False)
    assert "49d" in bounds["age_half_life"].choices
    assert 123 in bounds["keep"].choices
    assert len(Search(protocol(), known, with_content=False).propose(6)) > 1


@pytest.mark.parametrize("weight", ["llr", "lift", "ppmi"])
def test_a_weight_of_whole_counts_is_left_for_one_that_takes_decay(weight):
    search = Search(protocol(), [(CoOccurrence(weight=weight), 0.3)], with_content=False)
    for setting in search.propose(8):
        setting.check_weight()


def test_a_log_without_times_gets_no_proposal_about_time():
    log = protocol(timed=False)
    search = Search(
        log, [(CoOccurrence(weight="cosine"), 0.3), (CoOccurrence(), 0.1)], with_content=False
    )
    for setting in search.propose(8):
        setting.check_needs(log.split.train, None)


def test_equal_seeds_propose_the_same():
    def proposals(seed):
        search = Search(protocol(seed=seed), seen(), with_content=False)
        first = search.propose(6)
        search.learn({setting.label: 0.1 + at / 100 for at, setting in enumerate(first)})
        return labels(first) + labels(search.propose(6))

    assert proposals(1) == proposals(1)
    assert proposals(1) != proposals(2)


def test_proposals_without_a_number_count_as_failed_and_the_search_goes_on():
    search = Search(protocol(), seen(), with_content=False)
    first = search.propose(6)
    search.learn({first[0].label: 0.4})
    states = [trial.state.name for trial in search._study.trials]
    assert states.count("FAIL") == len(first) - 1
    assert len(search.propose(6)) > 1


def test_proposals_move_towards_good_settings():
    known = seen()
    search = Search(protocol(), known, with_content=False)
    for _ in range(8):
        found = search.propose(6)
        search.learn({setting.label: setting.left_power for setting in found})
    late = [setting.left_power for setting in search.propose(6)]
    assert sum(late) / len(late) > 0.75, (
        "a power of 1 is best here, and random proposals would have half of it"
    )


def test_nothing_seen_means_nothing_proposed():
    assert Search(protocol(), [], with_content=False).propose(6) == []
