"""What a dig prints: a short text with the best models and the baselines, each reason once, and
what to type next; over random boards.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from command_line import call
from spadework import files
from spadework.apps.summary import summary_text
from spadework.workbench.report import run_facts
from spadework.workbench.run import Run
from spadework.workbench.storage import folder as folders

sys.path.insert(0, str(Path(__file__).parents[1] / "workbench"))
import run_folder
from random_boards import PRIMARY, files_of, random_board

LARGER = "spadework dig orders.csv --run RUN --budget 10m"


def value(row):
    return row["metrics"][PRIMARY]


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("boards")
    known = {}

    def get(seed):
        if seed not in known:
            board = random_board(seed)
            where = run_folder.write_run(folder / str(seed), files_of(board))
            larger = LARGER if board.get("budget", {}).get("would_do") else ""
            known[seed] = board, where, summary_text(run_facts.read(where), where, larger)
        return known[seed]

    return get


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")


def test_the_table_is_the_ten_best_the_baselines_and_what_is_saved_in_order(printed):
    for seed in range(200):
        board, _, text = printed(seed)
        done = sorted(
            (row for row in board["scores"] if row["state"] == "done"), key=lambda row: -value(row)
        )
        if not done:
            assert "No model has a score." in text
            continue
        roles = board.get("winners", {})
        marked = {
            board["winner"],
            board.get("best"),
            *(roles.get(key) for key in ("new items", "own items", "similar items")),
        }
        wanted = [
            row
            for at, row in enumerate(done)
            if at < 10 or row["label"] in {"popular", "popular(window=7d)", "random"} | marked
        ]
        lines = re.findall(
            r"^ *(\d+)  (\S.*?)  +(\d\.\d{4})  (\d\.\d{4}) … (\d\.\d{4})", text, re.MULTILINE
        )
        assert [(int(rank), label) for rank, label, *_ in lines] == [
            (row["rank"], row["label"]) for row in wanted
        ]
        assert [tuple(map(float, line[2:])) for line in lines] == [
            tuple(round(number, 4) for number in (value(row), *row["interval"])) for row in wanted
        ]
        more = re.search(r"… (\d+) more in the report", text)
        assert (int(more[1]) if more else 0) == len(done) - len(wanted)
        winner = next(row for row in done if row["label"] == board["winner"])
        assert f"saved    {board['winner']}: {PRIMARY} {value(winner):.4f}" in text
        line = next(
            line
            for line in text.splitlines()
            if re.match(rf" *\d+  {re.escape(board['winner'])}  ", line)
        )
        assert re.search(r"  saved(, .+)?$", line)


def test_the_choice_comes_before_the_board_and_lack_of_time_before_everything(printed):
    for seed in range(200):
        board, _, text = printed(seed)
        budget, choice = board.get("budget", {}), board.get("choice")
        assert text.startswith(
            budget["says"] if budget.get("starved") else "541,909 rows → 529,170 used"
        )
        if choice:
            assert text.index(choice["says"]) < text.index("rank  model")
            assert (f"best     {board['best']}, by value" in text) == (
                board["best"] != board["winner"]
            )
            assert ("is not better than popular items" in text) == (not choice["above_popular"])
        for label in filter(None, [board.get("winners", {}).get("new items")]):
            assert f"saved    {label}: for new items" in text


def test_each_reason_is_one_line_and_time_is_one_line(printed):
    for seed in range(200):
        board, _, text = printed(seed)
        no_time_lines = [
            line
            for line in text.splitlines()
            if line.endswith(("is enough.", "larger budget tries them."))
        ]
        entries = [*board["scores"], *board["validation"]]
        able = {row["model"] for row in entries if row["state"] == "done"}
        unable = {row["model"] for row in entries if row["state"] == "skipped"} - able
        lacking = (
            {row["model"] for row in board["validation"] if row["state"] == "no time"}
            - unable
            - able
        )
        assert len(no_time_lines) <= 1
        if lacking:
            assert no_time_lines[0].startswith(f"{len(lacking)} model")
            assert ("--budget 10m is enough." in no_time_lines[0]) == bool(
                board.get("budget", {}).get("would_do")
            )
        skipped = [line for line in text.splitlines() if line.startswith("skipped: ")]
        listed = [
            name
            for line in skipped
            for name in line.removeprefix("skipped: ").partition(". ")[0].split(", ")
        ]
        assert sorted(listed) == sorted(unable)
        reasons = [line.partition(". ")[2] for line in skipped]
        assert len(reasons) == len(set(reasons))
        assert sum(line.startswith("timed out: ") for line in text.splitlines()) <= 1, (
            "the step at which time ran out is in the report"
        )


def test_it_ends_with_lines_to_type_and_stays_short(printed):
    for seed in range(200):
        board, where, text = printed(seed)
        assert f"report   {where / 'report.html'}" in text
        assert f"next     spadework recommend {where}" in text
        assert (f"\n         {LARGER}" in text) == bool(board.get("budget", {}).get("would_do"))
        assert len(text.splitlines()) < 60


def test_a_transformer_is_proposed_where_it_may_pay_and_the_dig_was_not_cut_short(tmp_path):
    board = random_board(1)
    found = {
        "code": "VER-1",
        "level": "note",
        "says": "A transformer is worth one small run: …",
        "advice": "",
        "command": "spadework train RUN",
    }
    for sentence, cut_short, wanted in (
        (found["says"], False, True),
        (found["says"], True, False),
        ("The spade is enough: …", False, False),
        ("Undecided: …", False, False),
    ):
        board["budget"] |= {"starved": cut_short}
        where = run_folder.write_run(
            tmp_path / "run", files_of(board) | {"findings": [found | {"says": sentence}]}
        )
        text = summary_text(run_facts.read(where), where)
        assert (f"         spadework train {where}" in text) == wanted
        assert f"$ spadework train {where}" in text


def test_strict_ends_with_one_where_the_dig_was_cut_short_or_a_finding_blocks(
    order_run, tmp_path, capsys
):
    arguments = [
        "dig",
        "world:order",
        "--run",
        tmp_path / "r",
        "--set",
        "models=popular",
        "--budget",
        "30s",
    ]
    assert call(capsys, *arguments, "--strict").code == 0
    board = files.read_json(tmp_path / "r" / "scores.json")
    files.write_json(
        tmp_path / "r" / "scores.json",
        board | {"budget": {"starved": True, "says": "Too short.", "would_do": "10m"}},
    )
    folders.seal(tmp_path / "r")  # else the run would be made again
    output = call(capsys, *arguments, "--strict")
    assert output.code == 1
    assert output.out.startswith("Too short.\n\n")
    assert f"         spadework dig world:order --run {tmp_path / 'r'}" in output.out
    assert output.out.count("--budget 10m") == 1, "printed even where it is the default"
    assert call(capsys, "compare", tmp_path / "r").out.startswith("Too short.\n\n")
    assert call(capsys, *arguments).code == 0
    assert call(capsys, *arguments, "--strict", "--json").code == 1
    assert call(capsys, *arguments, "--verbose").out.startswith("Too short.\n\n")
    files.write_json(tmp_path / "r" / "scores.json", board)
    found = {"code": "INT-9", "level": "blocker", "says": "Nobody.", "advice": "Get users."}
    files.write_json(tmp_path / "r" / "findings.json", [found])
    folders.seal(tmp_path / "r")
    assert call(capsys, *arguments, "--strict").code == 1
    assert call(capsys, *arguments).code == 0


def test_verbose_prints_the_whole_board(order_run, capsys):
    arguments = [
        "dig",
        "world:order",
        "--run",
        order_run,
        "--set",
        "models=popular,cosine,forward",
        "--budget",
        "180s",
    ]
    short, whole = call(capsys, *arguments).out, call(capsys, *arguments, "--verbose").out
    for label in ("popular", "random", "forward(history=0.2)"):
        assert label in short
        assert label in whole
    assert f"saved    {Run(order_run).winner}: ndcg@10 " in short
    assert len(whole.split("rank  model")) == len(short.split("rank  model")) == 2


def test_what_is_preferred_is_a_key_of_the_recipe(tmp_path, capsys):
    arguments = [
        "dig",
        "world:order",
        "--run",
        tmp_path / "r",
        "--set",
        "models=popular",
        "--budget",
        "30s",
        "--prefer",
        "quality",
    ]
    assert call(capsys, *arguments).code == 0
    assert files.read_json(tmp_path / "r" / "recipe.json")["recipe"]["prefer"] == "quality"
    output = call(capsys, *arguments[:-1], "speed")
    assert output.code == 2
    assert "sense" in output.err
