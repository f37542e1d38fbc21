"""Section 0: the models that are saved, a few sentences and one picture."""

from __future__ import annotations

from spadework.models.needs import REPEATS_MATTER
from spadework.workbench import formatting
from spadework.workbench.report import charts, outcome
from spadework.workbench.report.blocks import Block, Chart, Charts, Prose, Tiles, table
from spadework.workbench.report.run_facts import (
    Map,
    RunFacts,
    as_interval,
    as_map,
    as_number,
    as_text,
    finished,
    label_of,
    maps,
    seconds_of,
    value_of,
)
from spadework.workbench.report.scored import cheapest, choice, popular_rows, scored_rows

WIDTHS = (860, 360)
"""Pictures over the whole line are drawn for a wide page and for a narrow one."""

_MOST = 8
_SAME_FOR_ALL = ("popular", "random")


def verdict(facts: RunFacts) -> list[Block]:
    """What a manager takes home: the best model, what it gains over popularity, what it costs; bad
    news before the picture.
    """
    scored = scored_rows(facts)
    alarms = [Prose(trouble, "missing") for trouble in facts.troubles]
    alarms += [
        Prose(
            (
                f"{formatting.clip(as_text(found.get('code')), 40)}: "
                f"{formatting.clip(as_text(found.get('says')), 600)}"
            ),
            "warning",
        )
        for found in facts.findings
        if found.get("level") == "blocker"
    ][:5]
    if facts.cut_short:
        alarms.insert(
            0,
            Prose(
                (
                    "The run stopped before the test span was used: what follows was judged on "
                    "the validation span only."
                ),
                "warning",
            ),
        )
    if not scored:
        nothing = Prose("No model has a score in this run, so there is no verdict yet.", "lead")
        return [nothing, *alarms, *_left_out(facts)]
    sentences = [
        *_reminders(facts),
        _best(facts, scored),
        _gain(facts, scored),
        _cost(facts, scored),
    ]
    popular = outcome.not_above_popular(facts)
    if popular:
        alarms.insert(0, Prose(popular, "warning"))
    leak = as_text(facts.protocol.get("leak"))
    if leak:
        alarms.insert(0, Prose(f"Leak: {formatting.clip(leak, 400)}", "warning"))
    saved = outcome.saved(facts)
    blocks: list[Block] = (
        [Tiles(tuple((name, formatting.clip(label, 120)) for name, label in saved))]
        if saved
        else []
    )
    blocks += [Prose(said, "lead") for said in sentences]
    return [*blocks, *alarms, *_left_out(facts), Charts((_picture(facts, scored),), wide=True)]


def _reminders(facts: RunFacts) -> list[str]:
    """Where people take things again: which share of the hits that is, and which model finds new
    items.
    """
    rows = {
        as_text(row.get("label")): row
        for row in maps(as_map(facts.scores.get("repetition")).get("models"))
    }
    served, discovers = (
        outcome.winner(facts),
        dict(outcome.saved(facts)).get(outcome.ROLES["new items"], ""),
    )
    share = as_number(as_map(rows.get(served)).get("hits_repeated"))
    told = (
        (
            f"Of the hits of “{formatting.clip(served, 80)}”, {formatting.percent(share)} are "
            "items that the user had taken before."
        )
        if share
        else ""
    )
    if discovers:
        told += (
            f" For new items “{formatting.clip(discovers, 80)}” is "
            f"saved{' beside it' if discovers != served else ''}"
        )
        recalls = [
            as_number(as_map(rows.get(label)).get("novel_recall")) for label in (discovers, served)
        ]
        if None not in recalls and discovers != served:
            told += f": its recall of new items is {formatting.score(recalls[0])}, "
            told += f"that of “{formatting.clip(served, 80)}” {formatting.score(recalls[1])}"
        told += "."
    return [told.strip()] if told else []


def _best(facts: RunFacts, scored: list[Map]) -> str:
    chosen, tied = choice(facts, scored)
    ends = formatting.interval(as_interval(chosen.get("interval")), 3)
    told = f"{formatting.score(value_of(chosen, facts.primary), 3)} ({ends}; {facts.heading})"
    name, served = f"“{formatting.clip(label_of(chosen), 80)}”", outcome.winner(facts)
    reason, first = outcome.why(facts), f"“{formatting.clip(label_of(scored[0]), 80)}”"
    if served and served != label_of(chosen):
        lead = (
            f"The model that is saved, “{formatting.clip(served, 80)}”, has no score on the "
            f"test span. The best that has one is {name}: {told}."
        )
    elif reason:
        lead = f"The model to take is {name}: {told}. {formatting.clip(reason, 600).rstrip('.')}."
        if chosen not in tied:
            lead += f" On the test span it is behind {first}."
        elif len(tied) > 1:
            lead += f" On the test span it is one of {len(tied)} models that share the first place."
    elif chosen in tied and len(tied) > 1:
        fastest = f"“{formatting.clip(label_of(cheapest(tied)), 80)}”"
        lead = (
            f"The model chosen on validation is {name}: {told}. {len(tied)} models share the "
            "first place: their differences are within the noise."
        )
        lead += (
            f" The cheapest of them is {fastest}."
            if cheapest(tied) is not chosen
            else " It is the cheapest of them."
        )
    elif chosen in tied:
        lead = f"The best model is {name}: {told}."
    else:
        lead = (
            f"The model chosen on validation is {name}: {told}. On the test span it is behind "
            f"{first}."
        )
    return lead + _in_plain_words(chosen)


def _in_plain_words(chosen: Map) -> str:
    """The hit rate as a sentence, where it was taken."""
    metric = next(
        (name for name in as_map(chosen.get("metrics")) if name.startswith("hitrate@")), ""
    )
    hit, depth = value_of(chosen, metric), metric.partition("@")[2]
    if hit is None or not depth.isdigit():
        return ""
    return (
        f" In plain words: for {formatting.percent(hit)} of the users at least one of its "
        f"{depth} suggestions was something they then took."
    )


def _gain(facts: RunFacts, scored: list[Map]) -> str:
    """Against popularity; the run states differences to its leader, so the leader is what is
    compared.
    """
    leader, parts = scored[0], []
    if all(row.get("model") in _SAME_FOR_ALL for row in scored):
        return (
            "Only lists that are the same for everybody, or drawn at random, have a score, so "
            "whether personal lists pay is not known."
        )
    if leader.get("model") == "popular":
        said = (
            "Nothing beats popular items: this log holds no sign that personal lists pay, or "
            "too few rows to see it."
        )
        share, policy = (
            as_number(facts.protocol.get("target_repeat_share")) or 0.0,
            as_text(facts.protocol.get("repeats")),
        )
        if policy == "forbid" and share >= REPEATS_MATTER:
            said += (
                f" But {formatting.percent(share)} of what users took they had taken before, "
                "and lists were not allowed to hold it."
            )
        return said
    for name, row in popular_rows(scored):
        difference = as_map(row.get("difference"))
        value, ends = as_number(difference.get("value")), as_interval(difference.get("interval"))
        base, best = value_of(row, facts.primary) or 0.0, value_of(leader, facts.primary) or 0.0
        parts.append(
            _against(
                name,
                base,
                -value if value is not None else best - base,
                (-ends[1], -ends[0]) if ends else None,
            )
        )
    if not parts:
        return (
            "Popular items are not on the board of this run, so what personal lists gain over "
            "them is not known."
        )
    chosen, _ = choice(facts, scored)
    subject = (
        "It"
        if chosen is leader
        else f"The first on the test span, “{formatting.clip(label_of(leader), 80)}”,"
    )
    return f"{subject} is {' and '.join(parts)}."


def _against(name: str, base: float, gain: float, ends: tuple[float, float] | None) -> str:
    """The gain over one yardstick, in per cent of it where it is not zero."""
    if base > 0:
        size = f"{formatting.percent(gain / base)} better than {name}"
        sure = (
            f"{formatting.percent(ends[0] / base)} … {formatting.percent(ends[1] / base)}"
            if ends
            else "interval not known"
        )
    else:
        size, sure = (
            f"better by {formatting.score(gain, 3)} than {name}, which found nothing",
            formatting.interval(ends, 3),
        )
    return (
        f"not surely better than {name} ({sure})"
        if ends and ends[0] <= 0 <= ends[1]
        else f"{size} ({sure})"
    )


def _cost(facts: RunFacts, scored: list[Map]) -> str:
    chosen, _ = choice(facts, scored)
    cpus = as_number(as_map(facts.protocol.get("environment")).get("cpus"))
    machine = f" on {formatting.count(cpus, 'processor')}" if cpus else ""
    fit, answer = as_number(chosen.get("fit_seconds")), as_number(chosen.get("recommend_seconds"))
    memory = as_number(chosen.get("memory_mib"))
    users = as_number(facts.protocol.get("users"))
    asked = formatting.count(users, "user") if users is not None else "the test users"
    told = (
        f"It is fitted in {formatting.seconds(fit)} and answers {asked} in "
        f"{formatting.seconds(answer)}{machine}"
    )
    if fit is None and answer is None:
        told = "What it costs was not measured"
    if memory is not None:
        told += f", within {formatting.mebibytes(memory)} of memory"
    return f"{told}. {_expected(facts)}"


def _expected(facts: RunFacts) -> str:
    """What the probes expect of a large sequence model, and what was observed where one was
    trained.
    """
    told = next(
        (
            one
            for one in maps(facts.advice.get("predictions"))
            if as_text(as_map(one.get("prediction")).get("about")) == "verdict"
        ),
        None,
    )
    if told is not None:
        return (
            "A transformer was trained after the dig. "
            f"{formatting.clip(as_text(told.get('says')), 600)} Section 5 has more."
        )
    found = next((found for found in facts.findings if found.get("code") == "VER-1"), {})
    verdict = formatting.clip(as_text(found.get("says")), 600)
    if not verdict:
        return "No neural model was compared, so this run cannot say whether one would pay."
    if as_interval(found.get("interval")) is None:  # undecided: nothing is expected
        return f"No neural model was compared. {verdict} (VER-1)"
    return (
        f"No neural model was compared. {verdict} That is an expectation, not a measurement "
        "(VER-1)."
    )


def _left_out(facts: RunFacts) -> list[Block]:
    """How many models stand on the board without a score, and what had no time."""
    listed = {label for one in outcome.left_out(facts, "other") for label in one.labels}
    states = [
        as_text(row.get("state"))
        for row in facts.board
        if not finished(row) and label_of(row) in listed
    ]
    told = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))
    said = (
        [Prose(f"Without a score: {told}. The board gives each one's reason.", "warning")]
        if states
        else []
    )
    late = outcome.no_time_sentence(facts)
    return [*said, *([Prose(f"{late} The section Honesty lists them.", "warning")] if late else [])]


def _picture(facts: RunFacts, scored: list[Map]) -> Chart:
    """The first models, and further down whatever else somebody looks for, in the order of the
    board.
    """
    chosen, _ = choice(facts, scored)
    yardsticks, marked = [row for _, row in popular_rows(scored)], outcome.marks(facts)
    wanted = [
        *scored[:_MOST],
        chosen,
        *yardsticks,
        *(row for row in scored if label_of(row) in marked),
    ]
    shown = [row for row in scored if any(row is other for other in wanted)]
    metric = formatting.metric(facts.primary)
    dots = [
        charts.Dot(
            formatting.clip(label_of(row), 80),
            value_of(row, facts.primary),
            as_interval(row.get("interval")),
            tone="accent" if row is chosen else "quiet" if row in yardsticks else "plain",
        )
        for row in shown
    ]
    first = next(
        (
            at
            for at, (row, other) in enumerate(zip(shown, scored, strict=False))
            if row is not other
        ),
        len(shown),
    )
    title = (
        f"The best {first} of {len(scored)} models"
        if first < len(scored)
        else "All models with a score"
    )
    title += f", and {len(shown) - first} to compare with" if first < len(shown) else ""
    rows = [
        (
            formatting.clip(label_of(row), 120),
            formatting.score(value_of(row, facts.primary)),
            formatting.interval(as_interval(row.get("interval"))),
            formatting.seconds(seconds_of(row)),
        )
        for row in shown
    ]
    twin = table(
        title,
        ("Model", f"#{metric}", "#95 % interval", "#Fit and answer"),
        rows,
        "scores.json",
        folded=True,
    )
    reading = (
        "A dot is the mean over users, the line its 95 % interval. The coloured row is the "
        "model to take; popular items are grey."
    )
    axis = facts.heading
    wide, narrow = (
        charts.dots_with_interval(dots, title=title, axis=axis, width=width) for width in WIDTHS
    )
    return Chart(title, wide, reading, twin, narrow)
