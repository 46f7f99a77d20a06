# SPDX-License-Identifier: Apache-2.0
"""Servers that Muster's queue is compared with, each a process group of its own that is stopped while others are measured, and
a client that costs little: one loop over all connections, with a request that was put together beforehand."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import os
import pathlib
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import numpy
from figures import ROOT, Figures

HERE = pathlib.Path(__file__).parent
PYTHON = ROOT / ".deps" / "contenders" / "bin" / "python"
MODEL = ROOT / "models" / "lenet" / "1" / "model.onnx"
READY_WITHIN_S = 60
ANSWER_WITHIN_S = 20


def _request(path: str, body: bytes, kind: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class _Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answer = b""

    def answered(self) -> bool:
        """Whether what has come now ends an answer. Anything but a 200 ends the measurement."""
        self._answer += self.socket.recv(65536)
        end = self._answer.find(b"\r\n\r\n")
        if end < 0:
            if not self._answer:
                raise ConnectionError("a server closed its connection")
            return False
        if not self._answer.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(f"a server answered: {self._answer[:300]!r}")
        head = self._answer[:end].lower()
        at = head.index(b"content-length:") + len(b"content-length:")
        length = int(head[at:].split(b"\r\n", 1)[0])
        if len(self._answer) < end + 4 + length:
            return False
        self._answer = b""
        return True


def _processor_time(group: int) -> float:
    """Seconds, of all processes of a group."""
    ticks = 0
    for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parts = entry.read_text().rpartition(")")[2].split()
            if int(parts[2]) == group:
                ticks += int(parts[11]) + int(parts[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass
class Contender:
    name: str
    port: int
    process: subprocess.Popen[bytes]
    request: bytes

    def ask(self, connections: int, seconds: float) -> Figures:
        """So many connections, each of which asks again when it is answered."""
        os.killpg(self.process.pid, signal.SIGCONT)
        try:
            return self._ask(connections, seconds)
        finally:
            os.killpg(self.process.pid, signal.SIGSTOP)

    def _ask(self, connections: int, seconds: float) -> Figures:
        used = self._used()
        with contextlib.ExitStack() as stack, select.epoll() as poll:
            by_file: dict[int, _Connection] = {}
            for _ in range(connections):
                connection = _Connection(self.port)
                stack.callback(connection.socket.close)
                by_file[connection.socket.fileno()] = connection
                poll.register(connection.socket, select.EPOLLIN)
            begun = time.perf_counter()
            end, answers, waiting = begun + seconds, 0, connections
            for connection in by_file.values():
                connection.socket.sendall(self.request)
            while waiting > 0:
                ready = poll.poll(ANSWER_WITHIN_S)
                if not ready:
                    raise TimeoutError(f"{self.name} has not answered for {ANSWER_WITHIN_S} s")
                now = time.perf_counter()
                for file, _ in ready:
                    connection = by_file[file]
                    if not connection.answered():
                        continue
                    answers += 1
                    if now < end:
                        connection.socket.sendall(self.request)
                    else:
                        waiting -= 1
            wall = time.perf_counter() - begun
        return {"items_per_s": answers / wall, "cpu_us_per_item": (self._used() - used) / answers * 1e6}

    def _used(self) -> float:
        own = resource.getrusage(resource.RUSAGE_SELF)
        return own.ru_utime + own.ru_stime + _processor_time(self.process.pid)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(name: str, command: Sequence[str], port: int, request: bytes, stack: contextlib.ExitStack) -> Contender:
    environment = {**os.environ, "LENET": str(MODEL)}
    environment.pop("PYTHONPATH", None)
    log = stack.enter_context((ROOT / "build" / f"bench-{name}.log").open("wb"))
    process = subprocess.Popen(
        [str(PYTHON), *command], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )

    def end() -> None:
        for number in (signal.SIGCONT, signal.SIGTERM):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    stack.callback(end)
    contender = Contender(name, port, process, request)
    give_up = time.monotonic() + READY_WITHIN_S
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended with {process.returncode}; see build/bench-{name}.log")
        try:
            contender._ask(1, 0)
            break
        except (OSError, ValueError):
            if time.monotonic() > give_up:
                raise
            time.sleep(0.2)
    os.killpg(process.pid, signal.SIGSTOP)
    return contender


@contextlib.contextmanager
def start_servers() -> Iterator[list[Contender]]:
    """Those that tools/setup has fetched, ready and stopped."""
    if not PYTHON.exists():
        print("muster bench: LitServe and Mosec are not in .deps/contenders: they are left out", file=sys.stderr)
        yield []
        return
    row = numpy.random.default_rng(1).random((1, 28, 28), numpy.float32)
    encoded = json.dumps({"row": base64.b64encode(row.tobytes()).decode()}).encode()
    with contextlib.ExitStack() as stack:
        port = _free_port()
        command = [str(HERE / "servers" / "litserve_lenet.py"), str(port), str(MODEL)]
        litserve = _start("litserve", command, port, _request("/predict", encoded, "application/json"), stack)
        port = _free_port()
        command = [str(HERE / "servers" / "mosec_lenet.py"), "--address", "127.0.0.1", "--port", str(port), "--log-level", "error"]
        command += ["--capacity", "4096"]
        mosec = _start("mosec", command, port, _request("/inference", row.tobytes(), "application/octet-stream"), stack)
        yield [litserve, mosec]
