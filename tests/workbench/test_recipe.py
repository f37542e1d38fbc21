"""A job as one validated value: the first fault gives two sentences."""

from __future__ import annotations

import pytest

import spadework as sw
from spadework.errors import BadRequest
from spadework.workbench.recipe import VERSION, Recipe, make
from spadework.workbench.recipe_texts import from_settings, from_toml


def test_defaults_are_filled_in_and_round_trip():
    recipe = make({})
    assert recipe.version == VERSION
    assert recipe.budget_seconds == 300
    assert make(recipe.model_dump(mode="json")) == recipe
    with pytest.raises(ValueError, match="frozen"):
        recipe.seed = 3


def test_every_key_is_described():
    assert all(
        field.description and field.description.endswith(".")
        for field in Recipe.model_fields.values()
    )


KEYS = ", ".join(Recipe.model_fields)
SPLITS = "by_time, from_column, last_basket, last_item, random, strong"


@pytest.mark.parametrize(
    ("values", "message", "hint"),
    [
        ({"budgte": "5m"}, "The recipe has no key 'budgte'.",
            f"Did you mean 'budget'? Keys: {KEYS}."),
        ({"seed": "three"}, "The recipe has seed = 'three': input should be a valid integer.",
            "Seed of everything random."),
        ({"seed": -1}, "The recipe has seed = -1: input should be greater than or equal to 0.",
            "Seed of everything random."),
        ({"faces": 99}, "The recipe has faces = 99: input should be less than or equal to 50.",
            "Users shown in the report."),
        ({"skip_bad": "yes"}, "The recipe has skip_bad = 'yes': input should be a valid boolean.",
         "Set rows with too many or too few fields aside instead of refusing the file."),
        ({"version": 99},
            "The recipe has version 99, which is newer than this spadework; upgrade it.",
         "See the keys with: spadework explain recipe"),
        ({"version": 0}, "The recipe has version 0, which is older; the present version is 1.",
            "See the keys with: spadework explain recipe"),
        ({"password": "x"},
            "The recipe holds a secret in 'password'; recipes are stored as they are.",
         "Put secrets into environment variables."),
        ({"api_key": "x"},
            "The recipe holds a secret in 'api_key'; recipes are stored as they are.",
            "Put secrets into environment variables."),
        ({"source": "postgres://me:secret@host/db"},
            "The recipe holds a secret in 'source'; recipes are stored as they are.",
         "Put secrets into environment variables."),
        ({"split": "by_tim"}, "There is no split named 'by_tim'.",
            f"Did you mean 'by_time'? Known: {SPLITS}."),
        ({"metrics": ["coverage@10"]}, "No metric has a value per user, so nothing can decide.",
            None),
        ({"test": "7 suns"}, "The test span '7 suns' cannot be understood.",
            "Write the test span with a unit, such as 60s, 10m, 12h, 7d or 2w."),
        ({"budget": "0s"}, "The budget '0s' is not above zero.",
            "Write the budget with a unit, such as 60s, 10m, 12h, 7d or 2w."),
    ],
)  # fmt: skip
def test_a_fault_gives_two_sentences(values, message, hint):
    with pytest.raises(BadRequest) as caught:
        make(values)
    assert caught.value.message == message
    assert caught.value.hint == hint or hint is None


@pytest.mark.parametrize(
    ("values", "thing"),
    [({"models": ["cosin"]}, "model"), ({"metrics": ["ndgc@10"]}, "metric"),
        ({"dialect": "lightgc"}, "dialect")]
)  # fmt: skip
def test_names_are_checked_before_work_starts(values, thing):
    with pytest.raises(BadRequest, match=f"There is no {thing} named") as caught:
        make(values)
    assert caught.value.hint.startswith("Did you mean ")


@pytest.mark.parametrize(
    ("settings", "values"),
    [
        (["seed=3"], {"seed": 3}), (["test=0.2"], {"test": 0.2}), (["test=7d"], {"test": "7d"}),
        (["user=CustomerID"], {"user": "CustomerID"}),
        (["user=7"], {"user": "7"}), (["models=cosine,popular"], {"models": ["cosine", "popular"]}),
        (["models=cosine"], {"models": ["cosine"]}),
        (['metrics=["ndcg@5"]'], {"metrics": ["ndcg@5"]}), (["skip_bad=true"], {"skip_bad": True}),
        (["delimiter=="], {"delimiter": "="}),
        (["seed=1", "seed=2"], {"seed": 2}),
        (["positive=", "until="], {"positive": None, "until": None}),
        (["more=", "shape="], {"more": None, "shape": None}),
        (["delimiter=\t"], {"delimiter": "\t"}),
    ],
)  # fmt: skip
def test_settings_are_read_as_toml_where_they_are_toml(settings, values):
    assert from_settings(settings) == values
    assert make(from_settings(settings))


@pytest.mark.parametrize("setting", ["seed", "=3", " =3"])
def test_a_setting_without_a_key_is_refused(setting):
    with pytest.raises(BadRequest, match="is not key=value"):
        from_settings([setting])


def test_a_recipe_is_read_from_toml(tmp_path):
    path = tmp_path / "job.toml"
    path.write_text('source = "world:order"\nbudget = "5 min"\n')
    assert make(from_toml(path)).budget_seconds == 300
    path.write_text("a = = 1")
    with pytest.raises(BadRequest, match="is not TOML"):
        from_toml(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadRequest, match="is not TOML"):
        from_toml(path)
    with pytest.raises(BadRequest, match="cannot be read: No such file or directory"):
        from_toml(tmp_path / "none.toml")


def test_a_recipe_knows_its_names_however_it_is_made():
    with pytest.raises(BadRequest, match="There is no model named 'nope'"):
        sw.Recipe(models=["nope"])
    with pytest.raises(BadRequest, match="The budget 'soon' cannot be understood"):
        sw.Recipe(budget="soon")
    assert sw.Recipe(models=["ease"]).models == ["ease"]
