"""Who was counted, by hashes: the laws of sets, and hashes that stay the same for ever."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from makers import make_log
from spadework.errors import BadRequest
from spadework.models.cooccurrence.counts import count, merge, without
from spadework.models.cooccurrence.user_sets import (
    SPACE,
    UserSet,
    edges_of,
    joined,
    part_of,
    user_hashes,
)
from spadework.models.labels import model

EVERYONE = [f"user {number}" for number in range(60)]


def users(ids, part=None):
    return UserSet.of(make_log(list(ids), ["x"] * len(ids)), part)


def members_of(found: UserSet) -> set[str]:
    hashes = user_hashes(EVERYONE)
    order = np.argsort(hashes)
    inside = np.zeros(len(hashes), np.bool_)
    inside[order] = found.contains(hashes[order])
    return {one for one, is_in in zip(EVERYONE, inside, strict=True) if is_in}


# ---- hashes


def test_hashes_are_those_of_every_version():
    """They are on disk, and other machines compute them: these numbers must never change."""
    assert user_hashes([0, 1, -1, 2**63 - 1]).tolist() == NUMBERS
    assert user_hashes(["", "a", "user 1", "é" * 9, "x" * 8]).tolist() == TEXTS
    wide = pl.Series([1, 2**64 - 1], dtype=pl.UInt64)
    assert user_hashes(wide).tolist() == user_hashes([1, -1]).tolist()
    assert user_hashes(pl.Series([1], dtype=pl.Int8)).tolist() == user_hashes([1]).tolist()
    assert user_hashes([]).tolist() == user_hashes(pl.Series([], dtype=pl.String)).tolist() == []


NUMBERS = [16294208416658607535, 10451216379200822465, 16490336266968443936, 3055647633038352039]
TEXTS = [
    16294208416658607535,
    16978532307688676321,
    6020025302459341095,
    13324047523835858163,
    11282570312384027347,
]


def slow_hash(text: str) -> int:
    """The slow twin of the hash of a text."""

    def mixed(number: int) -> int:
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            number = (number ^ number >> shift) * factor % SPACE
        return number ^ number >> 31

    data, step = text.encode(), 0x9E3779B97F4A7C15
    found = len(data)
    for at in range(0, len(data), 8):
        found = mixed((found + step) % SPACE ^ int.from_bytes(data[at : at + 8], "little"))
    return mixed((found + step) % SPACE)


@given(st.lists(st.text(max_size=30), max_size=20))
def test_a_text_hashes_as_its_slow_twin(texts):
    assert user_hashes(pl.Series(texts, dtype=pl.String)).tolist() == [*map(slow_hash, texts)]


def test_hashes_of_many_texts_are_those_of_each(monkeypatch):
    from spadework.models.cooccurrence import user_sets

    whole = user_hashes(EVERYONE)
    monkeypatch.setattr(user_sets, "AT_ONCE", 7)
    assert user_hashes(EVERYONE).tolist() == whole.tolist()


def test_parts_are_about_equally_large():
    for ids in (
        range(20_000),
        [hashlib.md5(bytes([n % 256, n // 256])).hexdigest() for n in range(20_000)],
    ):
        log = make_log(list(ids), ["x"] * 20_000)
        sizes = [len(part_of(log, k, 8)) for k in range(8)]
        assert sum(sizes) == 20_000
        assert 2_300 < min(sizes) <= max(sizes) < 2_700


# ---- sets


@given(seed=st.integers(0, 10**6), n=st.integers(1, 6))
def test_joining_and_taking_out_are_those_of_sets(seed, n):
    """Parts by hash, single users taken out of them and put back, in any order."""
    rng = np.random.default_rng(seed)
    log = make_log(EVERYONE, ["x"] * len(EVERYONE))
    parts = [UserSet.of(part_of(log, k, n), (k, n)) for k in rng.permutation(n).tolist()]
    some = [EVERYONE[at] for at in rng.choice(60, 9, replace=False)]
    whole = joined(parts)
    assert whole == UserSet.of(log, (0, 1))
    rest = whole.without(users(some))
    assert members_of(rest) == set(EVERYONE) - set(some)
    assert len(rest) == 51
    first, second = users(some[:4]), users(some[4:])
    assert rest.joined(first).joined(second) == rest.joined(first.joined(second)) == whole
    assert second.joined(first.joined(rest)) == joined([first, rest, second]) == whole
    with pytest.raises(BadRequest, match="Not in the counts: 4 of the users"):
        rest.without(first)
    with pytest.raises(BadRequest, match="In both counts: "):
        rest.joined(rest)
    with pytest.raises(BadRequest, match="In both counts: 5 users, such as the one with hash"):
        rest.joined(first).joined(second).joined(second)
    with pytest.raises(BadRequest, match="Not in the counts"):
        rest.without(whole)


def test_ranges_that_overlap_are_refused():
    halves = [users(["a"], (k, 2)) for k in (0, 1)]
    third = users(["a"], (1, 3))
    for half in halves:
        with pytest.raises(
            BadRequest, match="In both counts: the users whose hashes are from"
        ) as told:
            half.joined(third)
        assert "part=(k, n)" in told.value.hint
        with pytest.raises(BadRequest, match="some of the ranges of users"):
            half.without(third)
    assert halves[0].joined(halves[1]).edges == (0, SPACE)
    assert [edges_of((k, 3)) for k in range(3)][-1][1] == SPACE
    for part in ((3, 3), (-1, 2), (0, 0)):
        with pytest.raises(BadRequest, match="There is no part"):
            edges_of(part)


def test_a_part_is_counted_anew_and_a_user_of_it_is_taken_out():
    """Users of a part may have new events: the part's counts are taken out and made again."""
    cosine = model("cosine")
    old = make_log(EVERYONE * 2, ["x"] * 60 + ["y"] * 60)
    new = make_log([*EVERYONE * 2, "user 3"], [*["x"] * 60, *["y"] * 60, "z"])
    counts = merge(*(count(cosine, old, part=(k, 4)) for k in range(4)))
    [k] = [k for k in range(4) if "user 3" in part_of(new, k, 4).frame()["user_id"]]
    again = merge(without(counts, count(cosine, old, part=(k, 4))), count(cosine, new, part=(k, 4)))
    assert again == count(cosine, new, part=(0, 1))
    alone = without(counts, count(cosine, old.of_users("user 3")))
    assert merge(alone, count(cosine, new.of_users("user 3"))) == again
    with pytest.raises(BadRequest, match="In both counts: 1 user") as told:
        merge(again, count(cosine, make_log(["a stranger"], ["x"])))
    assert "count the part anew" in told.value.hint


def test_ids_of_two_kinds_do_not_meet():
    cosine = model("cosine")
    with pytest.raises(BadRequest, match="The ids of users are number and text"):
        merge(count(cosine, make_log([1], ["x"])), count(cosine, make_log(["1"], ["x"])))
