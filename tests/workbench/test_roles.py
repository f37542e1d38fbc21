"""The models that a run keeps: written whole or not at all, the same bytes each time, found by
role, folder and label.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import spadework as sw
from spadework import files
from spadework.artifacts import artifact, roles
from spadework.errors import BadRequest, UnknownName
from spadework.models.catalogue import catalogue
from spadework.models.labels import model
from spadework.workbench.run import Run

ABOUT = {"source": "a test"}


def three(shop):
    """A winner without similar items, and two of one name with them."""
    mild, plain = model("cosine", history=0.7).fit(shop), model("cosine").fit(shop)
    return {
        "winner": model("personal").fit(shop),
        "discover": mild,
        "similar": plain,
        "remind": mild,
    }


def everything(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def kept(shop, shelves, tmp_path) -> Path:
    roles.keep(tmp_path / "run" / "models", three(shop), facts=ABOUT, content=shelves)
    return tmp_path / "run" / "models"


# ---- keeping


def test_a_model_of_several_roles_is_written_once_and_names_are_numbered(kept):
    assert json.loads((kept / "roles.json").read_text()) == {
        "winner": "personal",
        "remind": "cosine",
        "discover": "cosine",
        "similar": "cosine-2",
    }
    assert sorted(path.name for path in kept.iterdir()) == [
        "cosine",
        "cosine-2",
        "personal",
        "roles.json",
    ]
    assert roles.label_of(kept / "cosine") == "cosine(history=0.7)"
    assert list(kept.parent.iterdir()) == [kept], "nothing half is left"


def test_every_model_comes_back_with_its_facts(kept, shop):
    for role, fitted in three(shop).items():
        folder = roles.find(kept, role)
        assert artifact.load(folder) == fitted
        assert files.read_json(folder / "model.json")["facts"] == ABOUT
        assert artifact.titles(folder) is not None


def test_models_of_one_label_are_written_once_though_they_are_two_objects(shop, tmp_path):
    roles.keep(
        tmp_path / "models",
        {"winner": model("cosine").fit(shop), "similar": model("cosine").fit(shop)},
    )
    assert roles.read(tmp_path / "models") == {"winner": "cosine", "similar": "cosine"}


def test_the_same_models_give_the_same_bytes_in_any_order_and_over_any_set(kept, shop, shelves):
    before = everything(kept)
    roles.keep(kept, dict(reversed(three(shop).items())), facts=ABOUT, content=shelves)
    assert everything(kept) == before
    roles.keep(kept, {"winner": model("popular").fit(shop)})
    assert sorted(path.name for path in kept.iterdir()) == ["popular", "roles.json"], (
        "the whole of the folder is new"
    )


def test_with_a_way_to_fit_each_is_fitted_once_and_those_given_stay_as_they_are(
    shop, shelves, kept, tmp_path
):
    fitted = []

    def fit(fitted_model):
        fitted.append(fitted_model.label)
        return fitted_model.sharing().fit(shop)

    bare = {
        role: fitted_model.sharing()
        for role, fitted_model in {
            "winner": model("personal"),
            "discover": model("cosine"),
            "similar": model("cosine"),
        }.items()
    }
    roles.keep(tmp_path / "models", bare, facts=ABOUT, content=shelves, fit=fit)
    assert fitted == ["personal", "cosine"]
    assert all(not fitted_model.is_fitted for fitted_model in bare.values())
    assert artifact.load(roles.find(tmp_path / "models", "similar")) == model("cosine").fit(shop)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("no space"), MemoryError])
@pytest.mark.parametrize("stage", ["second model", "roles", "move"])
def test_what_was_there_stays_until_the_new_set_is_whole(kept, shop, monkeypatch, stage, error):
    before, written = everything(kept.parent), []
    real = {"save": artifact.save, "write_json": files.write_json, "rename": Path.rename}

    def save(*given, **named):
        written.append("model")
        if stage == "second model" and len(written) == 2:
            raise error
        return real["save"](*given, **named)

    def write_json(path, value, **named):
        if stage == "roles" and path.name == roles.FILE:
            raise error
        return real["write_json"](path, value, **named)

    def rename(path, target):
        if (
            stage == "move"
            and path.name.startswith(files.HALF)
            and Path(target) == kept
            and (path / "popular").exists()
        ):
            raise error
        return real["rename"](path, target)

    with monkeypatch.context() as patched:
        patched.setattr(artifact, "save", save)
        patched.setattr(files, "write_json", write_json)
        patched.setattr(Path, "rename", rename)
        with pytest.raises(error if isinstance(error, type) else type(error)):
            roles.keep(
                kept, {"winner": model("popular").fit(shop), "similar": model("cosine").fit(shop)}
            )
    assert written
    assert everything(kept.parent) == before


def test_a_set_without_a_winner_and_strange_roles_are_refused_and_nothing_is_written(
    shop, tmp_path
):
    fitted_model = model("popular").fit(shop)
    with pytest.raises(BadRequest, match="No model has the role 'winner'"):
        roles.keep(tmp_path / "models", {"similar": fitted_model})
    with pytest.raises(UnknownName, match="There is no role named 'similiar'") as caught:
        roles.keep(tmp_path / "models", {"winner": fitted_model, "similiar": fitted_model})
    assert caught.value.hint.startswith("Did you mean 'similar'?")
    assert list(tmp_path.iterdir()) == []


def test_no_model_has_the_name_of_a_role():
    assert not set(roles.ROLES) & set(catalogue())


# ---- finding


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        (None, "personal"), ("winner", "personal"), ("personal", "personal"),
        ("discover", "cosine"), ("cosine", "cosine"),
        ("cosine(history=0.7)", "cosine"), ("cosine-2", "cosine-2"), ("similar", "cosine-2"),
    ],
)  # fmt: skip
def test_a_model_is_found_by_role_folder_and_label(kept, name, folder):
    assert Run(kept.parent).artifact_of(name) == kept / folder
    assert Run(kept.parent).model(name) == artifact.load(kept / folder)


def test_the_face_of_a_run_tells_the_roles(kept):
    assert Run(kept.parent).artifact == kept / "personal"
    assert Run(kept.parent).roles == roles.read(kept)


@pytest.mark.parametrize("name", ["best", "nothing", "", "../models/cosine", ".", "roles.json"])
def test_what_is_not_kept_is_refused_with_what_is(kept, name):
    with pytest.raises(BadRequest) as caught:
        Run(kept.parent).model(name)
    assert caught.value.message == f"{kept.parent} keeps no model {name!r}."
    assert caught.value.hint == (
        "It keeps cosine = cosine(history=0.7) (remind, discover), cosine-2 = cosine "
        "(similar), personal (winner)."
    )


def test_a_run_of_an_older_version_has_a_winner_alone(shop, tmp_path):
    artifact.save(model("cosine", history=0.7).fit(shop), tmp_path / "models" / "cosine")
    run = Run(tmp_path)
    assert run.roles == {"winner": "cosine"}
    assert run.artifact == run.artifact_of("cosine(history=0.7)") == tmp_path / "models" / "cosine"
    with pytest.raises(BadRequest, match="keeps no model 'similar'"):
        run.model("similar")


def test_long_labels_are_cut_where_all_are_listed(shop, tmp_path):
    long = model(
        "blend", parts="cosine(history=0.7) + forward(history=0.6) + popular + personal + raw"
    )
    roles.keep(tmp_path / "models", {"winner": long.fit(shop)})
    text = roles.in_words(tmp_path / "models")
    assert "…" in text
    assert len(text) < 90


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        {"winner": "nothing"},
        {"similar": "cosine"},
        {"winner": ["cosine"]},
        {"winner": "../models/cosine"},
    ],
)
def test_roles_that_do_not_fit_the_models_are_refused(kept, value):
    (kept / "roles.json").write_text(json.dumps(value))
    with pytest.raises(
        BadRequest, match=r"roles\.json does not fit the models in its folder"
    ) as caught:
        Run(kept.parent).artifact  # noqa: B018
    assert caught.value.hint == "It is damaged or was changed; run the job again."


# ---- another winner


def test_another_winner_takes_that_role_alone(kept, shop):
    before = everything(kept)
    roles.replace_winner(kept, model("forward").fit(shop), others=kept, facts=ABOUT)
    assert roles.read(kept) == {
        "winner": "forward",
        "remind": "cosine",
        "discover": "cosine",
        "similar": "cosine-2",
    }
    after = everything(kept)
    assert {name: data for name, data in after.items() if name.startswith("cosine")} == {
        name: data for name, data in before.items() if name.startswith("cosine")
    }
    assert not [name for name in after if name.startswith("personal")], (
        "who has no role any more is gone"
    )


def test_a_winner_whose_name_is_taken_has_a_number_and_one_whose_label_is_kept_is_kept_once(
    kept, shop
):
    roles.replace_winner(kept, model("cosine", history=0.5).fit(shop), others=kept)
    assert roles.read(kept)["winner"] == "cosine-3"
    roles.replace_winner(kept, model("cosine", history=0.7).fit(shop), others=kept)
    assert roles.read(kept) == {
        "winner": "cosine",
        "remind": "cosine",
        "discover": "cosine",
        "similar": "cosine-2",
    }
    assert sw.load(roles.find(kept)).label == "cosine(history=0.7)"


def test_a_winner_is_written_where_no_model_was(shop, tmp_path):
    roles.replace_winner(
        tmp_path / "models", model("popular").fit(shop), others=tmp_path / "models"
    )
    assert roles.read(tmp_path / "models") == {"winner": "popular"}


# ---- similarity


def test_whether_a_model_knows_similar_items_is_known_of_classes_too():
    shelf = catalogue()
    assert roles.has_similarity(shelf["cosine"])
    assert roles.has_similarity(model("blend", parts="popular + cosine"))
    assert not roles.has_similarity(shelf["personal"])
    assert not roles.has_similarity(model("blend", parts="popular + v-sknn"))


def test_a_part_of_no_weight_is_not_asked_for_similar_items(shop):
    fitted_model = model("blend", parts="popular + cosine", weights="1, 0").fit(shop)
    assert not roles.has_similarity(fitted_model)
