"""Pages are at most 100 columns wide, but for tables and headings."""

from __future__ import annotations

import re
import textwrap

WIDTH = 100


def wrapped(page: str) -> str:
    """A Markdown page whose paragraphs and list items are wrapped; all else stays as it is."""
    lines, in_code = [], False
    for line in page.split("\n"):
        in_code ^= line.startswith("```")
        mark = re.match(r"\s*(?:[-*] |\d+\. )?", line)
        if in_code or len(line) <= WIDTH or line.startswith(("|", "#", "<", "![")) or not mark:
            lines.append(line)
            continue
        lines += textwrap.wrap(
            line,
            WIDTH,
            subsequent_indent=" " * len(mark.group(0)),
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines)
