# SPDX-License-Identifier: Apache-2.0
"""One call in parts: rows split over several requests that travel side by side, answers put together again in their
order.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from muster.client.calls import InferCall, InferReply, Input, Output
from muster.client.datatypes import Array, broken, item_bytes, raw_dtype
from muster.client.workers import Workers
from muster.errors import Error, InvalidArgument

# Requests at once for each server. More would only wait there; fewer leave it idle while an answer travels.
LANES = 4


def rows_of(call: InferCall) -> int:
    """Rows that every input has, or 0 where the call cannot be split."""
    if len(call.inputs) == 1 and call.wishes is None:
        (tensor,) = call.inputs
        return tensor.shape[0] if tensor.shape and tensor.region is None else 0
    if any(tensor.region is not None or not tensor.shape for tensor in call.inputs):
        return 0
    if any(wish.region is not None for wish in call.wishes or ()):
        return 0
    rows = {tensor.shape[0] for tensor in call.inputs}
    return rows.pop() if len(rows) == 1 else 0


def row_bytes_of(call: InferCall, rows: int) -> int:
    """Of all inputs together, as they travel; texts as long as the mean of them."""
    sizes = (len(tensor.wire) if tensor.datatype == "BYTES" else tensor.array.nbytes for tensor in call.inputs)
    return -(-sum(sizes) // rows)


class _Whole:
    """The outputs of all rows, as their parts come in. Any thread."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._lock = threading.Lock()
        self._arrays: dict[str, Output] = {}
        self.versions: list[str] = []

    def _array(self, name: str, datatype: str, tail: tuple[int, ...], dtype: np.dtype[Any], raw: bool) -> Array:
        with self._lock:
            known = self._arrays.get(name)
            if known is None:
                known = Output(name, datatype, np.empty((self._rows, *tail), dtype), raw)
                self._arrays[name] = known
        if known.array.shape[1:] != tail or known.datatype != datatype or known.raw != raw:
            other = f"{known.datatype} {list(known.array.shape[1:])}"
            raise InvalidArgument(
                f"output '{name}' has rows of {datatype} {list(tail)} in this part and of {other} in another, so that "
                "parts cannot be put together; give rows_per_request=0"
            )
        return known.array

    def place(self, begin: int, end: int, name: str, datatype: str, shape: tuple[int, ...]) -> Array | None:
        """Where the bytes of a part's output go. What has another number of rows is refused later, by its name."""
        if not shape or shape[0] != end - begin or item_bytes(datatype) is None:
            return None
        return self._array(name, datatype, shape[1:], raw_dtype(datatype), True)[begin:end]

    def add(self, begin: int, end: int, reply: InferReply) -> None:
        for output in reply.outputs:
            shape = output.array.shape
            if not shape or shape[0] != end - begin:
                raise InvalidArgument(
                    f"output '{output.name}' has the shape {list(shape)} for {end - begin} rows, so that parts cannot "
                    "be put together; give rows_per_request=0"
                )
            array = self._array(output.name, output.datatype, shape[1:], output.array.dtype, output.raw)
            if output.array.base is not array:
                array[begin:end] = output.array
        with self._lock:
            if reply.version not in self.versions:
                self.versions.append(reply.version)
            if {output.name for output in reply.outputs} != set(self._arrays):
                raise broken("this part has other outputs than another one")

    def outputs(self, order: list[str]) -> list[Output]:
        return [self._arrays[name] for name in order]


class Servers:
    """Which server the next part of a call goes to. One thread at a time.

    In turn, from the server `first` on, save where one has more parts at work than another: what is slower gets fewer.
    Which thread asks makes no difference, and with LANES threads for each server none has more than LANES at work.
    """

    def __init__(self, count: int, first: int) -> None:
        self.count = count
        self._order = [(first + step) % count for step in range(count)]
        self._at_work = [0] * count
        self._given = [0] * count

    def take(self) -> int:
        server = min(self._order, key=lambda each: (self._at_work[each], self._given[each]))
        self._at_work[server] += 1
        self._given[server] += 1
        return server

    def done(self, server: int) -> None:
        self._at_work[server] -= 1


class _Run:
    """One scattered call. `ask` is given a part and the number of its server."""

    def __init__(
        self,
        call: InferCall,
        rows: int,
        rows_each: int,
        servers: Servers,
        ask: Callable[[InferCall, int], InferReply],
    ) -> None:
        self._call = call
        self._rows = rows
        self._rows_each = rows_each
        self._servers = servers
        self._ask = ask
        self._lock = threading.Lock()
        self._next = 0
        self._stopped = False
        self._first: InferReply | None = None
        self._whole = _Whole(rows)
        self.parts = -(-rows // rows_each)

    def stop(self) -> None:
        self._stopped = True

    def _take(self) -> tuple[int, int] | None:
        """A part and its server."""
        with self._lock:
            if self._stopped or self._next >= self.parts:
                return None
            self._next += 1
            return self._next - 1, self._servers.take()

    def lane(self) -> None:
        """Asks for one part after the other, until there are no more or something failed."""
        while (taken := self._take()) is not None:
            part, server = taken
            begin = part * self._rows_each
            end = min(begin + self._rows_each, self._rows)
            try:
                self._do(part, begin, end, server)
            except Error as error:
                self.stop()
                error.args = (f"rows {begin} to {end - 1} of {self._rows} (part {part + 1} of {self.parts}): {error}",)
                vars(error)["rows"] = (begin, end)
                raise
            except BaseException:
                self.stop()
                raise
            with self._lock:
                self._servers.done(server)

    def _do(self, part: int, begin: int, end: int, server: int) -> None:
        inputs = [_rows(tensor, begin, end) for tensor in self._call.inputs]
        call = dataclasses.replace(
            self._call,
            inputs=inputs,
            place=lambda name, datatype, shape: self._whole.place(begin, end, name, datatype, shape),
        )
        reply = self._ask(call, server)
        self._whole.add(begin, end, reply)
        if part == 0:
            self._first = reply

    def reply(self) -> InferReply:
        first = self._first
        assert first is not None
        outputs = self._whole.outputs([output.name for output in first.outputs])
        return dataclasses.replace(first, outputs=outputs, version=", ".join(self._whole.versions))


def _rows(tensor: Input, begin: int, end: int) -> Input:
    array = tensor.array[begin:end]
    return Input(tensor.name, tensor.datatype, array.shape, array)


def scatter(
    call: InferCall,
    rows: int,
    rows_each: int,
    servers: Servers,
    workers: Workers,
    ask: Callable[[InferCall, int], InferReply],
) -> InferReply:
    """Asks for all rows in parts of `rows_each`. The first part that fails fails the call, and no further one is
    sent.
    """
    run = _Run(call, rows, rows_each, servers, ask)
    futures = [workers.submit(run.lane) for _ in range(min(LANES * servers.count, run.parts))]
    try:
        # In the order in which they end, so that a failure is told at once.
        for done in concurrent.futures.as_completed(futures):
            done.result()
    finally:
        run.stop()
        for future in futures:
            future.cancel()
    return run.reply()
