"""Numba infers the types of kernels, so mypy does not ask for theirs; of all else it does."""

from __future__ import annotations

import ast

from makers import ROOT, SOURCE

COMPILED = {"kernel", "intrinsic"}


def _is_compiled(function: ast.FunctionDef) -> bool:
    names = {
        node.id
        for of in function.decorator_list
        for node in ast.walk(of)
        if isinstance(node, ast.Name)
    }
    return bool(names & COMPILED)


def _without_types(tree: ast.AST, inside: bool = False) -> list[ast.FunctionDef]:
    found = []
    for node in ast.iter_child_nodes(tree):
        compiled = inside
        if isinstance(node, ast.FunctionDef):
            compiled = inside or _is_compiled(node)
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            plain = [one for one in arguments if one.arg not in ("self", "cls")]
            if not compiled and (
                node.returns is None or any(one.annotation is None for one in plain)
            ):
                found.append(node)
        found += _without_types(node, compiled)
    return found


def test_all_functions_of_kernels_but_the_compiled_ones_have_types():
    for path in sorted((SOURCE / "kernels").rglob("*.py")):
        for node in _without_types(ast.parse(path.read_text(encoding="utf-8"))):
            raise AssertionError(f"{path.relative_to(ROOT)}:{node.lineno} {node.name} has no types")
