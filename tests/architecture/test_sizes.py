"""Budgets that keep the house light."""

from __future__ import annotations

import ast

from makers import ROOT, SOURCE

MODULE_LINES, FUNCTION_LINES = 400, 75
LONG: dict[str, int] = {"src/spadework/client.py": 580}  # callers copy one file
"""Modules whose one idea takes more, with what they may take."""
LONG_FUNCTIONS: set[str] = set()
"""A kernel is one loop, which cannot be parted without losing its speed."""

MODULES = sorted(SOURCE.rglob("*.py"))


def test_modules_are_short():
    for path in MODULES:
        name = path.relative_to(ROOT).as_posix()
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= LONG.get(name, MODULE_LINES), f"{name} has {lines} lines; is it one idea?"


def test_functions_are_short():
    for path in MODULES:
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and name not in LONG_FUNCTIONS:
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                assert lines <= FUNCTION_LINES, (
                    f"{name}:{node.lineno} {node.name} has {lines} lines"
                )


def test_what_may_be_longer_is_there_and_is_longer():
    for name, limit in LONG.items():
        lines = len((ROOT / name).read_text(encoding="utf-8").splitlines())
        assert MODULE_LINES < lines <= limit, f"{name} has {lines} lines: it needs no exception"
