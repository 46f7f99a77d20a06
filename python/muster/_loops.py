# SPDX-License-Identifier: Apache-2.0
"""Event loops that wait for requests: each has one descriptor, which becomes readable when some are done."""

from __future__ import annotations

import asyncio
import weakref

from muster._core import Waiting

_waiting: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Waiting] = weakref.WeakKeyDictionary()


def waiting_of(loop: asyncio.AbstractEventLoop) -> Waiting:
    """What this loop waits for; it lives as long as the loop. Called in the loop's thread."""
    found = _waiting.get(loop)
    if found is None:
        found = Waiting()
        loop.add_reader(found.fileno(), found.answer)
        _waiting[loop] = found
    return found
