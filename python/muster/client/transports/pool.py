# SPDX-License-Identifier: Apache-2.0
"""The connections to one server: kept while it keeps them, at most so many at once, and none that a fork has copied."""

from __future__ import annotations

import os
import ssl
import threading
import weakref

from muster.client.transports.address import Address
from muster.client.transports.connection import Connection, connect
from muster.client.deadline import Deadline
from muster.errors import Closed

_pools: weakref.WeakSet[Pool] = weakref.WeakSet()


class Pool:
    """Any thread."""

    def __init__(self, address: Address, tls: ssl.SSLContext | None, limit: int, max_reply_bytes: int) -> None:
        self._address = address
        self._tls = tls
        self._limit = limit
        self._max_reply_bytes = max_reply_bytes
        self._closed = False
        self._forget()
        _pools.add(self)

    def _forget(self) -> None:
        self._changed = threading.Condition()
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._opening = 0

    def after_fork(self) -> None:
        """In the child: the connections are the parent's, and so is whoever holds the lock."""
        inherited = [*self._idle, *self._busy]
        self._forget()
        for connection in inherited:
            connection.close()

    def acquire(self, deadline: Deadline) -> Connection:
        """One that nobody uses, new where ``exchanges`` is 0. Waits where all are in use."""
        while True:
            with self._changed:
                while not self._idle and len(self._busy) + self._opening >= self._limit and not self._closed:
                    self._changed.wait(deadline.left())
                if self._closed:
                    raise Closed("this client was closed")
                if not self._idle:
                    self._opening += 1
                    break
                connection = self._idle.pop()
                self._busy.add(connection)
            if not connection.is_stale():
                return connection
            self.discard(connection)
        return self._open(deadline)

    def _open(self, deadline: Deadline) -> Connection:
        made = None
        try:
            made = Connection(connect(self._address, self._tls, deadline), self._max_reply_bytes)
        finally:
            with self._changed:
                self._opening -= 1
                if made is not None:
                    self._busy.add(made)
                else:
                    self._changed.notify()
        if self._closed:
            made.abort()
        return made

    def release(self, connection: Connection) -> None:
        """It has read its reply to the end."""
        if not connection.reusable:
            self.discard(connection)
            return
        with self._changed:
            self._busy.discard(connection)
            kept = not self._closed
            if kept:
                self._idle.append(connection)
            self._changed.notify()
        if not kept:
            connection.close()

    def discard(self, connection: Connection) -> None:
        """It is in a state that nobody knows."""
        with self._changed:
            self._busy.discard(connection)
            self._changed.notify()
        connection.close()

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """What is under way fails."""
        with self._changed:
            self._closed = True
            idle, self._idle = self._idle, []
            for connection in self._busy:
                connection.abort()
            self._changed.notify_all()
        for connection in idle:
            connection.close()


def _after_fork() -> None:
    for pool in list(_pools):
        pool.after_fork()


os.register_at_fork(after_in_child=_after_fork)
