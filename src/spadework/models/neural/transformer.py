"""The transformer as a recommender: set up by its parameters, trained on sequences, served by
products of vectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import polars as pl

from spadework import events
from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import BadRequest
from spadework.models.base import Recommender
from spadework.models.factors.vector_scorer import ItemVectors, VectorScorer
from spadework.models.needs import Cost, Need
from spadework.models.neural.device import require_torch
from spadework.models.neural.encoded_events import EncodedEvents, LatestEvents
from spadework.models.neural.training_curve import curve_frame, curve_rows, identity_of
from spadework.models.neural.training_log import SHARD_ROWS
from spadework.models.parameters import Doc, Duration, Range
from spadework.models.scorer import Scorer

SIZES: dict[str, tuple[int, int, int]] = {
    "tiny": (64, 2, 1),
    "small": (128, 2, 2),
    "base": (256, 4, 4),
}
"""Width, blocks and heads of each size."""


class Transformer(Recommender):
    """A network that reads histories in order: SASRec, eSASRec and BERT4Rec are settings of it.

    A score is the product of a vector of the history and a vector of the item; the network reads
    the same item vectors. Needs PyTorch, from the `neural` extra. O(epochs · events · (blocks ·
    width² + length · width + width · (items or samples))) time, and with samples O(items · width) a
    step below 100,000 items, O(items) from there. Kang and McAuley, ICDM 2018 (SASRec); Sun et al.,
    CIKM 2019 (BERT4Rec); Tikhonovich et al., RecSys 2025 (eSASRec).
    """

    name = "transformer"
    neural = True
    has_similarities = True
    instead = "Set loss='sampled', a smaller size or batch, or leave this model out."

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
        Doc("Attention heads, which divide the width; none: by size."),
    ] = None
    block: Annotated[
        Literal["ligr", "sasrec"],
        Doc("Form of a layer: gated with SwiGLU (eSASRec), or plain pre-norm (SASRec)."),
    ] = "ligr"
    feed: Annotated[int, Range(1, 16), Doc("Width of the feed-forward layer over the width.")] = 4
    positions: Annotated[
        Literal["absolute", "relative", "none"],
        Doc("How the position in the window is read: by a vector, as a bias of distance, or not."),
    ] = "absolute"
    times: Annotated[
        bool, Doc("The time between two events is read, as a bias by its logarithm (HSTU).")
    ] = False
    max_length: Annotated[
        int, Range(3, 4096), Doc("Only so many of a user's newest events are read.")
    ] = 200
    objective: Annotated[
        Literal["next", "last", "masked", "set"],
        Doc(
            "What is predicted: the next item everywhere, at one random position a window, "
            "hidden items, or the set of items at the next timestamp."
        ),
    ] = "next"
    ordered: Annotated[
        bool,
        Doc("Events are read in their order; without, each window is shuffled and read as a set."),
    ] = True
    horizon: Annotated[
        str | None,
        Duration(),
        Doc(
            "With objective set: everything within this time belongs to the set; none: the "
            "next timestamp."
        ),
    ] = None
    loss: Annotated[
        Literal["softmax", "sampled", "bce", "gbce"],
        Doc("Over all items, over sampled ones, binary, or generalised binary."),
    ] = "softmax"
    negatives: Annotated[
        Literal["uniform", "popularity", "in-batch", "mixed"],
        Doc("Where sampled items come from; gBCE needs uniform."),
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
        Doc("t of gBCE: 0 is plain, 1 is calibrated to the full catalogue."),
    ] = 0.75
    ids: Annotated[
        bool, Doc("Items have vectors of their own; without, vectors come from content alone.")
    ] = True
    content: Annotated[
        bool, Doc("Item vectors also read categories, numbers, words and vectors.")
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
        float,
        Range(0.0, 1e6),
        Doc("κ: the own vector of an item of c events is scaled by c / (c + κ)."),
    ] = 0.0
    personal: Annotated[
        bool,
        Doc("Own items get a bonus by how often they occur; its scale is learned."),
    ] = False
    sample_by: Annotated[
        Literal["event", "user"],
        Doc("An epoch has all windows of all users, or the latest window of each user."),
    ] = "event"
    window: Annotated[
        str | None,
        Duration(),
        Doc("Learn from the last span of the log only, such as 90d; none: all of it."),
    ] = None
    dropout: Annotated[
        float, Range(0.0, 0.9), Doc("Share of cells that is left out in training.")
    ] = 0.2
    batch: Annotated[
        int, Range(1, 65_536, log=True), Doc("Windows whose gradients make one step.")
    ] = 128
    epochs: Annotated[int, Range(1, 10_000), Doc("Passes over the log, at most.")] = 40
    patience: Annotated[
        int,
        Range(1, 10_000),
        Doc("Epochs without a better one, and 300 steps at least, after which the training ends."),
    ] = 5
    learning_rate: Annotated[
        float,
        Range(1e-6, 1.0, log=True),
        Doc("Largest step of the optimiser (Adam), between a short warm-up and a cosine."),
    ] = 1e-3
    validation_users: Annotated[
        int,
        Range(0, 100_000),
        Doc(
            "Users, at most, whose latest timestamp is held out, so that the best epoch is "
            "chosen by it."
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
                f"{self.name!r} cannot predict the next timestamp where events are shuffled.",
                "Set ordered=True or objective='next'.",
            )
        if not self.ids and not self.content:
            raise BadRequest(
                f"{self.name!r} has neither ids nor content, so items have no vectors.",
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
        """Parameters without effect, given the other ones."""
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
        """Values of the parameters that are read, by name; size is given as width, blocks
        and heads.
        """
        values = {
            name: value
            for name, value in self.params.items()
            if name not in self.unread and name != "size"
        }
        return values | dict(zip(("width", "blocks", "heads"), self.dims, strict=True))

    @property
    def dims(self) -> tuple[int, int, int]:
        """Width, blocks and heads."""
        width, blocks, heads = SIZES[self.size]
        return self.width or width, self.blocks or blocks, self.heads or heads

    def required(self) -> frozenset[Need]:
        return frozenset({"times", "content"}) if self.content else frozenset({"times"})

    def cost(self, train: Interactions) -> Cost:
        width, blocks, _ = self.dims
        inner = 4 + 3 * self.feed if self.block == "ligr" else 4 + 2 * self.feed
        scored_items = train.item_count if self.loss == "softmax" else self.samples
        # operations of an event, forward and backward
        work = 6.0 * (blocks * width * (inner * width + 2 * self.max_length) + width * scored_items)
        longest = min(self.max_length, max(1, int(np.diff(train.starts).max(initial=1))))
        learned = 4 * width * train.item_count + 4 * blocks * inner * width**2
        held = 40 * blocks * width * min(self.batch, train.user_count) * longest * self.feed
        return Cost(
            bytes=int(
                4 * learned + held + 40 * min(len(train), SHARD_ROWS) + 16 * train.user_count
            ),
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
            self, train, content if self.content else None, seed, identity
        )
        if not curve:
            events.note(
                f"{self.label} learned nothing: no history of two events is left to learn "
                "from. Its lists are popular items."
            )
        return {"vectors": vectors, "curve": curve_rows(curve), **learned}

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        items = ItemVectors(state["vectors"])
        reading = LatestEvents(self.max_length - (self.objective == "masked"))
        unfitted = type(self)(**self.params)
        return VectorScorer(items, EncodedEvents(items, reading, unfitted, state))

    @property
    def curve(self) -> pl.DataFrame:
        """One row an epoch: epoch, loss, ndcg, popularity and coverage of the lists of
        held-out users.
        """
        return curve_frame(self.state["curve"])
