"""Dropped files go to disk piece by piece; forms that are none are refused in words."""

from __future__ import annotations

import asyncio

import pytest

from spadework.errors import BadRequest, OutOfDisk
from spadework.studio.http import uploads
from spadework.studio.http.uploads import received, safe_name

KIND = "multipart/form-data; boundary=cut"


def sent(*parts: tuple[str, bytes]) -> bytes:
    whole = b"".join(
        b"--cut\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + body + b"\r\n"
        for head, body in parts
    )
    return whole + b"--cut--\r\n"


def read(body: bytes, folder, kind: str = KIND, size: int = 7, length: str | None = None):
    async def pieces():
        for at in range(0, len(body), size):
            yield body[at : at + size]

    return asyncio.run(received(kind, length, pieces(), folder))


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_files_and_fields_arrive_however_they_are_cut(tmp_path, size):
    log = bytes(range(256)) * 40
    body = sent(
        ('name="log"; filename="a.csv"', log),
        ('name="log"; filename="b.csv"', b""),
        ('name="source"', " märz ".encode()),
        ('name="items"; filename=""', b""),
    )
    found = read(body, tmp_path, size=size)
    assert [path.name for path in found.files["log"]] == ["a.csv", "b.csv"]
    assert [path.read_bytes() for path in found.files["log"]] == [log, b""]
    assert found.text("source") == "märz"
    assert "items" not in found.files
    assert found.text("absent") == ""


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\logs\\orders.csv", "orders.csv"),
        (".hidden", "hidden"),
        ("", "log"),
        ("...", "log"),
        ("a\x00b\nc.csv", "a_b_c.csv"),
        ("bestellungen märz.csv", "bestellungen märz.csv"),
        ("x" * 300 + ".parquet", "x" * 112 + ".parquet"),
        ("日" * 300 + ".csv", "日" * 38 + ".csv"),
    ],
)
def test_a_name_has_no_meaning_in_a_path(name, kept):
    assert safe_name(name) == kept


def test_a_form_without_files(tmp_path):
    found = read(b"budget=5m&user=a%20b&user=c", tmp_path, "application/x-www-form-urlencoded")
    assert found.text("budget") == "5m"
    assert found.fields["user"] == ["a b", "c"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"x"),
        (KIND, b"no form at all"),
        ("application/x-www-form-urlencoded", b"x" * (uploads.FIELDS + 1)),
        (KIND, sent(('name="a"', b"x" * (uploads.FIELDS + 1)))),
    ],
)
def test_what_is_no_form_is_refused(tmp_path, kind, body):
    with pytest.raises(BadRequest):
        read(body, tmp_path, kind, size=100_000)


def test_too_large_a_file_is_refused_before_it_comes(tmp_path, monkeypatch):
    with pytest.raises(BadRequest, match="can be dropped"):
        read(b"", tmp_path, length=str(uploads.LARGEST + 1))
    monkeypatch.setattr(uploads, "LARGEST", 50)
    with pytest.raises(BadRequest, match="can be dropped"):
        read(sent(('name="log"; filename="a"', b"x" * 200)), tmp_path)
    assert not list(tmp_path.rglob("a")), "what was not finished is removed"


def test_a_form_that_breaks_off_leaves_no_file(tmp_path):
    body = sent(('name="log"; filename="a.csv"', b"1,2\n"))[: -len(b"--cut--\r\n")]
    with pytest.raises(BadRequest):
        read(body + b"--cut\r\n\x00bad header\r\n\r\n", tmp_path)
    assert not list(tmp_path.rglob("a.csv"))


def test_a_boundary_that_no_parser_takes_is_refused(tmp_path):
    with pytest.raises(BadRequest):
        read(b"x", tmp_path, f"multipart/form-data; boundary={'x' * 5000}")


def test_a_full_disk_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "SPARE", 2**62)
    with pytest.raises(OutOfDisk, match="free"):
        read(b"", tmp_path, length="10")
