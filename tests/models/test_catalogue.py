"""One model by its name: its own file is imported, and no other."""

from __future__ import annotations

import pytest

from spadework.errors import UnknownName
from spadework.models.catalogue import NEURAL, catalogue, find, modules_naming
from spadework.models.labels import model


@pytest.mark.parametrize("name", catalogue())
def test_the_file_of_a_model_is_found_by_its_name(name):
    cls = catalogue()[name]
    home = NEURAL if cls.neural else cls.__module__
    assert modules_naming(name) == [home]
    assert find(name) is cls


@pytest.mark.parametrize("name", ["", "cosin", 'a"b', "\ud800", "spadework"])
def test_a_name_that_no_file_has_is_unknown(name):
    assert find(name) is None
    with pytest.raises(UnknownName):
        model(name)
