"""A number and its noun agree: "1 row", "2 rows"."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from makers import SOURCE

COUNTED = re.compile(
    r" (?:(?:more|new|known|tested|further) )?(rows|users|items|ids|events|values|columns|entries|"
    r"lists|pairs|settings|models|parts|files|kinds|remarks|baskets|sessions|days|purchases)\b"
)


def plain_numbers(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and noun of numbers `{…:,}` with a plural right behind them, but for constants."""
    for text in (node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)):
        for number, behind in zip(text.values, text.values[1:], strict=False):
            if not isinstance(number, ast.FormattedValue) or not isinstance(behind, ast.Constant):
                continue
            is_limit = isinstance(number.value, ast.Name) and number.value.id.isupper()
            shape = "" if number.format_spec is None else ast.unparse(number.format_spec)
            found = COUNTED.match(str(behind.value))
            if found and "," in shape and not is_limit:
                yield number.lineno, found[1]


def test_numbers_with_nouns_are_counted_by_the_one_function():
    """It is `formatting.count`, which knows the singular."""
    wrong = [
        f"{path.relative_to(SOURCE)}:{line}: {noun}"
        for path in sorted(SOURCE.rglob("*.py"))
        for line, noun in plain_numbers(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not wrong, "\n".join(wrong)


def test_the_rule_sees_a_plain_number():
    tree = ast.parse(
        'f"{n:,} rows are"; f"{n:,} of {m:,} new items"; f"{MOST:,} rows"; f"{n} rows"'
    )
    assert [noun for _, noun in plain_numbers(tree)] == ["rows", "items"]
