"""Curves that a stopped training left, some of them damaged."""

from __future__ import annotations

import json

import pytest

from makers import Recorder
from spadework import events
from spadework.workbench.training import training_curves

CURVE = {"label": "transformer", "stage": "test", "seed": 1, "seconds": 2.0}
WHOLE = {**CURVE, "epochs": [{"epoch": 1, "ndcg": 0.1}]}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", json.dumps(WHOLE).encode()[:-9], b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 9000]
    + [json.dumps({**WHOLE, key: [None]}).encode() for key in ("label", "stage", "seed")]
    + [json.dumps({**WHOLE, "epochs": 7}).encode()],
    ids=lambda content: repr(content[:12]),
)
def test_a_damaged_curve_is_left_out_with_a_remark(content, tmp_path):
    paths = [tmp_path / name for name in ("b.json", "a.json", "none.json")]
    paths[0].write_text(json.dumps(WHOLE))
    paths[1].write_bytes(content)
    with events.listening(recorder := Recorder()):
        assert training_curves.gathered(paths) == [WHOLE]
    assert recorder.notes == [
        f"{paths[1]} cannot be read, so the curve of this training is not shown"
    ]


def test_rows_of_a_curve_that_are_none_are_left_out(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({**CURVE, "epochs": [None, *WHOLE["epochs"], 7]}))
    assert training_curves.gathered([path]) == [WHOLE]
    assert training_curves.cut_short([WHOLE], 1, 30) == (
        "the network was cut short (it had 1 of the usual 30 epochs)"
    )
