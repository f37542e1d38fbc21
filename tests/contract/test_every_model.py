"""Laws of every model in the catalogue, found there, and of a model that this file adds: being
there is being tested.
"""

from __future__ import annotations

import copy
import gc
import itertools
import pickle
import weakref
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import numpy as np
import polars as pl
import pytest

from makers import START, content_of, make_log, random_rows
from spadework.artifacts import artifact
from spadework.data import splitting
from spadework.data.interactions import Interactions
from spadework.errors import BadRequest, NotFitted, Unsuitable
from spadework.evaluation import statistics
from spadework.evaluation.scoreboard import scoreboard
from spadework.kernels import parallel
from spadework.models.base import Recommender, models
from spadework.models.baskets.purchases import READ_PURCHASES, Baskets
from spadework.models.catalogue import catalogue
from spadework.models.ensemble.mixture import MixtureScorer
from spadework.models.histories import Histories
from spadework.models.labels import model
from spadework.models.needs import REPEATS
from spadework.models.parameters import Doc, Range
from spadework.models.scorer import ByFunction, HasRows, best_of
from spadework.ragged import SparseRows

NEWCOMER = "longest_name"
NAMES = [*catalogue(), NEWCOMER]
CASES = [(name, {}) for name in NAMES] + [
    (name, cls.variants()[-1]) for name, cls in catalogue().items() if len(cls.variants()) > 1
]
every_case = pytest.mark.parametrize(
    ("name", "params"),
    [
        pytest.param(
            name,
            params,
            id=f"{name}-{'variant' if params else 'default'}",
            marks=pytest.mark.slow if name != NEWCOMER and catalogue()[name].neural else (),
        )
        for name, params in CASES
    ],
)
every_name = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module", autouse=True)
def newcomer() -> Iterator[None]:
    """A model as a user would write one; it leaves the registry with this module."""

    class LongestName(Recommender):
        """Items by their number of events, with random ties."""

        name = NEWCOMER
        shrink: Annotated[float, Range(0.0, 10.0), Doc("Added to every count.")] = 1.0

        def _fit(
            self, train: Interactions, content: Any, rng: np.random.Generator
        ) -> Mapping[str, np.ndarray]:
            return {"counts": train.item_counts + self.shrink, "tie": rng.random(train.item_count)}

        def _score(self, histories: Histories) -> np.ndarray:
            return np.tile(
                (self.state["counts"] + self.state["tie"] / 10).astype(np.float32),
                (len(histories), 1),
            )

    yield
    del models._entries[NEWCOMER]


def event_types_of(rows: int) -> list[str]:
    """Three rows in five are views; other models treat all rows equally."""
    return np.random.default_rng(9).choice(["view", "purchase"], rows, p=[0.6, 0.4]).tolist()


def log_of(users: list[Any], items: list[Any], times: list[int]) -> Interactions:
    """A log with event types, which some models need."""
    return make_log(users, items, times, event_types=event_types_of(len(users)))


@pytest.fixture(scope="module")
def shop() -> Interactions:
    """The small shop, with event types."""
    return log_of(*random_rows(1))


@pytest.fixture(scope="module")
def shelves(shop) -> Any:
    """Categories and titles of its items."""
    return content_of(shop)


@pytest.fixture(scope="module")
def fitted(shop, shelves):
    """A fitted model of the small shop, made once a case."""
    made: dict[str, Recommender] = {}

    def get(name: str, params: dict[str, Any]) -> Recommender:
        one = model(name, **params)
        if one.label not in made:
            made[one.label] = one.fit(shop, shelves)
        return made[one.label]

    return get


def same_state(one: Recommender, other: Recommender) -> bool:
    return one.state.keys() == other.state.keys() and all(
        one.state[key].tobytes() == other.state[key].tobytes() for key in one.state
    )


def own_items(log: Interactions) -> list[set[int]]:
    return [
        set(log.items[log.starts[u] : log.starts[u + 1]].tolist()) for u in range(log.user_count)
    ]


# ---- parameters


@every_case
def test_parameters_round_trip(name, params):
    one = model(name, **params)
    assert model(name, **one.params).params == one.params
    assert model(name, **one.params) == one
    assert hash(model(name, **one.params)) == hash(one)
    for key, value in params.items():
        assert one.params[key] == value


@every_name
def test_parameters_are_frozen_and_documented_and_parsed_from_text(name):
    one = model(name)
    for parameter in one.parameters().values():
        assert parameter.doc.endswith("."), f"{name}.{parameter.name} has no description"
        assert parameter.parse(str(getattr(one, parameter.name)), name) == getattr(
            one, parameter.name
        )
        with pytest.raises(AttributeError):
            setattr(one, parameter.name, getattr(one, parameter.name))


@every_name
def test_a_bad_value_is_named_with_its_range(name):
    for parameter in model(name).parameters().values():
        with pytest.raises(BadRequest, match=f"Parameter '{parameter.name}' of '{name}' is "):
            model(name, **{parameter.name: object()})
        if parameter.range:
            outside = parameter.value_type(parameter.range.high + 1)
            expected = f"outside {parameter.range.low:g} … {parameter.range.high:g}"
            with pytest.raises(BadRequest) as caught:
                model(name, **{parameter.name: outside})
            assert expected in caught.value.message
        if parameter.choices:
            with pytest.raises(BadRequest, match="which is not a choice") as caught:
                model(name, **{parameter.name: parameter.choices[0] + "x"})
            assert f"Did you mean {parameter.choices[0]!r}?" in caught.value.hint


@every_name
def test_an_unknown_parameter_is_named_with_the_nearest(name):
    known = list(model(name).parameters())
    with pytest.raises(BadRequest) as caught:
        model(name, **{(known[0] if known else "parameter") + "s": 1})
    assert (
        caught.value.message
        == f"The model {name!r} has no parameter {(known[0] if known else 'parameter') + 's'!r}."
    )
    assert (
        f"Did you mean {known[0]!r}?" in caught.value.hint
        if known
        else caught.value.hint == "Parameters: none."
    )


@every_name
def test_variants_are_distinct_valid_and_begin_with_the_defaults(name):
    variants = catalogue()[name].variants()
    doubles = [
        cls for cls in catalogue()[name].__subclasses__() if cls().params == model(name).params
    ]
    assert variants[0] == {} or doubles, "the defaults come first, unless another name has them"
    labels = [model(name, **params).label for params in variants]
    assert len(set(labels)) == len(labels)


@every_name
def test_has_a_description(name):
    assert (catalogue()[name].__doc__ or "").strip().endswith((".", ")"))


# ---- learning


@every_case
def test_input_arrays_are_untouched(name, params, shop, shelves):
    before = {column: getattr(shop, column).tobytes() for column in ("users", "items", "times")}
    fingerprint = shop.fingerprint, shelves.fingerprint
    model(name, **params).fit(shop, shelves).recommend(shop, 5)
    assert {column: getattr(shop, column).tobytes() for column in before} == before
    assert (shop.fingerprint, shelves.fingerprint) == fingerprint


@every_case
def test_refit_equals_fresh_fit(name, params, fitted, shop, shelves):
    other_rows = random_rows(2, users=9, items=12, rows=80)
    other = log_of(*other_rows)
    used = model(name, **params).fit(other, content_of(other)).fit(shop, shelves)
    assert same_state(used, fitted(name, params))
    assert used.item_vocabulary == shop.item_vocabulary


@every_case
def test_same_seed_same_bytes_whatever_the_number_of_threads(name, params, shop, shelves):
    """Of networks with the same number of threads: PyTorch shares sums among them."""
    models = []
    for threads in (1, 1) if model(name).neural else (1, 2):
        with parallel.using(threads):
            models.append(model(name, **params).fit(shop, shelves, rng=7))
    assert same_state(*models)
    assert models[0] == models[1]


@every_case
def test_row_order_does_not_matter(name, params, fitted):
    users, items, times = random_rows(1)
    order = np.random.default_rng(5).permutation(len(users))
    event_types = event_types_of(len(users))
    shuffled = make_log(
        *([column[r] for r in order] for column in (users, items, times)),
        event_types=[event_types[r] for r in order],
    )
    assert same_state(
        model(name, **params).fit(shuffled, content_of(shuffled)), fitted(name, params)
    )


@every_case
def test_names_of_ids_do_not_matter(name, params, fitted, shop):
    users, items, times = random_rows(1)
    renamed = log_of([int(u[1:]) * 3 + 10 for u in users], ["the " + i for i in items], times)
    other = model(name, **params).fit(renamed, content_of(renamed))
    assert same_state(other, fitted(name, params))
    np.testing.assert_array_equal(
        other.recommend(renamed, 6).items, fitted(name, params).recommend(shop, 6).items
    )


@every_case
def test_saved_and_loaded_it_gives_the_same_lists_and_parameters(
    name, params, fitted, shop, tmp_path
):
    one = fitted(name, params)
    two = artifact.load(artifact.save(one, tmp_path / "model"))
    assert two.params == one.params
    assert two == one
    mine, theirs = one.recommend(shop, 8), two.recommend(shop, 8)
    assert mine.frame().equals(theirs.frame())


@every_case
def test_learned_arrays_cannot_be_changed(name, params, fitted):
    for array in fitted(name, params).state.values():
        assert not array.flags.writeable


@every_name
def test_unfitted_refuses(name, shop):
    one = model(name)
    with pytest.raises(NotFitted, match="has not learned yet"):
        one.recommend(shop)
    with pytest.raises(NotFitted):
        one.item_vocabulary  # noqa: B018


@every_name
def test_an_empty_log_is_refused(name, shop, shelves):
    empty = shop.where(np.zeros(len(shop), np.bool_))
    with pytest.raises(Unsuitable, match="cannot learn from an empty log"):
        model(name).fit(empty, shelves)


@every_case
def test_what_it_needs_is_refused_by_name(name, params, shop):
    users, items, _ = random_rows(1)
    bare = make_log(users, items)
    one = model(name, **params)
    if one.required():
        missing = sorted(one.required())[0]
        with pytest.raises(Unsuitable, match=f"needs {missing}, and there are none"):
            one.fit(bare, None)
    else:
        assert len(one.fit(bare, None).recommend(bare, 3)) == bare.user_count


@pytest.mark.slow
@every_case
def test_cost_is_positive_and_memory_within_a_sane_factor(name, params, world):
    one = model(name, **params)
    made = world("crossed" if "events" in one.required() else "content")
    cost = one.cost(made.log)
    assert cost.seconds > 0
    assert cost.bytes > 0
    one.fit(made.log, made.content)
    held = sum(array.nbytes for array in one.state.values())
    assert cost.bytes >= held / 3, "estimates less than a third of what it holds"
    assert cost.bytes <= 200 * max(held, 2**20), "estimates far too much"


# ---- answering


@every_case
def test_batch_equals_one_by_one(name, params, fitted, shop):
    batch = fitted(name, params).recommend(shop, 5)
    for row, user in enumerate(batch.users):
        single = fitted(name, params).recommend_codes(shop, 5, users=np.asarray([user]))
        np.testing.assert_array_equal(single.items[0], batch.items[row])
        np.testing.assert_array_equal(single.scores[0], batch.scores[row])


@every_case
def test_cells_are_those_of_all_scores_to_the_bit(name, params, fitted, shop):
    scorer, histories = scorer_and_histories(fitted(name, params), shop)
    scores = scorer.scores(histories)
    assert scores.dtype == np.float32
    targets = np.random.default_rng(0).random(scores.shape) < 0.3
    targets[1] = False
    starts = np.concatenate(([0], np.cumsum(targets.sum(axis=1)))).astype(np.int64)
    cells = SparseRows(starts, np.nonzero(targets)[1].astype(np.int32), np.empty(0, np.float32))
    found = scorer.cells(histories, cells)
    assert found.dtype == np.float32
    assert found.tobytes() == scores[targets].tobytes()


@every_case
@pytest.mark.parametrize("repeats", REPEATS)
def test_lists_are_the_top_of_all_scores(name, params, fitted, shop, repeats):
    scorer, histories = scorer_and_histories(fitted(name, params), shop)
    allowed = np.arange(shop.item_count) % 3 != 1
    for mask in (None, allowed):
        lists, best = scorer.lists(histories, 5, repeats, mask)
        scores = scorer.scores(histories).copy()
        if isinstance(scorer, MixtureScorer) and (repeats != "allow" or mask is not None):
            # it scales its parts by what they propose, so scores are those of longer lists
            longest = scorer.lists(histories, shop.item_count, repeats, mask)
            scores = scores_of(*longest, shop.item_count)
        expected = best_of(scores, histories, 5, repeats, mask)
        assert lists.tobytes() == expected[0].tobytes()
        assert np.asarray(best, np.float32).tobytes() == expected[1].tobytes()


@every_case
def test_a_scorer_says_what_it_holds_and_fits_its_own_arrays(name, params, fitted, shop):
    one = fitted(name, params)
    assert one.scorer is one.scorer or name == NEWCOMER, "made once"
    assert one.scorer.row_cells(5) > 0
    assert one.check_state(one.state, shop.item_count) is None
    assert one.check_state(one.state, shop.item_count + 1) is not None


@every_case
def test_a_model_and_what_answers_for_it_are_in_no_circle(name, params, fitted):
    """Else its tables would wait for the collector of circles to be freed."""
    one = fitted(name, params).sharing()
    freed = weakref.ref(one)
    gc.disable()
    try:
        del one
        assert freed() is None
    finally:
        gc.enable()


UNREAD = {"curve"}
"""Arrays that no answer reads."""
ANY_TYPE = {"popularity", "users", "kinds"}
"""Arrays that numpy alone reads, whatever their type; `kinds` is a text, of any shape."""

ANY_WIDTH = {"elsa", "gf-cf"}
"""Models whose vectors of items may have any width above zero: nothing else is as wide."""


def broken(key: str, array: np.ndarray) -> Iterator[np.ndarray]:
    """The array in shapes and types that were not learned."""
    if key == "kinds":
        return
    yield np.zeros((), array.dtype)
    yield array[None]
    yield from (array[:0], array[:1], array[:-1], np.concatenate([array, array[:1]]))
    if array.ndim == 2:
        yield from (array[:, :0], array[:, :-1], np.hstack([array, array[:, :1]]))
    if array.dtype.kind in "iu" and key not in ANY_TYPE:
        yield array.astype(np.float64)
        yield array.astype(np.uint64 if array.dtype.kind == "i" else np.int64)


@every_case
def test_arrays_of_another_shape_or_type_are_refused_before_anything_reads_them(
    name, params, fitted, shop
):
    """A kernel would read beyond their ends."""
    one = fitted(name, params)
    read = {path: path.split("/")[-1] for path in one.state if path not in UNREAD}
    if name == NEWCOMER:
        read = {"popularity": "popularity"}
    for path, key in read.items():
        array = one.state[path]
        for other in broken(key, array):
            if other.shape == array.shape and other.dtype == array.dtype:
                continue
            if (
                key == "vectors"
                and name in ANY_WIDTH
                and other.ndim == 2
                and other[:, :1].shape == array[:, :1].shape
            ):
                continue
            fault = one.check_state({**one.state, path: other}, shop.item_count)
            assert fault, f"{path}: {other.dtype} {other.shape} instead of {array.dtype}"
        without = {other: value for other, value in one.state.items() if other != path}
        assert one.check_state(without, shop.item_count), f"{path} is missing"


@every_case
def test_a_copy_and_a_pickle_answer_the_same(name, params, fitted, shop):
    one = fitted(name, params)
    expected = one.recommend(shop, 5)
    copies = [copy.deepcopy(one)]
    if name != NEWCOMER:  # a class within a function has no address
        copies.append(pickle.loads(pickle.dumps(one)))
    for other in copies:
        assert other == one
        assert other.recommend(shop, 5).frame().equals(expected.frame())


@every_case
def test_families_that_read_purchases_are_listed(name, params, fitted):
    one = fitted(name, params)
    assert (one.family in READ_PURCHASES) == isinstance(one.scorer.reader, Baskets)


def test_a_class_without_a_way_to_answer_is_refused_when_it_is_made():
    with pytest.raises(TypeError, match="Mute has neither _score nor _serve"):

        class Mute(Recommender):
            """Learns and is silent."""

            name = "mute"

            def _fit(self, train: Interactions, content: Any, rng: Any) -> Mapping[str, Any]:
                return {}

    assert "mute" not in models


@pytest.mark.parametrize("shape", [(1, 3), (2, 4), (2,), ()])
def test_scores_of_another_shape_reach_no_kernel(shape):
    scorer = ByFunction(lambda histories: np.zeros(shape), 3)
    histories = Histories.bag(np.asarray([0], np.int32)).take(np.asarray([0, 0]))
    with pytest.raises(BadRequest, match="for 2 users and 3 items"):
        scorer.lists(histories, 2, "allow", None)


@every_case
def test_rows_are_there_where_a_model_says_so(name, params, fitted, shop):
    one = fitted(name, params)
    if not isinstance(one.scorer, MixtureScorer):
        assert isinstance(one.scorer, HasRows) == one.has_similarities


def scores_of(lists, best, items):
    """Scores [users, items] of what stands in the lists; −∞ for all else."""
    scores = np.full((len(lists), items), -np.inf, np.float32)
    rows, slots = np.nonzero(lists >= 0)
    scores[rows, lists[rows, slots]] = best[rows, slots]
    return scores


def scorer_and_histories(one, log):
    """What answers, and what it reads of all users."""
    known = one._in_own_codes(log)
    return one.scorer, one.scorer.reader.read(known, known.active_users)


@every_case
def test_it_knows_before_fitting_whether_it_has_similar_items(name, params, fitted, shop):
    one, item = fitted(name, params), shop.item_vocabulary.ids[1]
    if one.has_similarities:
        found = one.similar_items([item], 3)
        assert found.items.shape == (1, 3)
        assert found.filled == 0
    else:
        with pytest.raises(Unsuitable, match="similarity of items"):
            one.similar_items([item], 3)
    heard_less = "weights" in one.state  # a part with similarities may turn out to weigh nothing
    assert model(name, **params).has_similarities == one.has_similarities or heard_less


@every_case
def test_others_in_the_log_do_not_change_ones_list(name, params, fitted, shop):
    alone = shop.of_user_codes(np.asarray([3]))
    expected = fitted(name, params).recommend_codes(shop, 5, users=np.asarray([3]))
    np.testing.assert_array_equal(fitted(name, params).recommend(alone, 5).items, expected.items)


@every_case
def test_lists_are_well_formed(name, params, fitted, shop):
    for k, repeats, fill in itertools.product([1, 5, 500], REPEATS, [True, False]):
        check_lists(fitted(name, params), shop, k, repeats, fill)


def check_lists(one, shop, k, repeats, fill):
    lists = one.recommend(shop, k, repeats=repeats, fill=fill)
    assert lists.items.shape == lists.scores.shape == (shop.user_count, k)
    for shown, scores, own in zip(lists.items, lists.scores, own_items(shop), strict=True):
        real = shown >= 0
        assert (np.diff(real.astype(int)) <= 0).all(), "padding only after real items"
        assert np.isneginf(scores[~real]).all()
        assert np.isfinite(scores[real]).all()
        assert (np.diff(scores[real]) <= 0).all(), "scores descend"
        items = shown[real].tolist()
        assert len(set(items)) == len(items), "each item once"
        if repeats == "forbid":
            assert not set(items) & own
        if repeats == "only":
            assert set(items) <= own
        if fill:
            wanted = {
                "forbid": shop.item_count - len(own),
                "only": len(own),
                "allow": shop.item_count,
            }[repeats]
            assert len(items) == min(k, wanted), (
                "with filling, every slot that may hold an item holds one"
            )
    assert lists.filled == 0 or fill


@every_case
def test_candidates_are_respected(name, params, fitted, shop):
    chosen = shop.item_vocabulary.ids.gather([1, 4, 5])
    candidates = pl.concat([chosen, pl.Series(["never heard of"])])
    lists = fitted(name, params).recommend(shop, 10, candidates=candidates)
    assert set(lists.items[lists.items >= 0].tolist()) == {1, 4, 5}
    with pytest.raises(
        BadRequest, match=r"None of the item ids of the candidates is in .*'never heard of'"
    ):
        fitted(name, params).recommend(shop, 10, candidates=pl.Series(["never heard of"]))
    lists = fitted(name, params).recommend(shop, 10, candidates=chosen, exclude=chosen[:1])
    assert set(lists.items[lists.items >= 0].tolist()) == {4, 5}


@every_case
def test_empty_histories_and_unknown_items_are_answered(name, params, fitted, shop):
    one = fitted(name, params)
    nothing = shop.where(np.zeros(len(shop), np.bool_))
    assert len(one.recommend(nothing, 3)) == 0
    newcomers = one.recommend_codes(nothing, 3, users=np.asarray([0, 5]))
    assert (newcomers.items >= 0).all(), "a user without history gets what is popular"
    popular = set(np.argsort(-shop.item_counts, kind="stable")[:3].tolist())
    if name != "random":
        assert set(newcomers.items[0].tolist()) == popular
    strangers = make_log(["new"] * 3, ["x", "y", "i001"], [START, START + 1, START + 2])
    known = make_log(["new"], ["i001"], [START])
    np.testing.assert_array_equal(one.recommend(strangers, 4).items, one.recommend(known, 4).items)
    unknown = make_log(["new"], ["x"], [START])
    assert (one.recommend_codes(unknown, 3, users=np.asarray([0])).items >= 0).all()


@every_case
def test_the_smallest_logs_are_answered(name, params):
    """One user, one item, one event."""
    for users, items in (["aaa", "xyx"], ["abc", "xxx"], ["a", "x"]):
        log = log_of(list(users), list(items), [START + n for n in range(len(users))])
        one = model(name, **params).fit(log, content_of(log))
        for repeats in REPEATS:
            lists = one.recommend(log, 5, repeats=repeats)
            assert lists.items.shape == (log.user_count, 5)
        assert (one.recommend(log, 5).items[:, 0] >= 0).all()
        assert one.recommend(log, 5).frame().columns == ["user_id", "item_id", "score", "rank"]


@pytest.mark.parametrize("k", [0, -1, 1.0, "3", True, None])
def test_a_bad_k_is_refused(k, fitted, shop):
    with pytest.raises(BadRequest, match="which is not a whole number above zero"):
        fitted("popular", {}).recommend(shop, k)


def test_a_bad_policy_of_repeats_is_refused_with_the_nearest(fitted, shop):
    with pytest.raises(BadRequest) as caught:
        fitted("popular", {}).recommend(shop, repeats="forbidden")
    assert (
        str(caught.value)
        == "repeats is 'forbidden'.\nDid you mean 'forbid'? Choices: forbid, allow, only."
    )


# ---- worlds whose answer is known


def board_of(made, names, *, repeats="auto"):
    split = splitting.by_time(made.log, test="14d")
    board = scoreboard(
        [model(n, **p) for n, p in names],
        split,
        metrics=["recall@10"],
        content=made.content,
        repeats=repeats,
    )
    assert not [score.reason for score in board.scores if score.state == "failed"]
    return board


def gap(board, better: str, worse: str) -> statistics.Difference:
    rows = board.protocol.truth.has_history
    values = {score.label: score.values["recall@10"][rows] for score in board.done}
    return statistics.differences(np.column_stack([values[worse], values[better]]), 0, seed=0)[1]


def none_beats(board, label: str) -> None:
    """No model is better than that one by more than chance explains, with as many comparisons as
    there are models.
    """
    rows = board.protocol.truth.has_history
    values = np.column_stack([score.values["recall@10"][rows] for score in board.done])
    base = [score.label for score in board.done].index(label)
    for score, found in zip(board.done, statistics.differences(values, base, seed=0), strict=True):
        assert found.low <= 0 or found.p_holm > 0.01, (
            f"{score.label} claims to have learned what is not there"
        )


def test_neighbours_beat_popularity_on_the_checkerboard(world):
    assert (
        gap(
            board_of(world("checkerboard"), [("popular", {}), ("cosine", {})]), "cosine", "popular"
        ).low
        > 0
    )


READ_ORDER = (
    "forward",
    "forward-ridge",
    "cooccurrence",
    "v-sknn",
    "vmis-knn",
    "association-rules",
    "sequential-rules",
    "blend",
    "boosted",
    "transformer",
)  # sessions that share the last items hold the next one too; a mixture has parts that read order


@pytest.mark.parametrize(
    "other",
    [
        n
        for n, cls in catalogue().items()
        if n not in READ_ORDER and not cls.needs & {"content", "categories", "events"}
    ],
)
def test_direction_wins_where_order_is_all(world, other):
    assert gap(board_of(world("order"), [("forward", {}), (other, {})]), "forward", other).low > 0


def test_what_is_popular_now_wins_in_a_trend(world):
    board = board_of(
        world("trend"),
        [("popular", {}), ("popular", {"window": "7d"}), ("popular", {"half_life": "7d"})],
    )
    assert gap(board, "popular(window=7d)", "popular").low > 0
    assert gap(board, "popular(half_life=7d)", "popular").low > 0


@pytest.mark.parametrize("better", ["popular_by_category", "content"])
def test_categories_carry_over_where_items_are_rare(world, better):
    assert (
        gap(board_of(world("content"), [("popular", {}), (better, {})]), better, "popular").low > 0
    )


def test_own_items_are_recommended_where_users_repeat(world):
    board = board_of(world("repeats"), [("popular", {}), ("cosine", {})], repeats="allow")
    assert gap(board, "cosine", "popular").low > 0


@pytest.mark.slow
def test_nothing_is_better_than_popularity_where_popularity_is_all(world):
    board = board_of(world("popularity"), [(name, {}) for name in catalogue()])
    none_beats(board, "popular")


@pytest.mark.slow
def test_no_model_is_better_than_chance_in_noise(world):
    board = board_of(world("noise"), [(name, {}) for name in catalogue()], repeats="forbid")
    none_beats(board, "random")
