"""A parameter is written once, in its annotation; everything else is read from there."""

from __future__ import annotations

import pytest

from spadework.errors import BadRequest
from spadework.models.catalogue import catalogue
from spadework.models.labels import model
from spadework.models.parameters import RENAMED


def test_the_label_shows_what_differs_from_the_defaults():
    assert model("cosine").label == "cosine"
    assert model("cosine", history=0.7).label == "cosine(history=0.7)"
    assert model("cosine", history=1).label == "cosine", "a whole number is a number"
    assert repr(model("popular", window="7d")) == "Popular(window='7d', half_life=None)"


@pytest.mark.parametrize(
    ("params", "message", "hint"),
    [
        ({"history": 2.0}, "Parameter 'history' of 'cosine' is 2.0, outside 0.01 … 1.",
         "Weight of a history item n steps before the last one: history^n; 1 weighs all equally."),
        ({"history": "half"}, "Parameter 'history' of 'cosine' is 'half', which is not a number.",
         "Weight of a history item n steps before the last one: history^n; 1 weighs all equally."),
        ({"keep": 2.5}, "Parameter 'keep' of 'cosine' is 2.5, which is not a whole number.",
            "Similarities kept per history item."),
        ({"keep": True}, "Parameter 'keep' of 'cosine' is True, which is not a whole number.",
            "Similarities kept per history item."),
        ({"distance": "inverted"},
            "Parameter 'distance' of 'cosine' is 'inverted', which is not a choice.",
         "Did you mean 'inverse'? Choices: same, inverse, log, geometric."),
        ({"unit": "user"}, "The model 'cosine' has no parameter 'unit'.",
         f"It is now named 'group'. Parameters: {', '.join(model('cosine').params)}."),
        ({"histroy": 1.0}, "The model 'cosine' has no parameter 'histroy'.",
         f"Did you mean 'history'? Parameters: {', '.join(model('cosine').params)}."),
        ({"history": float("nan")}, "Parameter 'history' of 'cosine' is nan, outside 0.01 … 1.",
         "Weight of a history item n steps before the last one: history^n; 1 weighs all equally."),
    ],
)  # fmt: skip
def test_the_error_of_a_wrong_parameter_has_two_sentences(params, message, hint):
    with pytest.raises(BadRequest) as caught:
        model("cosine", **params)
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize(
    ("old", "new"), [(old, new) for old, today in RENAMED.items() for new in today]
)
def test_a_former_name_is_refused_with_the_name_of_today(old, new):
    """A model that has a parameter of the former name accepts it."""
    names = [
        name
        for name, cls in catalogue().items()
        if new in cls.parameters() and old not in cls.parameters()
    ]
    assert names
    for name in names:
        known = catalogue()[name].parameters()
        hint = f"It is now named {new!r}. Parameters: {', '.join(known)}."
        with pytest.raises(BadRequest) as caught:
            model(name, **{old: 1})
        assert caught.value.message == f"The model {name!r} has no parameter {old!r}."
        assert caught.value.hint == hint
        with pytest.raises(BadRequest) as caught:
            model(f"{name}({old}=1)")
        assert f"the model {name!r} has no parameter {old!r}" in caught.value.message
        assert caught.value.hint == hint


def test_a_former_name_has_one_name_of_today_in_each_model():
    for name, cls in catalogue().items():
        for old, today in RENAMED.items():
            assert sum(new in cls.parameters() for new in today) <= 1, (name, old)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("popular", {"window": "7d"}),
        ("forward-ridge", {"window": "90d"}),
        ("ease", {"window": "90d"}),
        ("transformer", {"window": "90d"}),
        ("transformer", {"content": True}),
        ("transformer", {"negatives": "uniform"}),
        ("transformer", {"block": "sasrec"}),
    ],
)
def test_a_former_name_is_accepted_where_it_is_the_name_of_today(name, params):
    assert params.items() <= model(name, **params).params.items()


def test_a_duration_is_checked_when_it_is_given():
    with pytest.raises(BadRequest, match="The window '7 parsecs' cannot be understood"):
        model("popular", window="7 parsecs")


@pytest.mark.parametrize(("text", "value"), [("0.5", 0.5), ("1", 1.0)])
def test_numbers_are_parsed_from_text(text, value):
    assert model("cosine").parameters()["history"].parse(text, "cosine") == value


@pytest.mark.parametrize("text", ["none", "null", ""])
def test_an_optional_parameter_may_be_none(text):
    assert model("popular").parameters()["window"].parse(text, "popular") is None


def test_text_that_is_no_number_is_refused():
    with pytest.raises(
        BadRequest, match=r"Parameter 'keep' of 'cosine' is 'many', which is not a whole number\."
    ):
        model("cosine").parameters()["keep"].parse("many", "cosine")


def test_the_error_of_an_unknown_model_names_the_nearest():
    with pytest.raises(BadRequest) as caught:
        model("cosin")
    assert caught.value.message == "There is no model named 'cosin'."
    assert caught.value.hint == f"Did you mean 'cosine'? Known: {', '.join(sorted(catalogue()))}."
