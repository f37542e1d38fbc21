"""Bad JSON lines. The number in a test's id is the row of the list of bad inputs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from spadework.data.interactions import Interactions
from spadework.errors import BadData

Reader = Callable[..., Interactions]
GOOD = '{"user":"a","item":1,"time":1700000000}\n'
MEND = "Mend it, or use --skip-bad to set such lines aside."
BAD: dict[str, tuple[str, str]] = {
    "38-cut-off": (
        '{"user":"b"',
        "log.jsonl: line 2 is not JSON (Expecting ',' delimiter: line 1 column 12 (char 11)).",
    ),
    "38-array": ("[1,2]", "log.jsonl: line 2 is a JSON array, not an object."),
    "38-number": ("7", "log.jsonl: line 2 is a single JSON value, not an object."),
    "38-duplicate-keys": (
        '{"user":"b","user":"c","item":1,"time":1}',
        "log.jsonl: line 2 has the key 'user' twice.",
    ),
    "38-depth": (
        '{"user":"b","x":' + "[" * 10_000 + "]" * 10_000 + "}",
        "log.jsonl: line 2 is nested too deep.",
    ),
    "38-lone-surrogate": (
        '{"user":"\\ud800","item":1,"time":1}',
        "log.jsonl: line 2 has half a character (a lone surrogate) in 'user'.",
    ),
}


@pytest.mark.parametrize(("line", "sentence"), BAD.values(), ids=BAD)
def test_refused_with_its_line(read: Reader, line: str, sentence: str) -> None:
    with pytest.raises(BadData) as caught:
        read(GOOD + line + "\n", "log.jsonl")
    assert str(caught.value) == f"{sentence}\n{MEND}"


@pytest.mark.parametrize("line", [line for line, _ in BAD.values()], ids=BAD)
def test_set_aside_with_the_option(read: Reader, line: str) -> None:
    account = read(
        GOOD + line + "\n" + GOOD.replace("1700000000", "1700000001"), "log.jsonl", skip_bad=True
    ).account
    assert (account.read, account.used) == (3, 2)
    assert account.rows_set_aside is not None
    assert account.rows_set_aside.select("row", "reason").rows() == [
        (2, "line is not a JSON object")
    ]


def test_38_nan_is_missing(read: Reader) -> None:
    account = read(GOOD + '{"user":NaN,"item":2,"time":1700000001}\n', "log.jsonl").account
    assert dict(account.set_aside) == {"user missing": 1}


def test_38_numbers_stay_as_written(read: Reader) -> None:
    log = read('{"user":12345678901234567890123,"item":1.50,"time":1.7e9}\n', "log.jsonl")
    assert log.frame().rows() == [("12345678901234567890123", "1.50", 1_700_000_000)]


def test_texts_of_digits_stay_texts(read: Reader) -> None:
    rows = [("0001713353", 0), ("1713353", 1), ("000171335X", 2)]
    lines = [
        f'{{"user":"a","item":"{item}","time":{1_700_000_000 + after}}}' for item, after in rows
    ]
    log = read("\n".join(lines), "log.jsonl")
    assert [item for _, item, _ in log.frame().rows()] == [item for item, _ in rows]


def test_a_key_of_late_rows_is_a_column(read: Reader) -> None:
    lines = [
        f'{{"user":{n % 9},"item":{n % 7},"time":{1_700_000_000 + n}{more}}}'
        for n, more in enumerate([""] * 150 + [',"quantity":3'] * 10)
    ]
    account = read("\n".join(lines), "log.jsonl", weight="quantity").account
    assert (account.read, account.used) == (160, 10)


def test_38_structures_are_no_ids(read: Reader) -> None:
    with pytest.raises(BadData) as caught:
        read('{"user":[1],"item":1,"time":1700000000}\n', "log.jsonl")
    assert str(caught.value) == (
        "The user column 'user' holds lists or structures, which can be no ids.\nTurn it "
        "into text or whole numbers, or name another: --user."
    )


def test_the_format_is_decided_by_content(read: Reader) -> None:
    assert read(GOOD, "log.csv").frame().rows() == [("a", "1", 1_700_000_000)]
