# SPDX-License-Identifier: Apache-2.0
"""One connection to an HTTP server, byte by byte, without an HTTP library that would correct what it sends or reads."""

import dataclasses
import socket

LIMIT_S = 60
HEALTH = b"GET /v2/health/live HTTP/1.1\r\nHost: muster\r\n\r\n"


class NoReply(Exception):
    """The server closed the connection before a whole reply had come."""


@dataclasses.dataclass
class Reply:
    status: int
    headers: list  # (name in lower case, value)
    body: bytes

    def values(self, name):
        return [value for header, value in self.headers if header == name.lower()]


class Connection:
    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), timeout=LIMIT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self._ended = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._socket.close()

    def send(self, packets, then_hang_up=False):
        """A server that has heard enough may close while we still talk; its reply counts."""
        try:
            for packet in packets:
                self._socket.sendall(packet)
            if then_hang_up:
                self._socket.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def _more(self):
        """Reads what comes next; False at the end."""
        if self._ended:
            return False
        try:
            chunk = self._socket.recv(1 << 16)
        except ConnectionResetError:
            chunk = b""
        self._ended = not chunk
        self._received += chunk
        return bool(chunk)

    def _until(self, mark):
        while mark not in self._received:
            if not self._more():
                raise NoReply(f"the connection ended after {self._received[:200]!r}")
        found, self._received = self._received.split(mark, 1)
        return found

    def _exactly(self, size):
        while len(self._received) < size:
            if not self._more():
                raise NoReply(f"the connection ended {size - len(self._received)} bytes early")
        found, self._received = self._received[:size], self._received[size:]
        return found

    def _chunks(self):
        body = b""
        while size := int(self._until(b"\r\n").split(b";")[0], 16):
            body += self._exactly(size)
            assert self._exactly(2) == b"\r\n"
        while self._until(b"\r\n"):
            pass
        return body

    def receive(self, method="GET"):
        """The next reply, also an interim one (1xx)."""
        head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = int(head[0].split(" ")[1])
        headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in head[1:])]
        reply = Reply(status, headers, b"")
        if status < 200 or status in (204, 304) or method == "HEAD":
            return reply
        if "chunked" in reply.values("transfer-encoding"):
            reply.body = self._chunks()
        elif reply.values("content-length"):
            reply.body = self._exactly(int(reply.values("content-length")[0]))
        else:
            while self._more():
                pass
            reply.body, self._received = self._received, b""
        return reply

    def drain(self):
        """Reads to the end, whatever comes."""
        while self._more():
            self._received = b""

    def is_closed(self):
        """Whether the server ends the connection by itself, with nothing left to say."""
        return not self._received and not self._more()

    def is_healthy(self):
        self.send([HEALTH])
        try:
            return self.receive().status == 200
        except (NoReply, OSError):
            return False
