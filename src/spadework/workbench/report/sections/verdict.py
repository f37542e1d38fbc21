"""The models that are saved, a few sentences and one picture."""

from __future__ import annotations

from spadework import formatting
from spadework.evaluation.entries import Entry, Gap
from spadework.json_values import as_interval, as_map, as_number, as_text, maps
from spadework.models.needs import REPEATS_MATTER
from spadework.workbench.report import charts, outcome
from spadework.workbench.report.blocks import Block, Chart, Charts, Prose, Tiles, table
from spadework.workbench.report.run_facts import RunFacts
from spadework.workbench.report.scored import cheapest, choice, popular_rows

WIDTHS = (860, 360)
"""Pictures over the whole line are drawn for a wide page and for a narrow one."""

_MOST = 8
_SAME_FOR_ALL = ("popular", "random")


def verdict(facts: RunFacts) -> list[Block]:
    """The summary for a manager: the best model, its gain over popular items, its cost; warnings
    before the picture.
    """
    scored = facts.scored
    alarms = [Prose(trouble, "missing") for trouble in facts.troubles]
    alarms += [
        Prose(
            (
                f"{formatting.clip(as_text(finding.get('code')), 40)}: "
                f"{formatting.clip(as_text(finding.get('says')), 600)}"
            ),
            "warning",
        )
        for finding in facts.findings
        if finding.get("level") == "blocker"
    ][:5]
    if facts.interrupted:
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
        no_verdict = Prose("No model has a score in this run, so there is no verdict yet.", "lead")
        return [no_verdict, *alarms, *_left_out(facts)]
    sentences = [
        *_reminders(facts),
        _best(facts, scored),
        _gain(facts, scored),
        _cost(facts, scored),
    ]
    popular_warning = outcome.not_above_popular(facts)
    if popular_warning:
        alarms.insert(0, Prose(popular_warning, "warning"))
    leak = as_text(facts.protocol.get("leak"))
    if leak:
        alarms.insert(0, Prose(f"Leak: {formatting.clip(leak, 400)}", "warning"))
    saved = outcome.saved(facts)
    blocks: list[Block] = (
        [Tiles(tuple((name, formatting.clip(label, 120)) for name, label in saved))]
        if saved
        else []
    )
    blocks += [Prose(sentence, "lead") for sentence in sentences]
    return [*blocks, *alarms, *_left_out(facts), Charts((_picture(facts, scored),), wide=True)]


def _reminders(facts: RunFacts) -> list[str]:
    """Where users repeat items: the share of hits that are repeats, and the model that is saved for
    new items.
    """
    rows = {
        as_text(row.get("label")): row
        for row in maps(as_map(facts.scores.get("repetition")).get("models"))
    }
    served, discover = (
        outcome.winner(facts),
        dict(outcome.saved(facts)).get(outcome.ROLES["new items"], ""),
    )
    share = as_number(as_map(rows.get(served)).get("hits_repeated"))
    text = (
        (
            f"Of the hits of {_named(facts, served)}, {formatting.percent(share)} are "
            "repeats: items of the user's history."
        )
        if share
        else ""
    )
    if discover:
        text += (
            f" For new items {_named(facts, discover)} is "
            f"{'also ' if discover != served else ''}saved"
        )
        recalls = [
            as_number(as_map(rows.get(label)).get("novel_recall")) for label in (discover, served)
        ]
        if None not in recalls and discover != served:
            text += f": its recall of new items is {formatting.score(recalls[0])}, "
            text += f"that of {_named(facts, served)} {formatting.score(recalls[1])}"
        text += "."
    return [text.strip()] if text else []


def _named(facts: RunFacts, label: str) -> str:
    """A model in a sentence: its name, or its label where the name is that of another setting. The
    tiles have the whole label.
    """
    names = _names(facts)
    return f"“{names[label] if label in names else formatting.clip(label, 80)}”"


def _names(facts: RunFacts) -> dict[str, str]:
    """Label → what it is called in sentences, of the models that these name; the winner first."""
    known = [outcome.winner(facts), *(label for _, label in outcome.saved(facts))]
    known += [outcome.best(facts), *(row.label for row in facts.scored[:1])]
    names = formatting.labels(known)
    for label in names:
        name = label.partition("(")[0]
        if '"' not in label and name not in names.values():
            names[label] = name
    return names


def _reason(facts: RunFacts) -> str:
    """Why the winner was chosen, with the names of this page."""
    text = outcome.why(facts)
    for label, name in sorted(_names(facts).items(), key=lambda pair: -len(pair[0])):
        text = text.replace(label, name)
    return text


def _best(facts: RunFacts, scored: list[Entry]) -> str:
    chosen, tied = choice(facts, scored)
    ends = formatting.interval(chosen.interval, 3)
    value = f"{formatting.score(chosen.value(facts.primary), 3)} ({ends}; {facts.heading})"
    name, served = _named(facts, chosen.label), outcome.winner(facts)
    reason, first = _reason(facts), _named(facts, scored[0].label)
    if served and served != chosen.label:
        sentence = (
            f"The model that is saved, {_named(facts, served)}, has no score on the "
            f"test span. The best that has one is {name}: {value}."
        )
    elif reason:
        sentence = (
            f"The model to use is {name}: {value}. {formatting.clip(reason, 600).rstrip('.')}."
        )
        if chosen not in tied:
            sentence += f" On the test span it is behind {first}."
        elif len(tied) > 1:
            sentence += f" On the test span it is one of {len(tied)} models that share rank 1."
    elif chosen in tied and len(tied) > 1:
        fastest = _named(facts, cheapest(tied).label)
        sentence = (
            f"The model chosen on validation is {name}: {value}. {len(tied)} models share "
            "rank 1: their differences are within the noise."
        )
        sentence += (
            f" The cheapest of them is {fastest}."
            if cheapest(tied) is not chosen
            else " It is the cheapest of them."
        )
    elif chosen in tied:
        sentence = f"The best model is {name}: {value}."
    else:
        sentence = (
            f"The model chosen on validation is {name}: {value}. On the test span it is behind "
            f"{first}."
        )
    return sentence + _in_plain_words(chosen)


def _in_plain_words(chosen: Entry) -> str:
    """The hit rate as a sentence, where it was measured."""
    metric = next((name for name in chosen.metrics if name.startswith("hitrate@")), "")
    hit, depth = chosen.value(metric), metric.partition("@")[2]
    if hit is None or not depth.isdigit():
        return ""
    return (
        f" In plain words: for {formatting.percent(hit)} of the users, at least one of "
        f"the {depth} recommended items was among those that they had next."
    )


def _gain(facts: RunFacts, scored: list[Entry]) -> str:
    """Against popularity; the run states differences to its leader, so the leader is what is
    compared.
    """
    leader, parts = scored[0], []
    if all(row.model in _SAME_FOR_ALL for row in scored):
        return (
            "Only lists that are the same for all users, or drawn at random, have a score, so it "
            "is not known whether personal lists pay."
        )
    if leader.model == "popular":
        sentence = (
            "Nothing beats popular items: this log holds no sign that personal lists pay, or "
            "too few rows to see it."
        )
        share, policy = (
            as_number(facts.protocol.get("target_repeat_share")) or 0.0,
            as_text(facts.protocol.get("repeats")),
        )
        if policy == "forbid" and share >= REPEATS_MATTER:
            sentence += (
                f" But {formatting.percent(share)} of the items of the test span are "
                "repeats, and lists were not allowed to hold repeats."
            )
        return sentence
    for name, row in popular_rows(scored):
        gap = row.difference or Gap(None, None)
        base, best = row.value(facts.primary) or 0.0, leader.value(facts.primary) or 0.0
        parts.append(
            _against(
                name,
                base,
                best - base if gap.value is None else -gap.value,
                (-gap.interval[1], -gap.interval[0]) if gap.interval else None,
            )
        )
    if not parts:
        return (
            "Popular items are not on the board of this run, so what personal lists gain over "
            "them is not known."
        )
    chosen, _ = choice(facts, scored)
    subject = (
        "It" if chosen is leader else f"The first on the test span, {_named(facts, leader.label)},"
    )
    return f"{subject} is {' and '.join(parts)}."


def _against(name: str, base: float, gain: float, ends: tuple[float, float] | None) -> str:
    """The gain over one baseline, in per cent of its value where that is not zero."""
    if base > 0:
        size = f"{formatting.percent(gain / base)} better than {name}"
        interval = (
            f"{formatting.percent(ends[0] / base)} … {formatting.percent(ends[1] / base)}"
            if ends
            else "interval not known"
        )
    else:
        size, interval = (
            f"better by {formatting.score(gain, 3)} than {name}, which found nothing",
            formatting.interval(ends, 3),
        )
    return (
        f"not surely better than {name} ({interval})"
        if ends and ends[0] <= 0 <= ends[1]
        else f"{size} ({interval})"
    )


def _cost(facts: RunFacts, scored: list[Entry]) -> str:
    chosen, _ = choice(facts, scored)
    cpus = as_number(as_map(facts.protocol.get("environment")).get("cpus"))
    machine = f" on {formatting.count(cpus, 'processor')}" if cpus else ""
    fit, answer, memory = chosen.fit_seconds, chosen.recommend_seconds, chosen.memory_mib
    users = as_number(facts.protocol.get("users"))
    who = formatting.count(users, "user") if users is not None else "the test users"
    cost = (
        f"It is fitted in {formatting.seconds(fit)} and answers {who} in "
        f"{formatting.seconds(answer)}{machine}"
    )
    if fit is None and answer is None:
        cost = "What it costs was not measured"
    if memory is not None:
        cost += f", within {formatting.mebibytes(memory)} of memory"
    return f"{cost}. {_expected(facts)}"


def _expected(facts: RunFacts) -> str:
    """What the probes expect of a transformer, or what was observed where one was trained."""
    observed = next(
        (
            prediction
            for prediction in maps(facts.advice.get("predictions"))
            if as_text(as_map(prediction.get("prediction")).get("about")) == "verdict"
        ),
        None,
    )
    if observed is not None:
        return (
            "A transformer was trained after the dig. "
            f"{formatting.clip(as_text(observed.get('says')), 600)} The section on the "
            "transformer has more."
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
    """How many models on the board have no score, and what had no time."""
    listed = {label for entry in outcome.left_out(facts, "other") for label in entry.labels}
    states = [row.state for row in facts.board if not row.done and row.label in listed]
    counts = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))
    warnings = (
        [Prose(f"Without a score: {counts}. The section Board gives each reason.", "warning")]
        if states
        else []
    )
    no_time = outcome.no_time_sentence(facts)
    return [
        *warnings,
        *([Prose(f"{no_time} The section Honesty lists them.", "warning")] if no_time else []),
    ]


def _picture(facts: RunFacts, scored: list[Entry]) -> Chart:
    """The first models, then the chosen model, baselines and saved models, in the order of the
    board.
    """
    chosen, _ = choice(facts, scored)
    baselines, marked = [row for _, row in popular_rows(scored)], outcome.marks(facts)
    wanted = [
        *scored[:_MOST],
        chosen,
        *baselines,
        *(row for row in scored if row.label in marked),
    ]
    shown = [row for row in scored if any(row is other for other in wanted)]
    metric = formatting.metric(facts.primary)
    dots = [
        charts.Dot(
            formatting.clip(row.label, 80),
            row.value(facts.primary),
            row.interval,
            tone="accent" if row is chosen else "quiet" if row in baselines else "plain",
        )
        for row in shown
    ]
    first = next(
        (
            index
            for index, (row, other) in enumerate(zip(shown, scored, strict=False))
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
            formatting.clip(row.label, 120),
            formatting.score(row.value(facts.primary)),
            formatting.interval(row.interval),
            formatting.seconds(row.seconds),
        )
        for row in shown
    ]
    twin = table(
        title,
        ("Model", f"#{metric}", "#95% interval", "#Fit and answer"),
        rows,
        "scores.json",
        folded=True,
    )
    reading = (
        "A dot is the mean over users, the line its 95% interval. The coloured row is the "
        "model to use; popular items are grey."
    )
    axis = facts.heading
    wide, narrow = (
        charts.dots_with_interval(dots, title=title, axis=axis, width=width) for width in WIDTHS
    )
    return Chart(title, wide, reading, twin, narrow)
