"""Benches are run by hand, so nothing else notices when a name that they use has changed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

BENCH = Path(__file__).parents[2] / "bench"


def has(module: str, name: str) -> bool:
    found = import_module(module)
    if hasattr(found, name):
        return True
    return hasattr(found, "__path__") and find_spec(f"{module}.{name}") is not None


def missing_names(source: str) -> Iterator[str]:
    """Names of the package that a file takes from a module and that are not there."""
    tree, modules = ast.parse(source), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {
                one.asname or one.name: import_module(one.name)
                for one in node.names
                if one.name.partition(".")[0] == "spadework" and (one.asname or "." not in one.name)
            }
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("spadework"):
            for one in node.names:
                if not has(str(node.module), one.name):
                    yield f"{node.module}.{one.name}"
                    continue
                found = getattr(import_module(str(node.module)), one.name, None)
                if isinstance(found, ModuleType):
                    modules[one.asname or one.name] = found
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = modules.get(node.value.id)
            if module is not None and not has(module.__name__, node.attr):
                yield f"{module.__name__}.{node.attr}"


def test_benches_use_names_that_are_there():
    files = [*BENCH.glob("*.py"), *BENCH.glob("workers/*.py")]
    assert len(files) > 50
    missing = {
        f"{file.name}: {name}"
        for file in files
        for name in missing_names(file.read_text(encoding="utf-8"))
    }
    assert not missing


def test_a_name_that_is_gone_is_found():
    assert list(missing_names("from spadework.errors import Gone")) == ["spadework.errors.Gone"]
    assert list(missing_names("import spadework as sw\nsw.gone()")) == ["spadework.gone"]
    source = "from spadework.kernels.users import nearest_users as near\nnear.gone(near.nearest)"
    assert list(missing_names(source)) == ["spadework.kernels.users.nearest_users.gone"]
