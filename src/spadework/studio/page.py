"""A page: a template, what it shows as plain values, and its twin in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.utils import url_quote

from spadework import durations, formatting

HERE = Path(__file__).parent
TEMPLATES, STATIC = HERE / "templates", HERE / "static"


@dataclass(frozen=True)
class Page:
    """What a page shows. `data` is all of it, as JSON has it; `shown` is what only HTML needs, such
    as sections of a report that are rendered already.
    """

    template: str
    title: str
    data: Mapping[str, Any]
    shown: Mapping[str, Any] = field(default_factory=dict)
    section: str = ""  # the entry of the menu it belongs to
    refresh: int | None = None  # seconds after which a browser without script asks again
    status: int = 200

    def html(self, address: str) -> str:
        """The page; `address` is its own, whose twin is `address.json`."""
        return (
            environment()
            .get_template(self.template)
            .render(
                title=self.title,
                section=self.section,
                refresh=self.refresh,
                address=address,
                twin=twin_of(address),
                **self.data,
                **self.shown,
            )
        )

    def json(self) -> str:
        """The twin."""
        return (
            json.dumps(
                {"title": self.title, **self.data}, ensure_ascii=False, indent=1, allow_nan=False
            )
            + "\n"
        )


def quoted(name: str) -> str:
    """A name as a part of an address."""
    return url_quote(name).replace("/", "%2F")


def twin_of(address: str) -> str:
    """The address of a page's JSON."""
    path, question, query = address.partition("?")
    return f"{path if path != '/' else '/index'}.json{question}{query}"


@cache
def environment() -> Environment:
    """Jinja with everything escaped."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "count": formatting.count,
        "score": formatting.score,
        "signed": formatting.signed,
        "seconds": formatting.seconds,
        "words": durations.words,
        "clip": formatting.clip,
        "label": formatting.label,
        "metric": formatting.metric,
        "when": when,
        "day": formatting.day,
    }
    return made


def when(seconds: float | None) -> str:
    """A time as people read it, in UTC."""
    if not seconds:
        return formatting.ABSENT
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
