"""What happens where the other side of a connection is gone."""

from __future__ import annotations

import signal
import threading


def raise_errors() -> None:
    """From now on, writing to a connection that was closed raises an error. The command line ends
    quietly instead, as is right where its reader is gone (`spadework look … | head`), and wrong
    where it serves others or writes into a store: a process must not die without a word.
    """
    if hasattr(signal, "SIGPIPE") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
