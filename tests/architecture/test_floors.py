"""Layers import only those with lower numbers, third-party names stand in their own files, and the
offending line is named.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from makers import ROOT, SOURCE

LAYERS = {
    "data": 1,
    "kernels": 2,
    "models": 3,
    "artifacts": 4,
    "serving": 5,
    "evaluation": 6,
    "diagnosis": 7,
    "workbench": 8,
    "spark": 9,
    "studio": 10,
    "apps": 11,
}
FOLDERS = {  # of one layer: a folder imports from those with a smaller number, and itself
    "data": 0, "data/mapped": 1, "data/reading": 1, "data/reading/values": 2,
    "data/reading/columns": 3,
    "data/reading/formats": 4, "data/reading/rows": 5, "data/reading/large": 6,
    "data/reading/reading.py": 7, "data/content.py": 8, "data/long_tables.py": 8,
    "data/id_files.py": 8, "data/item_tables.py": 9, "data/samples.py": 10, "data/worlds": 10,
    "data/excluded_items.py": 10, "data/addresses.py": 11, "data/presplit.py": 12,
    "kernels": 0, "kernels/counting": 1, "kernels/ranking": 1, "kernels/similarity": 2,
    "kernels/solvers": 2, "kernels/users": 2,
    "models": 0, "models/counting": 1, "models/cooccurrence": 2, "models/baskets": 1,
    "models/linear": 3, "models/factors": 3, "models/ensemble": 4,
    "models/neural": 5,
    "serving/stores": 0, "serving": 1, "serving/http": 2,
    "diagnosis": 0, "diagnosis/questions": 1,
    "workbench/recipe.py": 0, "workbench/recipe_texts.py": 1, "workbench/storage": 1,
    "workbench/sinks": 1,
    "workbench/large": 2, "workbench/report": 2,
    "workbench/search": 3, "workbench": 4, "workbench/updating": 5,
    "workbench/answers": 6, "workbench/training": 7,
    "workbench/updating/remaking.py": 7, "workbench/updating/nightly_run.py": 8,
    "spark": 0,
    "studio/page.py": 0, "studio/workspace.py": 0, "studio": 1, "studio/pages": 2,
    "studio/http": 3,
    "apps": 0, "apps/commands": 1,
}  # fmt: skip
LISTS = ("spadework.models",)  # its `__init__` lists what the folders define, for type checkers
NAMED_AFTER = (
    "apps/commands/", "workbench/report/sections/", "diagnosis/questions/", "studio/pages/",
)  # fmt: skip
"""Folders whose modules have the name of what they are about, which is that of another module at
times.
"""
HELPERS = {path.stem for path in SOURCE.glob("*.py")} - {"__init__", "__main__"}
ANYWHERE = {"numpy", "scipy", "polars"}
ALLOWED = {  # third-party name → where it may be imported
    "numba": ("kernels/compiled.py", "kernels/counting/instructions.py"),
    "llvmlite": ("kernels/compiled.py", "kernels/counting/instructions.py"),
    "sklearn": ("models/content_neighbours.py", "models/ensemble/grown_trees.py"),
    "threadpoolctl": ("kernels/parallel.py",),
    "zstandard": ("data/",),
    "duckdb": ("data/reading/formats/duckdb_files.py",),
    "adbc_driver_manager": ("data/reading/formats/adbc_rows.py",),
    "adbc_driver_snowflake": ("data/reading/formats/snowflake_tables.py",),
    "adbc_driver_postgresql": ("data/reading/formats/postgres_tables.py",),
    "arro3": ("data/reading/formats/adbc_rows.py",),
    "deltalake": ("data/reading/formats/lake_tables.py",),
    "pyiceberg": ("data/reading/formats/lake_tables.py",),
    "fsspec": ("data/reading/formats/stored_files.py",),
    "pymysql": ("data/reading/formats/mysql_tables.py",),
    "fastexcel": ("data/reading/formats/workbooks.py",),
    "pydantic": ("workbench/recipe.py", "serving/"),
    "pydantic_core": ("serving/http/",),
    "fastapi": ("serving/http/", "studio/http/"),
    "starlette": ("serving/http/", "studio/http/"),
    "uvicorn": ("serving/http/running.py", "studio/http/starting.py"),
    "python_multipart": ("studio/http/uploads.py",),
    "prometheus_client": ("serving/http/measures.py",),
    "psycopg": (
        "serving/stores/postgres_store.py",
        "serving/stores/postgres_connection.py",
        "workbench/sinks/postgres_sink.py",
    ),
    "redis": (
        "serving/stores/redis_store.py",
        "serving/stores/redis_target.py",
        "workbench/sinks/redis_sink.py",
    ),
    "optuna": ("workbench/search/tpe_search.py", "workbench/search/tuning.py"),
    "jinja2": ("workbench/", "studio/page.py"),
    "markupsafe": ("workbench/",),  # a part of jinja2
    "safetensors": (
        "artifacts/",
        "models/neural/checkpoints.py",
        "models/neural/text_embeddings.py",
    ),
    "click": ("apps/",),
    "torch": ("models/neural/",),
    "lightning_fabric": ("models/neural/training.py",),
    "tokenizers": ("models/neural/text_embeddings.py",),
    "onnxscript": ("models/neural/export.py",),
    "pyspark": ("spark/",),
    "pyarrow": ("spark/",),
}
NEVER = {
    "pandas",
    "requests",
    "pickle",
    "urllib",
    "http",
    "socket",
    "ssl",
    "asyncio",
    "ftplib",
    "joblib",
    "cloudpickle",
}
LISTENS = (("serving/http/", "studio/http/"), {"asyncio", "socket"})
"""What answers requests, and may use what nothing else may."""
CALLS = ("client.py", {"http", "urllib"})
"""What a caller copies: it sends requests to a server, and nothing in the package imports it."""
CHECKED = [
    path for path in sorted(SOURCE.rglob("*.py")) if path.parent != SOURCE or path.stem in HELPERS
]


def imports(
    path: Path, *, at_import: bool = False, typed: bool = True
) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything that a module imports; `from a import b` counts as
    a.b.

    `at_import` leaves out what is imported when a function runs, and what only type checkers
    import; without `typed` the latter alone.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hidden = set()
    for node in ast.walk(tree):
        lazy = at_import and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        checked = (
            (at_import or not typed)
            and isinstance(node, ast.If)
            and "TYPE_CHECKING" in ast.dump(node.test)
        )
        if lazy or checked:
            hidden |= {id(inner) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively; write the full name"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def where(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def layer_of(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def test_imports_go_down_only():
    for path in CHECKED:
        own = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        for line, name in imports(path):
            if not name.startswith("spadework"):
                continue
            other = layer_of(name)
            if other in HELPERS:
                continue
            assert other in LAYERS, f"{where(path, line)} imports {name}, which is in no layer"
            assert own not in HELPERS, (
                f"{where(path, line)}: the helper {own} imports {name}; helpers import only "
                "each other"
            )
            assert LAYERS[other] <= LAYERS[own], (
                f"{where(path, line)}: {own} (layer {LAYERS[own]}) imports {name} (layer "
                f"{LAYERS[other]})"
            )


def test_third_party_names_stand_in_their_own_files():
    for path in sorted(SOURCE.rglob("*.py")):
        here = path.relative_to(SOURCE).as_posix()
        for line, name in imports(path):
            top = name.split(".")[0]
            listens = here.startswith(LISTENS[0]) and top in LISTENS[1]
            calls = here == CALLS[0] and top in CALLS[1]
            assert top not in NEVER or listens or calls, (
                f"{where(path, line)} imports {name}, which the house does not want"
            )
            if top in sys.stdlib_module_names or top == "spadework" or top in ANYWHERE:
                continue
            assert top in ALLOWED, f"{where(path, line)} imports {name}, which no list allows"
            assert here.startswith(ALLOWED[top]), (
                f"{where(path, line)} imports {name}, which only {' and '.join(ALLOWED[top])} may"
            )


def test_commands_import_nothing_heavy_until_they_run():
    heavy = {"numpy", "scipy", "sklearn", "polars", "numba", "pydantic", "jinja2", "safetensors"}
    later = {"recipe_options.py", "summary.py"}  # what a command imports when it runs
    for path in sorted(
        set((SOURCE / "apps").rglob("*.py")) - {SOURCE / "apps" / name for name in later}
    ):
        for line, name in imports(path, at_import=True):
            assert name.split(".")[0] not in heavy, (
                f"{where(path, line)} imports {name} when it is loaded"
            )
            lower = (
                name.startswith("spadework.")
                and layer_of(name) in LAYERS
                and layer_of(name) != "apps"
            )
            assert not lower, f"{where(path, line)} imports {name} when it is loaded"


def test_every_folder_of_the_package_is_a_layer():
    folders = {
        path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"
    }
    assert folders == set(LAYERS)


def folder_of(path: Path) -> str:
    """The longest entry of FOLDERS that the path lies in."""
    here = path.relative_to(SOURCE).as_posix()
    return max(
        (folder for folder in FOLDERS if here == folder or here.startswith(f"{folder}/")),
        key=len,
        default="",
    )


def module(name: str) -> Path | None:
    """The file of a dotted name, or of what it is taken from."""
    for dotted in (name, name.rpartition(".")[0]):
        base = SOURCE.parent / dotted.replace(".", "/")
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
    return None


def test_the_order_of_folders_has_every_folder():
    folders = {
        path.relative_to(SOURCE).as_posix()
        for layer in LAYERS
        for path in (SOURCE / layer).iterdir()
        if (path / "__init__.py").exists()
    }
    listed = {folder for folder in FOLDERS if "/" in folder and not folder.endswith(".py")}
    assert folders <= listed
    assert all((SOURCE / folder / "__init__.py").exists() for folder in listed)


def test_folders_of_a_layer_import_one_way():
    for path in sorted(SOURCE.rglob("*.py")):
        own = folder_of(path)
        for line, name in imports(path):
            target = module(name) if name.startswith("spadework.") else None
            if target is None or (
                path.name == "__init__.py"
                and ".".join(("spadework", *path.relative_to(SOURCE).parts[:-1])) in LISTS
            ):
                continue
            other = folder_of(target)
            if own and other and own != other and own.split("/")[0] == other.split("/")[0]:
                assert FOLDERS[other] < FOLDERS[own], (
                    f"{where(path, line)}: {own} imports {name} of {other}"
                )


def test_modules_import_each_other_in_no_circle():
    graph: dict[Path, set[Path]] = {}
    for path in SOURCE.rglob("*.py"):
        graph[path] = {
            found
            for _, name in imports(path, typed=False)
            if (found := module(name)) not in (None, path)
        }
    tuple(TopologicalSorter(graph).static_order())  # raises CycleError, which names the modules


def test_one_name_one_module():
    names: dict[str, list[str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        here = path.relative_to(SOURCE).as_posix()
        if not here.startswith(NAMED_AFTER) and path.stem != "__init__":
            names.setdefault(path.stem, []).append(here)
    assert not {stem: paths for stem, paths in names.items() if len(paths) > 1}


def test_the_walk_sees_what_it_should(tmp_path):
    """The test tests itself: a module that breaks the rules is caught."""
    bad = tmp_path / "bad.py"
    bad.write_text("from spadework.apps import cli\ndef f():\n    import pickle\n")
    assert list(imports(bad)) == [(1, "spadework.apps.cli"), (3, "pickle")]
    assert list(imports(bad, at_import=True)) == [(1, "spadework.apps.cli")]


def test_the_client_stands_alone():
    """One file for callers: it imports nothing of the package, and nothing imports it."""
    for path in SOURCE.rglob("*.py"):
        for line, name in imports(path):
            assert not name.startswith("spadework.client"), (
                f"{where(path, line)} imports the client"
            )
            if path.name == "client.py":
                assert name.split(".")[0] in sys.stdlib_module_names, where(path, line)
