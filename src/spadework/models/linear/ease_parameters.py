"""The parameters of EASE and its kin, and what of the log they count.

With the defaults of dropout, relaxation and the powers this is EASE as published. With dropout it
is EDLAE, with a relaxation RDLAE; the powers normalise by popularity, and pairs may decay with
time.

Steck, "Autoencoders that don't overfit towards the Identity", NeurIPS 2020 (dropout); Moon et al.,
"It's Enough: Relaxing Diagonal Constraints in Linear Autoencoders for Recommendation", SIGIR 2023
(relaxation); Park et al., "Why is Normalization Necessary for Linear Recommenders?", SIGIR 2025
(group_power, item_power).
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from spadework import durations
from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.kernels.similarity.entry_weights import entry_weights
from spadework.models.counting.channel import Channel
from spadework.models.linear.linear import Linear, counted_gram
from spadework.models.needs import Need, check_group
from spadework.models.newest_span import in_window
from spadework.models.parameters import Doc, Duration, OneOf, Range, Search


class EaseParameters(Linear):
    """What models of this family can be told; `_gram` counts the log accordingly."""

    answering: ClassVar[frozenset[str]] = Linear.answering | {"relaxation"}
    factors: ClassVar[tuple[str, ...]] = ("own", "ridge")

    l2: Annotated[
        float,
        Range(0.0, 100_000.0, log=True),
        Search(1.0, 5000.0, log=True),
        Doc("λ: added to the diagonal of G, which counts groups; larger is smoother."),
    ] = 100.0
    dropout: Annotated[
        float,
        Range(0.0, 0.95),
        Search(0.0, 0.9),
        Doc(
            "p: adds p / (1 − p) times the item's own diagonal of G, the expected effect of "
            "input dropout."
        ),
    ] = 0.0
    relaxation: Annotated[
        float,
        Range(0.0, 1.0),
        Search(0.0, 0.6),
        Doc("ξ: bound of the diagonal while weights are solved; 0 is EASE."),
    ] = 0.0
    group_power: Annotated[
        float,
        Range(0.0, 2.0),
        Search(0.0, 0.6),
        Doc("A group of n items weighs n^-group_power: above 0, heavy users count less."),
    ] = 0.0
    entry: Annotated[
        str, OneOf(entry_weights), Doc("How much an item in a group counts before pairs are made.")
    ] = "binary"
    group: Annotated[
        Literal["user", "session", "basket"],
        Doc("Items of one group are pairs; without a basket column a basket is one timestamp."),
    ] = "user"
    age_half_life: Annotated[
        str | None,
        Duration(),
        Search(choices=(None, "30d", "90d", "365d")),
        Doc("Age at which a pair of equally old events counts half."),
    ] = None
    window: Annotated[
        str | None,
        Duration(),
        Doc("Learn from the last span of the log only, such as 90d; none: all of it."),
    ] = None
    max_length: Annotated[
        int | None,
        Range(2, 10_000_000),
        Doc("Only so many of a group's newest items are counted; none: all."),
    ] = 5000

    def required(self) -> frozenset[Need]:
        timed = (
            self.age_half_life is not None or self.window is not None or self._channel.needs_times
        )
        return super().required() | (frozenset({"times"}) if timed else frozenset())

    def check_needs(self, train: Interactions, content: ItemContent | None) -> None:
        """Refuse data that lack what this model needs; a basket needs its column, or times."""
        super().check_needs(train, content)
        check_group(self.label, self.group, train)

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [
            {},
            {"item_power": 0.3},
            {"history": 0.7},
            {"item_power": 0.3, "history": 0.7},
            {"relaxation": 0.3},
        ]

    @property
    def _channel(self) -> Channel:
        return Channel(
            group=self.group,
            age_half_life=None
            if self.age_half_life is None
            else durations.seconds(self.age_half_life, "age_half_life"),
            group_power=self.group_power,
            entry=self.entry,
            max_length=self.max_length,
        )

    def _gram(self, train: Interactions) -> Array:
        """G = Σ over groups n^(−group_power) x xᵀ, where x [items] are the entries of a group of n
        items, decayed with age: [items, items] float32.
        """
        log = in_window(train, self.window)
        return counted_gram(log, self._channel, f"fit {self.label}")
