"""A run that keeps several models: which model answers which command, lists that remind and
discover, and contributions to an item.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spadework as sw
from command_line import call
from spadework import files
from spadework.artifacts import roles
from spadework.errors import BadRequest
from spadework.models.labels import model
from spadework.workbench.answers.serving_answers import recommend
from spadework.workbench.recipe import make
from spadework.workbench.run import Run, dig
from spadework.workbench.storage import folder as folders

WINNER = "personal"


@pytest.fixture(scope="module")
def log():
    return sw.world("repeats").log


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Path:
    """A finished run whose winner knows no similar items, as a dig of an older version left it: one
    model and no roles.
    """
    folder = tmp_path_factory.mktemp("runs") / "bare"
    dig(
        "world:repeats",
        folder=folder,
        recipe=make({"models": ["personal", "cosine", "v-sknn"], "budget": "60s"}),
    )
    roles.keep(folder / "models", {"winner": Run(folder).model()})
    (folder / "models" / "roles.json").unlink()
    return folder


@pytest.fixture(scope="module")
def several(bare, log, tmp_path_factory) -> Path:
    """The same run with a model for each role."""
    folder = shutil.copytree(bare, tmp_path_factory.mktemp("runs") / "several")
    chosen = {
        "winner": model(WINNER, half_life="90d"),
        "remind": model("p-topfreq"),
        "discover": model("v-sknn"),
        "similar": model("cosine", history=0.7),
    }
    roles.keep(folder / "models", chosen, fit=lambda one: one.sharing().fit(log))
    return folder


@pytest.fixture(scope="module")
def new_user(tmp_path_factory) -> Path:
    """The log of a user with two items, one of them twice."""
    path = tmp_path_factory.mktemp("logs") / "me.csv"
    path.write_text(
        "user,item,time,basket\n"
        "me,i0007,2024-01-01,b1\nme,i0008,2024-01-02,b2\nme,i0007,2024-01-03,b3\n",
        encoding="utf-8",
    )
    return path


def answer_of(capsys, *arguments):
    """The JSON document of a command, and its remarks except the one on what it reads."""
    output = call(capsys, *arguments, "--json")
    assert output.code == 0, output.err
    return json.loads(output.out), "\n".join(
        line for line in output.err.splitlines() if not line.startswith("reading ")
    )


# ---- similar


def test_similar_items_come_from_the_model_that_knows_them_and_it_is_named(several, capsys):
    answer, err = answer_of(capsys, "similar", several, "i0003", "-k", "4")
    expected = (
        Run(several).model("similar").similar_items(["i0003"], 4).frame()["item_id"].to_list()
    )
    assert [row["item_id"] for row in answer] == expected
    assert err == "cosine(history=0.7) answered; the winner is personal(half_life=90d)."


def test_a_winner_that_knows_similar_items_answers_without_a_remark(order_run, capsys):
    answer, err = answer_of(capsys, "similar", order_run, "i0003", "-k", "1")
    assert [row["item_id"] for row in answer] == ["i0004"]
    assert err == ""


@pytest.mark.parametrize("name", ["similar", "cosine", "cosine(history=0.7)"])
def test_a_model_for_similar_items_is_named_by_role_folder_or_label(several, capsys, name):
    assert (
        answer_of(capsys, "similar", several, "i0003", "--model", name)[0]
        == answer_of(capsys, "similar", several, "i0003")[0]
    )


def test_a_model_without_similar_items_is_refused_with_what_is_kept(several, bare, capsys):
    output = call(capsys, "similar", several, "i0003", "--model", "winner")
    assert output.code == 2
    assert output.sentences == (
        "The model 'personal(half_life=90d)' has no similarity of items.",
        "Name another with --model; the run keeps cosine = cosine(history=0.7) (similar), "
        "p-topfreq (remind), personal = personal(half_life=90d) (winner), v-sknn (discover).",
    )
    output = call(capsys, "similar", bare, "i0003")
    assert output.code == 2
    assert output.sentences[0].endswith("has no similarity of items.")
    assert output.sentences[1].startswith(
        "There is no other to name with --model: the run keeps personal"
    )
    output = call(capsys, "similar", Run(bare).artifact, "i0003")
    assert (
        output.sentences[1]
        == "Name the run of this model, which may keep one that can, or another model."
    )


# ---- --model


@pytest.mark.parametrize(
    "arguments",
    [
        ["recommend", "RUN"],
        ["similar", "RUN", "i0003"],
        ["export", "RUN", "--out", "new"],
        ["explain", "RUN", "--item", "i0003"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_every_command_refuses_a_model_that_is_not_kept_with_what_is(arguments, several, capsys):
    output = call(
        capsys, *(several if one == "RUN" else one for one in arguments), "--model", "nothing"
    )
    assert output.code == 2
    assert output.sentences[0] == f"{several} keeps no model 'nothing'."
    assert output.sentences[1].startswith("It keeps cosine = cosine(history=0.7) (similar), ")


@pytest.mark.parametrize("name", ["discover", "v-sknn"])
def test_recommend_answers_by_the_model_that_is_named(several, log, capsys, name):
    answer, _ = answer_of(
        capsys, "recommend", several, "--user", "u0003", "-k", "5", "--model", name
    )
    users = log.user_vocabulary.codes(["u0003"])
    expected = Run(several).model("discover").recommend_codes(log, 5, users=users).frame()
    assert [row["item_id"] for row in answer] == expected["item_id"].to_list()


def test_export_takes_the_model_that_is_named(several, capsys, tmp_path):
    output = call(capsys, "export", several, "--out", tmp_path / "new", "--model", "similar")
    assert output.code == 2
    assert "cosine" in output.sentences[0]


def test_one_model_has_no_other_to_name(several, new_user, capsys):
    folder = Run(several).artifact_of("similar")
    for name in ("cosine", "cosine(history=0.7)"):
        assert answer_of(capsys, "recommend", folder, "--histories", new_user, "--model", name)[0]
    output = call(capsys, "recommend", folder, "--histories", new_user, "--model", "winner")
    assert output.sentences == (
        f"{folder} is one model, 'cosine(history=0.7)', and keeps no 'winner'.",
        "Leave out --model, or name the run.",
    )


# ---- --for


def own_items(log) -> dict[str, set[str]]:
    frame = log.frame()
    return {
        user: set(items) for user, items in frame.group_by("user_id").agg("item_id").iter_rows()
    }


def test_lists_that_remind_hold_own_items_by_the_model_for_that(several, log, capsys):
    answer, err = answer_of(capsys, "recommend", several, "--for", "remind", "-k", "5")
    assert err == ""
    expected = Run(several).model("remind").recommend(log, 5, repeats="only").frame()
    assert [(row["user_id"], row["item_id"]) for row in answer] == list(
        expected.select("user_id", "item_id").iter_rows()
    )
    assert all(row["item_id"] in own_items(log)[row["user_id"]] for row in answer)


def test_lists_that_discover_hold_new_items_by_the_model_for_that(several, log, capsys):
    answer, err = answer_of(capsys, "recommend", several, "--for", "discover", "-k", "5")
    assert err == ""
    expected = Run(several).model("discover").recommend(log, 5, repeats="forbid").frame()
    assert [(row["user_id"], row["item_id"]) for row in answer] == list(
        expected.select("user_id", "item_id").iter_rows()
    )
    assert not any(row["item_id"] in own_items(log)[row["user_id"]] for row in answer)


def test_lists_of_both_begin_with_as_many_own_items_as_users_repeat(several, log, capsys):
    share = Run(several).board["protocol"]["target_repeat_share"]
    assert round(share, 2) == 0.76
    answer, _ = answer_of(
        capsys, "recommend", several, "--for", "both", "-k", "10", "--user", "u0003"
    )
    users = log.user_vocabulary.codes(["u0003"])
    remind = (
        Run(several)
        .model("remind")
        .recommend_codes(log, 8, repeats="only", users=users)
        .frame()["item_id"]
        .to_list()
    )
    own = min(8, len(own_items(log)["u0003"]))
    discover = (
        Run(several)
        .model("discover")
        .recommend_codes(log, 10 - own, repeats="forbid", users=users)
        .frame()["item_id"]
        .to_list()
    )
    assert [row["item_id"] for row in answer] == remind + discover
    assert [row["for"] for row in answer] == ["remind"] * own + ["discover"] * (10 - own)
    assert [row["rank"] for row in answer] == list(range(1, 11))


def test_a_quota_worked_by_hand(several, new_user, capsys):
    """Three tenths of ten slots are three; two own items are all there are, so new ones fill up. Of
    one own item a slot: the commoner.
    """
    answer, _ = answer_of(
        capsys, "recommend", several, "--histories", new_user, "--for", "both", "--quota", "0.3"
    )
    assert [row["for"] for row in answer] == ["remind"] * 2 + ["discover"] * 8
    assert {row["item_id"] for row in answer[:2]} == {"i0007", "i0008"}
    answer, _ = answer_of(
        capsys,
        "recommend",
        several,
        "--histories",
        new_user,
        "--for",
        "both",
        "--quota",
        "0.3",
        "-k",
        "2",
    )
    assert [(row["for"], row["rank"]) for row in answer] == [("remind", 1), ("discover", 2)]
    assert answer[0]["item_id"] == "i0007"


def test_tables_and_files_tell_which_items_are_for_what(several, new_user, tmp_path, capsys):
    output = call(capsys, "recommend", several, "--histories", new_user, "--for", "both")
    assert output.out.splitlines()[0].split() == ["user_id", "rank", "item_id", "score", "for"]
    call(
        capsys,
        "recommend",
        several,
        "--histories",
        new_user,
        "--for",
        "both",
        "--out",
        tmp_path / "lists.parquet",
    )
    frame = pl.read_parquet(tmp_path / "lists.parquet")
    assert frame.columns == ["user_id", "item_id", "score", "rank", "for"]
    assert set(frame["for"]) == {"remind", "discover"}


@settings(max_examples=12)
@given(
    k=st.integers(1, 40),
    quota=st.floats(0.01, 0.99),
    user_numbers=st.lists(st.integers(0, 300), min_size=1, max_size=5, unique=True),
)
def test_lists_of_both_are_full_without_doubles_whatever_their_length(
    several, log, k, quota, user_numbers
):
    users = [f"u{number:04d}" for number in user_numbers]
    frame = recommend(str(several), user_ids=users, k=k, purpose="both", quota=quota)
    own = own_items(log)
    for user in users:
        items = frame.filter(pl.col("user_id") == user)
        assert len(items) == items["item_id"].n_unique() == min(k, log.item_count)
        assert items["rank"].to_list() == list(range(1, len(items) + 1))
        for item, side in items.select("item_id", "for").iter_rows():
            assert (item in own[user]) == (side == "remind")


def test_a_run_without_such_models_says_that_its_winner_answers(bare, capsys):
    winner = Run(bare).winner
    answer, err = answer_of(
        capsys, "recommend", bare, "--for", "both", "-k", "4", "--user", "u0003"
    )
    assert len({row["item_id"] for row in answer}) == 4
    assert err.splitlines() == [
        f"The run keeps no model of its own to {side}: its winner, {winner}, answers."
        for side in ("remind", "discover")
    ]


def test_where_users_do_not_repeat_own_items_are_listed_with_a_remark(order_run, tmp_path, capsys):
    run = shutil.copytree(order_run, tmp_path / "run")
    board = files.read_json(run / "scores.json")
    board["protocol"] |= {"repeats": "novel", "target_repeat_share": 0.0}
    files.write_json(run / "scores.json", board)
    folders.seal(run)
    assert answer_of(capsys, "recommend", run, "--for", "discover", "-k", "3")[1] == "", (
        "that is what it judged"
    )
    answer, err = answer_of(capsys, "recommend", run, "--for", "both", "-k", "3", "--user", "u0003")
    assert [row["for"] for row in answer] == ["remind", "discover", "discover"], "one at least"
    assert err == (
        "The run judged lists without items of the history, so nothing is known of how well "
        "these remind."
    )


def test_one_model_alone_reminds_and_discovers_half_and_half(several, new_user, capsys):
    answer, err = answer_of(
        capsys,
        "recommend",
        Run(several).artifact_of("similar"),
        "--histories",
        new_user,
        "--for",
        "both",
        "-k",
        "4",
    )
    assert [row["for"] for row in answer] == ["remind"] * 2 + ["discover"] * 2
    assert err == (
        "No share of repeats is known, so half of the slots remind; choose another share "
        "with --quota."
    )


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["--for", "remind", "--repeats", "allow"],
            "--for remind sets which items of the history lists hold, and so does --repeats.",
         "Leave one of them out."),
        (["--quota", "0.3"], "A quota joins lists that remind with lists that discover.",
            "Use it with --for both."),
        (["--for", "discover", "--quota", "0.3"],
            "A quota joins lists that remind with lists that discover.", "Use it with --for both."),
        (["--for", "both", "--quota", "0"], "The quota 0 is not between 0 and 1.",
         ("Give the share of slots that remind, such as 0.3; for lists of one side use --for "
"remind or --for discover.")),
        (["--for", "both", "--quota", "nan"], "The quota nan is not between 0 and 1.",
         ("Give the share of slots that remind, such as 0.3; for lists of one side use --for "
"remind or --for discover.")),
        (["--for", "both", "-k", "0"], "k is 0, which is not a whole number above zero.", None),
        (["--for", "all"],
            "Invalid value for '--for': 'all' is not one of 'remind', 'discover', 'both'.", None),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(several, capsys, arguments, message, hint):
    output = call(capsys, "recommend", several, *arguments)
    assert output.code == 2
    assert output.sentences[0] == message
    assert hint is None or output.sentences[1] == hint


def test_a_strange_purpose_is_refused_in_python_too(several):
    with pytest.raises(BadRequest, match="Lists for 'all' are not known"):
        recommend(str(several), purpose="all")


# ---- explain


def test_contributions_to_an_own_item_come_from_the_winner(several, new_user, capsys):
    answer, err = answer_of(capsys, "explain", several, "--item", "i0007", "--histories", new_user)
    assert (answer["model"], answer["user_id"], answer["item_id"], err) == (
        "personal(half_life=90d)",
        "me",
        "i0007",
        "",
    )
    assert answer["contributions"][0]["item_id"] == "i0007"


def test_what_the_winner_cannot_explain_the_model_for_similar_items_does(several, log, capsys):
    user = "u0003"
    new = next(item for item in log.item_vocabulary.ids if item not in own_items(log)[user])
    answer, err = answer_of(capsys, "explain", several, "--item", new, "--user", user)
    expected = (
        Run(several).model("similar").explain(log, new, user).filter(pl.col("contribution") != 0)
    )
    assert len(expected)
    assert answer["model"] == "cosine(history=0.7)"
    assert answer["contributions"] == expected.to_dicts()
    assert err == "cosine(history=0.7) answered; the winner is personal(half_life=90d)."


def test_contributions_are_printed_also_where_there_are_none(several, new_user, capsys):
    output = call(capsys, "explain", several, "--item", "i0007", "--histories", new_user)
    assert (
        output.out.splitlines()[0]
        == "Contributions to i0007 from the history of me, by personal(half_life=90d):"
    )
    assert [line.split()[0] for line in output.out.splitlines()[4:]] == ["i0007", "(other)"]
    output = call(
        capsys, "explain", several, "--item", "i0030", "--histories", new_user, "--model", "remind"
    )
    assert (output.code, output.out.strip()) == (
        0,
        "No item in the history of me contributes to i0030, by p-topfreq.",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["RUN"], "is a folder; --item is missing."),
        (["cosine", "--user", "u0003"], "--user has no meaning without --item."),
        (["cosine", "--model", "winner"], "--model has no meaning without --item."),
        (["RUN", "--item", "i0003"], "The histories are of 300 users."),
        (["RUN", "--item", "nothing", "--user", "u0003"],
            "Item 'nothing' is not in the log that the model learned from."),
        (["RUN", "--item", "i0003", "--user", "nobody"], "User 'nobody' is not in the histories."),
        (["nowhere", "--item", "i0003"], "There is no folder 'nowhere'."),
    ],
)  # fmt: skip
def test_what_cannot_be_explained_is_refused(several, capsys, arguments, message):
    output = call(capsys, "explain", *(several if one == "RUN" else one for one in arguments))
    assert output.code == 2
    assert output.sentences[0].endswith(message)


def test_where_no_model_can_explain_the_others_are_named(several, log, tmp_path, capsys):
    run = shutil.copytree(several, tmp_path / "run")
    roles.keep(run / "models", {"winner": model("popular").fit(log)})
    output = call(capsys, "explain", run, "--item", "i0003", "--user", "u0003")
    assert output.sentences[0] == "The model 'popular' has no parts to explain."
    assert "the run keeps popular (winner) alone" in output.sentences[1]
