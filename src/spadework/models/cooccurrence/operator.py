"""The co-occurrence operator: what is counted, how pairs are weighed, what is kept; every choice is
a parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Annotated, Literal

import numpy as np

from spadework import durations
from spadework.arrays import Array, Mask
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import Unsuitable
from spadework.kernels.similarity.entry_weights import entry_weights
from spadework.kernels.similarity.neighbour_table import Table, Weighing
from spadework.kernels.similarity.pair_weights import llr_keeps, pair_weights
from spadework.kernels.similarity.pairs import Pairs
from spadework.kernels.similarity.table_finishing import keep_in_columns, rows_over, rows_to_one
from spadework.models.cooccurrence.mixed_content import with_content
from spadework.models.cooccurrence.pruning import finished, pruned
from spadework.models.cooccurrence.shared_tables import FINISHING, tables_of
from spadework.models.counting.channel import Channel
from spadework.models.counting.learning_from_counts import CountedPairs, FromCounts
from spadework.models.item_item import ItemItem
from spadework.models.needs import Cost, Need, check_group
from spadework.models.parameters import Doc, Duration, OneOf, Range
from spadework.ragged import SparseRows


class CoOccurrence(ItemItem, FromCounts):
    """Items that occur together in histories, sessions or baskets; the named models are settings of
    it.

    Pairs are counted in each group: F[i, j] = Σ w(i) · w(j) · δ(steps) · 2^(−gap / gap_half_life) ·
    2^(−age / age_half_life) · |group|^(−group_power), plus `backward` times the same against the
    direction of time. w is the entry weight, δ the weight of the distance; age is that of the later
    event. Where order does not matter, an item counts once a group. Sizes of items are those of the
    complete log: they are without the decay with age and `group_power`, so a confidence is at most
    1. The cost grows with the sum of squared group lengths, so groups are cut to their `max_length`
    newest events, and a note says how many were.
    """

    name = "cooccurrence"
    weight: Annotated[
        str, OneOf(pair_weights), Doc("How the count of a pair becomes a similarity.")
    ] = "cosine"
    entry: Annotated[
        str, OneOf(entry_weights), Doc("How much an item in a group counts before pairs are made.")
    ] = "binary"
    group: Annotated[
        Literal["user", "session", "basket"],
        Doc("Items of one group are pairs; without a basket column a basket is one timestamp."),
    ] = "user"
    session_gap: Annotated[
        str, Duration(), Doc("A longer pause, such as 30m, begins a new session.")
    ] = "30m"
    max_distance: Annotated[
        int | None,
        Range(1, 100_000),
        Doc("Pairs further apart, in steps, do not count; none: all count."),
    ] = None
    distance: Annotated[
        Literal["same", "inverse", "log", "geometric"],
        Doc(
            "A pair d steps apart counts 1, 1/d, 1/log10(d + 1.7) or distance_decay^d (1 at the "
            "same timestamp)."
        ),
    ] = "same"
    distance_decay: Annotated[float, Range(0.01, 1.0), Doc("Base of the distance 'geometric'.")] = (
        0.8
    )
    backward: Annotated[
        float,
        Range(0.0, 1.0),
        Doc("Weight of pairs against the direction of time; 1 ignores direction."),
    ] = 1.0
    gap_half_life: Annotated[
        str | None, Duration(), Doc("Time between two events after which their pair counts half.")
    ] = None
    age_half_life: Annotated[
        str | None,
        Duration(),
        Doc("Age of a pair's later event, from the end of the log, at which the pair counts half."),
    ] = None
    group_power: Annotated[
        float,
        Range(0.0, 2.0),
        Doc("A group of n events weighs n^-group_power: above 0, heavy users count less."),
    ] = 0.0
    entry_half_life: Annotated[str, Duration(), Doc("Half-life of the entry weight 'recency'.")] = (
        "30d"
    )
    bm25_k1: Annotated[
        float,
        Range(0.0, 1000.0),
        Doc("k1 of the entry weight 'bm25': the smaller, the less repeats count."),
    ] = 1.2
    bm25_b: Annotated[
        float, Range(0.0, 1.0), Doc("b of the entry weight 'bm25': 1 damps common items fully.")
    ] = 0.75
    max_length: Annotated[
        int | None,
        Range(2, 10_000_000),
        Doc("Only so many of a group's newest events are counted; none: all."),
    ] = 5000
    left_power: Annotated[
        float,
        Range(0.0, 2.0),
        Doc("Exponent of the history item's size, in weights that have one."),
    ] = 0.5
    right_power: Annotated[
        float,
        Range(0.0, 2.0),
        Doc("Exponent of the recommended item's size, in weights that have one."),
    ] = 0.5
    shrink: Annotated[
        float,
        Range(0.0, 100_000.0),
        Doc("Shrinks similarities of few counts; added to the denominator."),
    ] = 0.0
    pmi_k: Annotated[float, Range(1.0, 10.0), Doc("k of the weight 'pmi_k'.")] = 2.0
    ppmi_k: Annotated[
        float, Range(1.0, 1000.0), Doc("k of the weight 'ppmi': ln k is subtracted.")
    ] = 1.0
    support: Annotated[
        float, Range(0.0, 1e9), Doc("Pairs counted less often than this are left out.")
    ] = 0.0
    llr: Annotated[
        float,
        Range(0.0, 1e6),
        Doc("Pairs with a log-likelihood ratio below this are left out; 10.83 is p < 0.001."),
    ] = 0.0
    keep_columns: Annotated[
        int | None,
        Range(1, 100_000),
        Doc("Rows kept per recommended item, after `keep`; none: all."),
    ] = None
    normalise: Annotated[bool, Doc("Divide each row by its sum after pruning.")] = False
    content_share: Annotated[
        float, Range(0.0, 1.0), Doc("Share of content neighbours mixed into every column.")
    ] = 0.0
    content_cold: Annotated[
        float,
        Range(0.0, 1e6),
        Doc(
            "κ: columns of items with c events mix in content neighbours by κ / (κ + c), so "
            "new items get neighbours."
        ),
    ] = 0.0

    # ---- needs and cost

    @cached_property
    def channel(self) -> Channel:
        """What is counted: models with equal channels share one count."""
        return Channel(
            group=self.group,
            session_gap=durations.seconds(self.session_gap),
            max_distance=self.max_distance,
            distance=self.distance,
            distance_decay=self.distance_decay,
            backward=self.backward,
            gap_half_life=_seconds(self.gap_half_life),
            age_half_life=_seconds(self.age_half_life),
            group_power=self.group_power,
            entry=self.entry,
            bm25_k1=self.bm25_k1,
            bm25_b=self.bm25_b,
            entry_half_life=durations.seconds(self.entry_half_life),
            max_length=self.max_length,
        )

    def required(self) -> frozenset[Need]:
        times: frozenset[Need] = frozenset({"times"}) if self.channel.needs_times else frozenset()
        mixed: frozenset[Need] = (
            frozenset({"content"}) if self.content_share or self.content_cold else frozenset()
        )
        return super().required() | times | mixed

    def check_needs(self, train: Interactions, content: ItemContent | None) -> None:
        """Refuse data that lack what this model needs, and weights that its counts do not suit."""
        super().check_needs(train, content)
        check_group(self.label, self.group, train)
        self.check_weight()

    def cost(self, train: Interactions) -> Cost:
        lengths = np.minimum(np.diff(train.starts), self.max_length or np.inf)
        reach = np.minimum(lengths, 2.0 * (self.max_distance or np.inf))
        pairs = float((lengths * reach).sum())
        cells = min(pairs, float(train.item_count) ** 2)
        kept = min(cells, float(train.item_count) * min(self.keep, train.item_count))
        seconds = (1e-9 if self.channel.plain else 4e-9) * pairs + 6e-9 * cells + 2e-7 * len(train)
        held = 20 * kept + self.channel.bytes_a_row * len(train) + 16 * len(lengths) + 2**26
        return Cost(bytes=int(held), seconds=seconds)

    # ---- learning

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        # One model is one batch of one table. The calls: shared_tables.tables_of →
        # count_passes.count_pass → neighbour_table.tables.
        [batch] = tables_of([self], train, None)
        [(_, table, sizes)] = batch
        return self._finished(table, sizes, train.item_counts, content)

    @property
    def counted(self) -> Channel:
        """The channel; weights that do not suit its counts are refused."""
        self.check_weight()
        return self.channel

    def _fit_counts(self, counts: CountedPairs) -> Mapping[str, Array]:
        pairs = SparseRows(counts.starts, counts.columns, counts.joint)
        table = pruned(self, pairs, counts.sizes, counts.entries, counts.groups)
        return finished(self, table, counts.sizes, counts.popularity)

    @classmethod
    def fit_together(
        cls,
        models: Sequence[CoOccurrence],
        train: Interactions,
        content: ItemContent | None = None,
        *,
        rows: Mask | None = None,
    ) -> Iterator[list[CoOccurrence]]:
        """Fit many models from few counts, and yield fitted copies in batches whose tables fit into
        `TOGETHER_BYTES`.

        Each equals the result of `fit`; a list that is emptied before the next is requested frees
        its tables. `rows` [items] masks the history items whose neighbours are needed; models
        fitted so can only read histories of these. An error names what the log lacks before
        anything is counted.
        """
        for model in models:
            model.check_needs(train, content)
        popularity = train.item_counts
        for batch in tables_of(models, train, rows):
            fitted: list[CoOccurrence] = []
            while batch:
                fit, table, sizes = batch.pop(0)
                for same_state in fit.finishings():
                    state = {
                        **same_state[0]._finished(table, sizes, popularity, content),
                        "popularity": popularity,
                    }
                    for model in same_state:
                        copy = type(model)(**model.params)
                        copy._restore(state, train.item_vocabulary)
                        fitted.append(copy)
            yield fitted

    def check_weight(self) -> None:
        """Refuse weights that need whole numbers of groups where pairs are decayed or weighted."""
        counts_only = pair_weights[self.weight].counts_only
        if not self.channel.plain and (counts_only or self.llr > 0):
            what = f"The weight {self.weight!r}" if counts_only else "The filter 'llr'"
            raise Unsuitable(
                (
                    f"{what} compares whole numbers of groups, but {self.label!r} counts pairs "
                    "with distances, decays or weights."
                ),
                (
                    "Use it with entry 'binary' and without distance, backward, max_distance, "
                    "half-lives and group_power; or choose another weight."
                ),
            )

    def weighing(
        self,
        channel: int,
        sizes: Array,
        total: float,
        powers_of: Callable[[Array, float], Array] = pow,
    ) -> Weighing:
        """How the pairs of a counted channel are weighed, before rows are scaled; `sizes` [items]
        by rank, `total` the number of groups.

        `powers_of` gives the sizes to a power: many models may share sizes and their powers.
        """
        weight = pair_weights[self.weight]
        keep = min(self.keep, len(sizes))
        a, b = (
            (1.0, 0.0)
            if weight.exponents is None
            else weight.exponents(self.left_power, self.right_power)
        )
        bounded = weight.bounded and b >= 0
        if weight.exponents is None or self.llr > 0:  # the filter looks at the sizes as they are
            return Weighing(
                channel, sizes, sizes, partial(self._weigh, weight, total), keep, bounded
            )
        function = weight.function if self.row_exponent is None else _over_right
        return Weighing(
            channel,
            powers_of(sizes, a),
            powers_of(sizes, b),
            partial(self._weigh, function, total),
            keep,
            bounded,
        )

    @property
    def row_exponent(self) -> float | None:
        """Exponent a where the table may be made without left^a, and its rows divided by it
        afterwards; else None.
        """
        weight = pair_weights[self.weight]
        if weight.exponents is None or self.llr or self.shrink:
            return None
        return weight.exponents(self.left_power, self.right_power)[0]

    @property
    def table_key(self) -> str:
        """Equal for models that can share a table: parameters that scale entire rows, that
        change the finished table or that only matter for answers are left out.
        """
        left_out = {*self.answering, *FINISHING}
        power = ""
        if self.row_exponent is not None:
            exponents = pair_weights[self.weight].exponents
            left_out |= {"weight", "left_power", "right_power"}
            power = (
                ""
                if exponents is None
                else f"over right^{exponents(self.left_power, self.right_power)[1]}"
            )
        return power + repr(
            sorted((name, value) for name, value in self.params.items() if name not in left_out)
        )

    def _weigh(
        self,
        weight: Callable[[Pairs], Array],
        total: float,
        joint: Array,
        left: Array,
        right: Array,
    ) -> Array:
        """Similarities of a block of pairs."""
        pair = Pairs(
            joint,
            left,
            right,
            total,
            self.left_power,
            self.right_power,
            self.shrink,
            self.pmi_k,
            self.ppmi_k,
        )
        values = weight(pair)
        if self.support > 0:
            values = np.where(joint >= self.support, values, np.float32(0))
        if self.llr > 0:
            values = np.where(llr_keeps(pair, self.llr), values, np.float32(0))
        return values

    def _finished(
        self, table: Table, sizes: Array | None, item_counts: Array, content: ItemContent | None
    ) -> Mapping[str, Array]:
        """The table scaled by row, pruned by column, mixed and normalised as set; `sizes` [items]
        float32, None where it is scaled already.
        """
        starts, columns, values = table.starts, table.columns, table.values
        if self.row_exponent and sizes is not None:
            values = rows_over(starts, values, sizes**self.row_exponent)
        if self.keep_columns is not None:
            starts, columns, values = keep_in_columns(starts, columns, values, self.keep_columns)
        if content is not None and (self.content_share or self.content_cold):
            starts, columns, values = with_content(
                (starts, columns, values),
                content,
                item_counts,
                self.content_share,
                self.content_cold,
                self.keep,
            )
        if self.normalise:
            values = rows_to_one(starts, values)
        return {"starts": starts, "columns": columns, "values": values}


def _over_right(pair: Pairs) -> Array:
    """Joint count over the right size, which has its power already."""
    return pair.joint / pair.right


def _seconds(text: str | None) -> float | None:
    return None if text is None else durations.seconds(text)
