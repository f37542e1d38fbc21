"""Every number, bar, cell and sentence of a report about its board is recomputed here from
`scores.json`, over random boards.
"""

from __future__ import annotations

import html
import json
import re
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from spadework.workbench.report import report

sys.path.insert(0, str(Path(__file__).parent))
import run_folder
from random_boards import PRIMARY, files_of, random_board

SEEDS = range(200)
FEW = range(60)
"""Boards of which the HTML is checked, too."""
Row = dict[str, Any]


class RenderedBoard:
    """A report, its tables by caption, and the board that it was made from."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.scores = random_board(seed)
        self.folder = run_folder.write_run(folder / str(seed), files_of(self.scores))
        self.text = plain(report.render(self.folder, "markdown"))
        self.tables = dict(tables_of(self.text))
        test = self.scores["scores"]
        self.done = sorted(
            (row for row in test if row["state"] == "done"), key=lambda row: -value(row)
        )
        self.judged = [row for row in self.scores["validation"] if row["state"] == "done"]

    def table(self, caption: str) -> list[list[str]] | None:
        return next((rows for name, rows in self.tables.items() if re.search(caption, name)), None)

    def section(self, name: str) -> str:
        return self.text.partition(f" {name}\n")[2].partition("\n## ")[0]


def plain(markdown: str) -> str:
    """The text that a reader of the Markdown sees."""
    return re.sub(r"\\([\\|*_`\[\]#~])", r"\1", html.unescape(markdown)).replace("\u00a0", " ")


def tables_of(text: str) -> list[tuple[str, list[list[str]]]]:
    found = re.findall(r"^\*\*(.+)\*\*\n\n(?:\|.*\n){2}((?:\|.*\n)*)", text, re.MULTILINE)
    return [
        (
            caption,
            [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines.splitlines()],
        )
        for caption, lines in found
    ]


def value(row: Row) -> float:
    return float(row["metrics"][PRIMARY])


def number(text: str) -> float:
    return float(text.replace("−", "-"))


@pytest.fixture(scope="module")
def case_of(tmp_path_factory):
    folder = tmp_path_factory.mktemp("boards")
    known: dict[int, RenderedBoard] = {}

    def get(seed: int) -> RenderedBoard:
        return known.setdefault(seed, known.get(seed) or RenderedBoard(folder, seed))

    return get


def test_the_board_shows_each_judged_model_once_in_order_with_its_numbers(case_of):
    seen = 0
    for case in map(case_of, SEEDS):
        rows = case.table(r"both quality and time") or []
        assert len(rows) == len(case.done)
        assert [number(row[2].split(" ")[0]) for row in rows] == sorted(
            (round(value(row), 4) for row in case.done), reverse=True
        )
        for row, known in zip(rows, case.done, strict=True):
            low, high = known["interval"]
            assert row[0] == str(known["rank"])
            assert row[1].split(" (")[0] == known["label"]
            assert row[2] == f"{value(known):.4f} ({low:.4f} … {high:.4f})"
            seen += 1
    assert seen > 1000


def test_a_p_is_shown_only_where_it_agrees_with_the_interval(case_of):
    with_p = without = 0
    for case in map(case_of, SEEDS):
        for row, known in zip(case.table(r"both quality and time") or [], case.done, strict=True):
            recorded = known["difference"]
            if recorded is None:
                assert row[3] == "–"
                continue
            difference, _, p = row[3].partition(", p ")
            ends = [number(end.strip("()+")) for end in difference.partition(" ")[2].split(" … ")]
            assert ends == [pytest.approx(end, abs=5.1e-5) for end in recorded["interval"]]
            assert number(difference.partition(" ")[0].lstrip("+")) == pytest.approx(
                recorded["value"], abs=5.1e-5
            )
            apart = recorded["interval"][0] > 0 or recorded["interval"][1] < 0
            assert bool(p) == ((recorded["p"] < 0.05) == apart)
            if p:
                assert ("< 0.001" in p) == (recorded["p"] < 0.001)
                if "<" not in p:
                    assert number(p.rstrip(")")) == pytest.approx(
                        recorded["p"], abs=5.1e-3 if recorded["p"] >= 0.1 else 5.1e-4
                    )
            with_p, without = with_p + bool(p), without + (not p)
    assert min(with_p, without) > 50


def test_pictures_show_as_many_as_they_say_and_no_better_model_is_left_out(case_of):
    for case in map(case_of, SEEDS):
        if not case.done:
            continue
        labels = [row["label"] for row in case.done]
        caption, rows = next(
            (c, r)
            for c, r in case.tables.items()
            if c.startswith(("The best ", "All models with a score"))
        )
        drawn = [row[0] for row in rows]
        assert drawn == [label for label in labels if label in drawn], "in the order of the board"
        assert [number(row[1]) for row in rows] == [
            round(value(known), 4) for known in case.done if known["label"] in drawn
        ]
        first, extra = len(labels), 0
        if caption.startswith("The best"):
            match = re.fullmatch(
                r"The best (\d+) of (\d+) models(?:, and (\d+) to compare with)?", caption
            )
            assert match
            assert int(match[2]) == len(labels)
            first, extra = int(match[1]), int(match[3] or 0)
        assert drawn[:first] == labels[:first]
        assert len(drawn) == first + extra
        assert case.scores["winner"] in drawn
        dots = case.table(r"^(The first \d+ of \d+ models|Quality of each model)$")
        assert (dots is None) == (len(labels) < 2)
        assert [row[0] for row in dots or []] == (labels[: len(dots)] if dots else [])
        cost = case.table(r"^Quality and cost$")
        assert [number(row[2]) for row in cost or []] == (
            [round(value(row), 4) for row in case.done] if cost else []
        )


def test_each_cell_of_the_heat_map_is_its_value_and_the_best_is_the_largest(case_of):
    seen = 0
    for case in map(case_of, SEEDS):
        heat, rows = case.scores["heat"], case.table(r": weight × history")
        assert (rows is None) == (heat is None)
        if heat is None:
            continue
        assert [row[0] for row in rows] == heat["rows"]
        assert [row[1:] for row in rows] == [
            ["–" if v is None else f"{v:.4f}" for v in line] for line in heat["values"]
        ]
        known = [
            (v, at, to)
            for at, line in enumerate(heat["values"])
            for to, v in enumerate(line)
            if v is not None
        ]
        match = re.search(
            r"Best: (weight \d+) with (history \d+), ([\d.]+), reached by (.+?)\.\n", case.text
        )
        assert (match is None) == (not known)
        if match:
            at, to = heat["rows"].index(match[1]), heat["columns"].index(match[2])
            assert (
                heat["values"][at][to]
                == max(known)[0]
                == pytest.approx(float(match[3]), abs=5.1e-5)
            )
            assert match[4] == heat["settings"][at][to]
            seen += 1
    assert seen > 100


def test_values_of_the_same_users_are_together_and_fall(case_of):
    for case in map(case_of, SEEDS):
        rows = case.table(r"^Every setting") or []
        assert len(rows) == len(case.judged)
        known = {row["label"]: row for row in case.judged}
        assert {row[0] for row in rows} == set(known)
        for row in rows:
            assert row[1] == f"{value(known[row[0]]):.4f}"
            assert row[4] == f"{known[row[0]]['users']:,}"
        groups = [
            (size, [number(row[1]) for row in group])
            for size, group in groupby(rows, lambda row: int(row[4].replace(",", "")))
        ]
        assert [size for size, _ in groups] == sorted(
            {row["users"] for row in case.judged}, reverse=True
        )
        assert all(values == sorted(values, reverse=True) for _, values in groups)
        if "choice" in case.scores:
            for size, values in groups:
                assert (
                    f"{len(values)} setting{'s' if len(values) > 1 else ''} on {size:,} users"
                    in case.section("Board")
                )


def test_everything_without_a_score_is_listed_once(case_of):
    for case in map(case_of, SEEDS):
        scores = case.scores
        tested, judged = {row["label"] for row in case.done}, {row["label"] for row in case.judged}
        wanted = {row["label"] for row in scores["scores"]} - tested
        wanted |= {row["label"] for row in scores["validation"]} - tested - judged
        listed, count = [], 0
        for caption in (
            r"^Without a score$",
            r"^Models and settings that had no time$",
            r"^Judged on the validation span only$",
        ):
            for row in case.table(caption) or []:
                label, more = re.fullmatch(
                    r"(.+?)(?: \(and (\d+) more settings?\))?", row[0]
                ).groups()
                if label != "7 mixtures":
                    listed.append(label)
                    count += 1 + int(more or 0)
        assert len(listed) == len(set(listed))
        assert set(listed) <= wanted
        assert count == len(wanted)
        assert case.text.count("**Without a score**") <= 1
        states = [
            row["state"] for row in scores["scores"] if row["state"] not in ("done", "no time")
        ]
        assert ("Without a score: " in case.section("Verdict")) == bool(states)
        for state in set(states):
            assert f"{states.count(state)} {state}" in case.section("Verdict")


def test_what_had_no_time_is_one_sentence_with_the_right_numbers(case_of):
    seen = 0
    for case in map(case_of, SEEDS):
        entries = [*case.scores["scores"], *case.scores["validation"]]
        able = {row["model"] for row in entries if row["state"] == "done"}
        unable = {row["model"] for row in entries if row["state"] == "skipped"} - able
        without_time = {
            (row["model"], row["label"])
            for row in case.scores["validation"]
            if row["state"] == "no time"
        }
        models = {model for model, _ in without_time} - able - unable
        settings = {label for model, label in without_time if model in able}
        settings -= {row["label"] for row in case.scores["scores"]}
        sentences = re.findall(
            r"(?:(\d+) models?)?(?: and )?(?:(\d+) settings?(?: of other models)?)? "
            r"had no time; (.+?)\.",
            case.section("Honesty"),
        )
        assert [(int(m or 0), int(s or 0)) for m, s, _ in sentences] == (
            [(len(models), len(settings))] if models or settings else []
        )
        enough = case.scores.get("budget", {}).get("would_do")
        assert all(
            end == (f"--budget {enough} is enough" if enough else "a larger budget tries them")
            for *_, end in sentences
        )
        seen += bool(sentences)
    assert seen > 100


def test_a_dig_that_was_cut_short_says_so_before_everything_else(case_of):
    seen = set()
    for case in map(case_of, FEW):
        budget = case.scores.get("budget", {})
        cut_short = budget.get("starved", False)
        page = report.render(case.folder)
        assert ('class="cut-short"' in page) == cut_short
        assert ("This dig was cut short." in case.text) == cut_short
        if cut_short:
            assert page.index('class="cut-short"') < page.index('id="verdict"')
            assert budget["says"] in html.unescape(page[: page.index('id="verdict"')])
            assert "Families without a trial: session neighbours." in case.section("Honesty")
        if budget.get("says"):
            assert budget["says"] in case.section("Honesty")
        seen.add(cut_short)
    assert seen == {True, False}


def test_the_choice_is_shown_as_it_was_made(case_of):
    for case in map(case_of, SEEDS):
        scores, verdict, board = case.scores, case.section("Verdict"), case.section("Board")
        if not case.done:
            assert "there is no verdict yet" in verdict
            continue
        winner = next(row for row in case.done if row["label"] == scores["winner"])
        low, high = winner["interval"]
        known = {scores.get("best"), *scores.get("winners", {}).values(), case.done[0]["label"]}
        name = winner["label"].partition("(")[0]
        if '"' in winner["label"] or name in known:  # another model has this very label
            name = winner["label"]
        assert (
            f"“{name}”: {value(winner):.3f} ({low:.3f} … {high:.3f}; "
            f"{scores['protocol']['heading']})"
        ) in verdict
        assert ("is behind" in verdict) == (winner["rank"] != 1)
        marks = {row[1] for row in case.table(r"both quality and time")}
        choice = scores.get("choice")
        if choice is None:
            assert f"{winner['label']} (saved)" in marks
            continue
        assert f"The model to use is “{name}”" in verdict
        settings = re.compile(r"\([^()]*\)")  # of a model that is named once, a name will do
        assert settings.sub("", choice["says"]) in settings.sub("", verdict)
        assert choice["says"] in board
        assert f"Saved and served: “{winner['label']}”." in board
        assert ("It is the best by value on validation, too." in board) == (
            choice["best"] == winner["label"]
        )
        assert any(
            mark.startswith(f"{choice['best']} (") and "best by value" in mark for mark in marks
        )
        assert any(mark.startswith(f"{winner['label']} (saved") for mark in marks)
        assert (f"the cheapest first: {', '.join(choice['tied'])}." in board) == (
            len(choice["tied"]) > 1
        )
        assert ("it is not better than popular items" in verdict) == (not choice["above_popular"])
        roles = scores.get("winners", {})
        assert ("| For new items |" in verdict) == bool(roles)
        if roles:
            assert f"| For all items | {winner['label']} |" in verdict
            assert f"| For new items | {roles['new items']} |" in verdict
            share = scores["repetition"]["models"][0]["hits_repeated"]
            match = re.search(
                r"Of the hits of “(.+?)”, ([\d.]+)% are repeats: items of the user's history\.",
                verdict,
            )
            assert match
            assert match[1] == name
            assert float(match[2]) == pytest.approx(100 * share, abs=0.5)


def test_the_gain_over_what_is_popular_is_that_of_the_board(case_of):
    seen = 0
    for case in map(case_of, SEEDS):
        verdict = case.section("Verdict")
        if not case.done or case.done[0]["model"] in ("popular", "random"):
            continue
        names = {
            "popular": "the most popular items of all time",
            "popular(window=7d)": "the most popular items of the last 7 days",
        }
        for row in case.done:
            name, base = names.get(row["label"]), value(row)
            if name is None or base == 0:
                continue
            low, high = row["difference"]["interval"]
            match = re.search(
                (
                    rf"(not surely better than|([\d,.]+)% better than) {name} \(([−\d,.]+)% … "
                    r"([−\d,.]+)%\)"
                ),
                verdict,
            )
            assert match
            assert match[1].startswith("not") == (low <= 0 <= high)
            shares = [number(match[at].replace(",", "")) for at in (3, 4)]
            for share, end in zip(shares, (-high, -low), strict=True):
                assert share == pytest.approx(100 * end / base, rel=0.05, abs=0.006)
            if match[2]:
                assert number(match[2].replace(",", "")) == pytest.approx(
                    -100 * row["difference"]["value"] / base, rel=0.05, abs=0.006
                )
            seen += 1
    assert seen > 80


def test_marks_of_pictures_are_the_rows_of_the_board(case_of):
    for case in map(case_of, FEW):
        page = report.render(case.folder)
        section = page[page.index('id="board"') : page.index('id="helped"')].replace("\u00a0", " ")
        pictures = re.findall(r'<div class="on-wide">(<svg.*?</svg>)', section, re.DOTALL)
        if len(case.done) > 1:
            titles = [
                html.unescape(title)
                for title in re.findall(r'class="mark"><title>(.*?)</title>', pictures[0])
            ]
            rows = [
                (
                    f"{row['label']}: {value(row):.4f} ({row['interval'][0]:.4f} … "
                    f"{row['interval'][1]:.4f})"
                )
                for row in case.done[:30]
            ]
            assert titles == rows
        heat = case.scores["heat"]
        drawn = re.findall(r"<title>(weight \d+, history \d+: [\d.]+)</title>", page)
        assert drawn == [
            f"{heat['rows'][at]}, {heat['columns'][to]}: {v:.4f}"
            for at, line in enumerate(heat["values"] if heat else ())
            for to, v in enumerate(line)
            if v is not None
        ]


def test_questions_without_time_are_not_shown_as_impossible(case_of):
    for case in map(case_of, SEEDS):
        not_asked = case.table("^Not asked for lack of time, so the answer is not known$")
        impossible = case.table("^These data cannot answer$")
        assert ([row[0] for row in not_asked or []], [row[0] for row in impossible or []]) == (
            (["ORD-1"], ["TIME-1"]) if "budget" in case.scores else ([], [])
        )
        other = [row[0] for row in case.table("^What else was not tried$") or []]
        assert other == ["transformers"]


def test_json_is_the_board_itself(case_of):
    for case in map(case_of, range(20)):
        assert json.loads(report.render(case.folder, "json"))["scores"] == case.scores
