"""Ids of requests against the codes of a model: the same from a table, from hashes, and from
numbers.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spadework.data.vocabulary import Vocabulary
from spadework.serving import item_ids
from spadework.serving.item_ids import ItemIds

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)


@pytest.fixture(params=["table", "searched"])
def ids_of(request, monkeypatch):
    """What makes ids, with everything in a table or nothing."""
    if request.param == "searched":
        monkeypatch.setattr(item_ids, "_IN_TABLE", -1)
    return lambda values: ItemIds(Vocabulary(pl.Series(values)))


@pytest.mark.parametrize("kind", [str, int])
def test_every_id_has_its_code_and_others_have_none(ids_of, kind):
    @given(st.sets(texts if kind is str else st.integers(-50, 50), min_size=1), st.lists(texts))
    def law(known, asked):
        values = sorted(known, key=lambda each: each.encode() if kind is str else each)
        ids = ids_of(values)
        code = {str(value): at for at, value in enumerate(values)}
        wanted = [*code, *asked, "007", "+7", "1_0", "٣"]
        expected = [code.get(text, -1) for text in wanted]
        assert ids.codes(wanted).tolist() == expected
        assert [ids.code(text) for text in wanted] == expected
        assert ids.texts(np.arange(len(values))) == list(code)
        assert ids.known(wanted).tolist() == sorted({at for at in expected if at >= 0})

    law()


def test_texts_with_the_same_hash_are_told_apart(monkeypatch):
    monkeypatch.setattr(item_ids, "_IN_TABLE", -1)
    monkeypatch.setattr(item_ids, "hash", lambda text: len(text) % 3, raising=False)
    values = [*sorted("abcdefghij" + "x" * at for at in range(9)), "z", "zz"]
    ids = ItemIds(Vocabulary(pl.Series(values)))
    assert ids.codes([*values, "zzz", ""]).tolist() == [*range(len(values)), -1, -1]
