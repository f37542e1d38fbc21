"""A fitted model on its way to executors: the folder of `sw.save` as one file, which Spark copies
to each machine, and which each machine unpacks once and maps into memory.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from spadework import files
from spadework.artifacts import artifact
from spadework.models.base import Recommender

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@lru_cache(maxsize=1)
def _shelf() -> tempfile.TemporaryDirectory[str]:
    """Where packed models lie until this process ends: executors may ask for one at any time."""
    return tempfile.TemporaryDirectory(prefix="spadework-")


def ship(model: Recommender, session: SparkSession) -> str:
    """Give the model to all executors; the name under which they find it. Equal models have equal
    names, and are given once.
    """
    shelf = Path(_shelf().name)
    saved = artifact.save(model, Path(tempfile.mkdtemp(dir=shelf)) / "model")
    members = sorted(path for path in saved.rglob("*") if path.is_file())
    digest = hashlib.blake2b(digest_size=12)
    for path in members:
        digest.update(path.name.encode() + b"|")
        digest.update(path.read_bytes())
    packed = shelf / f"spadework-{digest.hexdigest()}.zip"
    if not packed.exists():
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for path in members:
                archive.write(path, path.relative_to(saved))
    shutil.rmtree(saved.parent)
    given = _given.setdefault(session, set())
    if packed.name not in given:
        session.addArtifacts(str(packed), file=True)
        given.add(packed.name)
    return packed.name


_given: WeakKeyDictionary[SparkSession, set[str]] = WeakKeyDictionary()
"""Names of what each session was given: a file is given once."""


@lru_cache(maxsize=4)
def shipped(name: str) -> Recommender:
    """The model of this name, on an executor; mapped, and kept by the process."""
    from pyspark import SparkFiles

    packed = Path(SparkFiles.get(name))
    folder = packed.with_suffix("")
    if not folder.exists():
        fresh = Path(tempfile.mkdtemp(prefix=files.HALF, dir=packed.parent))
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(fresh)
        try:
            fresh.rename(folder)  # one step: other processes of this machine see all or nothing
        except OSError:
            shutil.rmtree(fresh, ignore_errors=True)
            if not folder.exists():
                raise
    return artifact.load(folder, mapped=True)
