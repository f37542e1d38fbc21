"""The report as a pure function of the run folder: complete, honest about gaps, safe and small."""

from __future__ import annotations

import copy
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from spadework import formatting
from spadework.errors import BadRequest
from spadework.workbench.report import blocks, charts, notebook, report

sys.path.insert(0, str(Path(__file__).parent))
import run_folder

SECTIONS = [
    "verdict",
    "account",
    "portrait",
    "findings",
    "board",
    "helped",
    "slices",
    "repeats",
    "faces",
    "honesty",
    "recipe",
]
VOID = {"meta", "link", "br", "hr", "img", "input"}
HOSTILE = '<script>alert("x")</script>=HYPERLINK("http://evil.example")|[a](javascript:b)`'


class Page(HTMLParser):
    """Tags, ids, text and whether every element is closed in order."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.feed(markup)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture
def files() -> dict[str, Any]:
    return run_folder.realistic()


@pytest.fixture
def folder(tmp_path: Path, files: dict[str, Any]) -> Path:
    return run_folder.write_run(tmp_path / "run", files)


def rendered(
    tmp_path: Path, files: dict[str, Any], form: report.Form = "html", with_ids: bool = False
) -> str:
    return report.render(run_folder.write_run(tmp_path / "other", files), form, with_ids)


def verdict_of(page: str) -> str:
    return " ".join(re.findall(r'<p class="lead">(.*?)</p>', page)).replace("\u00a0", " ")


def test_every_section_is_in_order_below_one_heading(folder: Path) -> None:
    page = Page(report.render(folder))
    assert [name for name in page.ids if name in SECTIONS] == SECTIONS
    assert page.tags.count("h1") == 1
    assert ("lang", "en") in page.attributes
    assert any("width=device-width" in value for _, value in page.attributes)
    assert len(page.ids) == len(set(page.ids))


def test_each_picture_has_a_name_and_a_table(folder: Path) -> None:
    page = report.render(folder)
    figures = re.findall(r"<figure>.*?</figure>", page, re.DOTALL)
    assert len(figures) >= 9
    for figure in figures:
        assert 'role="img" aria-label="' in figure
        assert "<details" in figure
        assert figure.count("<tr>") > 1


def test_the_page_asks_for_nothing_and_runs_nothing(folder: Path) -> None:
    page = report.render(folder)
    parsed = Page(page)
    policies = [
        value for name, value in parsed.attributes if name == "content" and "default-src" in value
    ]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert not {"script", "link", "img", "iframe", "object", "embed", "form"} & set(parsed.tags)
    assert set(re.findall(r"https?://[^\"'\s<)]+", page)) == {"http://www.w3.org/2000/svg"}
    assert "url(" not in page
    assert "@import" not in page
    assert all(
        value.startswith("#") for name, value in parsed.attributes if name in ("href", "src")
    )
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]


@pytest.mark.parametrize("form", ["html", "markdown", "json"])
def test_same_folder_same_bytes(
    folder: Path, form: report.Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = report.render(folder, form)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert report.render(folder, form) == first
    assert str(folder) not in first


def test_the_verdict_names_the_choice_on_validation_and_the_tie(folder: Path) -> None:
    verdict = verdict_of(report.render(folder))
    assert "2 models share rank 1" in verdict
    assert (
        "The model chosen on validation is “cosine, history weight 0.7, half-life 30 d”: "
        "0.124 (0.118 … 0.130; NDCG@10, last 28 days, 2,300 users)" in verdict
    )
    assert "It is the cheapest of them." in verdict
    assert "106% better than the most popular items of all time (101% … 111%)" in verdict
    assert "74% better than the most popular items of the last 7 days (70% … 79%)" in verdict
    assert (
        "fitted in 1.2 s and answers 2,300 users in 0.4 s on 2 processors, within 76 MiB" in verdict
    )
    assert "No neural model was compared" in verdict
    assert (
        "for 39% of the users, at least one of the 10 recommended items was among those that they "
        "had next" in verdict
    )


def test_the_cheapest_of_the_first_is_named_when_another_was_chosen(
    tmp_path: Path, files: dict[str, Any]
) -> None:
    files["scores"]["scores"][0]["fit_seconds"] = 900.0
    verdict = verdict_of(rendered(tmp_path, files))
    assert "The cheapest of them is “ease, l2 500”." in verdict


def test_a_choice_that_the_test_span_does_not_confirm_is_told(
    tmp_path: Path, files: dict[str, Any]
) -> None:
    files["scores"]["winner"] = files["scores"]["scores"][3]["label"]
    assert (
        "On the test span it is behind “cosine, history weight 0.7, half-life 30 d”."
        in verdict_of(rendered(tmp_path, files))
    )


def test_a_difference_within_the_noise_is_not_sold_as_a_gain(
    tmp_path: Path, files: dict[str, Any]
) -> None:
    files["scores"]["scores"][7]["difference"]["interval"] = [-0.07, 0.01]
    verdict = verdict_of(rendered(tmp_path, files))
    assert "not surely better than the most popular items of all time" in verdict
    assert "74% better than the most popular items of the last 7 days" in verdict


def test_popularity_on_top_is_said_plainly(tmp_path: Path, files: dict[str, Any]) -> None:
    board = files["scores"]["scores"]
    board[7]["metrics"]["ndcg@10"], board[7]["rank"], board[0]["rank"], board[1]["rank"] = (
        0.9,
        1,
        2,
        3,
    )
    assert "Nothing beats popular items" in verdict_of(rendered(tmp_path, files))
    files["scores"]["protocol"] |= {"repeats": "forbid", "target_repeat_share": 0.54}
    assert "But 54% of the items of the test span are repeats" in verdict_of(
        rendered(tmp_path, files)
    )
    files["scores"]["scores"] = board[7:]
    assert "Only lists that are the same for all users" in verdict_of(rendered(tmp_path, files))


def test_a_leak_is_the_first_warning(tmp_path: Path, files: dict[str, Any]) -> None:
    files["scores"]["protocol"]["leak"] = "40% of test rows happened before the last training row."
    page = rendered(tmp_path, files)
    assert page.count("Leak: 40% of test rows") == 2
    assert "No leak" not in page


def test_every_model_without_a_score_is_on_the_board_with_its_reason(folder: Path) -> None:
    page = report.render(folder)
    for reason in (
        "holds a value",
        "Needs about 41 GiB, 7 GiB are free.",
        "Not finished after 120 s.",
        "Needs baskets; the log has none.",
    ):
        assert reason.replace("holds", "held") in page
    assert "Without a score: 1 failed, 1 out of memory, 1 skipped, 1 timed out." in page


def test_the_account_says_when_it_does_not_add_up(tmp_path: Path, files: dict[str, Any]) -> None:
    assert "529,170 of 541,909 rows are used; 12,739 are set aside" in rendered(tmp_path, files)
    files["data"]["rows"]["used"] -= 1
    assert "The account does not add up" in rendered(tmp_path, files)


@pytest.mark.parametrize("form", ["html", "markdown", "json"])
@pytest.mark.parametrize("missing", ["recipe", "data", "findings", "scores", "faces"])
def test_a_missing_or_torn_file_is_told_in_its_place(
    tmp_path: Path, files: dict[str, Any], missing: str, form: report.Form
) -> None:
    folder = run_folder.write_run(tmp_path / "run", files)
    path = folder / f"{missing}.json"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert f"{missing}.json is not valid JSON" in report.render(folder, form)
    path.write_text("17")
    assert f"{missing}.json holds a int in the place of a" in report.render(folder, form)
    path.unlink()
    assert f"{missing}.json is missing" in report.render(folder, form)


def test_a_run_that_has_only_begun_has_a_report(tmp_path: Path, files: dict[str, Any]) -> None:
    page = rendered(tmp_path, {"recipe": files["recipe"]})
    assert "No model has a score in this run, so there is no verdict yet." in page
    assert "There is no board" in page
    assert 'id="findings"' not in page
    assert 'id="slices"' not in page


def test_a_run_that_was_stopped_shows_what_it_judged_and_says_so(
    tmp_path: Path, files: dict[str, Any]
) -> None:
    files["scores"]["protocol"]["interrupted"] = True
    for row in files["scores"]["scores"]:
        row["stage"] = "validation"
    page = rendered(tmp_path, files)
    assert "The run stopped before the test span was used" in page
    assert "the test span was not used" in page
    assert "106% better" in verdict_of(page)


def test_a_finding_that_blocks_is_in_the_verdict(tmp_path: Path, files: dict[str, Any]) -> None:
    files["findings"][0] |= {
        "level": "blocker",
        "code": "CLOCK-1",
        "says": "Half of the rows lie in the future.",
    }
    page = rendered(tmp_path, files)
    assert "CLOCK-1: Half of the rows lie in the future." in page[: page.index('id="account"')]


def test_example_users_whose_items_have_no_ids_keep_their_titles(
    tmp_path: Path, files: dict[str, Any]
) -> None:
    user = files["faces"]["users"][0]
    user["history"] = [{"title": "item 57", "when": None}]
    user["history_length"] = 12
    document = json.loads(rendered(tmp_path, files, "json"))
    assert document["faces"]["users"][0]["history"] == [{"title": "item 57", "when": None}]
    page = rendered(tmp_path, files)
    assert "<li>item 57</li>" in page
    assert "History (the last 1 of 12)" in page


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value[:1])
        if isinstance(value, list)
        else ()
    )
    return [path, *(deeper for key, below in inner for deeper in leaves(below, (*path, key)))]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["recipe", "data", "findings", "scores", "faces"])
@pytest.mark.parametrize("wrong", [None, "text", -1e999, [None], {"a": None}, True], ids=str)
def test_no_wrong_value_anywhere_stops_the_report(
    tmp_path: Path, files: dict[str, Any], name: str, wrong: Any
) -> None:
    run = run_folder.write_run(tmp_path / "run", files)
    for path in leaves(files[name])[1:]:
        changed = copy.deepcopy(files[name])
        container = changed
        for key in path[:-1]:
            container = container[key]
        container[path[-1]] = wrong
        (run / f"{name}.json").write_text(json.dumps(changed))
        assert report.render(run, "markdown").startswith("# "), path


def test_hostile_text_is_text(tmp_path: Path, files: dict[str, Any]) -> None:
    def poisoned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: poisoned(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [poisoned(inner) for inner in value]
        return (
            HOSTILE + value
            if isinstance(value, str)
            and value not in ("done", "failed", "test", "ndcg@10", "validation")
            else value
        )

    kept = {name: poisoned(value) for name, value in files.items()}
    kept["scores"]["protocol"]["primary"] = "ndcg@10"
    for with_ids in (False, True):
        page = rendered(tmp_path, kept, with_ids=with_ids)
        parsed = Page(page)
        assert "script" not in parsed.tags
        assert "<script" not in page
        assert any("<script>alert" in text for text in parsed.text)
        assert not [
            value
            for name, value in parsed.attributes
            if name in ("href", "src") and not value.startswith("#")
        ]
        markdown = rendered(tmp_path, kept, "markdown", with_ids)
        tables = [line for line in markdown.splitlines() if line.startswith("|")]
        assert not [line for line in tables if "<" in line]
        assert not [line for line in tables if re.search(r"(?<!\\)\[a", line)]


def test_unshowable_characters_do_not_reach_the_page(tmp_path: Path, files: dict[str, Any]) -> None:
    files["data"]["name"] = "nul\x00 turn\u202e half\ud800 end"
    for form in ("html", "markdown", "json"):
        page = rendered(tmp_path, files, form)  # type: ignore[arg-type]
        assert page.encode()
        assert not re.search("[\x00\u202e\ud800]", page)
    assert "nul\ufffd turn\ufffd half\ufffd end" in page


def test_ids_are_replaced_unless_asked_for(folder: Path) -> None:
    for form in ("html", "markdown", "json"):
        page = report.render(folder, form)  # type: ignore[arg-type]
        assert "customer-47" not in page
        assert "SKU0" not in page
        assert "Rye bread" in page
    assert "Ids of users and items are replaced" in report.render(folder)
    shown = report.render(folder, with_ids=True)
    assert "customer-4711" in shown
    assert "SKU0" in shown
    assert "treat it as personal data" in shown


def test_replaced_items_keep_one_name_each(tmp_path: Path, files: dict[str, Any]) -> None:
    user = files["faces"]["users"][0]
    user["history"] = [{"item": "secret-9"}, {"item": "secret-8"}]
    user["expected"] = [{"item": "secret-9"}]
    page = rendered(tmp_path, files)
    assert "secret" not in page
    card = page[page.index("User 1<") : page.index("User 2<")]
    assert card.count("<li>item 1</li>") == 2
    assert card.count("<li>item 2</li>") == 1


@pytest.mark.parametrize("form", ["html", "markdown"])
def test_the_report_stays_below_a_megabyte_and_tells_its_cuts(
    tmp_path: Path, form: report.Form
) -> None:
    small, large = (
        rendered(tmp_path / name, getattr(run_folder, name)(), form) for name in ("tiny", "huge")
    )
    assert len(small.encode()) < 100_000
    assert len(large.encode()) <= report.LARGEST
    assert re.search(r"Shown: [\d,]+ of 5,000 rows. All of them are in scores.json", large)
    assert "scores.json is too large to be shown here" in large
    assert "Shown: " not in small


def test_the_sum_of_the_budgets_leaves_room_for_the_page() -> None:
    scores = {
        "slices": [{"values": {"a": {}}}],
        "repetition": {"target_share": 0.4, "models": [{"label": "a"}]},
    }
    sections = report.all_sections(report.RunFacts({}, {}, [{}], scores, {}, ()), {})
    assert [section.key for section in sections] == SECTIONS
    assert sum(section.budget for section in sections) + 40_000 < report.LARGEST


def test_a_section_that_cannot_be_cut_enough_becomes_a_sentence() -> None:
    section = blocks.Section(1, "a", "A", (blocks.Prose("x" * 5000),), 1000)
    shown = blocks.fit(section, lambda block: getattr(block, "text", ""))
    assert shown == [
        (
            "This section is too large to be shown here; its numbers are in the files of the "
            "run folder."
        )
    ]


def test_only_the_largest_block_is_cut() -> None:
    long = blocks.table("long", ("A",), [(f"row {at}",) for at in range(1000)], "scores.json")
    short = blocks.table("short", ("A",), [("row",)], "scores.json")
    lengths: dict[str, int] = {}

    def show(block: blocks.Block) -> str:
        assert isinstance(block, blocks.Table)
        lengths[block.caption] = len(block.rows)
        return "".join(cell.text for row in block.rows for cell in row)

    assert sum(map(len, blocks.fit(blocks.Section(1, "a", "A", (long, short), 2000), show))) <= 2000
    assert lengths["short"] == 1
    assert 200 < lengths["long"] < 1000


def test_markdown_tables_have_equal_columns(folder: Path) -> None:
    page = report.render(folder, "markdown")
    tables = re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)
    assert len(tables) >= 15
    for table in tables:
        lines = table.splitlines()
        assert re.fullmatch(r"\|( -+:? \|)+", lines[1]), lines[:2]
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1, lines
    assert next(line for line in page.splitlines() if line.startswith("## ")) == "## 0 Verdict"


def test_json_holds_the_files_whole(folder: Path, files: dict[str, Any]) -> None:
    document = json.loads(report.render(folder, "json", with_ids=True))
    assert {name: document[name] for name in files} == files
    assert document["troubles"] == []


def test_what_is_not_a_run_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="There is no run folder at"):
        report.render(tmp_path / "absent")
    with pytest.raises(BadRequest, match="is not a run folder"):
        report.render(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadRequest, match="There is no run folder at"):
        report.render(tmp_path / "file")


def test_an_unknown_form_is_refused(folder: Path) -> None:
    with pytest.raises(BadRequest, match="no report form 'pdf'"):
        report.render(folder, "pdf")  # type: ignore[arg-type]


def test_writing_is_all_or_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = report.write(folder)
    assert path == folder / "report.html"
    assert path.read_text(encoding="utf-8") == report.render(folder)
    assert report.write(folder, "markdown").name == "report.md"
    before, names = path.read_bytes(), sorted(folder.iterdir())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(BadRequest, match="No space left on device"):
        report.write(folder)
    assert path.read_bytes() == before
    assert sorted(folder.iterdir()) == names


def test_writing_elsewhere_needs_the_folder(folder: Path, tmp_path: Path) -> None:
    assert report.write(folder, "json", to=tmp_path / "out.json").is_file()
    with pytest.raises(BadRequest, match="cannot be written"):
        report.write(folder, to=tmp_path / "absent" / "out.html")


def test_a_notebook_cell_is_isolated_small_and_escaped() -> None:
    svg = charts.dots_with_interval([charts.Dot("a", 1.0)], title="t", axis="score")
    cell = notebook.html_cell(
        HOSTILE, svg, ["Model", "#Score"], [(HOSTILE, "1.0")] * 50_000, note=HOSTILE
    )
    parsed = Page(cell)
    assert parsed.attributes[0] == ("shadowrootmode", "open")
    assert parsed.tags.count("svg") == 2
    assert "script" not in parsed.tags
    assert len(cell.encode()) <= notebook.LARGEST
    assert re.search(r"Shown: [\d,]+ of 50,000 rows", cell)
    huge = notebook.html_cell("t", "<svg>" + "x" * 10**6 + "</svg>", ["A"], [("b",)])
    assert "The picture is too large for a cell" in huge
    assert len(huge) < 20_000


def test_a_run_in_a_notebook_shows_its_verdict(
    folder: Path, tmp_path: Path, files: dict[str, Any]
) -> None:
    cell = notebook.run_html(folder)
    assert "The model chosen on validation is" in cell
    assert cell.count('class="mark"') == 16
    assert Page(cell).tags.count("table") == 2
    text = notebook.run_markdown(folder)
    assert "| Model | NDCG@10 | 95% interval | Fit and answer |" in text
    begun = run_folder.write_run(tmp_path / "begun", {"recipe": files["recipe"]})
    assert "there is no verdict yet" in notebook.run_html(begun)
    assert "there is no verdict yet" in notebook.run_markdown(begun)


def test_a_markdown_cell_is_a_table() -> None:
    text = notebook.markdown_cell(
        "Board", ["Model", "#Score"], [("a|b", "1.0"), ("c", "0.5")], note="two models"
    )
    assert text == (
        "**Board**\n\n| Model | Score |\n| --- | ---: |\n| a\\|b | 1.0 |\n| c | 0.5 "
        "|\n\ntwo models\n"
    )
    assert (
        len(notebook.markdown_cell("t", ["A"], [("x" * 300,)] * 10_000).encode())
        <= notebook.LARGEST
    )


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        (formatting.number(1234567.0), "1,234,567"),
        (formatting.number(0.012345), "0.0123"),
        (formatting.number(-2.5), "−2.50"),
        (formatting.number(None), "–"),
        (formatting.number(float("nan")), "–"),
        (formatting.score(-0.00001), "0.0000"),
        (formatting.signed(0.0123), "+0.0123"),
        (formatting.signed(0.0), "0.0000"),
        (formatting.interval((0.1, 0.25)), "0.1000 … 0.2500"),
        (formatting.percent(0.00001), "0.0010%"),
        (formatting.percent(0.1234), "12%"),
        (formatting.percent(0.998), "99.8%"),
        (formatting.percent(1.0), "100%"),
        (formatting.seconds(0.04), "40\u00a0ms"),
        (formatting.seconds(61), "1\u00a0min 1\u00a0s"),
        (formatting.seconds(245), "4\u00a0min 5\u00a0s"),
        (formatting.seconds(7300), "2\u00a0h 2\u00a0min"),
        (formatting.mebibytes(2048), "2.0\u00a0GiB"),
        (formatting.count(1, "user"), "1 user"),
        (formatting.count(2, "person", "people"), "2 people"),
        (formatting.metric("ndcg@10"), "NDCG@10"),
        (formatting.metric("hitrate@5"), "Hit rate@5"),
        (formatting.clip("a  b\nc", 4), "a b…"),
        (formatting.short(12500), "12.5k"),
        (" ".join(formatting.shorts([0.0, 0.05, 0.1])), "0.00 0.05 0.10"),
    ],
)
def test_numbers_read_well(shown: str, wanted: str) -> None:
    assert shown == wanted


def test_the_verdict_tells_what_is_expected_of_a_transformer(
    tmp_path: Path, files: dict[str, Any]
) -> None:
    assert "cannot say whether one would pay" in verdict_of(rendered(tmp_path, files))
    files["findings"].append(
        {
            "code": "VER-1",
            "level": "weak",
            "says": "The spade is enough: between -20% and +5%.",
            "advice": "",
            "effect": -0.07,
            "interval": [-0.2, 0.05],
        }
    )
    verdict = verdict_of(rendered(tmp_path, files))
    assert (
        "The spade is enough: between -20% and +5%. That is an expectation, not a "
        "measurement (VER-1)."
    ) in verdict


def test_an_undecided_verdict_is_not_told_as_an_expectation(
    tmp_path: Path, files: dict[str, Any]
) -> None:
    says = "Undecided: ORD-1 was not asked; give --budget 5m to ask it."
    files["findings"].append(
        {
            "code": "VER-1",
            "level": "note",
            "says": says,
            "advice": "",
            "effect": None,
            "interval": None,
            "unit": "",
        }
    )
    verdict = verdict_of(rendered(tmp_path, files))
    assert f"No neural model was compared. {says} (VER-1)" in verdict
    assert "an expectation" not in verdict


def test_questions_not_asked_are_apart_from_those_the_data_cannot_answer(
    tmp_path: Path, files: dict[str, Any]
) -> None:
    files["scores"]["not_tried"] = [
        {
            "what": "probe TIME-1",
            "why": "The log has no times.",
            "kind": "cannot be asked",
            "needs": None,
        },
        {
            "what": "probe ORD-1",
            "why": "The time for probes was over.",
            "kind": "not asked",
            "needs": 12.0,
        },
    ]
    page = rendered(tmp_path, files)
    section = page[page.index('id="findings"') : page.index('id="board"')]
    not_asked, _, impossible = section[
        section.index("Not asked for lack of time, so the answer is not known") :
    ].partition("These data cannot answer")
    assert "ORD-1" in not_asked
    assert "12\xa0s" in not_asked
    assert "TIME-1" not in not_asked
    assert "TIME-1" in impossible
    assert "ORD-1" not in impossible


def test_a_finding_ends_in_its_line_for_this_log(tmp_path: Path, files: dict[str, Any]) -> None:
    assert "Do this next" not in rendered(tmp_path, files), "no finding has a line to type"
    files["recipe"]["recipe"] = {"source": "my log.csv", "user": "CustomerID"}
    files["findings"][0] |= {
        "command": "spadework dig SOURCE --set models=personal",
        "means": "Repeats pay.",
    }
    page = rendered(tmp_path, files)
    assert "Repeats pay." in page
    assert "<caption>Do this next</caption>" in page
    assert (
        "<code>spadework dig &#39;my log.csv&#39; --set user=CustomerID --set "
        "models=personal</code>"
    ) in page


def test_the_p_next_to_an_interval_is_of_that_interval(
    tmp_path: Path, files: dict[str, Any]
) -> None:
    files["scores"]["scores"][1]["difference"] = {
        "value": -0.01,
        "interval": [-0.019, -0.001],
        "p": 0.03,
        "p_holm": 0.15,
    }
    page = rendered(tmp_path, files)
    assert "p 0.030" in page
    assert "p 0.15" not in page


def test_quiet_findings_are_folded_and_effects_are_drawn(
    tmp_path: Path, files: dict[str, Any]
) -> None:
    plain = {"advice": "", "means": "", "measured": "ndcg@10 of 600 users", "unit": "share"}
    files["findings"] = [
        plain
        | {
            "code": "ORD-1",
            "level": "strong",
            "says": "Counting forward: ndcg@10 +20%.",
            "effect": 0.2,
            "interval": [0.1, 0.3],
        },
        plain
        | {
            "code": "POP-1",
            "level": "note",
            "says": "Dividing each row: ndcg@10 -1%.",
            "effect": -0.01,
            "interval": [-0.02, 0.01],
        },
        plain
        | {
            "code": "POP-2",
            "level": "note",
            "says": "Personal lists: ndcg@10 +700%.",
            "effect": 7.0,
            "interval": [5.0, 9.0],
        },
        plain
        | {
            "code": "CON-1",
            "level": "weak",
            "says": "Content: +0.1.",
            "effect": 0.1,
            "interval": [0.05, 0.15],
            "unit": "metric",
        },
    ]
    files["scores"]["not_tried"] = [{"what": "probe TIME-1", "why": "The log has no times."}]
    page = rendered(tmp_path, files)
    section = page[page.index('id="findings"') : page.index('id="board"')]
    weighty, _, others = section.partition("Checked, with little or no effect")
    assert "Counting forward" in weighty
    assert "Dividing each row: " not in weighty.partition("<svg")[0], (
        "findings of little effect are below"
    )
    assert "Dividing each row: " in others
    assert "Beyond the picture: POP-2 +700" in section, (
        "an effect that would press all others together is listed"
    )
    picture = section[section.index("<svg") : section.index("</svg>")]
    assert "ORD-1" in picture
    assert "POP-1" in picture
    assert "POP-2" not in picture
    assert "CON-1" not in picture, "an effect in the metric is no share"
    assert "TIME-1" in section[section.index("These data cannot answer") :]


def test_a_line_to_type_is_shown_as_code_and_hostile_text_is_not(
    tmp_path: Path, files: dict[str, Any]
) -> None:
    files["findings"][0]["command"] = "spadework recommend runs/orders --repeats allow"
    files["findings"][1]["command"] = "spadework dig '`|<b>'"
    page = rendered(tmp_path, files)
    assert "<code>spadework recommend runs/orders --repeats allow</code>" in page
    assert "<code>spadework dig &#39;`|&lt;b&gt;&#39;</code>" in page
    text = rendered(tmp_path, files, "markdown")
    assert "`spadework recommend runs/orders --repeats allow`" in text
    assert "spadework dig '\\`\\|&lt;b&gt;'" in text


def test_reasons_of_an_earlier_version_are_read_as_lack_of_time(
    tmp_path: Path, files: dict[str, Any]
) -> None:
    scores = files["scores"]
    late = "The budget of 60 s ended before its turn; half of it is kept for the test span."
    scores["scores"][-1] |= {"label": "slow", "model": "slow", "reason": late}
    scores["validation"] += [
        {**scores["scores"][-1], "label": f"slow(a={at})", "stage": "validation"} for at in range(3)
    ]
    scores["not_tried"] += [
        {"what": row["label"], "why": late} for row in scores["validation"][-3:]
    ]
    text = rendered(tmp_path, files, "markdown")
    assert "| slow (and 3 more settings) | The budget of 60 s ended before its turn" in text
    assert text.count("1 model had no time; a larger budget tries them.") == 2, (
        "in the verdict and in the section Honesty"
    )
    tables = text.partition(" Recipe\n")[0]
    assert tables.count(late) == 1
    assert "slow(a=" not in tables.replace("slow (and", "")


def test_a_model_that_cannot_run_does_not_lack_time(tmp_path: Path, files: dict[str, Any]) -> None:
    scores = files["scores"]
    needs = {
        **scores["scores"][-1],
        "model": "content",
        "label": "content",
        "reason": "The model 'content' needs content, and there are none.",
    }
    scores["scores"] = [*scores["scores"][:-1], needs]
    scores["validation"] += [
        needs,
        {**needs, "label": "content(a=1)", "state": "no time", "reason": "The budget ended."},
    ]
    text = rendered(tmp_path, files, "markdown")
    assert (
        "| content (and 1 more setting) | skipped | The model needs content, and there are none. |"
        in text
    )
    assert "had no time" not in text.partition(" Recipe\n")[0]


def test_a_training_that_is_served_takes_the_place_of_the_choice_of_the_dig(
    tmp_path: Path, files: dict[str, Any]
) -> None:
    scores, labels = files["scores"], [row["label"] for row in files["scores"]["scores"]]
    scores["choice"] = {
        "winner": labels[1],
        "best": labels[0],
        "says": "It is the cheapest of them.",
        "tied": labels[:2],
    }
    scores["best"], scores["winner"] = labels[0], labels[2]
    text = rendered(tmp_path, files, "markdown")
    assert "It is the cheapest of them." not in text.partition(" Recipe\n")[0]
    scores["winner"] = labels[1]
    assert (
        "It is the cheapest of them."
        in rendered(tmp_path, files, "markdown").partition(" Recipe\n")[0]
    )


def test_a_saved_model_without_a_score_is_told(tmp_path: Path, files: dict[str, Any]) -> None:
    files["scores"]["winner"] = "a model that was timed out"
    verdict = verdict_of(rendered(tmp_path, files))
    assert (
        "The model that is saved, “a model that was timed out”, has no score on the test span."
        in verdict
    )
