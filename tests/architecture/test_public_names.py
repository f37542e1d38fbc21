"""One exact list of public names; every one imports, says what it is, and takes no unknown
arguments.
"""

from __future__ import annotations

import ast
import inspect
import operator
import re

import pytest

import spadework as sw
from makers import ROOT, SOURCE

OPEN = {"model", "sharing", "__init_subclass__"}
"""Functions that may take any keyword: names of parameters, checked against the model's own."""


@pytest.mark.parametrize("name", sw.__all__)
def test_every_public_name_imports_and_says_what_it_is(name):
    thing = getattr(sw, name)
    assert thing is getattr(sw, name)
    assert inspect.getdoc(thing)


def test_the_list_is_sorted_and_complete():
    assert list(sw.__all__) == sorted(sw.__all__)
    assert set(sw.__all__) == set(sw._HOMES) | set(sw._MODULES)


def test_an_unknown_name_tells_the_known_ones():
    with pytest.raises(
        AttributeError,
        match=(
            f"spadework has no public name 'nope'; public names: {sw.__all__[0]}, {sw.__all__[1]}"
        ),
    ):
        sw.nope  # noqa: B018


@pytest.mark.parametrize(("former", "now"), sorted(sw._FORMER.items()))
def test_a_former_name_tells_the_one_of_today(former, now):
    with pytest.raises(AttributeError, match=f"sw.{former} is now sw.{now}."):
        getattr(sw, former)
    assert operator.attrgetter(now)(sw)


def test_no_message_and_no_page_tells_a_former_name():
    former = "|".join(sw._FORMER)
    told = re.compile(rf"\bsw\.(?:{former})\b|\bspadework\.(?:{former})\(")
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "docs").rglob("*.ipynb")]
    texts = [*SOURCE.rglob("*.py"), *(page for page in pages if page.name != "CHANGELOG.md")]
    found = {
        f"{path.relative_to(ROOT)}: {match}"
        for path in texts
        for match in told.findall(path.read_text(encoding="utf-8"))
    }
    assert found == set()


def _seen_by_type_checkers(path):
    return {
        (alias.asname or alias.name, f"{node.module}.{alias.name}")
        for branch in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.dump(branch.test)
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_what_type_checkers_see_is_what_there_is():
    seen = _seen_by_type_checkers(SOURCE / "__init__.py")
    told = {(name, f"{home}.{name}") for name, home in sw._HOMES.items()} | set(sw._MODULES.items())
    assert seen == told


def test_no_public_signature_takes_any_keyword():
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                not isinstance(node, ast.FunctionDef)
                or node.args.kwarg is None
                or node.name in OPEN
            ):
                continue
            assert node.name.startswith("_") or path.parent.name == "apps", (
                f"{path.relative_to(ROOT)}:{node.lineno} {node.name} takes **"
            )


def test_print_is_for_apps():
    for path in sorted(SOURCE.rglob("*.py")):
        if path.relative_to(SOURCE).parts[0] == "apps":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "print"
            )
            assert not called, f"{path.relative_to(ROOT)}:{node.lineno} prints"


def test_the_package_says_that_it_is_typed():
    assert (SOURCE / "py.typed").is_file()


def test_every_model_class_is_seen_by_editors_and_type_checkers():
    classes = {cls.__name__: cls for cls in sw.catalogue().values()}
    assert dir(sw.models) == sorted(classes)
    assert all(getattr(sw.models, name) is cls for name, cls in classes.items())
    assert _seen_by_type_checkers(SOURCE / "models" / "__init__.py") == {
        (name, f"{cls.__module__}.{name}") for name, cls in classes.items()
    }


def test_every_error_has_one_public_place():
    assert sw.errors.BadRequest is sw.errors.UnknownName.__mro__[1]
    assert issubclass(sw.errors.UnknownName, sw.SpadeworkError)
