# SPDX-License-Identifier: Apache-2.0
"""Threads that calls run on, made when they are needed. They hold up no exit: what they wait for is ended by its
owner.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import queue
import threading
import weakref
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from muster.errors import Closed

T = TypeVar("T")

_all: weakref.WeakSet[Workers] = weakref.WeakSet()


class ClientFuture(concurrent.futures.Future[T]):
    """What a call will give: a ``concurrent.futures.Future`` that a coroutine can await as well."""

    def __await__(self) -> Generator[Any, None, T]:
        return asyncio.wrap_future(self).__await__()


class Workers:
    """At most so many threads. Any thread may submit."""

    def __init__(self, limit: int, name: str) -> None:
        self._limit = limit
        self._name = name
        self._closed = False
        self._forget()
        _all.add(self)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._tasks: queue.SimpleQueue[tuple[ClientFuture[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._threads = 0
        self._free = 0

    def after_fork(self) -> None:
        """In the child, where there are no threads."""
        self._forget()

    def submit(self, call: Callable[[], T]) -> ClientFuture[T]:
        future: ClientFuture[T] = ClientFuture()
        with self._lock:
            if self._closed:
                raise Closed("this client was closed")
            self._tasks.put((future, call))
            if self._free > 0:
                self._free -= 1
            elif self._threads < self._limit:
                self._threads += 1
                name = f"muster-{self._name}-{self._threads}"
                threading.Thread(target=self._work, name=name, daemon=True).start()
        return future

    def _work(self) -> None:
        tasks = self._tasks
        while (task := tasks.get()) is not None:
            future, call = task
            if future.set_running_or_notify_cancel():
                try:
                    result = call()
                except BaseException as error:
                    future.set_exception(error)
                else:
                    future.set_result(result)
            # Nothing of a call lives on while the next one is waited for.
            del task, future, call
            result = None
            with self._lock:
                if tasks.empty():
                    self._free += 1

    def close(self) -> None:
        """What has not begun is cancelled."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            waiting = []
            while not self._tasks.empty():
                waiting.append(self._tasks.get())
            for _ in range(self._threads):
                self._tasks.put(None)
        for task in waiting:
            if task is not None:
                task[0].cancel()
                task[0].set_running_or_notify_cancel()


def _after_fork() -> None:
    for workers in list(_all):
        workers.after_fork()


os.register_at_fork(after_in_child=_after_fork)
