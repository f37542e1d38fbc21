"""Sources of every shape, damaged in every way: an account that adds up, or a sentence with a way
out. `bench/damage_shapes.py` makes many thousands of such readings; here some of them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shape_table
from shape_damages import DAMAGES
from shape_readings import ACCOUNT, KINDS, NAMES, SENTENCE, events_of, read, roles_of
from shape_sources import LARGER, SHAPES, source_of
from spadework.data.addresses import read_interactions

PAIRS = len(NAMES) * len(KINDS)


def test_every_shape_of_the_page_is_damaged() -> None:
    others = {shape.name for shape in (*shape_table.REFUSED, *shape_table.LAKES)}
    assert set(LARGER) | others == set(SHAPES)
    assert len(DAMAGES) >= 30


@pytest.mark.parametrize("name", LARGER)
def test_larger_sources_are_read_whole(tmp_path: Path, name: str) -> None:
    """What the harness takes for the true events is what is read where nothing is damaged."""
    for seed in range(3):
        source = source_of(name, Random(seed), tmp_path)
        log = read_interactions(str(source.write(tmp_path)), **source.options)
        roles = roles_of(log, source.events)
        expected = {tuple(event[role] for role in roles) for event in source.events}
        assert set(events_of(log, roles)) == expected
        assert source.rows in (None, log.account.read)


@settings(max_examples=400)
@given(st.integers(0, 8 * PAIRS))
def test_readings_end_in_an_account_or_a_sentence(number: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        reading = read(number, Path(place))
    if reading is not None:
        assert reading.outcome in (ACCOUNT, SENTENCE), reading
