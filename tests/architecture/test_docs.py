"""Everything says what it is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from makers import ROOT, SOURCE

MODULES = sorted(SOURCE.rglob("*.py"))


def public(tree: ast.Module) -> Iterator[ast.AST]:
    """Public functions and classes of a module, and the public methods of its public classes."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (
                    inner
                    for inner in node.body
                    if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_")
                )


# Listeners and answers to a base class say nothing new: the protocol or the base class has the
# sentence.
INHERITED = {
    "step",
    "note",
    "detail",
    "variants",
    "required",
    "cost",
    "explain",
    "similar_items",
    "list_commands",
    "get_command",
    "resolve_command",
}
INHERITED |= {
    "parse_args",
    "format_epilog",
    "chances",
    "steps",
    "batches",
    "before_epoch",
    "validate",
    "backward",
}
INHERITED |= {  # what `Scorer` and `UserSide` say
    "reader",
    "scores",
    "cells",
    "lists",
    "items",
    "row_cells",
    "row",
    "contributions",
    "wrong",
    "contributing",
    "explained",
    "vectors",
    "added",
    "with_evidence",
    "derived",
}
INHERITED |= {  # what `Store` says
    *(
        "append",
        "of_ids",
        "history",
        "forget",
        "forgotten_at",
        "set_base",
        "base",
        "after",
        "count",
    ),
    *("tidy", "close"),
}
INHERITED |= {"state", "begin", "write", "finish", "close"}  # what `Sink` says
INHERITED |= {"relations", "query", "columns", "frames"}  # what `Snapshot` says


def test_every_module_class_and_function_says_what_it_is():
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), f"{path.relative_to(ROOT)} says nothing about itself"
        for node in public(tree):
            if node.name in INHERITED:
                continue
            assert ast.get_docstring(node), (
                f"{path.relative_to(ROOT)}:{node.lineno} {node.name} says nothing about itself"
            )


def test_first_sentences_end():
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in (tree, *public(tree)):
            text = ast.get_docstring(node)
            if text:
                first = text.split("\n\n")[0]
                assert first.rstrip().endswith((".", ":", "…", "?", "!", "”", ")")), (
                    f"{path.relative_to(ROOT)}: {first!r} does not end"
                )


def test_no_loose_ends():
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        for number, line in enumerate(text.splitlines(), start=1):
            assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line), (
                f"{path.relative_to(ROOT)}:{number} {line.strip()}"
            )
            assert not re.search(r"""["' ]/(home|root|work|Users)/""", line), (
                f"{path.relative_to(ROOT)}:{number} names a place on one machine"
            )


def test_every_module_begins_alike():
    for path in MODULES:
        names = {"__main__.py"}
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
        if imported and path.name not in names:
            first = imported[0]
            assert isinstance(first, ast.ImportFrom), (
                f"{path.relative_to(ROOT)} begins with other imports than annotations"
            )
            assert first.module == "__future__", (
                f"{path.relative_to(ROOT)} begins with other imports than annotations"
            )
