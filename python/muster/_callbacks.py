# SPDX-License-Identifier: Apache-2.0
"""The thread that calls what was added to futures by ``add_done_callback``: one for a process, begun when it is first needed."""

from __future__ import annotations

import os
import threading

from muster._core import Callbacks

_lock = threading.Lock()
_here: tuple[int, Callbacks] | None = None


def _run(callbacks: Callbacks) -> None:
    while callbacks.wait():
        callbacks.answer()


def callbacks() -> Callbacks:
    """Those of this process: a child after a fork has its own, as it has no thread of its parent's."""
    global _here
    with _lock:
        if _here is None or _here[0] != os.getpid():
            _here = (os.getpid(), Callbacks())
            threading.Thread(target=_run, args=(_here[1],), name="muster-callbacks", daemon=True).start()
        return _here[1]


def _begin_anew() -> None:
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_begin_anew)
