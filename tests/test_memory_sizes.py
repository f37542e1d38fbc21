"""Sizes of memory as users write them."""

from __future__ import annotations

import pytest

from command_line import call
from spadework import sizes
from spadework.data.addresses import read_interactions
from spadework.errors import BadRequest
from spadework.workbench.recipe import make
from spadework.workbench.recipe_texts import command_of, from_settings
from spadework.workbench.run import dig


@pytest.mark.parametrize(
    ("text", "gibibytes"),
    [
        *[("4g", 4.0), ("4G", 4.0), ("4 GiB", 4.0), ("4gb", 4.0), ("4", 4.0), ("0.5", 0.5)],
        *[("800m", 800 / 1024), ("512 MB", 0.5), ("2t", 2048.0), ("1048576k", 1.0)],
    ],
)
def test_a_size_has_a_unit_or_is_gib(text, gibibytes):
    assert sizes.gibibytes(text) == gibibytes
    assert make({"memory": text}).memory == gibibytes
    assert make(from_settings([f"memory={text}"])).memory == gibibytes


def test_a_number_stays_a_number_and_the_command_is_read_again():
    recipe = make({"memory": "800m"})
    assert make({"memory": 2}).memory == 2.0
    assert make(recipe.model_dump(mode="json")) == recipe
    assert "memory=800m" in command_of(recipe)


@pytest.mark.parametrize("text", ["", "g", "4x", "4b", "-4g", "0g", "4 gigs", "1e3g", "9" * 400])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(BadRequest, match="memory"):
        make({"memory": text})


@pytest.mark.parametrize("memory", ["30x", True, -1, float("nan"), [4]])
def test_a_log_is_not_read_within_what_is_no_size(memory):
    with pytest.raises(BadRequest, match="memory"):
        read_interactions("sample:grocery", memory=memory)


def test_a_limit_under_which_nothing_fits_is_refused_before_anything_is_fitted(tmp_path):
    with pytest.raises(BadRequest, match=r"limit of .* is too small(?s:.*)Give at least --memory"):
        dig("world:order", recipe=make({"memory": "100m"}), folder=tmp_path / "run")


@pytest.mark.parametrize("text", ["700m", "4g", "1t", "1536m", "0.3g", "1m"])
def test_a_size_is_told_as_it_is_written(text):
    gib = sizes.gibibytes(text)
    assert sizes.gibibytes(sizes.as_text(gib)) == gib
    assert sizes.as_text(gib) == text


def test_a_limit_that_a_dig_would_refuse_is_refused_by_look_too(capsys):
    answer = call(capsys, "look", "sample:grocery", "--memory", "30m")
    assert answer.code == 2
    assert "too small" in answer.err
