"""Helpers that all packages use: spans of time, registries, named generators, progress, limits,
errors.
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
    [("40 ms", 0.04), ("7d", 604_800), ("12 h", 43_200), ("5 min", 300), ("1h30m", 5400),
     ("2 weeks", 1_209_600),
     (" 10S ", 10), ("0.5d", 43_200), ("1 day 2 h", 93_600)],
)  # fmt: skip
def test_spans_as_users_write_them(text, seconds):
    assert durations.seconds(text) == seconds


@pytest.mark.parametrize("text", ["7", "d", "7 x", "-7d", "7d!", "1e3s", "d7", "0s", "", "  "])
def test_spans_that_cannot_be_understood_are_refused(text):
    with pytest.raises(BadRequest) as caught:
        durations.seconds(text, "window")
    assert caught.value.message.startswith(f"The window {text!r} ")
    assert caught.value.hint == "Write the window with a unit, such as 60s, 10m, 12h, 7d or 2w."


@pytest.mark.parametrize(
    ("span", "words"),
    [(0.04, "40 ms"), (0.44, "0.4 s"), (9.96, "10 s"), (12, "12 s"), (59.7, "1 min"),
        (61, "1 min 1 s"), (3599.7, "1 h"), (200, "3 min 20 s"), (180, "3 min"),
        (7500, "2 h 5 min"),
        (7200, "2 h"), (259_200, "3 days"),
     (216_000, "2.5 days"), (3_110_400, "36 days")],
)  # fmt: skip
def test_spans_in_words(span, words):
    assert durations.words(span) == words


@given(st.integers(1, 10**7))
def test_spans_survive_being_written(seconds):
    assert durations.seconds(f"{seconds}s") == seconds


@given(st.floats(0.001, 1e9))
def test_spans_in_words_are_understood(span):
    """Apart from what the words round away: half of the last unit that they show."""
    steps = ((0.1, 0.001), (9.95, 0.1), (3599.5, 1), (2 * 86_400, 60), (10 * 86_400, 8640))
    step = next((step for end, step in steps if span < end), 86_400)
    assert abs(durations.seconds(durations.words(span)) - span) <= step * 0.501


def test_a_registry_names_the_nearest_name_and_accepts_each_once():
    registry: Registry[int] = Registry("spade")
    registry.register("steel", 1)
    registry.register("steel", 1)
    registry.register("wood", 2)
    assert (list(registry), len(registry), "wood" in registry, "gold" in registry) == (
        ["steel", "wood"],
        2,
        True,
        False,
    )
    with pytest.raises(UnknownName) as caught:
        registry["steal"]
    assert (
        str(caught.value)
        == "There is no spade named 'steal'.\nDid you mean 'steel'? Known: steel, wood."
    )
    with pytest.raises(ValueError, match="two things named 'wood'"):
        registry.register("wood", 3)


def test_a_registry_is_a_mapping():
    registry: Registry[int] = Registry("spade")
    registry.register("small", 1)
    assert registry.get("small") == 1
    assert registry.get("large") is None
    assert registry.get("large", 7) == 7


def test_generators_by_name_do_not_disturb_each_other():
    def draw(seed, name):
        return generator(seed, name).random()

    assert draw(0, "a") == draw(None, "a") == draw(0, "a") != draw(0, "b")
    assert draw(1, "a") != draw(0, "a")
    assert draw(np.random.default_rng(5), "a") == draw(np.random.default_rng(5), "a")


def test_nearest_is_similar_or_none():
    assert nearest("COSIN", ["cosine", "raw"]) == "cosine"
    assert nearest("zzz", ["cosine", "raw"]) is None


def test_every_error_is_in_the_tree_of_the_docstring():
    tree = errors.__doc__ or ""
    classes = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, SpadeworkError)
    ]
    assert len(classes) > 8
    for cls in classes:
        assert cls.__name__ in tree
    assert str(SpadeworkError("What.", "Next.")) == "What.\nNext."
    assert str(SpadeworkError("What.")) == "What."
    assert (
        str(MissingExtra("The sample", "demo"))
        == "The sample is not installed.\nInstall it with: pip install 'spadework[demo]'"
    )


class Recorder:
    def __init__(self):
        self.received = []

    def step(self, label, done, total):
        self.received.append((label, done, total))

    def note(self, message):
        self.received.append(message)


def test_listeners_receive_only_what_happens_in_their_block():
    outer, inner = Recorder(), Recorder()
    with events.listening(outer):
        with events.listening(inner):
            events.note("both")
        assert list(events.track("ab", "letters")) == ["a", "b"]
        assert list(events.track(iter("a"), "stream")) == ["a"]
    events.note("no listener")
    assert inner.received == ["both"]
    assert outer.received == [
        "both",
        ("letters", 0, 2),
        ("letters", 1, 2),
        ("letters", 2, 2),
        ("stream", 0, None),
        ("stream", 1, None),
    ]


class DetailRecorder(Recorder):
    def detail(self, message):
        self.received.append(f"detail: {message}")


def test_details_reach_only_listeners_with_a_method_for_them():
    plain, detailed = Recorder(), DetailRecorder()
    with events.listening(plain), events.listening(detailed):
        events.detail("one of many")
        events.note("for users")
    events.detail("no listener")
    assert plain.received == ["for users"]
    assert detailed.received == ["detail: one of many", "for users"]


def test_notes_aside_are_details_for_the_listeners_outside():
    plain, detailed, inside = Recorder(), DetailRecorder(), Recorder()
    with events.listening(plain), events.listening(detailed):
        with events.aside(), events.listening(inside):
            events.note("a model's remark")
            events.step("fit", 1, 2)
            events.detail("a line")
        events.note("after")
    assert plain.received == [("fit", 1, 2), "after"]
    assert detailed.received == [
        "detail: a model's remark",
        ("fit", 1, 2),
        "detail: a line",
        "after",
    ]
    assert inside.received == ["a model's remark", ("fit", 1, 2)]


def test_a_limit_also_ends_work_done_aside():
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
        pytest.raises(OutOfMemory, match=r"dig holds .* [GM]iB, over the limit of 0\.0 MiB"),
    ):
        events.step("dig", 0)
    with events.listening(Limits(deadline=time.monotonic() + 60, memory=2**50)):
        events.step("dig", 0)
        events.note("fine")
    assert 0 < resident_bytes() < 2**50
    assert available_bytes() > 0


def test_pages_of_files_do_not_count_as_held(tmp_path):
    size = 256 * 2**20
    with (tmp_path / "column").open("wb") as file:
        file.truncate(size)
    before = resident_bytes()
    mapped = np.memmap(tmp_path / "column", np.uint8, "r")
    assert mapped[::4096].sum() == 0
    assert resident_bytes() - before < size / 4, "a mapped file, all of it read"
    own = np.ones(size, np.uint8)
    assert resident_bytes() == 0 or resident_bytes() - before > len(own) / 2


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
