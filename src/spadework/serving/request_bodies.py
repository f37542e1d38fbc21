"""What a caller may ask for: the bodies of requests, checked, with one sentence on each field."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from spadework.models.needs import Repeats

MOST_ID = 256
MOST_ITEMS = 100
MOST_HISTORY = 500
MOST_IDS = 10_000
MOST_EVENTS = 1000
MOST_BATCH = 1000
MOST_VALUES = 100
"""Values of a column in a filter, and those of all columns in quotas."""


def checked_text(text: str) -> str:
    """Without characters that control something, such as NUL, and without halves of characters:
    stores cannot keep them.
    """
    if not text.isprintable() and any(unicodedata.category(each) in _UNKEPT for each in text):
        raise ValueError("it has control characters or halves of characters; send plain text")
    return text


def checked_id(text: str) -> str:
    """One to 256 characters in their composed form, none of which controls anything."""
    if not text or len(text) > MOST_ID:
        raise ValueError(f"an id has 1 to {MOST_ID} characters")
    text = checked_text(text)
    return text if text.isascii() else unicodedata.normalize("NFC", text)


_UNKEPT = ("Cc", "Cs")
Id = Annotated[str, AfterValidator(checked_id)]
EventType = Annotated[str, Field(max_length=256), AfterValidator(checked_text)]
Count = Annotated[int, Field(ge=1, le=MOST_ITEMS)]
Value = str | int | float | bool


class Body(BaseModel):
    """What all bodies have in common: unknown fields and other types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PastEvent(Body):
    """One event of a history that comes with a request."""

    item: Id
    time: float | str | None = Field(
        default=None,
        description="Epoch seconds or an ISO text. Without it the order of the list counts.",
    )
    event: EventType | None = Field(default=None, description="Its type, such as purchase.")
    weight: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    basket: Id | None = None


class Between(Body):
    """A range of numbers, ends included."""

    min: float | None = Field(default=None, allow_inf_nan=False)
    max: float | None = Field(default=None, allow_inf_nan=False)


class Chosen(Body):
    """Which items a list may have."""

    n: int = Field(default=10, ge=1, le=MOST_ITEMS, description="Items of the list.")
    candidates: list[Id] | None = Field(
        default=None, max_length=MOST_IDS, description="The only items that may be recommended."
    )
    exclude: list[Id] = Field(
        default_factory=list, max_length=MOST_IDS, description="Items that may not."
    )
    filter: dict[str, Value | list[Value] | Between] = Field(
        default_factory=dict,
        max_length=20,
        description=(
            "Only items with this value, or one of these values, or a number in this range, in "
            "the columns of the item table."
        ),
    )
    at_most: dict[str, Count] = Field(
        default_factory=dict,
        max_length=5,
        description="Diversity: at most so many items of one value in a column.",
    )
    at_least: dict[str, dict[str, Count]] = Field(
        default_factory=dict,
        max_length=5,
        description=(
            "Quotas: at least so many items with a value in a column, where there are any; "
            f"{MOST_VALUES} values in all."
        ),
    )

    @field_validator("filter")
    @classmethod
    def _few_values(cls, value: dict[str, object]) -> dict[str, object]:
        for column, wanted in value.items():
            if isinstance(wanted, list) and not 1 <= len(wanted) <= MOST_VALUES:
                raise ValueError(f"{column!r} has {len(wanted)} values; give 1 to {MOST_VALUES}")
        return value

    @field_validator("at_least")
    @classmethod
    def _few_quotas(cls, value: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
        count = sum(map(len, value.values()))
        if count > MOST_VALUES:
            raise ValueError(f"there are {count} values; give {MOST_VALUES} in all at most")
        return value


class Wanted(Chosen):
    """How the list of a user is made."""

    repeats: Repeats | None = Field(
        default=None,
        description=(
            "Items of the history may be recommended (allow), must not be (forbid), or are the "
            "only ones (only). Left out: as the release was judged."
        ),
    )
    explain: bool = Field(
        default=False, description="Add which items of the history led to each item."
    )


class RecommendBody(Wanted):
    """A list for a user, for a history, or for a user whose history goes on with this one."""

    user: Id | None = Field(
        default=None, description="Whose stored history is read; may be unknown."
    )
    history: list[Id | PastEvent] = Field(
        default_factory=list,
        description=f"What the user did, oldest first; the newest {MOST_HISTORY} count.",
    )
    at: float | str | None = Field(
        default=None,
        description="The time for which the list is made. Left out: the user's usual pause.",
    )


class BatchBody(Wanted):
    """The same list for many users."""

    users: list[Id] = Field(min_length=1, max_length=MOST_BATCH)


class SimilarBody(Chosen):
    """Items similar to an item."""

    item: Id


class NewEvent(Body):
    """Something that a user did."""

    event_id: Id | None = Field(
        default=None, description="Your name of the event; one that is sent again is kept once."
    )
    user: Id
    item: Id
    time: float | str | None = Field(
        default=None, description="Epoch seconds or an ISO text. Left out: now."
    )
    event: EventType | None = Field(default=None, description="Its type, such as purchase.")
    weight: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    basket: Id | None = None


class EventsBody(Body):
    """Events; each is checked for itself."""

    events: list[dict[str, object]] = Field(min_length=1, max_length=MOST_EVENTS)


Source = Literal["personal", "similar", "popular", "fallback"]
VerdictName = Literal["accepted", "duplicate", "conflict", "refused"]


def in_words(faults: Sequence[Any], whole: str = "the body") -> str:
    """The most exact of the faults that pydantic found, with the field and not with the names of
    its own parts.
    """
    deepest = max(faults, key=lambda fault: len(_path(fault["loc"])))
    path = ".".join(map(str, _path(deepest["loc"]))) or whole
    return f"{path}: {deepest['msg']}."


def _path(parts: Sequence[int | str]) -> list[int | str]:
    """The names of fields and numbers of entries in a place; where a value may be of several types,
    pydantic names the type as well.
    """
    return [part for part in parts if part not in _OF_TYPES and "[" not in str(part)]


_OF_TYPES = ("str", "int", "float", "bool", "list", "dict", "PastEvent", "Between", "none")
