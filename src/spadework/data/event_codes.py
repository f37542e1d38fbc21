"""What the event types of a log have to be: positions in ascending names."""

from __future__ import annotations

from spadework.arrays import Codes
from spadework.errors import BadData


def check_event_types(event_types: Codes | None, names: tuple[str, ...]) -> None:
    """Refuse codes of event types that do not fit their names."""
    if list(names) != sorted(set(names)):
        raise BadData(
            f"The names of the event types are {names}.",
            "Give them in ascending order, each once.",
        )
    if event_types is None:
        if len(names) > 1:
            raise BadData(
                f"There are {len(names)} names of event types, but no row has a type.",
                "Give event_types, one code per row.",
            )
    elif len(event_types) and not 0 <= int(event_types.min()) <= int(event_types.max()) < len(
        names
    ):
        raise BadData(
            (
                f"Event types reach from {event_types.min()} to {event_types.max()}, but there are "
                f"{len(names)} names."
            ),
            "Give positions in event_type_names.",
        )
