"""Are the items products? One registered function is one check."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

import numpy as np
import polars as pl

from spadework import formatting
from spadework.arrays import Array, Mask
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.mapped.row_facts import basket_sizes
from spadework.data.mapped.user_blocks import user_blocks
from spadework.diagnosis.change import few_users_remark
from spadework.diagnosis.finding import Finding, check
from spadework.diagnosis.judgements import mean_share

NO_PRODUCT = (
    r"(?i)^(dotcom )?(postage|shipping|carriage|freight|delivery|p&p)\b|\b(bank|shipping|delivery"
    r"|handling|service) ?(charges?|fees?|costs?)\b|\bgift (card|voucher|certificate)s?\b"
    r"|^samples?$|^(gift )?vouchers?\b|^(manual|discount|adjust(ment)?( .*)?|adjust bad debt"
    r"|commission|tip|deposit|donation|carrier bag|amazon ?fee|cruk( commission)?"
    r"|test( item| product)?)$"
    r"|^(versand(kosten)?|porto(kosten)?|frachtkosten|gutschein(karte)?|geschenkgutschein|rabatt"
    r"|trinkgeld|frais de (port|livraison)|carte cadeau|ch[eè]que cadeau|remise|gastos de env[ií]o"
    r"|tarjeta regalo|descuento|spese di spedizione|buono regalo|sconto|verzendkosten|cadeaubon"
    r"|korting|frete|fraktkostnad|frakt|presentkort)\b"
)
"""Titles that say so, in some languages."""
_ID_WORDS = (
    r"(?i)^(post|postage|dot|dotpost|ship|shipping|freight|delivery|bank charges?|fees?|adjust"
    r"|adj|disc|discount|manual|sample|samples|voucher|giftcard|gift|tip|test|testing)[ _-]*\d*$"
)
"""Ids that say so, where ids of products are numbers."""
_NUMBERED, _LETTERS = r"^\d{3}", r"^[A-Za-z][A-Za-z ._-]*\d?$"
MOST_NUMBERED, FEW_LETTERS = 0.95, 0.02
"""Where at least so many items have ids that begin with a number, an id of letters is told, unless
there are more than so many.
"""
EVERY_BASKET, BASKETS, NEXT = 0.8, 100, 0.5
"""An item in so many baskets, of at least so many, is told where the next one is in less than so
many.
"""
SHOWN, MOST = 5, 20
"""Names in the sentence, and items in the proposed line, the most frequent first."""
FEW = 0.001
BY_IDS = "by their ids"


@check("INT-28")
def no_products(log: Interactions, content: ItemContent | None) -> Finding | None:
    """Items of the log seem to be no products: postage, bank charges, samples, gift cards.

    Everybody has them, so they are recommended to everybody, and they connect what does not belong
    together. Exclude them for good with the line that is proposed, or by a rule about the item
    table: `--exclude-items "category == service"`. They are found by words of their titles and ids,
    in some languages; by ids of letters where those of all others are numbers; and by being in
    nearly every basket. Words alone are weak evidence: look at the list before you use it. It errs
    where such a thing is a product of the shop, such as a sample that is sold.
    """
    if not len(log):
        return None
    counts = np.asarray(log.item_counts)
    evidence = {
        "by their titles": _by_title(log, content),
        BY_IDS: _by_id(log) & (counts > 0),
        "by being in nearly every basket": _in_every_basket(log),
    }
    found = np.flatnonzero(np.logical_or.reduce(list(evidence.values())) & (counts > 0))
    if not len(found) or counts[found].sum() / len(log) < FEW:
        return None
    found = found[np.argsort(-counts[found], kind="stable")]
    ids = [str(log.item_vocabulary.ids[int(at)]) for at in found[:MOST]]
    share, interval, users = mean_share(log, lambda block: np.isin(block.items, found))
    return Finding(
        code="INT-28",
        level="weak",
        says=f"{' '.join(_sentences(log, content, evidence, found))} They are {share:.1%} of a "
        "user's rows.",
        effect=share,
        interval=interval,
        means="They are recommended to everybody, and connect what does not belong together.",
        measured=f"mean over {formatting.count(users, 'user')}{few_users_remark(users)}",
        advice="Words alone are weak evidence: where nobody should be recommended these, exclude "
        "them." + (f" The line names the {MOST} most frequent." if len(found) > MOST else ""),
        command=f"spadework dig SOURCE --exclude-items "
        f"{shlex.quote(json.dumps(ids, ensure_ascii=False))}",
    )


def _sentences(
    log: Interactions, content: ItemContent | None, evidence: dict[str, Mask], found: Array
) -> list[str]:
    """One sentence for each sort of evidence; an item is named in the first that holds."""
    told: set[int] = set()
    sentences = []
    for how, mask in evidence.items():
        items = [int(at) for at in found if mask[at] and int(at) not in told]
        told |= set(items)
        if items:
            more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
            by_title = None if mask is evidence[BY_IDS] else content  # ids are shown as evidence
            shown = ", ".join(_names(log, by_title, items[:SHOWN]))
            what = "these items seem to be no products"
            sentences.append(f"{how[0].upper()}{how[1:]} {what}: {shown}{more}.")
    return sentences


def _names(log: Interactions, content: ItemContent | None, items: Sequence[int]) -> list[str]:
    """Titles where there are some, else ids."""
    title = None if content is None else content.title
    named = [None] * len(items) if title is None else [title[at] for at in items]
    return [
        repr(str(log.item_vocabulary.ids[at] if name is None else name))
        for at, name in zip(items, named, strict=True)
    ]


def _by_title(log: Interactions, content: ItemContent | None) -> Mask:
    """Items whose title says so."""
    title = None if content is None else content.title
    if title is None or len(title) != log.item_count:
        return np.zeros(log.item_count, np.bool_)
    return _matching(title, NO_PRODUCT)


def _by_id(log: Interactions) -> Mask:
    """Items whose id is a word for such a thing, or has only letters, where nearly all others are
    numbers.
    """
    ids = log.item_vocabulary.ids
    none = np.zeros(len(ids), np.bool_)
    if ids.dtype != pl.String or _matching(ids, _NUMBERED).mean() < MOST_NUMBERED:
        return none
    letters = _matching(ids, _LETTERS)
    words = _matching(ids, f"{NO_PRODUCT}|{_ID_WORDS.removeprefix('(?i)')}")
    return words | (letters if letters.mean() <= FEW_LETTERS else none)


def _in_every_basket(log: Interactions) -> Mask:
    """The item that is in nearly every basket, while no other is in half of them."""
    found = np.zeros(log.item_count, np.bool_)
    if log.baskets is None:
        return found
    baskets = int(basket_sizes(log).sum())
    top = int(np.argmax(log.item_counts))
    share = sum(_baskets_with(block.log, top) for block in user_blocks(log)) / baskets
    others = np.delete(np.asarray(log.item_counts), top)
    second = others.max(initial=0) / baskets  # at most so many baskets hold it
    if baskets >= BASKETS and share >= EVERY_BASKET and second < NEXT:
        found[top] = True
    return found


def _baskets_with(log: Interactions, item: int) -> int:
    return len(np.unique(log.basket_keys()[log.items == item]))


def _matching(texts: pl.Series, pattern: str) -> Mask:
    plain = texts.cast(pl.String).str.strip_chars()
    return np.asarray(plain.str.contains(pattern).fill_null(False).to_numpy(), np.bool_)
