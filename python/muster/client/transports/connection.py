# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 on one connection: a request from pieces that are not copied, a reply that is read where it is wanted.

What a server sends is hostile: what it can make a client hold is bounded, and whatever is no reply ends the connection.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import ssl
from collections.abc import Sequence

from muster.client.transports.address import Address
from muster.client.datatypes import Buffer, broken
from muster.client.deadline import Deadline
from muster.errors import DeadlineExceeded, Error, ResourceExhausted, Unavailable

_BUFFER_BYTES = 1 << 16  # a reply's head fits
_JOINED_BYTES = 1 << 15  # a request of so many goes out in one piece: copying it costs less than a second call
_MAX_LINE_BYTES = 1 << 12  # of a chunk's size
_MAX_PIECES = 256  # that go to the system at once
_MAX_INTERIM_REPLIES = 16
_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: [^\r\n]*)?")
_SINGLE = frozenset(("content-length", "transfer-encoding", "inference-header-content-length"))
_SIZE = re.compile(r"[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?")


class NotReached(Unavailable):
    """No connection came about, so that nothing was asked."""


class ConnectionLost(Unavailable):
    """The connection ended. `answered`: something of the reply had come."""

    answered = True


def connect(address: Address, tls: ssl.SSLContext | None, deadline: Deadline) -> socket.socket:
    """A connected socket. Raises ``Unavailable``, which names the URL and the system's reason."""
    try:
        if address.unix_path:
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                made.settimeout(deadline.left())
                made.connect(address.unix_path)
            except BaseException:
                made.close()
                raise
            return made
        made = socket.create_connection((address.host, address.port), deadline.left())
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls is None:
                return made
            return tls.wrap_socket(made, server_hostname=address.host)
        except BaseException:
            made.close()
            raise
    except TimeoutError as error:
        if isinstance(error, Error):
            raise
        raise deadline.exceeded() from error
    except ssl.SSLError as error:
        raise NotReached(f"{address.url}: the server does not speak TLS that can be trusted: {error}") from error
    except (OSError, UnicodeError) as error:
        raise NotReached(f"{address.url} does not answer: {error}") from error


class Connection:
    """One exchange after the other; one thread at a time."""

    def __init__(self, made: socket.socket, max_reply_bytes: int) -> None:
        self._socket = made
        self._gathers = not isinstance(made, ssl.SSLSocket)
        self._max_reply_bytes = max_reply_bytes
        self._poll = select.poll()
        self._poll.register(made, select.POLLIN)
        self._bytes = bytearray(_BUFFER_BYTES)
        self._view = memoryview(self._bytes)
        self._begin = 0
        self._end = 0
        self._received = False  # anything of this reply
        self._left: int | None = 0  # of the body, or of its chunk; None = up to the end of the connection
        self._chunked = False
        self._within_chunks = False  # one is over, and its end is to be read
        self._body_bytes = 0
        self.reusable = True  # once the reply is read to its end
        self.exchanges = 0
        self.status = 0
        self.headers: dict[str, str] = {}

    def is_stale(self) -> bool:
        """Whether the server has closed it, or talks without being asked."""
        return bool(self._poll.poll(0)) or self._begin != self._end

    def abort(self) -> None:
        """Ends whatever waits here. Any thread."""
        with contextlib.suppress(OSError):
            # Past TLS, which another thread may be within.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.close()

    # ---- asking ----

    def send(self, pieces: Sequence[Buffer], deadline: Deadline) -> None:
        """A whole request. A server may answer, and close, before it has all: then the reply is there to be read."""
        self._received = False
        try:
            self._send(pieces, deadline)
        except TimeoutError as error:
            raise error if isinstance(error, DeadlineExceeded) else deadline.exceeded() from None
        except OSError as error:
            self.reusable = False
            if not self._poll.poll(0):
                raise self._lost(str(error)) from error

    def _send(self, pieces: Sequence[Buffer], deadline: Deadline) -> None:
        total = sum(len(piece) for piece in pieces)
        if total <= _JOINED_BYTES:
            self._socket.settimeout(deadline.left())
            self._socket.sendall(b"".join(pieces))
            return
        views = [memoryview(piece) for piece in pieces if len(piece)]
        first = 0
        while first < len(views):
            self._socket.settimeout(deadline.left())
            if self._gathers:
                sent = self._socket.sendmsg(views[first : first + _MAX_PIECES])
            else:
                sent = self._socket.send(views[first])
            while first < len(views) and sent >= len(views[first]):
                sent -= len(views[first])
                first += 1
            if sent:
                views[first] = views[first][sent:]

    # ---- being answered ----

    def _lost(self, why: str) -> ConnectionLost:
        lost = ConnectionLost(f"the connection ended before the answer was there: {why}")
        lost.answered = self._received
        return lost

    def _receive(self, view: memoryview, deadline: Deadline) -> int:
        try:
            self._socket.settimeout(deadline.left())
            count = self._socket.recv_into(view)
        except TimeoutError as error:
            raise error if isinstance(error, DeadlineExceeded) else deadline.exceeded() from None
        except OSError as error:
            raise self._lost(str(error)) from error
        self._received = self._received or count > 0
        return count

    def _fill(self, deadline: Deadline) -> int:
        """More into the buffer, which has room; 0 = the server closed the connection."""
        if self._begin == self._end:
            self._begin = self._end = 0
        elif self._end == _BUFFER_BYTES:
            kept = self._end - self._begin
            self._bytes[:kept] = self._bytes[self._begin : self._end]
            self._begin, self._end = 0, kept
        count = self._receive(self._view[self._end :], deadline)
        self._end += count
        return count

    def _take_until(self, mark: bytes, limit: int, deadline: Deadline) -> bytes:
        """What comes before the mark, which goes with it."""
        while True:
            at = self._bytes.find(mark, self._begin, self._end)
            if at >= 0:
                taken = bytes(self._view[self._begin : at])
                self._begin = at + len(mark)
                return taken
            if self._end - self._begin >= limit:
                raise broken(f"its head is longer than {limit} bytes")
            if not self._fill(deadline):
                raise self._lost("the server closed it")

    def read_head(self, deadline: Deadline, body: bool = True) -> None:
        """Status and headers, whose names are in lower case. `body`: the reply may have one."""
        for _ in range(_MAX_INTERIM_REPLIES):
            self._take_head(self._take_until(b"\r\n\r\n", _BUFFER_BYTES, deadline))
            if self.status >= 200:
                break
        else:
            raise broken("it announces replies and sends none")
        self._expect_body(body and self.status not in (204, 304))

    def _take_head(self, head: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        status = _STATUS_LINE.fullmatch(first)
        if status is None:
            raise broken("it is not HTTP/1.1; a port that speaks gRPC has a URL that begins with grpc://")
        self.status = int(status[2])
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon:
                raise broken("a header has no name")
            key = name.lower()
            if key in headers and key in _SINGLE:
                raise broken(f"the header {key} comes twice")
            headers[key] = value.strip(" \t")
        self.headers = headers
        connection = headers.get("connection", "").lower()
        if "close" in connection or (status[1] == "0" and "keep-alive" not in connection):
            self.reusable = False

    def _expect_body(self, may_have_one: bool) -> None:
        self._body_bytes = 0
        self._chunked = False
        length = self.headers.get("content-length")
        coding = self.headers.get("transfer-encoding")
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            raise broken(f"it is encoded as {self.headers['content-encoding']!r}, which nobody asked for")
        if not may_have_one:
            self._left = 0
        elif coding is not None:
            if coding.lower() != "chunked" or length is not None:
                raise broken(f"it has the transfer encoding {coding!r}")
            self._chunked, self._left = True, 0
            self._within_chunks = False
        elif length is not None:
            if not _SIZE.fullmatch(length):
                raise broken(f"it has the length {length!r}")
            self._left = int(length)
            # Of a refusal no more is read than a person wants.
            if self.status == 200:
                self._count(self._left)
        else:
            self._left = None
            self.reusable = False

    def _count(self, more: int) -> None:
        self._body_bytes += more
        if self._body_bytes > self._max_reply_bytes:
            raise ResourceExhausted(
                f"the server's answer has more than {self._max_reply_bytes} bytes; max_reply_bytes is the limit"
            )

    def _chunk(self, deadline: Deadline) -> bool:
        """The next chunk; False after the last one."""
        if self._within_chunks and self._take_until(b"\r\n", _MAX_LINE_BYTES, deadline):
            raise broken("a chunk is longer than it says")
        self._within_chunks = True
        size = _CHUNK_SIZE.fullmatch(self._take_until(b"\r\n", _MAX_LINE_BYTES, deadline))
        if size is None:
            raise broken("a chunk has no size")
        self._left = int(size[1], 16)
        self._count(self._left)
        if self._left:
            return True
        trailers = 0
        while line := self._take_until(b"\r\n", _BUFFER_BYTES, deadline):
            trailers += len(line)
            if trailers > _BUFFER_BYTES:
                raise broken("its trailers have no end")
        self._chunked = False
        return False

    def read_some(self, view: memoryview, deadline: Deadline) -> int:
        """Some of the body into `view`, which is not empty; 0 = that was all."""
        if self._left == 0 and not (self._chunked and self._chunk(deadline)):
            return 0
        most = len(view) if self._left is None else min(len(view), self._left)
        buffered = self._end - self._begin
        if buffered == 0 and most < _BUFFER_BYTES:
            buffered = self._fill(deadline)
            if buffered == 0:
                return self._ended()
        if buffered:
            count = min(most, buffered)
            view[:count] = self._view[self._begin : self._begin + count]
            self._begin += count
        else:
            count = self._receive(view[:most], deadline)
            if count == 0:
                return self._ended()
        if self._left is None:
            self._count(count)
        else:
            self._left -= count
        return count

    def _ended(self) -> int:
        if self._left is not None:
            raise self._lost("the server closed it within the body")
        self._left = 0
        return 0

    def expect(self, size: int) -> None:
        """Before memory is taken for so much of the body: raises where it cannot come."""
        if self._left is not None and not self._chunked and size > self._left:
            raise broken(f"its body ends {size - self._left} bytes too early")
        if size > self._max_reply_bytes:
            self._count(size)

    def read_into(self, view: memoryview, deadline: Deadline) -> None:
        """Fills `view` from the body. Raises where the body is shorter."""
        at = 0
        while at < len(view):
            count = self.read_some(view[at:], deadline)
            if count == 0:
                raise broken(f"its body ends {len(view) - at} bytes too early")
            at += count

    def read_rest(self, deadline: Deadline) -> bytes:
        """What is left of the body."""
        if self._left is not None and not self._chunked:
            whole = bytearray(self._left)
            self.read_into(memoryview(whole), deadline)
            return bytes(whole)
        parts: list[bytes] = []
        piece = bytearray(_BUFFER_BYTES)
        while count := self.read_some(memoryview(piece), deadline):
            parts.append(bytes(piece[:count]))
        return b"".join(parts)

    def leave(self) -> None:
        """Nobody reads the rest of the body; nothing else can come on this connection."""
        self._left, self._chunked = 0, False
        self.reusable = False

    def finish(self, deadline: Deadline) -> None:
        """Insists that the body is over."""
        over = self._left == 0 and not self._chunked
        if not over and self.read_some(memoryview(bytearray(1)), deadline):
            raise broken("its body is longer than its tensors")
