"""A night goes on with the model that was named, and does not overrule who activated another."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from shop import live, shop

from spadework.artifacts import release, roles
from spadework.errors import BadRequest, Busy
from spadework.models.labels import model
from spadework.serving import releases
from spadework.workbench.answers import served_folder
from spadework.workbench.answers.service import histories_of
from spadework.workbench.run import Run
from spadework.workbench.updating import nightly_run, promotion
from spadework.workbench.updating.nightly_run import nightly, update


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Path]:
    run, new = shop(tmp_path_factory.mktemp("shop"))
    log = histories_of(Run(run), None)
    both = {"winner": model("cosine").fit(log), "remind": model("jaccard").fit(log)}
    roles.keep(run / "models", both)
    return run, new


def facts_of(run: Path, name: str):
    return release.read(run / "serving" / releases.RELEASES / name).facts


@pytest.mark.parametrize("named", ["remind", "jaccard"])
def test_a_night_keeps_the_model_that_was_named(run, new, named):
    served_folder.publish(str(run), model=named)
    assert facts_of(run, live(run))["model"].startswith("jaccard")
    found = nightly(str(run), str(new))
    assert found.outcome == nightly_run.ACTIVATED, found.says
    facts = facts_of(run, live(run))
    assert (facts["model"], facts["named"]) == ("jaccard", named)


def test_what_answers_decides_and_not_what_answered(run, new):
    """An update that was made for another model has no earlier one of this to judge by."""
    nightly(str(run))
    update(str(run), str(new), None)
    served_folder.publish(str(run), model="remind", activate=True)
    update_of_winner = nightly(str(run))
    assert update_of_winner.live == live(run)
    assert facts_of(run, live(run))["model"] == "jaccard"


def test_a_named_model_that_is_gone_is_said(run, new):
    served_folder.publish(str(run), model="remind")
    winner = roles.find(run / "models")
    (run / "models" / "roles.json").write_text(json.dumps({"winner": winner.name}))
    log = histories_of(Run(run), None)
    roles.keep(run / "models", {"winner": model("cosine").fit(log)})
    with pytest.raises(BadRequest, match=r"'remind', which .* keeps no more") as error:
        nightly(str(run), str(new))
    assert "spadework publish RUN --model NAME --activate" in error.value.hint


def test_an_activation_of_meanwhile_is_not_overruled(run, new, monkeypatch):
    first = nightly(str(run)).live
    other = served_folder.publish(str(run), model="remind").release.id
    real = releases.activate

    def killed(*given, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(nightly_run.releases, "activate", killed)
    with pytest.raises(KeyboardInterrupt):
        nightly(str(run), str(new))
    monkeypatch.undo()
    real(run / "serving", other, "somebody")
    found = nightly(str(run))
    assert found.verdict["running"] == other
    assert found.verdict["running"] != first
    assert found.verdict["outcome"] == promotion.UNKNOWN
    assert (live(run), found.code) == (other, 1)


def test_an_activation_of_the_last_moment_is_not_overruled(run, new, monkeypatch):
    nightly(str(run))
    other = served_folder.publish(str(run)).release.id
    if other == live(run):
        other = served_folder.publish(str(run), model="winner").release.id
    keep = nightly_run.Generation.keep_verdict

    def and_somebody(self, verdict):
        keep(self, verdict)
        if not verdict.get("done"):
            releases.activate(run / "serving", other, "somebody")

    monkeypatch.setattr(nightly_run.Generation, "keep_verdict", and_somebody)
    with pytest.raises(Busy, match="went live meanwhile") as error:
        nightly(str(run), str(new))
    assert "judged beside what is live now" in error.value.hint
    assert live(run) == other
    monkeypatch.undo()
    found = nightly(str(run))
    assert found.verdict["running"] == other
    assert live(run) == found.release
    rows = [json.loads(line) for line in (run / "serving" / "audit.jsonl").read_text().splitlines()]
    beside = [row["running"] for row in rows if row["event"] == "judged"]
    assert len(beside) == 2
    assert len(np.unique(beside)) == 2
