"""Laws of every metric under every dialect, against the definitions written out for one user at a
time.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
from makers import START, make_log
from spadework.data.interactions import Interactions
from spadework.data.splitting import Split
from spadework.errors import BadRequest, UnknownName
from spadework.evaluation.dialects import dialects
from spadework.evaluation.entries import Entry
from spadework.evaluation.metrics import measure, metric, metrics, parse
from spadework.evaluation.trial import LIST_METRICS
from spadework.evaluation.truth import Truth
from spadework.models.neural.validation import validation_metrics
from spadework.workbench.search.board_parts import with_lists

ITEMS = 9
every_metric = pytest.mark.parametrize("name", list(metrics))
every_dialect = pytest.mark.parametrize("dialect", list(dialects))


def log_of(pairs, users, weights=None):
    """Rows (user, item) in a log whose codes are the numbers themselves."""
    every = make_log(
        [u for u in range(users) for _ in range(ITEMS)],
        [i for _ in range(users) for i in range(ITEMS)],
    )
    rows = [user * ITEMS + item for user, item in pairs]
    assert rows == sorted(rows)
    return Interactions(
        users=every.users[rows],
        items=every.items[rows],
        weights=None if weights is None else np.asarray(weights, np.float32),
        user_vocabulary=every.user_vocabulary,
        item_vocabulary=every.item_vocabulary,
    )


def truth_of(expected, seen=(), train=((0, 0),), weights=None):
    """A truth from pairs in order; `train` are the events of all users before."""
    users = 1 + max(user for user, _ in [*expected, *seen, *train])
    parts = {
        "train": log_of(train, users),
        "given": log_of(seen, users),
        "expected": log_of(expected, users, weights),
    }
    return Truth.of(Split(**parts, name="made", description="made"))


def definition(name, shown, gains, seen, popularity, user_counts, train_users, head, k, dialect):
    """The value of one metric for one user, from its definition; None for metrics of all lists."""
    targets, capped = set(gains), dialect.recall == "capped"
    slots = list(shown[:k])

    def mean(values):
        return sum(values) / len(values) if values else 0.0

    return {
        "recall": lambda: oracles.recall(shown, targets, k, capped=capped),
        "precision": lambda: oracles.precision(shown, targets, k),
        "hitrate": lambda: oracles.hitrate(shown, targets, k),
        "mrr": lambda: oracles.mrr(shown, targets, k),
        "map": lambda: oracles.average_precision(shown, targets, k, capped=capped),
        "ndcg": lambda: oracles.ndcg(shown, gains, k, ideal=dialect.ideal, graded=dialect.graded),
        "popularity": lambda: mean([popularity[item] for item in slots]),
        "tail": lambda: mean([float(item not in head) for item in slots]),
        "novelty": lambda: mean(
            [-np.log2(min(max(user_counts[item], 0.5) / train_users, 1.0)) for item in slots]
        ),
        "repeats": lambda: len([item for item in slots if item in seen]) / k,
    }.get(name, lambda: None)()


@st.composite
def judgements(draw):
    """Users with targets, gains, histories and lists of up to six items."""
    users = draw(st.integers(1, 4))
    subsets = st.sets(st.integers(0, ITEMS - 1), max_size=6)
    targets = [
        sorted(draw(st.sets(st.integers(0, ITEMS - 1), min_size=1, max_size=7)))
        for _ in range(users)
    ]
    gains = [
        draw(st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=len(t), max_size=len(t)))
        for t in targets
    ]
    seen = [sorted(draw(subsets)) for _ in range(users)]
    lists = [draw(st.permutations(range(ITEMS)))[: draw(st.integers(0, 6))] for _ in range(users)]
    train = draw(
        st.lists(
            st.tuples(st.integers(0, users - 1), st.integers(0, ITEMS - 1)), min_size=1, max_size=20
        )
    )
    return targets, gains, seen, lists, sorted(train)


def padded(lists, k):
    return np.asarray([(list(row) + [-1] * k)[:k] for row in lists], np.int32)


def pairs(rows):
    return [(user, item) for user, row in enumerate(rows) for item in row]


@given(made=judgements(), k=st.integers(1, 6))
def test_metric_is_its_definition(made, k):
    """All metrics in all dialects, on each example."""
    targets, gains, seen, lists, train = made
    truth = truth_of(pairs(targets), pairs(seen), train, [gain for row in gains for gain in row])
    assert truth.users.tolist() == list(range(len(targets)))
    counts = np.bincount([item for _, item in train], minlength=ITEMS)
    user_counts = np.bincount([item for _, item in set(train)], minlength=ITEMS)
    head, held = set(), 0
    for item in sorted(range(ITEMS), key=lambda i: (-counts[i], i)):
        if held >= 0.2 * counts.sum() or not counts[item]:
            break
        head.add(item)
        held += counts[item]
    worths = [dict(zip(*row, strict=True)) for row in zip(targets, gains, strict=True)]
    train_users = len({u for u, _ in train})
    parsed = {name: parse(f"{name}@{k}") for name in metrics}
    for dialect in dialects.values():
        values = measure(padded(lists, 6), truth, list(parsed.values()), dialect)
        for name, entry in metrics.items():
            value = values[parsed[name].name]
            if not entry.per_user:
                assert isinstance(value, float)
                continue
            assert value.shape == (len(targets),)
            assert value.dtype == np.float32
            for user, found in enumerate(value):
                expected = definition(
                    name,
                    list(lists[user]),
                    worths[user],
                    set(seen[user]),
                    counts,
                    user_counts,
                    train_users,
                    head,
                    k,
                    dialect,
                )
                assert expected is not None, f"write the definition of {name} here"
                assert found == pytest.approx(expected, abs=1e-6), f"{name}, {dialect.name}"


@every_metric
def test_every_metric_is_described(name):
    assert metrics[name].description.endswith(".")


@every_dialect
def test_every_dialect_has_its_origin(dialect):
    assert dialects[dialect].name == dialect
    assert dialects[dialect].description


@given(made=judgements())
def test_accuracy_lies_between_zero_and_one_and_an_ideal_list_is_best(made):
    """All metrics of accuracy in all dialects, on each example."""
    targets, gains, _, lists, train = made
    truth = truth_of(pairs(targets), (), train, [gain for row in gains for gain in row])
    parsed = [parse(f"{name}@6") for name, entry in metrics.items() if entry.accuracy]
    ideal_lists = [
        [item for _, item in sorted(zip(g, t, strict=True), reverse=True)]
        for t, g in zip(targets, gains, strict=True)
    ]
    nothing = np.full((len(targets), 6), -1, np.int32)
    for dialect in dialects.values():
        found, ideal, none = (
            measure(shown, truth, parsed, dialect)
            for shown in (padded(lists, 6), padded(ideal_lists, 6), nothing)
        )
        for name in (one.name for one in parsed):
            within = (found[name] >= 0) & (found[name] <= ideal[name] + 1e-6)
            assert within.all() or dialect.ideal == "hits", f"{name}, {dialect.name}"
            assert (ideal[name] <= 1 + 1e-6).all(), f"{name}, {dialect.name}"
            assert (none[name] == 0).all(), "empty lists have the value 0"


@given(made=judgements(), seed=st.integers(0, 1000))
def test_the_metrics_of_an_epoch_are_those_of_the_board(made, seed):
    """Networks compute theirs a layer below, which cannot import the board's."""
    targets, _, _, _, train = made
    rng = np.random.default_rng(seed)
    lists = np.asarray([rng.permutation(ITEMS)[:6] for _ in targets], np.int32)
    counts = np.bincount([item for _, item in train], minlength=ITEMS)
    doubled = [np.asarray(own + own[:1], np.int32) for own in targets]  # the same item twice
    found = validation_metrics(lists, doubled, counts)
    truth = truth_of(pairs(targets), (), train)
    board = measure(lists, truth, [parse("ndcg@6")], dialects["lightgcn"])
    assert found.ndcg == pytest.approx(float(np.mean(board["ndcg@6"])), abs=1e-6)
    assert found.coverage == len(np.unique(lists)) / ITEMS


def test_coverage_and_gini_by_hand():
    truth = truth_of([(0, 0), (1, 1)], train=[(0, 0), (0, 1), (1, 2), (1, 3)])
    # item 8 is not in train, so it covers nothing
    lists = np.asarray([[0, 1, 8], [0, 2, -1]], np.int32)
    found = measure(lists, truth, [parse("coverage@3"), parse("gini@3")], dialects["lightgcn"])
    assert found["coverage@3"] == pytest.approx(3 / 4)
    assert found["gini@3"] == pytest.approx(oracles.gini([2, 1, 1, 0]))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12))
def test_gini_is_half_the_mean_absolute_difference_over_the_mean(counts):
    from spadework.evaluation.metrics import gini_of

    assert gini_of(np.asarray(counts)) == pytest.approx(oracles.gini(counts))


def test_equal_scores_get_the_value_of_the_order_of_ties():
    """All scores equal: the list is the lowest codes, so recall is the share of targets among them,
    exactly.
    """
    rng = np.random.default_rng(0)
    targets = [sorted(rng.choice(ITEMS, 2, replace=False).tolist()) for _ in range(500)]
    truth = truth_of(pairs(targets))
    from spadework.kernels.ranking.top_k import top_k

    lists, _ = top_k(np.zeros((500, ITEMS), np.float32), 3)
    found = measure(lists, truth, [parse("recall@3")], dialects["lightgcn"])["recall@3"]
    assert found.mean() == pytest.approx(np.mean([len({0, 1, 2} & set(t)) / 2 for t in targets]))
    assert abs(found.mean() - 3 / ITEMS) < 0.05, "and where targets are even, that is chance"


def test_shorter_lists_than_k_are_padded_with_misses():
    truth = truth_of([(0, 1)])
    found = measure(
        np.asarray([[1, 2]], np.int32),
        truth,
        [parse("precision@4"), parse("ndcg@4")],
        dialects["lightgcn"],
    )
    assert found["precision@4"].tolist() == [0.25]
    assert found["ndcg@4"].tolist() == [1.0]


# ---- debiased targets


@given(st.lists(st.integers(0, ITEMS - 1), min_size=3, max_size=60), st.integers(0, 5))
def test_debiased_targets_are_capped_and_the_same_for_every_model(items, seed):
    truth = truth_of(sorted(set(enumerate(items))))
    counts = np.bincount(truth.items, minlength=ITEMS)
    low, high = np.quantile(counts[counts > 0], [0.25, 0.75])
    cap = max(int(high + 1.5 * (high - low)), 1)
    thinned = truth.debiased(seed)
    np.testing.assert_array_equal(
        np.bincount(thinned.items, minlength=ITEMS), np.minimum(counts, cap)
    )
    np.testing.assert_array_equal(thinned.items, truth.debiased(seed).items)
    assert thinned.users is truth.users


def test_users_left_without_targets_have_no_debiased_value():
    truth = truth_of([(u, 0) for u in range(20)] + [(20, 1), (21, 2), (22, 3), (23, 4)])
    lists = np.tile(np.arange(5, dtype=np.int32), (24, 1))
    found = measure(
        lists, truth, [parse("recall@5"), parse("debiased_recall@5")], dialects["lightgcn"]
    )
    assert (found["recall@5"] == 1).all()
    left = ~np.isnan(found["debiased_recall@5"])
    assert left.sum() == 5
    assert (found["debiased_recall@5"][left] == 1).all()


# ---- names


@pytest.mark.parametrize(
    ("written", "name"),
    [("NDCG@10", "ndcg@10"), (" Recall@20 ", "recall@20"), ("debiased_map@5", "debiased_map@5")]
)  # fmt: skip
def test_names_as_users_write_them(written, name):
    assert parse(written).name == name


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("ndcg", "The metric 'ndcg' cannot be understood."),
        ("ndcg@0", "The metric 'ndcg@0' cannot be understood."),
        ("ndcg@-1", "The metric 'ndcg@-1' cannot be understood."),
        ("@10", "The metric '@10' cannot be understood."),
        ("ndgc@10", "There is no metric named 'ndgc'."),
        ("debiased_coverage@10", "The metric 'coverage' has no debiased version."),
    ],
)  # fmt: skip
def test_names_that_cannot_be_understood_are_refused(written, message):
    with pytest.raises(BadRequest) as caught:
        parse(written)
    assert caught.value.message == message
    assert caught.value.hint


def test_gains_are_the_largest_weight_of_the_targets_events():
    log = make_log(["a"] * 3, ["x", "x", "y"], [START] * 3, weights=[1, 3, 2])
    truth = Truth.of(Split(train=log, given=log, expected=log, name="made", description="made"))
    assert truth.items.tolist() == [0, 1]
    assert truth.gains.tolist() == [3, 2]
    assert isinstance(log.frame(), pl.DataFrame)


def test_a_name_may_hold_digits():
    with pytest.raises(UnknownName, match="There is no metric named 'f1'"):
        parse("f1@10")
    with pytest.raises(BadRequest, match="cannot be understood"):
        parse("1f@10")


def test_a_metric_of_lists_is_reported_and_recognised_by_itself():
    assert {parse(name).metric.name for name in LIST_METRICS} == {
        name for name, entry in metrics.items() if not entry.accuracy
    }

    def newcomer(judged):
        """For this test."""
        return np.zeros(len(judged.lists), np.float32)

    metric(accuracy=False)(newcomer)
    try:
        entry_with_lists = with_lists(
            Entry(
                model="m",
                label="m",
                metrics={
                    "newcomer@10": 0.0,
                    "ndcg@10": 0.5,
                    "debiased_recall@10": 0.5,
                    "novel_recall@10": 0.1,
                },
            )
        )
        assert set(entry_with_lists.lists) == {"newcomer@10"}
    finally:
        del metrics._entries["newcomer"]
