"""What every recommender is: frozen parameters, learned arrays, and one way from histories to
lists.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self, dataclass_transform, get_type_hints

import numpy as np
import polars as pl

from spadework.arrays import Array, Codes, frozen
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.errors import NotFitted, Unsuitable
from spadework.limits import available_bytes
from spadework.models import needs
from spadework.models.answering import Answering
from spadework.models.checks import Forms, first_fault
from spadework.models.common_list import CommonList
from spadework.models.histories import Histories
from spadework.models.needs import Cost, Need, Repeats
from spadework.models.parameters import Parameter, parameters_of
from spadework.models.recommendations import Recommendations
from spadework.models.requests import (
    allowed_items,
    in_codes_of,
    requested_codes,
    requested_items,
    requested_user,
    requested_users,
)
from spadework.models.scorer import ByFunction, HasContributions, HasRows, Scorer
from spadework.models.similar_items import similar
from spadework.randomness import Seed, generator
from spadework.registry import Registry

models: Registry[type[Recommender]] = Registry("model")


@dataclass_transform(kw_only_default=True, frozen_default=True, eq_default=False)
class Recommender(ABC):
    """A subclass becomes a frozen, keyword-only, validated dataclass by being defined, and a model
    by its `name`.

    Parameters are frozen; what is learned is kept apart from them as named arrays, so saving,
    loading and refusing to run unfitted are written once. The author of a model writes `_fit`,
    which returns these arrays, and `_serve`, which says what answers with them: one of the scorers;
    or just `_score`. All are free of side effects.
    """

    name: ClassVar[str]
    # models with similar results: a dig tries one of each family first; by default a model is a
    # family of its own
    family: ClassVar[str]
    needs: ClassVar[frozenset[Need]] = frozenset()
    # parameters that change the answers but not what is learned
    answering: ClassVar[frozenset[str]] = frozenset()
    # whether `similar_items` answers, known before anything is fitted
    has_similarities: ClassVar[bool] = False
    # needs PyTorch and much time, so a dig tries it only where it is named
    neural: ClassVar[bool] = False
    # made of other models, so a dig tries it once these have been scored
    composed: ClassVar[bool] = False
    # hint for users whose memory is too small for it
    instead: ClassVar[str] = "Set a larger memory limit, or leave this model out."

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        inherited, own = get_type_hints(cls, include_extras=True), inspect.get_annotations(cls)
        bare = [
            field
            for field in getattr(cls, "__dataclass_fields__", {})
            if field in cls.__dict__ and field not in own
        ]
        # a bare `weight = "raw"` is a new default
        cls.__annotations__ = own | {field: inherited[field] for field in bare}
        dataclass(frozen=True, kw_only=True, eq=False, repr=False)(cls)
        if "name" in cls.__dict__:
            if cls._serve is Recommender._serve and cls._score is Recommender._score:
                raise TypeError(f"{cls.__name__} has neither _score nor _serve. Write one of them.")
            if not hasattr(cls, "family"):
                cls.family = cls.name
            models.register(cls.name, cls)

    def __post_init__(self) -> None:
        for parameter in self.parameters().values():
            object.__setattr__(
                self, parameter.name, parameter.check(getattr(self, parameter.name), self.name)
            )

    # ---- parameters

    @classmethod
    def parameters(cls) -> dict[str, Parameter]:
        """The parameters by name."""
        return parameters_of(cls)

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        """The settings that a sweep tries, the defaults first."""
        return [{}]

    def sharing(self, **params: Any) -> Self:
        """A model with other answering parameters and the same learned arrays."""
        other = type(self)(**{**self.params, **params})
        if set(params) <= self.answering and self.is_fitted:
            other._restore(self.state, self.item_vocabulary)
            if "_scorer" in other.__dict__:
                object.__setattr__(other, "_scorer", other.scorer.reusing(self.scorer))
        return other

    @property
    def params(self) -> dict[str, Any]:
        """Values of all parameters."""
        return {name: getattr(self, name) for name in self.parameters()}

    @cached_property
    def label(self) -> str:
        """The name with whatever differs from the defaults: `cosine(history=0.7)`."""
        changed = [
            f"{p.name}={p.text(getattr(self, p.name))}"
            for p in self.parameters().values()
            if getattr(self, p.name) != p.default
        ]
        return f"{self.name}({', '.join(changed)})" if changed else self.name

    @property
    def is_default(self) -> bool:
        """Whether every parameter has its default."""
        return self.label == self.name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{n}={v!r}' for n, v in self.params.items())})"

    def __eq__(self, other: object) -> bool:
        if (
            not isinstance(other, Recommender)
            or type(self) is not type(other)
            or self.params != other.params
        ):
            return False
        mine, yours = self.__dict__.get("_state"), other.__dict__.get("_state")
        if mine is None or yours is None:
            return mine is yours
        same = mine.keys() == yours.keys() and all(np.array_equal(mine[k], yours[k]) for k in mine)
        return same and bool(self.item_vocabulary == other.item_vocabulary)

    def __hash__(self) -> int:
        return hash((type(self), tuple(self.params.items())))

    # ---- learning

    def fit(
        self, train: Interactions, content: ItemContent | None = None, *, rng: Seed = None
    ) -> Self:
        """Learn from the log and return this model. Raises an error that names what the model needs
        and the log lacks.
        """
        self.check_needs(train, content)
        needs.check_room(self.label, self.cost(train).bytes, available_bytes(), self.instead)
        state = dict(self._fit(train, content, generator(rng, f"model:{self.name}")))
        state["popularity"] = train.item_counts
        self._restore(
            {key: np.ascontiguousarray(value) for key, value in state.items()},
            train.item_vocabulary,
        )
        return self

    def check_needs(self, train: Interactions, content: ItemContent | None) -> None:
        """Refuse data that lack what this model needs."""
        needs.check(self.label, self.required(), train, content)

    def required(self) -> frozenset[Need]:
        """What this model needs with these parameters."""
        return self.needs

    def cost(self, train: Interactions) -> Cost:
        """Bytes and seconds that fitting takes, estimated within a factor of three."""
        return Cost(bytes=16 * train.item_count + 16 * len(train), seconds=1e-8 * len(train))

    @property
    def is_fitted(self) -> bool:
        """Whether the model has learned."""
        return "_state" in self.__dict__

    @property
    def state(self) -> Mapping[str, Array]:
        """The learned arrays, read-only."""
        if not self.is_fitted:
            raise NotFitted(
                f"The model {self.label!r} has not learned yet.", "Call fit(log) first."
            )
        learned: Mapping[str, Array] = self.__dict__["_state"]
        return learned

    @property
    def item_vocabulary(self) -> Vocabulary:
        """The items the model knows."""
        self.state  # noqa: B018  (refuses an unfitted model)
        vocabulary: Vocabulary = self.__dict__["_item_vocabulary"]
        return vocabulary

    @property
    def scorer(self) -> Scorer:
        """What answers: made of the learned arrays once, when they are set."""
        made: Scorer | None = self.__dict__.get("_scorer")
        return self._serve(self.state) if made is None else made

    def check_state(self, state: Mapping[str, Array], items: int) -> str | None:
        """What is wrong with learned arrays that come from a file, since kernels trust them; None
        when they fit.
        """
        return first_fault(state, items, self._forms, self._check_state)

    def _check_state(self, state: Mapping[str, Array], items: int) -> str | None:
        return self._serve(state).wrong(items)

    def _restore(self, state: Mapping[str, Array], item_vocabulary: Vocabulary) -> None:
        # made aside and put in place in one step, so that another thread sees all of it or nothing
        learned = self._as_it_is()
        learned.__dict__["_state"] = {key: frozen(value) for key, value in state.items()}
        learned.__dict__["_item_vocabulary"] = item_vocabulary
        if type(self)._serve is not Recommender._serve:
            # the default one holds the model, which would be in a circle if it held that
            learned.__dict__["_scorer"] = learned._serve(learned.state)
        self.__dict__.update(learned.__dict__)

    def _as_it_is(self) -> Self:
        """This model with what it has learned by now. Whatever answers holds on to it, so that a
        refit in another thread is seen by later answers alone.
        """
        held = object.__new__(type(self))
        held.__dict__.update(self.__dict__)
        return held

    # ---- answering

    def recommend(
        self,
        histories: Interactions,
        k: int = 10,
        *,
        repeats: Repeats = "allow",
        candidates: Any = None,
        exclude: Any = None,
        users: Any = None,
        fill: bool = True,
    ) -> Recommendations:
        """The `k` best items for each user in `histories`, known or new: a user is what they did.

        `repeats`: items of the history may be recommended ("allow"), must not be ("forbid"), or are
        the only ones ("only"). `candidates` are the only ids that may be recommended; `exclude` are
        ids that may not. `users` are ids of the histories, one or several; by default those with
        events. Slots that the model has no evidence for are filled with popular items (scores below
        its own), unless `fill` is false. Items of the history that the model never saw are ignored.
        What a user must not be shown (`histories.unwanted`) is left out. Raises `BadRequest` for
        ids that are not there.
        """
        return self.recommend_codes(
            histories,
            k,
            repeats=repeats,
            candidates=candidates,
            exclude=exclude,
            users=requested_users(histories, users),
            fill=fill,
        )

    def recommend_codes(
        self,
        histories: Interactions,
        k: int = 10,
        *,
        repeats: Repeats = "allow",
        candidates: Any = None,
        exclude: Any = None,
        users: Codes | None = None,
        fill: bool = True,
    ) -> Recommendations:
        """`recommend` for callers that have codes already: `users` [n] are codes of
        `histories.user_vocabulary`, by default those with events.
        """
        codes = requested_codes(histories, users)
        answering = self.answering_to(
            histories,
            k,
            repeats=repeats,
            candidates=candidates,
            exclude=exclude,
            users=codes,
            fill=fill,
        )
        return answering.of(codes)

    def answering_to(
        self,
        histories: Interactions,
        k: int,
        *,
        repeats: Repeats,
        candidates: Any,
        exclude: Any,
        users: Codes,
        fill: bool,
    ) -> Answering:
        """What all lists of a request have in common, made once, for callers that ask for them in
        parts: its `of(users)` gives for some of the `users` what `recommend_codes` does.
        """
        fitted = self._as_it_is()
        needs.check_k(k, len(fitted.item_vocabulary))
        needs.check_repeats(repeats)
        allowed = allowed_items(fitted.item_vocabulary, candidates, exclude)
        known = fitted._in_own_codes(histories)
        prior = CommonList.of(fitted._popular_prior(), allowed) if fill else None
        unwanted = None if known.unwanted is None else known.unwanted.of_users(known, users)
        scorer = fitted.scorer if unwanted is None else fitted.scorer.without(unwanted)
        return Answering(scorer, known, k, repeats, allowed, unwanted, prior, fitted.label)

    def _in_own_codes(self, histories: Interactions) -> Interactions:
        """The histories with the codes of this model's items; what it cannot read is refused."""
        return in_codes_of(self.item_vocabulary, histories)

    def _popular_prior(self) -> Array:
        """−1 / (1 + events): below zero, ascending with popularity, exact enough in float32; items
        never seen are −∞. Shape [items].
        """
        counts = self.state["popularity"].astype(np.float64)
        return np.where(counts > 0, -1 / (1 + counts), -np.inf).astype(np.float32)

    def similar_items(self, items: pl.Series | list[Any], k: int = 10) -> Recommendations:
        """The `k` most similar items to each of these, padding where fewer are known; models
        without a similarity refuse (see `has_similarities`).
        """
        fitted = self._as_it_is()
        if not fitted.has_similarities or not isinstance(fitted.scorer, HasRows):
            raise Unsuitable(
                f"The model {fitted.label!r} has no similarity of items.",
                "Use a co-occurrence model, such as 'cosine'.",
            )
        return similar(fitted.scorer, fitted.item_vocabulary, items, k)

    def explain(self, history: Interactions, item: Any, user: Any = None) -> pl.DataFrame:
        """What each item of the user's history adds to the score of `item`: item_id, contribution,
        descending; models without such parts refuse.

        `user` is an id; it may be left out where the history is of one user. The contributions sum
        to the score, unless they are joined in another way than by their sum: then each is shown
        as it is before they join.
        """
        fitted = self._as_it_is()
        scorer = fitted.scorer
        if not isinstance(scorer, HasContributions):
            raise Unsuitable(
                f"The model {fitted.label!r} has no parts to explain.",
                "Use a co-occurrence model, such as 'cosine'.",
            )
        code = int(requested_items(fitted.item_vocabulary, [item])[0])
        users = requested_user(history, user)
        block = scorer.reader.read(fitted._in_own_codes(history), users)
        return scorer.contributions(block, code).frame(fitted.item_vocabulary)

    # ---- what the author of a model writes

    @abstractmethod
    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        """The learned arrays by name."""

    def _forms(self, state: Mapping[str, Array]) -> Forms:
        """The form that each learned array must have when it comes from a file; those that are not
        named are not checked. The counts of items need not be named.
        """
        return {}

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        """What answers with these arrays. They may come from a file that was not checked yet: what
        numpy refuses here is told as a fault of the file, and nothing may reach a kernel before the
        scorer's `wrong` was asked.
        """
        return ByFunction(self._score, len(state["popularity"]))

    def _score(self, histories: Histories) -> Array:
        """Scores [users, items] float32; −∞ where the model has no evidence. Enough for a model
        that does not say how it is served.
        """
        raise NotImplementedError
