"""What the command line finds around it: closed streams, output that cannot show every sign,
settings of threads, too little memory.
"""

from __future__ import annotations

import codecs
import os
import sys

from spadework.errors import BadRequest, OutOfMemory

THREADS = (
    *("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    *("POLARS_MAX_THREADS", "RAYON_NUM_THREADS"),
)
"""Settings that the libraries read when they are imported, and what they say of wrong ones."""
LEAST_ROOM = 3 * 2**29
"""Address space that the libraries take before anything is read."""
_NO_ROOM = (
    *("allocate memory", "failed to map", "can't start new thread"),
    "could not find/load shared object",
)
"""What libraries say where memory is short, in errors of other types."""
_LIKE = {
    **dict.fromkeys("‐‑–—−", "-"),
    **dict.fromkeys("“”„", '"'),
    **dict.fromkeys("‘’", "'"),
    "→": "->",
    "←": "<-",
    "…": "...",
    "×": "x",
    "·": "|",
    "─": "-",
    "≥": ">=",
    "≤": "<=",
}
_HANDLER = "spadework.shown"


def prepare_streams() -> None:
    """Streams that are there and that never refuse a sign: what the encoding of the terminal lacks
    is written with like signs, or escaped.
    """
    codecs.register_error(_HANDLER, _replaced)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:  # it was closed before the process began
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
        elif mode == "w" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_HANDLER)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    plain = "".join(
        _LIKE.get(sign, sign.encode("ascii", "backslashreplace").decode()) for sign in signs
    )
    return plain, error.end


def check_threads() -> None:
    """Refuse settings of threads that the libraries would refuse with a traceback. OMP_NUM_THREADS
    may be a list.
    """
    for name in THREADS:
        value = os.environ.get(name)
        if value is None:
            continue
        numbers = value.split(",") if name == "OMP_NUM_THREADS" else [value]
        if not value.strip():
            del os.environ[name]  # set to nothing, which means not set
        elif not all(_is_number_of_threads(number.strip()) for number in numbers):
            raise BadRequest(
                f"The variable {name} is {value[:40]!r}, which is no number of threads.",
                "Unset it, or set it to a whole number above zero.",
            )


def check_address_space() -> None:
    """Refuse a limit under which the libraries cannot be loaded: some of them end the process."""
    from spadework.limits import room_of_process

    room = room_of_process()
    if room is not None and room < LEAST_ROOM:
        raise OutOfMemory(
            f"There is not enough memory: the limit of this process leaves {room / 2**20:,.0f} MiB "
            "of address space.",
            f"spadework needs {LEAST_ROOM / 2**30:.1f} GiB to start and 3 GiB to dig: raise the "
            "limit, such as by ulimit -v unlimited.",
        )


def _is_number_of_threads(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 7 and int(text) > 0


def out_of_memory(error: MemoryError) -> tuple[str, str]:
    """Sentences for what did not fit into memory."""
    from spadework.limits import available_bytes

    detail = f" ({error})" if str(error) else ""
    return (
        f"There is not enough memory: {available_bytes() / 2**20:,.0f} MiB are free{detail}.",
        "spadework needs about 500 MiB beside the log: free some, raise the limit of the process "
        "or of its container, or read a part of the log.",
    )


def is_no_room(error: Exception) -> bool:
    """Whether an error is how a library tells that memory is short."""
    return any(words in str(error).lower() for words in _NO_ROOM)


def unexpected(error: Exception) -> tuple[str, str]:
    """Sentences for a fault of this program; the traceback is kept in a file."""
    import tempfile
    import traceback

    if is_no_room(error):
        return out_of_memory(MemoryError(str(error).splitlines()[0][:200]))
    text = "".join(traceback.format_exception(error))
    frames = traceback.extract_tb(error.__traceback__)
    at = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    said = f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"
    try:
        number, path = tempfile.mkstemp(prefix="spadework-", suffix=".txt")
        with os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        kept = f"The details are in {path}; please report them with the command."
    except OSError:
        kept = "Please report it with the command and its input."
    return f"This is a bug in spadework{at}: {said}", kept
