"""Bad requests on the command line, rows 52 to 59 of the list: what happened, and what to do next,
word for word.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import pytest

from command_line import call
from spadework.models.catalogue import catalogue
from spadework.workbench.recipe import Recipe

KEYS = ", ".join(Recipe.model_fields)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Every test has a working directory of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys, *arguments):
    output = call(capsys, *arguments)
    assert output.code == 2
    assert output.out == ""
    assert "Traceback" not in output.err
    return output.sentences


# ---- 52: options, models, values


@pytest.mark.parametrize(
    ("arguments", "sentences"),
    [
        (["dig", "world:order", "--budgte", "5m"],
            ("No such option '--budgte'. Did you mean '--budget'?", "See: spadework dig --help")),
        (["dig", "world:order", "--models", "cosin"],
         ("There is no model named 'cosin'.",
             f"Did you mean 'cosine'? Known: {', '.join(sorted(catalogue()))}.")),
        (["dig", "world:order", "--set", "faces=99"],
         ("The command has faces = 99: input should be less than or equal to 50.",
             "Users shown in the report.")),
        (["dig", "world:order", "--seed", "-1"],
         ("The command has seed = -1: input should be greater than or equal to 0.",
             "Seed of everything random.")),
        (["dig", "world:order", "--set", "usr=x"],
            ("The command has no key 'usr'.", f"Did you mean 'user'? Keys: {KEYS}.")),
        (["dig", "world:order", "--set", "seed"],
            ("The setting 'seed' is not key=value.", "Write it as --set seed=3")),
        (["dig", "world:ordre"], ("There is no world named 'ordre'.",
                                  "Did you mean 'order'? Known: checkerboard, coarse_clock, "
                                  "comebacks, content, crossed, errands, habits_in_fashion, "
                                  "hits, kits, noise, novelties, order, ordered_hits, "
                                  "popularity, refills, repeats, resellers, trend.")),
        (["recommend", "RUN", "-k", "0"],
            ("k is 0, which is not a whole number above zero.", "Ask for at least one item.")),
        (["recommend", "RUN", "-k", "x"],
            ("Invalid value for '-k' / '--k': 'x' is not a valid integer.",
                "See: spadework recommend --help")),
        (["recommend", "RUN", "--user", "nobody"],
         ("User 'nobody' is not in the histories.",
             "Check the id, or give a log of that user with --histories; the list of a customer "
             "without a history: --new.")),
        (["similar", "RUN", "nothing"],
         ("Item 'nothing' is not in the log that the model learned from.",
             "Check the id; numbers and text differ.")),
        (["report", "RUN", "--form", "pdf"],
         ("Invalid value for '--form': 'pdf' is not one of 'html', 'markdown', 'json'.",
             "See: spadework report --help")),
    ],
)  # fmt: skip
def test_52_unknown_names_and_values_out_of_range(arguments, sentences, order_run, capsys):
    assert (
        refused(capsys, *[order_run if argument == "RUN" else argument for argument in arguments])
        == sentences
    )


# ---- 53: sources that are none


def test_53_a_file_that_is_missing(elsewhere, capsys):
    (elsewhere / "orders.csv").write_text("user,item\na,x\n")
    assert refused(capsys, "look", "order.csv") == (
        "There is no file 'order.csv'.",
        "Did you mean 'orders.csv'?",
    )


def test_53_a_folder_without_parquet(elsewhere, capsys):
    (elsewhere / "empty").mkdir()
    assert refused(capsys, "look", "empty") == (
        "The folder 'empty' holds no files of parquet, csv or JSON lines.",
        "Give a folder of such files, or a list of files.",
    )


def test_53_a_pipe_with_a_name(elsewhere, capsys):
    os.mkfifo(elsewhere / "pipe")
    assert refused(capsys, "look", "pipe") == (
        "'pipe' is a pipe.",
        "Pipe it into the command and give '-' as the source.",
    )


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [("", 2, "standard input is empty."), ("user,item,time\na,x,1\na,y,2\nb,x,3\n", 0, "3 used")],
)
def test_53_standard_input(given, code, message):
    done = subprocess.run(
        [sys.executable, "-m", "spadework", "look", "-"],
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code
    assert message in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["recommend", "similar", "compare", "report"])
def test_53_a_run_that_is_none(command, elsewhere, capsys):
    more = ["x"] if command == "similar" else []
    first, second = refused(capsys, command, "nowhere", *more)
    assert "nowhere" in first
    assert second
    (elsewhere / "empty").mkdir()
    first, second = refused(capsys, command, "empty", *more)
    assert "empty" in first
    assert second


# ---- 54: columns


def test_54_a_column_that_is_absent_lists_those_there_are(elsewhere, capsys):
    (elsewhere / "orders.csv").write_text("user,item,time\na,x,1\n")
    first, second = refused(capsys, "look", "orders.csv", "--user", "customer")
    assert first == "orders.csv has no column 'customer' (--user)."
    assert second == "Did you mean 'user'? Its columns are 'user', 'item', 'time'."


def test_54_a_column_named_twice(elsewhere, capsys):
    (elsewhere / "orders.csv").write_text("user,item,time\na,x,1\n")
    assert refused(capsys, "look", "orders.csv", "--user", "user", "--item", "user") == (
        "The column 'user' is named twice, for the user and for the item.",
        "Give each role its own column.",
    )


# ---- 55: recipes


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ('budgte = "5m"',
            ("The recipe 'job.toml' has no key 'budgte'.",
                f"Did you mean 'budget'? Keys: {KEYS}.")),
        ('seed = "three"',
            ("The recipe 'job.toml' has seed = 'three': input should be a valid integer.",
                "Seed of everything random.")),
        ("version = 99",
            (("The recipe 'job.toml' has version 99, which is newer than this spadework; "
"upgrade it."),
                          "See the keys with: spadework explain recipe")),
        ("version = 0",
            ("The recipe 'job.toml' has version 0, which is older; the present version is 1.",
                         "See the keys with: spadework explain recipe")),
        ('token = "x"',
            ("The recipe 'job.toml' holds a secret in 'token'; recipes are stored as they are.",
                         "Put secrets into environment variables.")),
        ('items = "postgres://me:secret@host/db"',
            ("The recipe 'job.toml' holds a secret in 'items'; recipes are stored as they are.",
                                                    "Put secrets into environment variables.")),
        ("a = = 1",
            ("The recipe 'job.toml' is not TOML: Invalid value (at line 1, column 5).",
                'Write lines such as: budget = "5m"')),
    ],
)  # fmt: skip
def test_55_recipes_that_cannot_be_followed(text, sentences, elsewhere, capsys):
    (elsewhere / "job.toml").write_text(text)
    assert refused(capsys, "dig", "world:order", "--recipe", "job.toml") == sentences
    assert not (elsewhere / "runs").exists(), "nothing is begun"


def test_55_a_recipe_that_is_missing(capsys):
    assert refused(capsys, "dig", "--recipe", "job.toml") == (
        "The recipe 'job.toml' cannot be read: No such file or directory.",
        "Check the path.",
    )


# ---- 56: outputs that are there


def test_56_a_file_that_exists_is_replaced_only_by_force(order_run, elsewhere, capsys):
    path = elsewhere / "lists.csv"
    path.write_text("mine")
    assert refused(capsys, "recommend", order_run, "--out", path) == (
        f"{path} exists already.",
        "Choose another name, or replace it with --force.",
    )
    assert path.read_text() == "mine"
    assert call(capsys, "recommend", order_run, "--out", path, "--force").code == 0
    assert path.read_text().startswith("user_id,item_id,score,rank\n")


def test_56_a_report_that_exists_is_replaced_only_by_force(order_run, elsewhere, capsys):
    path = elsewhere / "report.html"
    path.write_text("mine")
    assert refused(capsys, "report", order_run, "--out", path)[0] == f"{path} exists already."
    assert path.read_text() == "mine"


def test_56_a_file_format_that_cannot_be_written(order_run, elsewhere, capsys):
    assert refused(capsys, "recommend", order_run, "--out", "lists.xls") == (
        "lists.xls ends in '.xls'.",
        "Name a file that ends in .parquet, .csv or .jsonl.",
    )
    assert not (elsewhere / "lists.xls").exists()


def test_56_a_run_of_another_recipe_and_a_folder_that_is_no_run(order_run, elsewhere, capsys):
    before = (order_run / "scores.json").read_bytes()
    assert refused(capsys, "dig", "world:order", "--run", order_run, "--seed", "5") == (
        f"{order_run} holds a run with another recipe.",
        "Choose another folder, or replace it with --force.",
    )
    assert (order_run / "scores.json").read_bytes() == before
    (elsewhere / "thesis").mkdir()
    (elsewhere / "thesis" / "chapter.txt").write_text("years")
    assert refused(capsys, "dig", "world:order", "--run", "thesis", "--force") == (
        "thesis holds other things than a run.",
        "Choose another folder; this one is not touched, even with --force.",
    )


# ---- 57: budgets


@pytest.mark.parametrize("budget", ["0", "-1", "5", "soon", "", "5 parsecs", "1e3s", "-5m", "nan"])
def test_57_budgets_that_are_none(budget, capsys):
    assert refused(capsys, "dig", "world:order", "--budget", budget) == (
        f"The budget {budget!r} {'is not above zero' if budget == '' else 'cannot be understood'}.",
        "Write the budget with a unit, such as 60s, 10m, 12h, 7d or 2w.",
    )


def test_57_a_budget_of_zero_seconds(capsys):
    assert (
        refused(capsys, "dig", "world:order", "--budget", "0s")[0]
        == "The budget '0s' is not above zero."
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("5 min", 300),
        ("5m", 300),
        ("1h30m", 5400),
        ("2 weeks", 1_209_600),
        ("0.5h", 1800),
        ("7D", 604_800),
        ("90 Seconds", 90),
    ],
)
def test_57_budgets_as_users_write_them(text, seconds):
    from spadework.workbench.recipe import make

    assert make({"budget": text}).budget_seconds == seconds


# ---- the system refuses


def test_a_folder_that_cannot_be_made(elsewhere, capsys):
    (elsewhere / "file").write_text("x")
    assert refused(capsys, "dig", "world:order", "--run", "file/below") == (
        "The folder file/below cannot be made: Not a directory.",
        "Choose another with --run.",
    )


def test_paths_with_blanks_other_letters_and_pictures_work(elsewhere, capsys):
    folder = elsewhere / "мои заказы 🛒"
    folder.mkdir()
    (folder / "лог.csv").write_text("user,item,time\na,x,1\na,y,2\nb,x,3\n")
    assert call(capsys, "look", folder / "лог.csv").code == 0


def test_53_a_file_without_the_right_to_read_it(tmp_path):
    """Run as a user without rights: the process gives up root after its imports, which a user
    without them never had.
    """
    closed = tmp_path / "closed.csv"
    closed.write_text("user,item\na,x\n")
    closed.chmod(0)
    program = (
        "import os, sys, polars\n"
        "from spadework.data.addresses import read_interactions\n"
        "from spadework.errors import SpadeworkError\n"
        "read_interactions(polars.DataFrame({'user': ['a'], 'item': ['x']}))\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "try: read_interactions(sys.argv[1])\n"
        "except SpadeworkError as error: print(error.message); print(error.hint)\n"
    )
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and str(folder).startswith(
            tempfile.gettempdir() + "/"
        ):
            folder.chmod(0o755)
    output = subprocess.run(
        [sys.executable, "-c", program, str(closed)], capture_output=True, text=True, check=True
    )
    assert output.stdout.splitlines() == [
        f"You have no right to read {str(closed)!r}.",
        "Ask its owner, or copy it to your own folder.",
    ]


# ---- options that are given more than once


LOG = "user_id,asin,parent_asin,event,timestamp\n" + "".join(
    f"u{at % 9},a{at % 7},p{at % 3},{'View' if at % 3 else 'Purchase'},{1_767_225_600 + at}\n"
    for at in range(60)
)


def test_an_option_of_one_value_is_not_given_twice(capsys, elsewhere):
    (elsewhere / "log.csv").write_text(LOG)
    told = refused(capsys, "look", "log.csv", "--item", "asin", "--item", "parent_asin")
    assert told[0] == (
        "Option '--item' is given twice, as 'asin' and as 'parent_asin': it has one value."
    )
    same = call(capsys, "look", "log.csv", "--item", "asin", "--item=asin")
    assert same.code == 0


@pytest.mark.parametrize(
    "options",
    [
        ["--events", "View", "--events", "Purchase"],
        ["--events=View,Purchase"],
        ["--set", "events=View", "--events", "Purchase"],
    ],
)
def test_lists_that_are_given_twice_add_up(capsys, elsewhere, options):
    (elsewhere / "log.csv").write_text(LOG)
    output = call(capsys, "look", "log.csv", "--item", "asin", *options)
    assert output.code == 0
    assert "60 rows → 60 used" in output.out


def test_options_that_another_command_takes_as_settings_are_named(capsys):
    output = call(capsys, "recommend", "run", "--join", "orders.csv:order_id")
    assert output.code == 2
    assert "No such option '--join'" in output.err
    assert "Here it is given as: --set join=VALUE." in output.err
    assert "--set" not in call(capsys, "recommend", "run", "--jon", "x").err
    assert "--set" not in call(capsys, "report", "run", "--join", "x").err
