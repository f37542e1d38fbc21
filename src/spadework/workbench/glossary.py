"""Every name a user can meet, from the shelves themselves: what it is and what it says."""

from __future__ import annotations

import inspect
from typing import Any

from spadework.data.splitting import splits
from spadework.data.worlds.worlds import worlds
from spadework.diagnosis import cutting, integrity, stamps  # noqa: F401  (their checks place themselves)
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
from spadework.workbench import terms
from spadework.workbench.recipe import Recipe
from spadework.workbench.storage.roles import ROLES

WORDS = {
    "RepR": (
        "Repeat ratio: the share of a list's slots that hold items the user had before. Report, "
        "section 8."
    ),
    "ExplR": (
        "Explore ratio: the share of a list's slots that hold items the user never had. Report, "
        "section 8."
    ),
    "allow": "A policy of repeats: items of the history may be recommended again. See repeats.",
    "forbid": "A policy of repeats: items of the history are left out of lists. See repeats.",
    "only": "A policy of repeats: items of the history alone may be recommended. See repeats.",
    "novel": (
        "A way to judge: items of the history are neither recommended nor expected, the task of "
        "the novel basket. Lists for it: forbid."
    ),
    "quota": "A parameter of blend: at most so many items of the history in a list where they may "
    "come back. Of recommend --for both: the "
    "share of a list's slots that remind, by default the share of repeats in what people took; "
    "at least one slot each.",
    "role": (
        f"What a model that a run keeps is for: {', '.join(ROLES)}. RUN/models/roles.json says "
        "which model has which; see --model."
    ),
    **{
        role: f"A role of a model that a run keeps: {says}. Name it with --model {role}."
        for role, says in ROLES.items()
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
        "The model that is saved and served: the cheapest that cannot be told from the best, or "
        "the best itself. See prefer."
    ),
    "best by value": (
        "The model with the highest value on the validation span, whatever it costs. See prefer."
    ),
    "starved": (
        "A dig whose budget was too short to try one model of each family that fits the log. It "
        "says so first; --strict ends with 1."
    ),
    "no time": (
        "The state of a model or setting that the budget did not reach. That is not known to be "
        "bad: a larger budget tries it."
    ),
    "not asked": (
        "The state of a question to the data that had no time. Nothing is concluded from it."
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
    "asked_at": (
        "log.asked_at(moment) in Python: the moment that models are asked about; without it "
        "each user is asked after their usual pause."
    ),
}
"""Words of reports and policies that no shelf holds."""


def entries() -> list[dict[str, Any]]:
    """All names, shelf by shelf."""
    found: list[dict[str, Any]] = []
    for name, cls in catalogue().items():
        parameters = [
            {"name": p.name, "default": p.default, "says": p.doc} for p in cls.parameters().values()
        ]
        says = _doc(cls) + (
            "\n\nInstall what it learns with: pip install 'spadework[neural]'" if cls.neural else ""
        )
        found.append(
            {
                "name": name,
                "kind": "model",
                "says": says,
                "needs": sorted(cls.needs),
                "parameters": parameters,
            }
        )
    for kind, shelf in (
        ("pair weight", pair_weights),
        ("entry weight", entry_weights),
        ("split", splits),
        ("world", worlds),
        ("slice", slices),
    ):
        found += [
            {"name": name, "kind": kind, "says": _doc(thing)} for name, thing in shelf.items()
        ]
    found += [
        {"name": code, "kind": "finding", "says": _doc(of)}
        for code, of in (("VER-1", Readiness.finding), ("VER-2", finding_of))
    ]
    found += [
        {"name": name, "kind": "key of train.toml", "says": one.told}
        for name, one in INGREDIENTS.items()
    ]
    found += [{"name": name, "kind": "word", "says": says} for name, says in WORDS.items()]
    found += [{"name": name, "kind": "metric", "says": one.says} for name, one in metrics.items()]
    found += [{"name": name, "kind": "dialect", "says": one.says} for name, one in dialects.items()]
    found += [
        {"name": code, "kind": "finding", "says": one.doc}
        for shelf in (checks, cut_checks, all_probes())
        for code, one in shelf.items()
    ]
    keys = [
        {"name": key, "default": field.default, "says": field.description}
        for key, field in Recipe.model_fields.items()
    ]
    found += [
        {
            "name": key["name"],
            "kind": "key of a recipe",
            "says": f"{key['says']} Default: {key['default']}.",
        }
        for key in keys
    ]
    found += terms.entries()
    found.append(
        {
            "name": "recipe",
            "kind": "recipe",
            "says": "The keys of a job, in TOML or as --set key=value.",
            "parameters": keys,
        }
    )
    return found


def explain(name: str) -> dict[str, Any]:
    """The entry of a name; upper and lower case do not matter, `@10` is left out. Several things of
    one name are told together.
    """
    wanted = name.strip().lower().split("@")[0].split("(")[0].removeprefix("debiased_")
    known = entries()
    found = [entry for entry in known if str(entry["name"]).lower() == wanted]
    if not found:
        raise UnknownName("thing to explain", name, [str(entry["name"]) for entry in known])
    first = dict(found[0])
    for other in found[1:]:
        first["kind"] += f", {other['kind']}"
        first["says"] += f"\n\n{other['kind']}: {other['says']}"
    return first


def _doc(thing: object) -> str:
    return inspect.cleandoc(getattr(thing, "__doc__", "") or "")
