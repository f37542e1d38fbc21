"""The transformer as a recommender: set up by its parameters, trained on sequences, served by
products of vectors like its cheaper kin.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import polars as pl

from spadework import durations, events
from spadework.arrays import Array, Codes, Mask
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import BadRequest
from spadework.kernels.ranking import dot_products
from spadework.kernels.ranking.dot_products import Marks
from spadework.models.factors.vectors import Vectors
from spadework.models.histories import Histories
from spadework.models.needs import Cost, Need
from spadework.models.neural.device import require_torch
from spadework.models.neural.sequences import Sequences
from spadework.models.neural.training_curve import curve_frame, curve_rows, identity_of
from spadework.models.parameters import Doc, Duration, Range
from spadework.models.recommendations import Recommendations
from spadework.models.requests import items_asked, user_asked
from spadework.models.similar_items import similar

DIAL: dict[str, tuple[int, int, int]] = {
    "tiny": (64, 2, 1),
    "small": (128, 2, 2),
    "base": (256, 4, 4),
}
"""Width, blocks and heads of each size."""


class Transformer(Vectors):
    """A network that reads histories in order: SASRec, eSASRec and BERT4Rec are settings of it.

    Its answer is a product of what the history says and of vectors of items, which are read by it,
    too. Needs PyTorch, from the `neural` extra. O(epochs · events · (blocks · width² + length ·
    width + width · (items or samples))) time, and with samples O(items · width) a step below
    100,000 items, O(items) from there. Kang and McAuley, ICDM 2018 (SASRec); Sun et al., CIKM 2019
    (BERT4Rec); Tikhonovich et al., RecSys 2025 (eSASRec).
    """

    name = "transformer"
    neural = True
    instead = "Take loss='sampled', a smaller size or batch, or leave this model out."

    size: Annotated[
        Literal["tiny", "small", "base"],
        Doc("Width, blocks and heads: 64, 2, 1; 128, 2, 2; 256, 4, 4."),
    ] = "tiny"
    width: Annotated[int | None, Range(4, 4096), Doc("Length of the vectors; none: by size.")] = (
        None
    )
    blocks: Annotated[int | None, Range(1, 64), Doc("Layers of attention; none: by size.")] = None
    heads: Annotated[
        int | None,
        Range(1, 64),
        Doc("Attentions side by side, which divide the width; none: by size."),
    ] = None
    block: Annotated[
        Literal["ligr", "sasrec"],
        Doc("Form of a layer: gated with SwiGLU (eSASRec), or plain pre-norm (SASRec)."),
    ] = "ligr"
    feed: Annotated[int, Range(1, 16), Doc("Width of the feed-forward layer over the width.")] = 4
    positions: Annotated[
        Literal["absolute", "relative", "none"],
        Doc("The place in the window is read: by a vector, as a bias of distance, or not."),
    ] = "absolute"
    times: Annotated[
        bool, Doc("The time between two events is read, as a bias by its logarithm (HSTU).")
    ] = False
    max_length: Annotated[int, Range(3, 4096), Doc("Newest events of a history that are read.")] = (
        200
    )
    objective: Annotated[
        Literal["next", "last", "masked", "set"],
        Doc(
            "What is predicted: the next item everywhere, at one random place a window, "
            "hidden items, or the set of the next moment."
        ),
    ] = "next"
    ordered: Annotated[
        bool,
        Doc(
            "Events are read in their order; without, each window is shuffled, and sets are "
            "all there is."
        ),
    ] = True
    horizon: Annotated[
        str | None,
        Duration(),
        Doc(
            "With objective set: everything within this time belongs to the set; none: the "
            "next moment."
        ),
    ] = None
    loss: Annotated[
        Literal["softmax", "sampled", "bce", "gbce"],
        Doc("Over all items, over sampled ones, binary, or generalised binary."),
    ] = "softmax"
    negatives: Annotated[
        Literal["uniform", "popularity", "in-batch", "mixed"],
        Doc("Where sampled items come from; gBCE wants uniform."),
    ] = "mixed"
    samples: Annotated[int, Range(1, 1_000_000), Doc("Items sampled a batch.")] = 512
    logq: Annotated[bool, Doc("Sampled items are corrected by how likely they were drawn.")] = True
    popularity_power: Annotated[
        float, Range(0.0, 2.0), Doc("Negatives by popularity: count to this power.")
    ] = 0.75
    mixed_share: Annotated[
        float, Range(0.0, 1.0), Doc("Mixed negatives: share that comes from the batch.")
    ] = 0.5
    calibration: Annotated[
        float,
        Range(0.0, 1.0),
        Doc("t of gBCE: 0 is plain, 1 is calibrated to the whole catalogue."),
    ] = 0.75
    ids: Annotated[
        bool, Doc("Items have vectors of their own; without, they are what the item table says.")
    ] = True
    content: Annotated[
        bool, Doc("Items are read by their categories, numbers, words and vectors, too.")
    ] = False
    components: Annotated[
        int, Range(1, 4096), Doc("With content: words are condensed to so many dimensions.")
    ] = 128
    text_model: Annotated[
        str | None,
        Doc(
            "With content: folder of a static embedding model that reads titles and texts; "
            "none: TF-IDF and SVD."
        ),
    ] = None
    id_evidence: Annotated[
        float, Range(0.0, 1e6), Doc("κ: an item of c events trusts its own vector by c / (c + κ).")
    ] = 0.0
    personal: Annotated[
        bool,
        Doc("What a user took before is added to the scores, by how often; the scale is learned."),
    ] = False
    sample_by: Annotated[
        Literal["event", "user"],
        Doc("An epoch holds all windows of everybody, or the newest window of each user."),
    ] = "event"
    window: Annotated[
        str | None,
        Duration(),
        Doc("Only so much of the newest part of the log is learned from; none: all."),
    ] = None
    dropout: Annotated[
        float, Range(0.0, 0.9), Doc("Share of cells that is left out in training.")
    ] = 0.2
    batch: Annotated[
        int, Range(1, 65_536, log=True), Doc("Windows whose gradients make one step.")
    ] = 128
    epochs: Annotated[int, Range(1, 10_000), Doc("How often the log is looked at, at most.")] = 40
    patience: Annotated[
        int,
        Range(1, 10_000),
        Doc("Epochs without a better one, and 300 steps at least, after which the training ends."),
    ] = 5
    learning_rate: Annotated[
        float,
        Range(1e-6, 1.0, log=True),
        Doc("Step of the optimiser (Adam), after a short rise and before a cosine."),
    ] = 1e-3
    withheld: Annotated[
        int,
        Range(0, 100_000),
        Doc(
            "Users, at most, whose newest moment is kept from learning, so that the best "
            "epoch is chosen by it."
        ),
    ] = 1000

    def __post_init__(self) -> None:
        super().__post_init__()
        width, _, heads = self.dims
        if width % heads:
            raise BadRequest(
                (
                    f"Parameter 'heads' of {self.name!r} is {heads}, which does not divide the "
                    f"width {width}."
                ),
                "Choose another.",
            )
        if not self.ordered and self.objective == "set":
            raise BadRequest(
                f"{self.name!r} cannot ask for the next moment where moments are shuffled.",
                "Set ordered=True or objective='next'.",
            )
        if not self.ids and not self.content:
            raise BadRequest(
                f"{self.name!r} has neither ids nor content, so an item is nothing.",
                "Set ids=True or content=True.",
            )

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [
            {},
            {"loss": "sampled", "personal": True, "times": True, "content": True, "epochs": 20},
        ]

    @property
    def unread(self) -> frozenset[str]:
        """Parameters that change nothing, as the others are."""
        names: set[str] = set()
        if self.loss == "softmax":
            names |= {"negatives", "samples", "logq", "popularity_power", "mixed_share"}
        names |= {"popularity_power"} if self.negatives != "popularity" else set()
        names |= {"mixed_share"} if self.negatives != "mixed" else set()
        names |= {"logq"} if self.loss in ("bce", "gbce") else set()
        names |= {"calibration"} if self.loss != "gbce" else set()
        names |= {"horizon"} if self.objective != "set" else set()
        names |= (
            {"components", "text_model"}
            if not self.content
            else {"components"}
            if self.text_model
            else set()
        )
        names |= set() if self.ids else {"id_evidence"}
        return frozenset(names)

    @property
    def effective(self) -> dict[str, Any]:
        """Values of the parameters that are read, by name; size stands in width, blocks and
        heads.
        """
        told = {
            name: value
            for name, value in self.params.items()
            if name not in self.unread and name != "size"
        }
        return told | dict(zip(("width", "blocks", "heads"), self.dims, strict=True))

    @property
    def dims(self) -> tuple[int, int, int]:
        """Width, blocks and heads."""
        width, blocks, heads = DIAL[self.size]
        return self.width or width, self.blocks or blocks, self.heads or heads

    def required(self) -> frozenset[Need]:
        return frozenset({"times", "content"}) if self.content else frozenset({"times"})

    def cost(self, train: Interactions) -> Cost:
        width, blocks, _ = self.dims
        inner = 4 + 3 * self.feed if self.block == "ligr" else 4 + 2 * self.feed
        asked = train.item_count if self.loss == "softmax" else self.samples
        # operations of an event, there and back
        work = 6.0 * (blocks * width * (inner * width + 2 * self.max_length) + width * asked)
        longest = min(self.max_length, max(1, int(np.diff(train.starts).max(initial=1))))
        learned = 4 * width * train.item_count + 4 * blocks * inner * width**2
        held = 40 * blocks * width * min(self.batch, train.user_count) * longest * self.feed
        return Cost(
            bytes=int(4 * learned + held + 40 * len(train)),
            seconds=0.5 + self.epochs * len(train) * (work / 5e10 + 2e-6) / 2,
        )

    # ---- learning

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        require_torch()
        from spadework.models.neural import fitting

        seed = int(rng.integers(2**31))
        if ignored := sorted(
            name for name in self.unread if getattr(self, name) != self.parameters()[name].default
        ):
            events.note(f"{self.label} does not read {', '.join(ignored)} with its other settings.")
        identity = identity_of(self.params, seed, train, content if self.content else None)
        learned, vectors, curve = fitting.fit(
            self, self.used_of(train), content if self.content else None, seed, identity
        )
        if not curve:
            events.note(
                f"{self.label} learned nothing: no history of two events is left to learn "
                "from. Its lists are what is popular."
            )
        return {"vectors": vectors, "curve": curve_rows(curve), **learned}

    def used_of(self, train: Interactions) -> Interactions:
        """The part of a log that is learned from: the newest `window`."""
        if self.window is None or train.times is None:
            return train
        return train.where(
            train.times > train.times.max() - durations.seconds(self.window, "window")
        )

    # ---- answering

    def _histories(self, log: Interactions, users: Codes) -> Sequences:
        return Sequences.of_log(log, users, self.max_length - (self.objective == "masked"))

    def _user_vectors(self, told: Histories, weights: Array) -> Array:
        require_torch()
        from spadework.models.neural.fitting import encode

        assert isinstance(told, Sequences)
        owners, codes, moments = self._heard(told)
        return encode(self, owners, codes, moments, len(told))

    def _heard(self, told: Sequences) -> tuple[Array, Codes, Array]:
        """The events of the sequences whose items were learned: row, place among the learned items,
        moment.
        """
        owners = np.repeat(np.arange(len(told)), np.diff(told.begins))
        kept = self._known[told.events]
        places = np.cumsum(self._known) - 1
        return owners[kept], places[told.events[kept]].astype(np.int32), told.moments[kept]

    def _speaking(self, told: Histories) -> Mask:
        assert isinstance(told, Sequences)
        owners = np.repeat(np.arange(len(told)), np.diff(told.begins))
        return np.bincount(owners[self._known[told.events]], minlength=len(told)) > 0

    def _added(self, told: Histories, weights: Array) -> Marks | None:
        if not self.personal or "scale" not in self.state:
            return None
        from spadework.models.neural.personal_popularity import SMOOTHING

        assert isinstance(told, Sequences)
        owners = np.repeat(np.arange(len(told)), np.diff(told.begins))
        kept = self._known[told.events]
        keys, counts = np.unique(
            owners[kept] * len(self.item_vocabulary) + told.events[kept], return_counts=True
        )
        rows, columns = np.divmod(keys, len(self.item_vocabulary))
        starts = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=len(told))))).astype(
            np.int64
        )
        values = float(self.state["scale"][0]) * np.log1p(counts / SMOOTHING)
        return Marks(starts, columns.astype(np.int32), values.astype(np.float32))

    def _check_state(self, state: Mapping[str, Array], items: int) -> str | None:
        from spadework.models.neural.fitting import wrong_weights

        return super()._check_state(state, items) or wrong_weights(self, state)

    # ---- what people ask

    @property
    def curve(self) -> pl.DataFrame:
        """One row an epoch: epoch, loss, ndcg, popularity and coverage of the lists of withheld
        users.
        """
        return curve_frame(self.state["curve"])

    def similar_items(self, items: pl.Series | list[Any], k: int = 10) -> Recommendations:
        """The `k` items whose vectors point most alike to those of each of these; padding where
        fewer are known.
        """
        return similar(self._row, self.item_vocabulary, items, k)

    def explain(self, history: Interactions, item: Any, user: Any = None) -> pl.DataFrame:
        """By how much the score of `item` falls where an item of the user's history is left out:
        item_id, contribution, descending.

        The history is read once for each of its distinct items. What one says depends on the
        others, so the contributions do not sum to the score.
        """
        code, users = int(items_asked(self.item_vocabulary, [item])[0]), user_asked(history, user)
        told = self._histories(self._in_own_codes(history), users)
        own = np.unique(told.events)
        alone = [told.events != left for left in own]
        without = told.with_events([np.ones(len(told.events), np.bool_), *alone])
        scores = dot_products.score(
            self._user_vectors(without, np.zeros(0)), self.state["vectors"][code : code + 1], None
        )[:, 0].astype(np.float64)
        added = self._added(without, np.zeros(0))
        if added is not None:
            rows = np.repeat(np.arange(len(without)), np.diff(added.starts))
            scores += np.bincount(
                rows, weights=added.values * (added.columns == code), minlength=len(without)
            )
        scores[~self._speaking(without)] = 0.0
        falls = scores[0] - scores[1:]
        frame = pl.DataFrame(
            {
                "item_id": self.item_vocabulary.take(own),
                "contribution": pl.Series(falls, dtype=pl.Float64),
            }
        )
        return frame.sort("contribution", descending=True, maintain_order=True)
