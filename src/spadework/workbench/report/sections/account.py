"""Sections 1 and 2: what was read, and what the data look like."""

from __future__ import annotations

from spadework import formatting
from spadework.json_values import Map, as_list, as_map, as_number, as_text, numbers
from spadework.workbench.report import charts
from spadework.workbench.report.blocks import Block, Cell, Chart, Charts, Prose, Tiles, table
from spadework.workbench.report.run_facts import RunFacts


def account(facts: RunFacts) -> list[Block]:
    """Rows in, rows out and why; columns; remarks; the fingerprint."""
    data = facts.data
    if not data:
        return [
            Prose(
                (
                    "The run did not get as far as an account of the data: data.json is missing "
                    "or empty."
                ),
                "missing",
            )
        ]
    rows = as_map(data.get("rows"))
    read, used, set_aside = (
        as_number(rows.get("read")),
        as_number(rows.get("used")),
        as_map(rows.get("set_aside")),
    )
    blocks: list[Block] = [_balance(read, used, set_aside)]
    lines: list[tuple[str | Cell, ...]] = [
        ("read from the source", formatting.number(read), _share(read, read))
    ]
    for reason, amount in sorted(set_aside.items(), key=lambda pair: -(as_number(pair[1]) or 0)):
        lines.append(
            (
                f"set aside: {formatting.clip(reason, 200)}",
                formatting.number(as_number(amount)),
                _share(as_number(amount), read),
            )
        )
    lines.append(
        (
            Cell("used", "best"),
            Cell(formatting.number(used), "best"),
            Cell(_share(used, read), "best"),
        )
    )
    blocks.append(table("Rows", ("Rows", "#Number", "#Share"), lines, "data.json"))
    columns = as_map(data.get("columns"))
    if columns:
        pairs = [
            (formatting.clip(role, 60), formatting.clip(as_text(name, formatting.ABSENT), 120))
            for role, name in columns.items()
        ]
        blocks.append(table("Columns", ("Meaning", "Column in the source"), pairs, "data.json"))
    if facts.remarks:
        blocks.append(
            table(
                "Remarks of the reader",
                ("Remark",),
                [(formatting.clip(remark, 1000),) for remark in facts.remarks],
                "data.json",
            )
        )
    tiles = [
        ("Fingerprint of the rows used", formatting.clip(facts.fingerprint or "not recorded", 80))
    ]
    if as_text(data.get("terms")):
        tiles.append(("Terms of use", formatting.clip(as_text(data.get("terms")), 300)))
    return [*blocks, Tiles(tuple(tiles))]


def _balance(read: float | None, used: float | None, set_aside: Map) -> Prose:
    if read is None or used is None:
        return Prose("The number of rows is not recorded.", "missing")
    removed = sum(as_number(amount) or 0 for amount in set_aside.values())
    if read != used + removed:
        return Prose(
            (
                f"The account does not add up: {formatting.number(read)} read, "
                f"{formatting.number(used)} used, {formatting.number(removed)} set aside."
            ),
            "warning",
        )
    if not removed:
        return Prose(f"All {formatting.count(read, 'row')} of the source are used.", "plain")
    return Prose(
        f"{formatting.number(used)} of {formatting.count(read, 'row')} are used; "
        f"{formatting.number(removed)} are set aside, each with its reason."
    )


def _share(amount: float | None, read: float | None) -> str:
    return formatting.percent(amount / read) if amount is not None and read else formatting.ABSENT


def portrait(facts: RunFacts) -> list[Block]:
    """Sizes and shapes."""
    data_facts, shapes = as_map(facts.data.get("facts")), as_map(facts.data.get("portrait"))
    if not data_facts and not shapes:
        return [Prose("The run holds no portrait of the data.", "missing")]
    pictures = [
        chart
        for chart in (
            _popularity(as_map(shapes.get("popularity"))),
            _histogram(
                as_map(shapes.get("history_lengths")),
                "users",
                "How long histories are",
                "rows of one user",
                "users",
            ),
            _over_time(
                as_map(shapes.get("events_over_time")),
                "rows",
                "Rows over time",
                "rows",
                share=False,
            ),
            _over_time(
                as_map(shapes.get("drift")),
                "overlap",
                "How stable the most popular items are",
                "share kept",
                share=True,
            ),
            _histogram(
                as_map(shapes.get("basket_sizes")),
                "baskets",
                "How large baskets are",
                "items in one basket",
                "baskets",
            ),
        )
        if chart is not None
    ]
    return (
        [*_in_words(data_facts), Tiles(_sizes(data_facts)), Charts(tuple(pictures))]
        if pictures
        else [*_in_words(data_facts), Tiles(_sizes(data_facts))]
    )


def _in_words(data_facts: Map) -> list[Block]:
    sentences = []
    head, repeats = (
        as_number(data_facts.get("head_share")),
        as_number(data_facts.get("repeat_share")),
    )
    if head is not None:
        sentences.append(
            f"{formatting.percent(head)} of the rows fall on the most popular 1% of the items."
        )
    if repeats is not None:
        sentences.append(
            f"{formatting.percent(repeats)} of the rows are repeats: the same user had the item "
            "before."
        )
    return [Prose(" ".join(sentences))] if sentences else []


def _sizes(data_facts: Map) -> tuple[tuple[str, str], ...]:
    def get(name: str) -> float | None:
        return as_number(data_facts.get(name))

    period = (
        (
            f"{formatting.day(as_text(data_facts.get('first')))} … "
            f"{formatting.day(as_text(data_facts.get('last')))}"
        )
        if data_facts.get("first")
        else "no times"
    )
    pairs = [
        ("Users", formatting.number(get("users"))),
        ("Items", formatting.number(get("items"))),
        ("Rows", formatting.number(get("rows"))),
        ("Period", period),
    ]
    pairs += [
        ("Median rows of a user", formatting.number(get("median_history"))),
        ("Mean rows of a user", formatting.number(get("mean_history"))),
    ]
    pairs += [
        ("Filled cells", formatting.percent(get("density"))),
        ("Repeats", formatting.percent(get("repeat_share"))),
    ]
    pairs += [
        ("Inequality of items (Gini)", formatting.number(get("gini_items"), 2)),
        ("Rows on the top 1%", formatting.percent(get("head_share"))),
    ]
    if get("baskets") is not None:
        pairs += [
            ("Baskets", formatting.number(get("baskets"))),
            ("Median basket", formatting.count(get("median_basket"), "item")),
        ]
    return tuple(pairs)


def _popularity(shape: Map) -> Chart | None:
    ranks, rows = numbers(shape.get("rank")), numbers(shape.get("rows"))
    if not ranks or not rows:
        return None
    title = "How popularity falls"
    svg = charts.rank_curve(ranks, rows, title=title, x_axis="rank of the item", y_axis="rows")
    lines = [
        (formatting.number(rank), formatting.number(amount))
        for rank, amount in zip(ranks, rows, strict=False)
    ]
    reading = (
        "Both axes grow tenfold per step. A steep line means that few items have most of the rows."
    )
    return Chart(
        title, svg, reading, table(title, ("#Rank", "#Rows"), lines, "data.json", folded=True)
    )


def _histogram(shape: Map, counted: str, title: str, axis: str, value_axis: str) -> Chart | None:
    starts, ends, amounts = (
        numbers(shape.get("from")),
        numbers(shape.get("to")),
        numbers(shape.get(counted)),
    )
    labels = [
        formatting.number(low)
        if high is None or high == low
        else f"{formatting.number(low)}–{formatting.number(high)}"
        for low, high in zip(starts, ends, strict=False)
    ]
    if not labels or not amounts:
        return None
    svg = charts.bars(labels, amounts, title=title, axis=axis, value_axis=value_axis, upright=True)
    lines = [
        (label, formatting.number(amount)) for label, amount in zip(labels, amounts, strict=False)
    ]
    twin = table(
        title,
        (axis[:1].upper() + axis[1:], f"#{value_axis.capitalize()}"),
        lines,
        "data.json",
        folded=True,
    )
    return Chart(title, svg, f"A bar counts the {value_axis} in its range.", twin)


def _over_time(shape: Map, counted: str, title: str, value_axis: str, share: bool) -> Chart | None:
    days = [formatting.day(as_text(start)) for start in as_list(shape.get("start"))]
    amounts = numbers(shape.get(counted))
    if not days or not amounts:
        return None
    svg = charts.line_with_band(
        days, amounts, title=title, x_axis="start of the span", y_axis=value_axis
    )
    show = formatting.percent if share else formatting.number
    lines = [(day, show(amount)) for day, amount in zip(days, amounts, strict=False)]
    reading = (
        "Share of a span's top 100 items that were in the top 100 of the span before."
        if share
        else "A point counts the rows of one span of time."
    )
    return Chart(
        title,
        svg,
        reading,
        table(title, ("Start", f"#{value_axis.capitalize()}"), lines, "data.json", folded=True),
    )
