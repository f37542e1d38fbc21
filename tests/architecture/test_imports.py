"""What importing costs: nothing heavy before it is used, no listener, no configuration."""

from __future__ import annotations

import json
import subprocess
import sys

from spadework.artifacts import artifact
from spadework.data.worlds.worlds import world
from spadework.models.labels import model

HEAVY = [
    "numpy",
    "scipy",
    "sklearn",
    "polars",
    "numba",
    "pydantic",
    "jinja2",
    "safetensors",
    "click",
    "threadpoolctl",
    "zstandard",
]


def loaded_by(code: str) -> list[str]:
    """Which heavy packages a fresh interpreter has loaded after the code."""
    told = (
        f"{code}\nimport json, sys\njson.dump([name for name in {HEAVY!r} if name in "
        "sys.modules], sys.stdout)"
    )
    done = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(done.stdout)


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_by("import spadework; dir(spadework); spadework.__all__") == []


def test_showing_help_loads_the_command_line_only():
    code = (
        "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()), "
        "contextlib.suppress(SystemExit):\n"
    )
    for arguments in (["--help"], ["dig", "--help"]):
        assert loaded_by(f"{code}    from spadework.apps.cli import main; main({arguments!r})") == [
            "click"
        ]


def test_what_starts_the_workers_of_a_server_loads_neither_tables_nor_kernels():
    code = (
        "from spadework.serving import kept_address, keys, live_file\n"
        "from spadework.serving.http import running, settings"
    )
    assert loaded_by(code) == ["pydantic"]


def test_reading_a_world_compiles_no_kernel():
    assert "numba" not in loaded_by("import spadework; spadework.world('order')")


def test_words_are_counted_by_a_library_that_loads_when_a_model_fits_on_content():
    assert "sklearn" not in loaded_by(
        "from spadework.models.catalogue import catalogue; catalogue()"
    )


def test_a_saved_model_is_loaded_without_the_other_models(tmp_path):
    folder = artifact.save(model("cosine").fit(world("order").log), tmp_path / "model")
    code = (
        "import json, sys\nfrom spadework.artifacts import artifact\n"
        f"artifact.load({str(folder)!r}, mapped=True)\n"
        "json.dump([name for name in sys.modules if name.startswith(('scipy.', "
        "'spadework.models.'))], sys.stdout)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = json.loads(done.stdout)
    assert "spadework.models.cooccurrence.presets" in loaded
    others = ("linear", "factors", "baskets", "ensemble", "neural", "popular")
    found = [name for name in loaded if name.removeprefix("spadework.models.").startswith(others)]
    assert found == []
    assert "scipy.sparse" not in loaded


def test_nothing_is_configured_or_listened_to_at_import():
    code = (
        "import logging, signal, sys\nbefore = signal.getsignal(signal.SIGINT), "
        "list(logging.getLogger().handlers)\n"
        "import spadework; [getattr(spadework, name) for name in spadework.__all__]\n"
        "assert before == (signal.getsignal(signal.SIGINT), list(logging.getLogger().handlers))\n"
        "from spadework import events; assert events._listeners.get() == ()"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)
