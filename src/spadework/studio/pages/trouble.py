"""What went wrong, in the words of the error."""

from __future__ import annotations

from spadework.errors import SpadeworkError
from spadework.studio.page import Page


def trouble(error: SpadeworkError, status: int) -> Page:
    """A page that says what was wrong and what to do next."""
    data = {"message": error.message, "hint": error.hint}
    return Page("trouble.html.j2", "That did not work", data, status=status)
