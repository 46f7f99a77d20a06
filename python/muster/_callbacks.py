# SPDX-License-Identifier: Apache-2.0
"""The thread that calls what was added to futures by ``add_done_callback``: one for a process, begun when it is first needed."""

from __future__ import annotations

import atexit
import os
import threading

from muster._core import Callbacks

_lock = threading.Lock()
_here: tuple[int, Callbacks, threading.Thread] | None = None

#: How long the interpreter's end waits for a function that still runs, in seconds.
_PATIENCE = 5.0


def _run(callbacks: Callbacks) -> None:
    while callbacks.wait():
        callbacks.answer()


def callbacks() -> Callbacks:
    """Those of this process: a child after a fork has its own, as it has no thread of its parent's."""
    global _here
    with _lock:
        if _here is None or _here[0] != os.getpid():
            made = Callbacks()
            thread = threading.Thread(target=_run, args=(made,), name="muster-callbacks", daemon=True)
            thread.start()
            _here = (os.getpid(), made, thread)
        return _here[1]


@atexit.register
def _end() -> None:
    # A daemon thread that still runs when Python ends never lets go of what its frames hold.
    if _here is None or _here[0] != os.getpid():
        return
    _, made, thread = _here
    made.close()
    thread.join(_PATIENCE)


def _begin_anew() -> None:
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_begin_anew)
