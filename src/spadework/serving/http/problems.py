"""What a server refuses, as `application/problem+json` (RFC 9457), with codes that `spadework
explain` knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pydantic_core import to_json

from spadework.errors import Busy, SpadeworkError, StoreFailed, Unsuitable

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class ProblemType:
    """A type of refusal: its status, its title, and what to do."""

    status: int
    title: str
    advice: str


PROBLEMS: Mapping[str, ProblemType] = MappingProxyType(
    {
        "not-json": ProblemType(400, "The body is no JSON.", "Send one JSON object in UTF-8."),
        "bad-request": ProblemType(
            400, "The request cannot be understood.", "Check the request line and headers."
        ),
        "no-key": ProblemType(
            401,
            "The request has no valid key.",
            "Send one as 'Authorization: Bearer KEY'; make one with: spadework keys add",
        ),
        "no-scope": ProblemType(
            403, "The key may not do this.", "Use a key with the scope that is named."
        ),
        "other-origin": ProblemType(
            403, "A page of another site sent this.", "Call the server from your own back end."
        ),
        "not-found": ProblemType(
            404, "There is nothing here.", "See /openapi.json for what there is."
        ),
        "no-release": ProblemType(
            404, "There is no such release.", "GET /v1/models lists the releases."
        ),
        "method": ProblemType(405, "This method is not known here.", "See the header Allow."),
        "too-slow": ProblemType(
            408, "The body did not arrive in time.", "Send the whole body at once."
        ),
        "conflict": ProblemType(409, "Another change goes on.", "Try again when it is done."),
        "too-large": ProblemType(413, "The body is too large.", "Send less at once."),
        "media-type": ProblemType(
            415, "The body is of another type.", "Send application/json, not compressed."
        ),
        "other-host": ProblemType(
            421,
            "The request is for another host.",
            "Use the address that the server was started with, or name yours with --host-name.",
        ),
        "bad-body": ProblemType(
            422, "The body does not fit.", "Change the field that is named; see /openapi.json."
        ),
        "unsuitable": ProblemType(
            422, "This release cannot do that.", "See the detail for what it lacks."
        ),
        "too-many": ProblemType(
            429, "Too many requests.", "Wait as long as the header Retry-After says."
        ),
        "headers": ProblemType(431, "The headers are too large.", "Send fewer and shorter ones."),
        "refused-release": ProblemType(
            409,
            "The release cannot be put live.",
            "What was live is still live; the log of the server has the reason.",
        ),
        "failed": ProblemType(
            500, "The server could not answer.", "Its log has the reason, under the request's id."
        ),
        "store": ProblemType(
            503,
            "The store of events cannot be used now.",
            "Send the same again later; events with an event_id are counted once.",
        ),
        "not-ready": ProblemType(503, "The server is not ready yet.", "Try again in a second."),
    }
)


class Problem(Exception):
    """One refusal."""

    def __init__(self, code: str, detail: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.headers = headers

    @property
    def status(self) -> int:
        """The status of the answer."""
        return PROBLEMS[self.code].status

    def body(self, request_id: str) -> bytes:
        """The answer's body."""
        of_type = PROBLEMS[self.code]
        return to_json(
            {
                "type": f"urn:spadework:problem:{self.code}",
                "title": of_type.title,
                "status": of_type.status,
                "detail": self.detail,
                "advice": of_type.advice,
                "code": self.code,
                "request_id": request_id,
            }
        )


def problem_of(error: Exception) -> Problem:
    """What a caller is told of an error."""
    if isinstance(error, Problem):
        return error
    status = getattr(error, "status_code", None)  # of what found no route
    if status is not None:
        return Problem("method" if status == 405 else "not-found", str(error))
    if isinstance(error, StoreFailed):
        return Problem("store", error.message, (("Retry-After", "5"),))
    if isinstance(error, Unsuitable):
        return Problem("unsuitable", f"{error.message} {error.hint}")
    if isinstance(error, Busy):
        return Problem("conflict", error.message)
    if not isinstance(error, SpadeworkError):
        return Problem("failed", "Something unforeseen happened.")  # the guard logs it
    return Problem("bad-body", f"{error.message} {error.hint}")
