"""What findings and facts say about a large sequence model: one table, each line with its
source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Test: TypeAlias = Literal["found", "ruled out", "below", "from"]
FACTS = ("rows", "users", "items", "median_history", "long_history", "repeat_share", "described")
"""What is known of a log without asking a probe."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One line of the table."""

    about: str  # code of a finding, or a fact
    # found: it weighs something; ruled out: its interval leaves nothing that would; below, from:
    # the fact against `bound`
    test: Test
    bound: float = 0.0
    # above 0 for a large sequence model, below 0 for the spade, 0 for settings alone
    speaks: int = 0
    says: str
    # ingredients of a sequence model, should one be trained
    settings: Mapping[str, Any] = field(default_factory=dict)
    takes: tuple[str, ...] = ()  # ingredients whose value is the finding's own, from its patch
    stands_for: str = ""  # a probe: the line holds only where that was not asked
    # where it cannot be asked there is nothing of the kind, so nothing is left unknown
    moot: bool = False
    # ingredients that are expected to pay; all that the rule sets if absent
    predicts: tuple[str, ...] | None = None
    # by which share a model with these settings is expected to differ from one without, at least
    at_least: float | None = None
    source: str


RULES: tuple[Rule, ...] = (
    Rule(
        about="rows",
        test="below",
        bound=1e6,
        speaks=-1,
        says="there are fewer than a million events",
        source=(
            "Beauty, 198,502 events: a second stage over closed forms has hit rate .1059, "
            "eSASRec .0928 (docs/log.md)"
        ),
    ),
    Rule(
        about="rows",
        test="below",
        bound=3e5,
        says="a small network has as many parameters as the log has events",
        settings={"size": "tiny"},
        source=(
            "SASRec and its kin use widths of 50 to 64 on logs of this size (Kang and McAuley, "
            "ICDM 2018)"
        ),
    ),
    Rule(
        about="rows",
        test="from",
        bound=1e7,
        speaks=1,
        says="there are ten million events and more",
        settings={"size": "base"},
        source="more data than a closed form has numbers to put them into",
    ),
    Rule(
        about="items",
        test="from",
        bound=2e4,
        says="all items at once do not fit into a batch",
        settings={"loss": "sampled softmax", "negatives": "mixed", "logq": True},
        source="a batch of 128 × 200 positions × 20,000 items is 2 GB of four-byte numbers",
    ),
    Rule(
        about="items",
        test="from",
        bound=2e5,
        speaks=1,
        says="the catalogue is too large for dense closed forms",
        source=(
            "200,000 × 200,000 numbers of four bytes are 160 GB; what is sparse loses part of "
            "them (docs/notes-sansa.md)"
        ),
    ),
    Rule(
        about="median_history",
        test="below",
        bound=5,
        speaks=-1,
        says="histories are shorter than five events",
        source=(
            "Ludewig et al., UMUAI 2021: on sessions, neighbours are level with or above neural "
            "models"
        ),
    ),
    Rule(
        about="long_history",
        test="below",
        bound=50,
        says="nineteen histories in twenty are shorter than fifty events",
        settings={"max_length": 50},
        source="longer windows would hold padding",
    ),
    Rule(
        about="ORD-1",
        test="found",
        speaks=1,
        says="what came first tells what comes next",
        settings={"causal": True},
        at_least=0.0,
        source=(
            "S3-Rec Beauty: hit rate .0928 of eSASRec against .0705 of EASE, which knows no "
            "order (docs/log.md)"
        ),
    ),
    Rule(
        about="ORD-1",
        test="ruled out",
        speaks=-1,
        says="sets say as much as sequences",
        source="S3-Rec Yelp: pairs counted forward are a quarter worse than sets (docs/log.md)",
    ),
    Rule(
        about="ORD-2",
        test="found",
        says="the last items of a history say most",
        settings={"max_length": 50},
        at_least=-0.02,
        source=(
            "S3-Rec Beauty: weighing the last items most is worth a fifth "
            "(docs/findings-on-public-logs.md)"
        ),
    ),
    Rule(
        about="ORD-3",
        test="found",
        says="what stands near belongs together",
        settings={"positions": True},
        at_least=-0.03,
        source=(
            "docs/was-the-advice-right.md: causality alone tells a network most of it; "
            "positions gave +2.6 % on Beauty, −1.8 % on Yoochoose"
        ),
    ),
    Rule(
        about="ORD-4",
        test="found",
        speaks=-1,
        moot=True,
        says="part of the order is the order of the file",
        settings={"positions": False},
        source="MovieLens: sequences are the order of a questionnaire (Time to Split, RecSys 2025)",
    ),
    Rule(
        about="REP-1",
        test="found",
        speaks=-1,
        moot=True,
        says="people take their own items again, which transformers miss",
        settings={"repeats": "allow", "personal_popularity": True},
        at_least=0.0,
        source=(
            "Abbattista et al., RecSys 2024 (arXiv 2409.04329): personal popularity lifted "
            "three transformers by 25 to 70 %"
        ),
    ),
    Rule(
        about="REP-2",
        test="found",
        says="things come back after pauses of their own",
        settings={"time_encoding": True},
        at_least=0.0,
        source="Romanov et al., RecSys 2023: intensities of time beat frequencies on repeat logs",
    ),
    Rule(
        about="described",
        test="from",
        bound=0.5,
        says="what items are is known, and teaches vectors that few events teach",
        settings={"item_content": True},
        at_least=-0.02,
        source="docs/was-the-advice-right.md: small networks with content were better by 125 % on "
        "Beauty, and by 26, 27 and 49 % on MovieLens-1M, "
        "Yelp and LastFM, where no probe of content asked for it",
    ),
    Rule(
        about="repeat_share",
        test="from",
        bound=0.1,
        says="a tenth of what people take, or more, is theirs already",
        settings={"repeats": "allow", "item_content": False},
        source=(
            "a model that may not repeat cannot be judged beside the others; content cost 5 % "
            "on the grocery log (docs/was-the-advice-right.md)"
        ),
    ),
    Rule(
        about="repeat_share",
        test="from",
        bound=0.3,
        stands_for="REP-1",
        says="about a third of what people take, or more, is theirs already",
        settings={"repeats": "allow", "personal_popularity": True},
        source="REP-1 is strong on every public log where a tenth of the targets and more are "
        "repeats: grocery 35 %, Ta-Feng 14 %, TaoBao 10 % "
        "(docs/findings-on-public-logs.md)",
    ),
    Rule(
        about="POP-3",
        test="found",
        says="popular items stand too high in lists",
        settings={"loss": "sampled softmax", "negatives": "popularity", "logq": True},
        source="Yi et al., RecSys 2019: LogQ takes the popularity of what is drawn out of the loss",
    ),
    Rule(
        about="POP-4",
        test="found",
        says="beneath the best sellers there is taste",
        settings={"loss": "sampled softmax", "negatives": "in-batch", "logq": True},
        source=(
            "Klenitskiy and Vasilev, RecSys 2023: the loss and its negatives decide more than "
            "the network"
        ),
    ),
    Rule(
        about="POP-1",
        test="found",
        says="popular items drown what the others say",
        settings={"loss": "sampled softmax", "negatives": "in-batch", "logq": True},
        at_least=0.0,
        predicts=("negatives", "logq"),
        source=(
            "Yi et al., RecSys 2019 (LogQ); Gowalla: dividing rows by their size is worth a "
            "fifth (docs/findings-on-public-logs.md)"
        ),
    ),
    Rule(
        about="POP-2",
        test="found",
        speaks=-1,
        says="no personal list is better than what is popular",
        source="there is nothing for a personal model to learn from such a log",
    ),
    Rule(
        about="TIME-1",
        test="found",
        says="what is popular now differs from what was",
        settings={"time_encoding": True},
        at_least=0.0,
        source=(
            "eSASRec, 2025: the popularity of seven days beats a plain SASRec on three "
            "realistic splits"
        ),
    ),
    Rule(
        about="TIME-2",
        test="found",
        says="what goes with what changes",
        takes=("training_window",),
        at_least=-0.02,
        source=(
            "Verachtert et al., 2022 (Are we forgetting something?): the training window "
            "changes the order of models"
        ),
    ),
    Rule(
        about="TIME-3",
        test="found",
        says="what is taken soon after belongs together",
        settings={"time_encoding": True},
        at_least=0.0,
        source="Li et al., WSDM 2020 (TiSASRec): intervals between events beside positions",
    ),
    Rule(
        about="TIME-4",
        test="found",
        says="taste moves with time",
        settings={"time_encoding": True},
        at_least=0.0,
        source="Li et al., WSDM 2020 (TiSASRec): intervals between events beside positions",
    ),
    Rule(
        about="TIME-5",
        test="found",
        says="models age",
        takes=("retrain",),
        source="measured on this log: a model learned earlier answers worse",
    ),
    Rule(
        about="CON-1",
        test="found",
        says="content tells taste",
        settings={"item_content": True},
        source=(
            "measured on this log: items alike by their content are better lists than what is "
            "popular"
        ),
    ),
    Rule(
        about="CON-2",
        test="found",
        says="content adds to behaviour",
        settings={"item_content": True},
        at_least=0.0,
        source=(
            "Anime: content beside co-occurrence is worth an eighth "
            "(docs/findings-on-public-logs.md)"
        ),
    ),
    Rule(
        about="CON-3",
        test="found",
        says="content finds what is new",
        settings={"item_content": True},
        at_least=0.0,
        source="measured on this log: content hits items that fewer than five users took. Rare "
        "items' own vectors need no reining in beside it: "
        "κ = 5 gained nothing on Beauty, −1 to −3 % (docs/was-the-advice-right.md)",
    ),
    Rule(
        about="UNIT-1",
        test="found",
        says="the basket is the unit of intent",
        settings={"objective": "next basket"},
        source="measured on this log: pairs of one basket say more than pairs of one history",
    ),
    Rule(
        about="UNIT-2",
        test="found",
        says="long histories say too much",
        settings={"sample_by": "user"},
        at_least=0.0,
        source="measured on this log: heavy users counting less makes better lists",
    ),
)
"""All rules; a new one is a new line. Of two rules that hold and set the same ingredient, the later
one does.
"""

DECIDING: tuple[str, ...] = (
    "TIME-1",
    *dict.fromkeys(rule.about for rule in RULES if rule.speaks and rule.about not in FACTS),
)
"""Probes to ask first: those whose answers speak for either side, and whether what is popular
lately differs, which one fit tells.
"""
