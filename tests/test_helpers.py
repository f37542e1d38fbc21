"""The small things that every floor leans on: spans of time, shelves, named generators, progress,
limits, errors.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spadework import durations, errors, events
from spadework.arrays import distinct, frozen
from spadework.errors import (
    BadRequest,
    MissingExtra,
    OutOfMemory,
    OutOfTime,
    SpadeworkError,
    UnknownName,
    nearest,
)
from spadework.limits import Limits, available_bytes, resident_bytes
from spadework.randomness import generator
from spadework.registry import Registry


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7d", 604_800), ("12 h", 43_200), ("5 min", 300), ("1h30m", 5400), ("2 weeks", 1_209_600),
     (" 10S ", 10), ("0.5d", 43_200), ("1 day 2 h", 93_600)],
)  # fmt: skip
def test_spans_as_people_write_them(text, seconds):
    assert durations.seconds(text) == seconds


@pytest.mark.parametrize("text", ["7", "d", "7 x", "-7d", "7d!", "1e3s", "d7", "0s", "", "  "])
def test_spans_that_nobody_can_read_are_refused(text):
    with pytest.raises(BadRequest) as caught:
        durations.seconds(text, "window")
    assert caught.value.message.startswith(f"The window {text!r} ")
    assert caught.value.hint == "Write the window with a unit, such as 60s, 10m, 12h, 7d or 2w."


@pytest.mark.parametrize(
    ("span", "words"),
    [(0.44, "0.4 s"), (12, "12 s"), (200, "3 min 20 s"), (180, "3 min"), (7500, "2 h 5 min"),
        (7200, "2 h"), (259_200, "3 days"),
     (216_000, "2.5 days"), (3_110_400, "36 days")],
)  # fmt: skip
def test_spans_in_words(span, words):
    assert durations.words(span) == words


@given(st.integers(1, 10**7))
def test_spans_survive_being_written(seconds):
    assert durations.seconds(f"{seconds}s") == seconds


def test_a_shelf_tells_the_nearest_name_and_takes_each_once():
    shelf: Registry[int] = Registry("spade")
    shelf.register("steel", 1)
    shelf.register("steel", 1)
    shelf.register("wood", 2)
    assert (list(shelf), len(shelf), "wood" in shelf, "gold" in shelf) == (
        ["steel", "wood"],
        2,
        True,
        False,
    )
    with pytest.raises(UnknownName) as caught:
        shelf["steal"]
    assert (
        str(caught.value)
        == "There is no spade named 'steal'.\nDid you mean 'steel'? Known: steel, wood."
    )
    with pytest.raises(ValueError, match="two things named 'wood'"):
        shelf.register("wood", 3)


def test_a_shelf_is_a_mapping():
    shelf: Registry[int] = Registry("spade")
    shelf.register("small", 1)
    assert shelf.get("small") == 1
    assert shelf.get("large") is None
    assert shelf.get("large", 7) == 7


def test_generators_by_name_do_not_disturb_each_other():
    def draw(seed, name):
        return generator(seed, name).random()

    assert draw(0, "a") == draw(None, "a") == draw(0, "a") != draw(0, "b")
    assert draw(1, "a") != draw(0, "a")
    assert draw(np.random.default_rng(5), "a") == draw(np.random.default_rng(5), "a")


def test_nearest_looks_alike_or_is_none():
    assert nearest("COSIN", ["cosine", "raw"]) == "cosine"
    assert nearest("zzz", ["cosine", "raw"]) is None


def test_every_error_stands_in_the_tree_that_is_drawn():
    drawn = errors.__doc__ or ""
    classes = [
        thing
        for thing in vars(errors).values()
        if isinstance(thing, type) and issubclass(thing, SpadeworkError)
    ]
    assert len(classes) > 8
    for cls in classes:
        assert cls.__name__ in drawn
    assert str(SpadeworkError("What.", "Next.")) == "What.\nNext."
    assert str(SpadeworkError("What.")) == "What."
    assert (
        str(MissingExtra("The sample", "demo"))
        == "The sample is not installed.\nInstall it with: pip install 'spadework[demo]'"
    )


class Heard:
    def __init__(self):
        self.said = []

    def step(self, label, done, total):
        self.said.append((label, done, total))

    def note(self, message):
        self.said.append(message)


def test_listeners_hear_within_their_block_only():
    outer, inner = Heard(), Heard()
    with events.listening(outer):
        with events.listening(inner):
            events.note("both")
        assert list(events.track("ab", "letters")) == ["a", "b"]
        assert list(events.track(iter("a"), "stream")) == ["a"]
    events.note("nobody")
    assert inner.said == ["both"]
    assert outer.said == [
        "both",
        ("letters", 0, 2),
        ("letters", 1, 2),
        ("letters", 2, 2),
        ("stream", 0, None),
        ("stream", 1, None),
    ]


class HeardWhole(Heard):
    def detail(self, message):
        self.said.append(f"detail: {message}")


def test_details_reach_only_those_who_hear_them():
    plain, whole = Heard(), HeardWhole()
    with events.listening(plain), events.listening(whole):
        events.detail("one of many")
        events.note("for people")
    events.detail("nobody")
    assert plain.said == ["for people"]
    assert whole.said == ["detail: one of many", "for people"]


def test_notes_aside_are_details_to_those_who_were_there():
    plain, whole, inside = Heard(), HeardWhole(), Heard()
    with events.listening(plain), events.listening(whole):
        with events.aside(), events.listening(inside):
            events.note("a model's remark")
            events.step("fit", 1, 2)
            events.detail("a line")
        events.note("after")
    assert plain.said == [("fit", 1, 2), "after"]
    assert whole.said == ["detail: a model's remark", ("fit", 1, 2), "detail: a line", "after"]
    assert inside.said == ["a model's remark", ("fit", 1, 2)]


def test_a_limit_reaches_into_what_is_done_aside():
    with (
        events.listening(Limits(deadline=time.monotonic() - 1)),
        events.aside(),
        pytest.raises(OutOfTime),
    ):
        events.step("dig", 0)


def test_limits_stop_the_work_at_the_next_step():
    with (
        events.listening(Limits(deadline=time.monotonic() - 1)),
        pytest.raises(OutOfTime, match="Time ran out during: dig"),
    ):
        events.step("dig", 0)
    with (
        events.listening(Limits(memory=1)),
        pytest.raises(OutOfMemory, match=r"dig holds .* GiB, over the limit of 0\.0 GiB"),
    ):
        events.step("dig", 0)
    with events.listening(Limits(deadline=time.monotonic() + 60, memory=2**50)):
        events.step("dig", 0)
        events.note("fine")
    assert 0 < resident_bytes() < 2**50
    assert available_bytes() > 0


@given(st.lists(st.integers(-5, 5)))
def test_distinct_values_ascend(values):
    assert distinct(np.asarray(values, np.int64)).tolist() == sorted(set(values))


def test_a_frozen_array_is_a_read_only_view_of_the_same_memory():
    array = np.arange(3)
    view = frozen(array)
    array[0] = 7
    assert view[0] == 7
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1
