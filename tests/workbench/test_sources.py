"""What a recipe reads and predicts."""

from __future__ import annotations

import pytest

from makers import DAY, START, make_log
from spadework import events
from spadework.data.worlds.worlds import worlds
from spadework.errors import BadRequest, UnknownName, Unsuitable
from spadework.workbench.recipe import make
from spadework.workbench.recipe_texts import command_of, from_settings
from spadework.workbench.sources import choose_split, read_for, target_of

EVENT_TYPES = ["view", "view", "buy", "view"]


@pytest.fixture(scope="module")
def shop():
    """Ten users, twelve events each over twelve days; every third is a purchase or so."""
    numbers = range(120)
    return make_log(
        [f"u{n % 10}" for n in numbers],
        [n % 7 for n in numbers],
        [START + n * DAY // 10 for n in numbers],
        event_types=[EVENT_TYPES[n // 10 % 4] for n in numbers],
    )


@pytest.mark.parametrize(
    "name", ["auto", "by_time", "last_item", "last_basket", "strong", "random"]
)
def test_the_target_is_expected_in_both_cuts(name, shop):
    split = choose_split(shop, make({"split": name, "target": "buy", "test": 0.3, "valid": 0.3}))
    assert split is not None
    assert split.valid is not None
    for part in (split, split.valid):
        assert len(part.expected)
        assert part.expected.is_event_type("buy").all()
        assert part.target == "buy"
        assert not part.train.is_event_type("buy").all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dislikes": ["view"]}, "'view' is among the dislikes, which are never predicted."),
        ({"events": ["buy"]}, "'view' is not among the events: buy."),
    ],
)
def test_a_target_of_which_the_recipe_leaves_no_row_is_refused(shop, settings, message):
    with pytest.raises(BadRequest) as caught:
        choose_split(shop, make({"target": "view", **settings}))
    assert caught.value.message == f"The target {message}"


def test_the_target_is_the_recipes_else_the_first_of_the_events_else_all_types(shop):
    assert target_of(shop, make({"target": "view", "events": ["buy", "view"]})) == "view"
    assert target_of(shop, make({"events": ["buy", "view"]})) == "buy"
    assert target_of(shop, make({"events": ["view", "buy"]})) == "view"
    notes: list[str] = []

    class Listener:
        def note(self, text: str) -> None:
            notes.append(text)

    with events.listening(Listener()):
        assert target_of(shop, make({})) is None
    assert notes == ["all event types are predicted: buy, view; name one with target"]


def test_a_log_of_one_event_type_is_cut_as_one_without(tmp_path):
    rows = "user,item,timestamp,event\n" + "".join(
        f"u{n % 5},{n % 7},{START + n * DAY},{EVENT_TYPES[n % 4]}\n" for n in range(60)
    )
    path = tmp_path / "log.csv"
    path.write_text(rows)
    recipe = make({"source": str(path), "events": ["view"], "split": "last_item"})
    log, _ = read_for(recipe, str(path), None)
    split = choose_split(log, recipe)
    assert (split.target, split.left_out) == (None, 0)
    both = make({"source": str(path), "events": ["buy", "view"], "split": "last_item"})
    log, _ = read_for(both, str(path), None)
    assert choose_split(log, both).expected.is_event_type("buy").all()


@pytest.mark.parametrize("name", list(worlds))
def test_a_world_has_its_own_target(name, world):
    made = world(name)
    split = choose_split(made.log, make({"source": f"world:{name}"}))
    assert split.target == made.target
    assert made.target is None or split.expected.is_event_type(made.target).all()


def test_a_target_that_is_not_there_is_refused_before_any_cut(shop):
    with pytest.raises(UnknownName, match="There is no event type named 'bui'"):
        choose_split(shop, make({"target": "bui"}))
    with pytest.raises(Unsuitable, match="but the log has no event types"):
        choose_split(make_log(["a", "a"], [1, 2]), make({"target": "buy"}))


def test_a_target_can_be_set_on_the_command_line():
    recipe = make(from_settings(["target=7"]))
    assert recipe.target == "7"
    assert "--set target=7" in command_of(recipe)
