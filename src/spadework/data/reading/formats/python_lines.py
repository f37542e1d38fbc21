"""Lines that are Python dicts, as `print` writes them: `{'user': 'A1', 'price': 9.50}`. Nothing is
run: the syntax tree is read, and only literals are values.
"""

from __future__ import annotations

import ast
import warnings
from typing import Any

LONGEST = 1 << 20
"""Longest line that is parsed, in bytes."""

_MISSING = frozenset(("nan", "NaN", "NaT", "inf", "null"))
_WORDS = {"true": True, "false": False}


def looks_like(line: bytes) -> bool:
    """Whether a line begins as a Python dict and not as JSON."""
    return line.lstrip().removeprefix(b"{").lstrip().startswith((b"'", b"u'", b'u"'))


def parsed(line: bytes) -> dict[str, Any]:
    """The dict of a line; numbers are text exactly as written. Raises ValueError with the reason
    where the line is anything else.
    """
    if len(line) > LONGEST:
        raise ValueError(f"is longer than {LONGEST:,} bytes")
    source = line.strip()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # backslashes that escape nothing
            tree = ast.parse(source, mode="eval").body
        value = _value(tree, source)
    except SyntaxError as error:
        raise ValueError(f"is not a Python dict ({error.msg})") from None
    except (RecursionError, MemoryError):
        raise ValueError("is nested too deep") from None
    if not isinstance(value, dict):
        raise ValueError("is a Python value, not a dict")
    return value


def _value(node: ast.expr, source: bytes) -> Any:
    if isinstance(node, ast.Dict):
        return _dict(node, source)
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return [_value(part, source) for part in node.elts]
    if isinstance(node, ast.Constant):
        if isinstance(node.value, (bool, str)) or node.value is None:
            return node.value
        if isinstance(node.value, (int, float)):
            return _written(node, source)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        inner = node.operand
        if isinstance(inner, ast.Name) and inner.id in _MISSING:
            return None
        if isinstance(inner, ast.Constant) and isinstance(inner.value, (int, float)):
            return _written(node, source)
    if isinstance(node, ast.Name) and node.id in _MISSING:
        return None
    if isinstance(node, ast.Name) and node.id in _WORDS:
        return _WORDS[node.id]
    raise ValueError(f"holds something other than literals ({type(node).__name__})")


def _dict(node: ast.Dict, source: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        name = None if key is None else _value(key, source)
        if not isinstance(name, str):
            raise ValueError("has a key that is no text")
        if name in found:
            raise ValueError(f"has the key {name[:60]!a} twice")
        found[name] = _value(value, source)
    return found


def _written(node: ast.expr, source: bytes) -> str:
    """The number as it stands in the line."""
    if node.lineno > 1:
        raise ValueError("has a carriage return inside")
    return source[node.col_offset : node.end_col_offset].decode()
