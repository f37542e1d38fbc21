"""Rules that turn findings and facts into advice about a large sequence model: one table, each line
with its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Test: TypeAlias = Literal["found", "ruled out", "below", "from"]
FACTS = ("rows", "users", "items", "median_history", "long_history", "repeat_share", "described")
"""Facts of a log that need no probe."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One line of the table."""

    about: str  # code of a finding, or a fact
    # found: the finding is strong or weak; ruled out: its interval rules out an effect that would
    # matter; below, from: the fact is below `bound`, or `bound` and above
    test: Test
    bound: float = 0.0
    # above 0: in favour of a large sequence model; below 0: of the spade; 0: only settings
    points: int = 0
    reason: str  # follows "Because" in the verdict
    # ingredients of a sequence model, if one is trained
    settings: Mapping[str, Any] = field(default_factory=dict)
    copied_settings: tuple[
        str, ...
    ] = ()  # ingredients whose value comes from the patch of the finding
    replaces_probe: str = ""  # a probe: the line holds only where it was not asked
    # whether a probe that cannot be asked means "no", so that nothing is left unknown
    no_if_impossible: bool = False
    # ingredients that are expected to help; all that the rule sets if absent
    predicts: tuple[str, ...] | None = None
    # least share by which a model with these settings is expected to differ from one without
    at_least: float | None = None
    source: str


RULES: tuple[Rule, ...] = (
    Rule(
        about="rows",
        test="below",
        bound=1e6,
        points=-1,
        reason="there are fewer than a million events",
        source=(
            "Beauty, 198,502 events: a second stage over closed forms has hit rate .1059, "
            "eSASRec .0928 (docs/lab/log.md)"
        ),
    ),
    Rule(
        about="rows",
        test="below",
        bound=3e5,
        reason="a small network has as many parameters as the log has events",
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
        points=1,
        reason="there are ten million events or more",
        settings={"size": "base"},
        source="more data than the parameters of a closed form can hold",
    ),
    Rule(
        about="items",
        test="from",
        bound=2e4,
        reason="there are too many items to score all of them in one batch",
        settings={"loss": "sampled softmax", "negatives": "mixed", "logq": True},
        source="a batch of 128 × 200 positions × 20,000 items is 2 GB of four-byte numbers",
    ),
    Rule(
        about="items",
        test="from",
        bound=2e5,
        points=1,
        reason="the catalogue is too large for dense linear models",
        source=(
            "200,000 × 200,000 numbers of four bytes are 160 GB; what is sparse loses part of "
            "them (docs/lab/notes-sansa.md)"
        ),
    ),
    Rule(
        about="median_history",
        test="below",
        bound=5,
        points=-1,
        reason="more than half of the users have fewer than five events",
        source=(
            "Ludewig et al., UMUAI 2021: on sessions, neighbours are level with or above neural "
            "models"
        ),
    ),
    Rule(
        about="long_history",
        test="below",
        bound=50,
        reason="all but one user in twenty have fewer than fifty events",
        settings={"max_length": 50},
        source="longer windows would hold padding",
    ),
    Rule(
        about="ORD-1",
        test="found",
        points=1,
        reason="what users chose first tells what they choose next",
        settings={"causal": True},
        at_least=0.0,
        source=(
            "S3-Rec Beauty: hit rate .0928 of eSASRec against .0705 of EASE, which knows no "
            "order (docs/lab/log.md)"
        ),
    ),
    Rule(
        about="ORD-1",
        test="ruled out",
        points=-1,
        reason="the order of items tells nothing more",
        source="S3-Rec Yelp: pairs counted forward are a quarter worse than sets (docs/lab/log.md)",
    ),
    Rule(
        about="ORD-2",
        test="found",
        reason="the last items of a history tell most",
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
        reason="items near each other in a history belong together",
        settings={"positions": True},
        at_least=-0.03,
        source=(
            "docs/was-the-advice-right.md: causality alone tells a network most of it; "
            "positions gave +2.6% on Beauty, −1.8% on Yoochoose"
        ),
    ),
    Rule(
        about="ORD-4",
        test="found",
        points=-1,
        no_if_impossible=True,
        reason="part of the order is only the order of the file",
        settings={"positions": False},
        source="MovieLens: sequences are the order of a questionnaire (Time to Split, RecSys 2025)",
    ),
    Rule(
        about="REP-1",
        test="found",
        points=-1,
        no_if_impossible=True,
        reason="users choose their own items again, which transformers miss",
        settings={"repeats": "allow", "personal_popularity": True},
        at_least=0.0,
        source=(
            "Abbattista et al., RecSys 2024 (arXiv 2409.04329): personal popularity lifted "
            "three transformers by 25 to 70%"
        ),
    ),
    Rule(
        about="REP-2",
        test="found",
        reason="items come back after typical pauses",
        settings={"time_encoding": True},
        at_least=0.0,
        source="Romanov et al., RecSys 2023: intensities of time beat frequencies on repeat logs",
    ),
    Rule(
        about="described",
        test="from",
        bound=0.5,
        reason="at least half of the items are described, which helps where events are few",
        settings={"item_content": True},
        at_least=-0.02,
        source="docs/was-the-advice-right.md: small networks with content were better by 125% on "
        "Beauty, and by 26, 27 and 49% on MovieLens-1M, "
        "Yelp and LastFM, where no probe of content was in favour of it",
    ),
    Rule(
        about="repeat_share",
        test="from",
        bound=0.1,
        reason="a tenth or more of what users choose is a repeat",
        settings={"repeats": "allow", "item_content": False},
        source=(
            "a model that may not repeat cannot be compared with the others; content cost 5% "
            "on the grocery log (docs/was-the-advice-right.md)"
        ),
    ),
    Rule(
        about="repeat_share",
        test="from",
        bound=0.3,
        replaces_probe="REP-1",
        reason="about a third or more of what users choose is a repeat",
        settings={"repeats": "allow", "personal_popularity": True},
        source="REP-1 is strong on every public log where a tenth of the targets and more are "
        "repeats: grocery 35%, Ta-Feng 14%, TaoBao 10% "
        "(docs/findings-on-public-logs.md)",
    ),
    Rule(
        about="POP-3",
        test="found",
        reason="popular items are too high in the lists",
        settings={"loss": "sampled softmax", "negatives": "popularity", "logq": True},
        source="Yi et al., RecSys 2019: LogQ removes the popularity of drawn items from the loss",
    ),
    Rule(
        about="POP-4",
        test="found",
        reason="beneath the most popular items users have tastes of their own",
        settings={"loss": "sampled softmax", "negatives": "in-batch", "logq": True},
        source=(
            "Klenitskiy and Vasilev, RecSys 2023: the loss and its negatives decide more than "
            "the network"
        ),
    ),
    Rule(
        about="POP-1",
        test="found",
        reason="popular items drown out the others",
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
        points=-1,
        reason="no personal list is better than the most popular items",
        source="there is nothing for a personal model to learn from such a log",
    ),
    Rule(
        about="TIME-1",
        test="found",
        reason="what is popular changes with time",
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
        reason="which items go together changes with time",
        copied_settings=("training_window",),
        at_least=-0.02,
        source=(
            "Verachtert et al., 2022 (Are we forgetting something?): the training window "
            "changes the order of models"
        ),
    ),
    Rule(
        about="TIME-3",
        test="found",
        reason="items chosen soon after each other belong together",
        settings={"time_encoding": True},
        at_least=0.0,
        source="Li et al., WSDM 2020 (TiSASRec): intervals between events in addition to positions",
    ),
    Rule(
        about="TIME-4",
        test="found",
        reason="users' taste changes with time",
        settings={"time_encoding": True},
        at_least=0.0,
        source="Li et al., WSDM 2020 (TiSASRec): intervals between events in addition to positions",
    ),
    Rule(
        about="TIME-5",
        test="found",
        reason="models go out of date",
        copied_settings=("retrain",),
        source="measured on this log: a model that was trained earlier is worse",
    ),
    Rule(
        about="CON-1",
        test="found",
        reason="item descriptions tell what users like",
        settings={"item_content": True},
        source=(
            "measured on this log: items with similar content make better lists than the most "
            "popular"
        ),
    ),
    Rule(
        about="CON-2",
        test="found",
        reason="item descriptions add to behaviour",
        settings={"item_content": True},
        at_least=0.0,
        source=(
            "Anime: content in addition to co-occurrence is worth an eighth "
            "(docs/findings-on-public-logs.md)"
        ),
    ),
    Rule(
        about="CON-3",
        test="found",
        reason="item descriptions find new items",
        settings={"item_content": True},
        at_least=0.0,
        source="measured on this log: content hits items that fewer than five users had. Rare "
        "items' own vectors need no extra shrinking with it: "
        "κ = 5 gained nothing on Beauty, −1 to −3% (docs/was-the-advice-right.md)",
    ),
    Rule(
        about="UNIT-1",
        test="found",
        reason="items of one basket belong together",
        settings={"objective": "next basket"},
        source="measured on this log: pairs of one basket tell more than pairs of one history",
    ),
    Rule(
        about="UNIT-2",
        test="found",
        reason="long histories have too much influence",
        settings={"sample_by": "user"},
        at_least=0.0,
        source="measured on this log: less weight for long histories makes better lists",
    ),
)
"""All rules; a new rule is a new line. Where two rules that hold set the same ingredient, the later
one wins.
"""

DECIDING: tuple[str, ...] = (
    "TIME-1",
    *dict.fromkeys(rule.about for rule in RULES if rule.points and rule.about not in FACTS),
)
"""Probes to ask first: those whose answers give points, and TIME-1, which needs a single fit."""
