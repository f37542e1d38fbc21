"""Labels read back into models, and an error in a text states its position."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spadework.errors import BadRequest
from spadework.models.catalogue import catalogue
from spadework.models.labels import model, parse, parse_one, text_of

CASES = [(name, params) for name, cls in catalogue().items() for params in cls.variants()]


def value_of(parameter: Any) -> st.SearchStrategy[Any]:
    """Any value that the parameter allows; the default where the type does not tell."""
    if parameter.choices:
        strategy: st.SearchStrategy[Any] = st.sampled_from(parameter.choices)
    elif parameter.duration:
        strategy = st.sampled_from(["7d", "90m", "1.5h"])
    elif parameter.value_type is bool:
        strategy = st.booleans()
    elif parameter.range is not None:
        low, high = parameter.range.low, parameter.range.high
        strategy = (
            st.integers(int(-(-low // 1)), int(high))
            if parameter.value_type is int
            else st.floats(low, high)
        )
    else:
        strategy = st.just(parameter.default)
    return strategy | st.none() if parameter.optional else strategy


@pytest.mark.parametrize(
    ("name", "params"), CASES, ids=[model(name, **params).label for name, params in CASES]
)
def test_every_label_reads_back(name, params):
    one = model(name, **params)
    assert parse_one(one.label) == one


@given(st.data())
def test_any_setting_reads_back_to_the_same_value(data):
    name = data.draw(st.sampled_from(list(catalogue())))
    parameters = catalogue()[name].parameters()
    params = {
        key: data.draw(value_of(one), key)
        for key, one in parameters.items()
        if data.draw(st.booleans())
    }
    try:
        one = model(name, **params)
    except BadRequest:  # values that do not go together
        return
    assert parse_one(one.label).params == one.params
    assert [parsed.label for parsed in parse(text_of([one, model("cosine")]))] == [
        one.label,
        "cosine",
    ]


@given(st.text(max_size=12))
def test_any_text_as_a_value_reads_back(primary):
    one = model("cross-occurrence", primary=primary)
    assert parse_one(one.label) == one


def test_a_text_that_means_none_is_kept_apart_from_none():
    assert model("cross-occurrence", primary="none").label == 'cross-occurrence(primary="none")'
    assert parse_one("cross-occurrence(primary=none)").params["primary"] is None


def test_parts_are_read_in_their_order_however_they_are_spaced():
    found = parse(" forward( history = 0.6,keep=50 )+popular(window=7d)  + rp3beta() ")
    assert [one.label for one in found] == [
        "forward(history=0.6, keep=50)",
        "popular(window=7d)",
        "rp3beta",
    ]
    assert text_of(found) == "forward(history=0.6, keep=50) + popular(window=7d) + rp3beta"
    assert parse_one("cosine(shrink=1e+03)").params["shrink"] == 1000


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "cosine + forwrd",
            "Character 10 of 'cosine + forwrd': there is no model named 'forwrd'.",
            "Did you mean 'forward'?",
        ),
        (
            "cosine(histry=1)",
            "Character 8 of 'cosine(histry=1)': the model 'cosine' has no parameter 'histry'.",
            "Did you mean 'history'?",
        ),
        (
            "cosine(history=2)",
            (
                "Character 8 of 'cosine(history=2)': Parameter 'history' of 'cosine' is 2.0, "
                "outside 0.01 … 1."
            ),
            "Weight",
        ),
        (
            "cosine(history=x)",
            (
                "Character 8 of 'cosine(history=x)': Parameter 'history' of 'cosine' is 'x', "
                "which is not a number."
            ),
            "",
        ),
        (
            "cosine(history=1",
            "Character 17 of 'cosine(history=1': neither ',' nor ')' follows.",
            "Write parts such as",
        ),
        (
            "cosine(history)",
            "Character 15 of 'cosine(history)': '=' is missing after 'history'.",
            "Write parts such as",
        ),
        (
            "cosine(history=)",
            "Character 16 of 'cosine(history=)': a value is missing.",
            "Write parts such as",
        ),
        (
            "cosine(keep=2, keep=3)",
            (
                "Character 16 of 'cosine(keep=2, keep=3)': the parameter 'keep' of 'cosine' "
                "is given twice."
            ),
            "once",
        ),
        (
            'sar(weight="jaccard)',
            "Character 12 of 'sar(weight=\"jaccard)': the double quote is never closed",
            "Write parts such as",
        ),
        ("", "Character 1 of '': the name of a model is missing.", "Write parts such as"),
        (
            "cosine +",
            "Character 9 of 'cosine +': the name of a model is missing.",
            "Write parts such as",
        ),
        (
            "cosine forward",
            "Character 8 of 'cosine forward': what follows is neither '+' nor the end.",
            "Write parts such as",
        ),
    ],
)
def test_an_error_states_what_is_wrong_and_its_position(text, message, hint):
    with pytest.raises(BadRequest) as caught:
        parse(text)
    assert caught.value.message.startswith(message)
    assert hint in caught.value.hint


def test_a_single_model_is_required():
    with pytest.raises(BadRequest, match="names 2 models, and one is asked for"):
        parse_one("cosine + forward")


def test_a_model_is_found_by_its_label():
    one = model("tifu-knn", form="code", own_share=0.3)
    assert model(one.label) == one
