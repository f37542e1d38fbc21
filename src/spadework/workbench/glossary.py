"""Every name that a user can meet, read from the registries: its type and its description."""

from __future__ import annotations

import inspect
import re
from typing import Any

from spadework.artifacts.roles import ROLES
from spadework.data.splitting import splits
from spadework.data.worlds.worlds import worlds
from spadework.diagnosis import checking, floor, served  # noqa: F401  (registers all checks)
from spadework.diagnosis.finding import checks, cut_checks
from spadework.diagnosis.ingredients import INGREDIENTS
from spadework.diagnosis.prediction import finding_of
from spadework.diagnosis.probe import all_probes
from spadework.diagnosis.verdict import Readiness
from spadework.errors import UnknownName
from spadework.evaluation.dialects import dialects
from spadework.evaluation.metrics import metrics
from spadework.evaluation.slices import slices
from spadework.kernels.similarity.entry_weights import entry_weights
from spadework.kernels.similarity.pair_weights import pair_weights
from spadework.models.catalogue import catalogue
from spadework.serving.http.problems import PROBLEMS
from spadework.workbench import terms
from spadework.workbench.recipe import Recipe

_CODE = re.compile(r"([a-z]+)[-_ ]*0*(\d+)")
WORDS = {
    "RepR": (
        "Repeat ratio: the share of a list's slots that hold items the user had before. Report, "
        "under Repeats."
    ),
    "ExplR": (
        "Explore ratio: the share of a list's slots that hold items the user never had. Report, "
        "under Repeats."
    ),
    "allow": "A policy of repeats: items of the history may be recommended again. See repeats.",
    "forbid": "A policy of repeats: items of the history are left out of lists. See repeats.",
    "only": "A policy of repeats: items of the history alone may be recommended. See repeats.",
    "novel": (
        "A way to judge: items of the history are neither recommended nor counted as "
        "targets, the task of the novel basket. Lists for it: forbid."
    ),
    "sense": (
        "A value of prefer: the cheapest model without a measurable difference from the best is "
        "saved and served. See prefer, quality."
    ),
    "quality": "A value of prefer: the best model by value is saved and served, whatever it costs.",
    "misses": (
        "Targets that no model of behaviour can hit, since no user had their item before: new "
        "items of the test span. They count as misses for all models alike. See cold-start, INT-15."
    ),
    "quota": "A parameter of blend: at most so many items of the history in a list where repeats "
    "are allowed. Of recommend --for both: the share of a list's slots that remind, by default the "
    "share of repeats in the test span; at least one slot each.",
    "role": (
        f"The purpose of a model that a run keeps: {', '.join(ROLES)}. RUN/models/roles.json lists "
        "the roles of each model; see --model."
    ),
    **{
        role: f"A role of a model that a run keeps: {purpose}. Name it with --model {role}."
        for role, purpose in ROLES.items()
    },
    "remind": (
        "recommend RUN --for remind: lists of items that a user had before, by the model of the "
        "run that is best at these."
    ),
    "discover": (
        "recommend RUN --for discover: lists of items that a user never had, by the model of "
        "the run that is best at these."
    ),
    "both": (
        "recommend RUN --for both: lists that begin with items to remind of and go on with "
        "items to discover. See quota."
    ),
    "winner": (
        "The model that is saved and served: the cheapest without a measurable difference from the "
        "best, or the best itself. See prefer."
    ),
    "best by value": (
        "The model with the highest value on the validation span, whatever it costs. See prefer."
    ),
    "cut short": (
        "A dig whose budget was too short to try one model of each family that fits the log, or "
        "to ask a question that decides the verdict. The output begins with that; --strict ends "
        "with 1."
    ),
    "starved": "The key of scores.json and --json that is true for a dig that was cut short.",
    "no time": (
        "The state of a model or setting that the budget did not reach. That is not known to be "
        "bad: a larger budget tries it."
    ),
    "not asked": (
        "The state of a question to the data for which there was no time. Nothing is concluded "
        "from it."
    ),
    "train": (
        "spadework train RUN: the transformer that RUN/train.toml describes, on the board of "
        "the run. See transformer, train.toml, ablate."
    ),
    "train.toml": (
        "What a transformer for this log should be made of, each ingredient with its reason; "
        "written by a dig, to be edited."
    ),
    "ablate": (
        "spadework train --ablate: for each piece of advice a second network without it, all "
        "else equal, judged on the validation span."
    ),
    "export": "spadework export: a transformer as an ONNX file.",
    "SASRec": "A causal transformer over items: transformer(block=sasrec).",
    "eSASRec": "SASRec with LiGR blocks: transformer, as it is.",
    "BERT4Rec": (
        "A transformer that reads from both sides and learns hidden items: "
        "transformer(objective=masked)."
    ),
    "gBCE": (
        "Generalised binary cross-entropy of gSASRec: transformer(loss=gbce, negatives=uniform)."
    ),
    "as_of": (
        "log.as_of(time) in Python: the time for which models recommend; without it each user is "
        "asked after their usual pause."
    ),
    **{
        code: f"A refusal of the server, status {each.status}: {each.title} {each.advice}"
        for code, each in PROBLEMS.items()
    },
}
"""Words of reports, policies and the server that are in no registry."""


def entries() -> list[dict[str, Any]]:
    """All names, registry by registry: name, kind, description and, for some, parameters."""
    rows: list[dict[str, Any]] = []
    for name, cls in catalogue().items():
        parameters = [
            {"name": p.name, "default": p.default, "says": p.doc} for p in cls.parameters().values()
        ]
        text = _doc(cls) + (
            "\n\nInstall what it learns with: pip install 'spadework[neural]'" if cls.neural else ""
        )
        rows.append(
            {
                "name": name,
                "kind": "model",
                "says": text,
                "needs": sorted(cls.needs),
                "parameters": parameters,
            }
        )
    for kind, registry in (
        ("pair weight", pair_weights),
        ("entry weight", entry_weights),
        ("split", splits),
        ("world", worlds),
        ("slice", slices),
    ):
        rows += [
            {"name": name, "kind": kind, "says": _doc(entry)} for name, entry in registry.items()
        ]
    verdicts = {"VER-1": Readiness.finding, "VER-2": finding_of}
    verdicts |= {module.CODE: module.finding_of for module in (floor, served)}
    rows += [
        {"name": code, "kind": "finding", "says": _doc(entry)} for code, entry in verdicts.items()
    ]
    rows += [
        {"name": name, "kind": "key of train.toml", "says": entry.full_description}
        for name, entry in INGREDIENTS.items()
    ]
    rows += [{"name": name, "kind": "word", "says": text} for name, text in WORDS.items()]
    rows += [
        {"name": name, "kind": "metric", "says": entry.description}
        for name, entry in metrics.items()
    ]
    rows += [
        {"name": name, "kind": "dialect", "says": entry.description}
        for name, entry in dialects.items()
    ]
    rows += [
        {"name": code, "kind": "finding", "says": entry.doc}
        for registry in (checks, cut_checks, all_probes())
        for code, entry in registry.items()
    ]
    keys = [
        {"name": key, "default": field.default, "says": field.description}
        for key, field in Recipe.model_fields.items()
    ]
    rows += [
        {
            "name": key["name"],
            "kind": "key of a recipe",
            "says": f"{key['says']} Default: {key['default']}.",
        }
        for key in keys
    ]
    rows += terms.entries()
    rows.append(
        {
            "name": "recipe",
            "kind": "recipe",
            "says": "The keys of a job, in TOML or as --set key=value.",
            "parameters": keys,
        }
    )
    return rows


def describe(name: str) -> dict[str, Any]:
    """The entry of a name; upper and lower case do not matter, `@10` is left out. Entries
    with the same name are joined.
    """
    wanted = name.strip().lower().split("@")[0].split("(")[0].removeprefix("debiased_")
    known = entries()
    matches = [entry for entry in known if str(entry["name"]).lower() == wanted]
    if not matches and (code := _CODE.fullmatch(wanted)):  # REP3, rep 3, rep_3
        wanted = f"{code[1]}-{code[2]}"
        matches = [entry for entry in known if str(entry["name"]).lower() == wanted]
    if not matches:
        raise UnknownName("entry", name, [str(entry["name"]) for entry in known])
    first = dict(matches[0])
    for further in matches[1:]:
        first["kind"] += f", {further['kind']}"
        first["says"] += f"\n\n{further['kind']}: {further['says']}"
    return first


def _doc(documented: object) -> str:
    return inspect.cleandoc(getattr(documented, "__doc__", "") or "")
