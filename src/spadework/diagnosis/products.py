"""Are the items products? One registered function is one check."""

from __future__ import annotations

import shlex

import numpy as np
import polars as pl

from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.reading.conditions import Condition
from spadework.diagnosis.finding import Finding, check

NO_PRODUCT = (
    r"(?i)^(dotcom )?(postage|shipping|carriage|freight|delivery|p&p)\b|\b(bank|shipping|delivery"
    r"|handling|service) (charges?|fees?|costs?)\b|^samples?$|\bgift (card|voucher|certificate)s?\b"
    r"|^(gift )?vouchers?\b|^(manual|discount|adjust(ment)?( .*)?|adjust bad debt|commission|tip"
    r"|deposit|donation|carrier bag|amazon fee|cruk commission|test( item| product)?)$"
)
SHOWN, MOST = 5, 20
"""Titles in the sentence, and items in the proposed rule, the most frequent first."""
FEW = 0.001


@check("INT-28")
def no_products(log: Interactions, content: ItemContent | None) -> Finding | None:
    """Items of the log are no products: postage, bank charges, samples, gift cards.

    Everybody has them, so they are recommended to everybody, and they connect what does not belong
    together. They are found by the titles of the item table. Set them aside with a rule, such as
    `--positive "StockCode != POST"`. It errs where such a thing is a product of the shop.
    """
    title = None if content is None else content.title
    if title is None or len(title) != log.item_count or not len(log):
        return None
    hits = title.cast(pl.String).str.strip_chars().str.contains(NO_PRODUCT).fill_null(False)
    counts = np.asarray(log.item_counts)
    found = np.flatnonzero(hits.to_numpy() & (counts > 0))
    share = float(counts[found].sum() / len(log))
    if not len(found) or share < FEW:
        return None
    found = found[np.argsort(-counts[found], kind="stable")]
    ids, titles = log.item_vocabulary.ids, title.cast(pl.String)
    shown = ", ".join(f"{titles[int(at)]!r}" for at in found[:SHOWN])
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    column = "item" if log.account is None else log.account.columns.get("item", "item")
    rule = " and ".join(str(Condition(column, "!=", str(ids[int(at)]))) for at in found[:MOST])
    return Finding(
        code="INT-28",
        level="weak",
        says=f"By their titles these items are no products: {shown}{more}. They have {share:.1%} "
        "of the rows.",
        effect=share,
        means="They are recommended to everybody, and connect what does not belong together.",
        advice="If nobody should be recommended these, set their rows aside."
        + (f" The line names the {MOST} most frequent." if len(found) > MOST else ""),
        command=f"spadework dig SOURCE --positive {shlex.quote(rule)}",
    )
