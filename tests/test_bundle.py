"""Bundles: complete or absent, and never read without their digests."""

from __future__ import annotations

import json

import pytest

from spadework import bundle, files
from spadework.errors import BadRequest, OutputExists

FORM = bundle.Form(3, "is not a box", "Name a box.", "pack it again", ("a.bin",))


@pytest.fixture
def header(tmp_path):
    path = bundle.new_folder(tmp_path / "box") / "box.json"
    bundle.write(path, FORM, {"name": "x"}, {"a.bin": b"one", "b.bin": b"two"})
    return path


def refused(header):
    with pytest.raises(BadRequest) as caught:
        bundle.read(header, FORM)
    return caught.value.message, caught.value.hint


def test_what_is_written_is_read(header):
    facts, members = bundle.read(header, FORM)
    assert list(facts) == ["format", "name", "files"]
    assert (facts["format"], facts["name"]) == (3, "x")
    assert facts["files"]["a.bin"] == files.sha256(header.parent / "a.bin")
    assert members == {"a.bin": b"one", "b.bin": b"two"}


def test_one_member_is_read_alone(header):
    (header.parent / "b.bin").unlink()
    assert bundle.member(header, FORM, "a.bin") == b"one"
    (header.parent / "a.bin").write_bytes(b"other")
    with pytest.raises(BadRequest, match="is not the file that was saved"):
        bundle.member(header, FORM, "a.bin")


def test_the_header_is_the_last_file(tmp_path, monkeypatch):
    order = []
    write = files.write_bytes
    monkeypatch.setattr(
        files, "write_bytes", lambda path, *rest, **more: order.append(path.name) or write(
            path, *rest, **more
        )
    )  # fmt: skip
    bundle.write(tmp_path / "box.json", FORM, {}, {"a.bin": b"one"})
    assert order == ["a.bin", "box.json"]


def test_a_folder_that_holds_something_is_refused(header):
    with pytest.raises(OutputExists, match="exists already"):
        bundle.new_folder(header.parent)
    with pytest.raises(OutputExists):
        bundle.new_folder(header)


@pytest.mark.parametrize("name", ["a.bin", "b.bin"])
def test_a_member_that_is_missing_or_other_is_refused(header, name):
    (header.parent / name).write_bytes(b"other")
    told = (
        f"{header.parent / name} is not the file that was saved.",
        "It is damaged or was changed; pack it again.",
    )
    assert refused(header) == told
    (header.parent / name).unlink()
    assert refused(header) == told


def test_a_header_that_does_not_fit_is_refused(header):
    folder, stored = header.parent, json.loads(header.read_text())

    def changed(value):
        header.write_text(json.dumps(value))
        return refused(header)

    assert changed({**stored, "format": 4}) == (
        f"{folder} has format 4, and this spadework reads 3.",
        "Upgrade, or pack it again.",
    )
    assert changed([])[0] == f"{folder / 'box.json'} cannot be read: it does not tell its format."
    for wrong in ({"b.bin": stored["files"]["b.bin"]}, [], None):
        assert changed({**stored, "files": wrong}) == (
            f"{header} cannot be read: it does not list a.bin.",
            "The file is damaged; pack it again.",
        )
    (folder.parent / "secret").write_bytes(b"one")
    outside = {"../secret": stored["files"]["a.bin"], **stored["files"]}
    assert changed({**stored, "files": outside}) == (
        f"{folder} lists the file '../secret', which is not one of that folder.",
        "The list is damaged or was changed; pack it again.",
    )
    header.write_text("{")
    assert refused(header)[1] == "The file is damaged; pack it again."
    header.unlink()
    assert refused(header) == (f"{folder} is not a box: it has no box.json.", "Name a box.")
