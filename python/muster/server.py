# SPDX-License-Identifier: Apache-2.0
"""A server of one's own, for tests and notebooks: the program ``muster serve`` as a child of this process.

with muster.Server("models") as server, server.client() as client:
    scores = client.run("lenet", images)["scores"]
"""

from __future__ import annotations

import atexit
import collections
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from muster import _program
from muster.errors import (
    Closed,
    DeadlineExceeded,
    FailedPrecondition,
    InternalError,
    InvalidArgument,
    NotFound,
    WrongType,
)

if TYPE_CHECKING:
    from muster.client import Client

MAX_LOG_LINES = 10_000

_LISTENER = re.compile(r"^muster: (http|grpc|metrics) (unix:)?(\S+)$")
_READY = re.compile(r"^muster: ready\b")
_MODEL_FILES = ("model.onnx", "model.xml", "model.plan", "model.script")
# What belongs to a model file and lies beside it, by the names that exporters give.
_BESIDE = ("{name}.data", "{name}_data", "{stem}.bin")
# A socket's path has 107 bytes, ".grpc" included.
_MAX_SOCKET_PATH = 100

# Asks the kernel for SIGTERM when the parent ends, and becomes the program. `subprocess` could call that itself between
# fork and exec, where a process of many threads may get stuck.
_BECOME = """\
import ctypes, os, signal, sys
parent, changes, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
if os.getppid() != parent:
    os._exit(1)
for change in command[:changes]:
    name, _, value = change.partition("=")
    os.environ[name] = value
os.execv(command[changes], ["muster", *command[changes + 1:]])
"""

_servers: weakref.WeakSet[Server] = weakref.WeakSet()


def _is_model(folder: pathlib.Path) -> bool:
    if any((folder / name).is_file() for name in ("config.pbtxt", *_MODEL_FILES)):
        return True
    return any(version.name.isdecimal() and version.is_dir() for version in folder.iterdir())


class _Repositories:
    """What of the given models the program is told: folders of models, and the names to load from them; None = all."""

    def __init__(self, models: Sequence[str | os.PathLike[str]], scratch: pathlib.Path) -> None:
        self.folders: list[pathlib.Path] = []
        self.names: list[str] | None = None
        whole: list[pathlib.Path] = []
        single: list[pathlib.Path] = []
        for model in models:
            path = pathlib.Path(model).resolve()
            if path.is_file():
                single.append(self._folder_of(path, scratch))
            elif not path.is_dir():
                raise NotFound(f"there is no model and no folder of models at {model}")
            else:
                (single if _is_model(path) else whole).append(path)
        if whole and single:
            raise InvalidArgument(
                f"{whole[0]} is a folder of models, and {single[0]} is a model: give either the one or the other"
            )
        self.folders = whole or list(dict.fromkeys(path.parent for path in single))
        if single:
            self.names = [path.name for path in single]

    @staticmethod
    def _folder_of(file: pathlib.Path, scratch: pathlib.Path) -> pathlib.Path:
        """The model folder of a model file; one is made where it has none. Files are linked where that is possible."""
        if file.name in _MODEL_FILES:
            return file.parent.parent if file.parent.name.isdecimal() else file.parent
        if f"model{file.suffix}" not in _MODEL_FILES:
            raise InvalidArgument(f"{file} is no model: a model file ends in .onnx, .xml, .plan or .script")
        folder = scratch / "models" / re.sub(r"[^\w.-]", "_", file.stem, flags=re.ASCII).lstrip(".")
        place = folder / "1"
        if place.exists():
            raise InvalidArgument(f"two models have the name {folder.name}")
        place.mkdir(parents=True)
        _link(file, place / f"model{file.suffix}")
        for pattern in _BESIDE:
            beside = file.with_name(pattern.format(name=file.name, stem=file.stem))
            if beside.is_file():
                # A network names its weights; those of an OpenVINO model have the name of its description.
                _link(beside, place / ("model.bin" if beside.suffix == ".bin" else beside.name))
        return folder


def _link(file: pathlib.Path, to: pathlib.Path) -> None:
    try:
        os.link(file, to)
    except OSError:
        shutil.copyfile(file, to)


def _flags(given: Mapping[str, object]) -> list[str]:
    """``http_threads=2`` as ``--http-threads=2``; a list is a flag for each, None none."""
    flags: list[str] = []
    for name, value in given.items():
        flag = "--" + name.replace("_", "-")
        for each in value if isinstance(value, list | tuple) else [value]:
            if isinstance(each, bool):
                flags.append(f"{flag}={'true' if each else 'false'}")
            elif isinstance(each, str | int | float | os.PathLike):
                flags.append(f"{flag}={os.fspath(each) if isinstance(each, os.PathLike) else each}")
            elif each is not None:
                raise WrongType(
                    f"{name} is a {type(each).__name__}; a flag is a text, a number, a path, a bool or a list of them"
                )
    return flags


class _Child:
    """The program, all that it prints, and its end. A thread of its own starts it and lives as long: the kernel takes
    that thread for the parent, and whoever made the server may be gone before it is stopped.
    """

    def __init__(self, command: list[str]) -> None:
        self._changed = threading.Condition()
        self._lines: collections.deque[str] = collections.deque(maxlen=MAX_LOG_LINES)
        self._dropped = 0
        self._process: subprocess.Popen[str] | None = None
        self._failure: BaseException | None = None
        self._abandoned = False
        self.listeners: dict[str, str] = {}
        self.ready = False
        self.status: int | None = None
        self._thread = threading.Thread(target=self._live, args=(command,), name="muster-server", daemon=True)
        self._thread.start()
        try:
            with self._changed:
                self._changed.wait_for(lambda: self._process is not None or self._failure is not None)
        except BaseException:
            self._abandoned = True
            raise
        if self._failure is not None:
            raise FailedPrecondition(f"the program cannot be started: {self._failure}") from self._failure

    def _live(self, command: list[str]) -> None:
        try:
            # A session of its own: Ctrl-C in a terminal or a notebook is for this process, which then stops the server.
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
        except BaseException as error:
            with self._changed:
                self._failure = error
                self._changed.notify_all()
            return
        with self._changed:
            self._process = process
            self._changed.notify_all()
        if self._abandoned:
            process.kill()
        assert process.stdout is not None
        for line in process.stdout:
            self._take(line.rstrip("\n"))
        # Not taken away yet: until `status` is there, nobody else can have its number.
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        process.stdout.close()
        with self._changed:
            self.status = process.wait()
            self._changed.notify_all()

    def _take(self, line: str) -> None:
        listener = _LISTENER.match(line)
        with self._changed:
            self._dropped += len(self._lines) == MAX_LOG_LINES
            self._lines.append(line)
            if listener:
                self.listeners.setdefault(listener[1] + ("+unix" if listener[2] else ""), listener[3])
            if _READY.match(line):
                self.ready = True
            if listener or self.ready:
                self._changed.notify_all()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        with self._changed:
            first = [f"({self._dropped} earlier lines are gone)"] if self._dropped else []
            return "\n".join([*first, *self._lines])

    def wait_ready(self, seconds: float) -> bool:
        """Until it is ready or has ended; False where neither happened in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.ready or self.status is not None, seconds)

    def wait_end(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.status is not None, seconds)

    def send(self, number: int) -> None:
        # Not to a process that is gone, whose number may be another's by now.
        with self._changed:
            if self.status is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, number)


class Server:
    """``muster serve`` on free ports of this machine, ready when the constructor returns.

    `models` is a folder of models (a repository), a model's folder or file, or a list of the latter two. What the
    program takes is given by name, ``Server("models", model_control="explicit", http_threads=2)``, or as `arguments`,
    as on its command line; ``muster serve --help`` lists it. A model that does not load ends the start, unless
    ``exit_on_error=False`` is given.

    It is stopped at the end of a ``with`` block, by ``stop``, at the exit of this process, and by the kernel where
    this process dies. What it prints is kept (the last 10,000 lines): ``log``.

    Raises:
        NotFound: there is no such folder or file.
        InvalidArgument: a flag that the program does not take, or a value.
        FailedPrecondition: it did not start; the message ends with what it printed.
        DeadlineExceeded: it was not ready after `startup_timeout` seconds; likewise.
    """

    def __init__(
        self,
        models: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        arguments: Sequence[str] = (),
        startup_timeout: float = 60.0,
        **flags: object,
    ) -> None:
        self._process = os.getpid()
        self._child: _Child | None = None
        self._stopped = False
        self._tls = any(re.match(r"--tls-cert(=|$)", word) for word in [*_flags(flags), *map(str, arguments)])
        program = str(_program.path())
        given = [models] if isinstance(models, str | os.PathLike) else list(models)
        if not given:
            raise InvalidArgument("there are no models: give a folder of models, or models")
        if not isinstance(startup_timeout, int | float) or not startup_timeout > 0:
            raise InvalidArgument(f"startup_timeout is {startup_timeout!r}; it must be a number of seconds above 0")
        self._scratch = pathlib.Path(tempfile.mkdtemp(prefix="muster-"))
        try:
            command = [program, "serve", *self._arguments(_Repositories(given, self._scratch), arguments, flags)]
            self._child = _Child(self._wrapped(command))
            _servers.add(self)
            self._await(min(float(startup_timeout), threading.TIMEOUT_MAX))
        except BaseException:
            self._end()
            raise

    def _arguments(self, models: _Repositories, arguments: Sequence[str], flags: Mapping[str, object]) -> list[str]:
        said = [*_flags(flags), *(str(argument) for argument in arguments)]
        names = {word.partition("=")[0] for word in said if word.startswith("--")}
        words = [f"--models={folder}" for folder in models.folders]
        for transport in ("http", "grpc", "metrics"):
            if f"--{transport}-port" not in names:
                words.append(f"--{transport}-port=0")
        socket = str(self._scratch / "socket")
        if "--unix-socket" not in names and len(os.fsencode(socket)) <= _MAX_SOCKET_PATH:
            words.append(f"--unix-socket={socket}")
        if "--exit-on-error" not in names:
            words.append("--exit-on-error")
        if models.names is not None:
            if "--model-control" in names or "--model-control-mode" in names:
                raise InvalidArgument(
                    "single models are loaded by name, so that model_control is explicit; give the folder they are in"
                )
            words += ["--model-control=explicit", *(f"--load-model={name}" for name in models.names)]
        return words + said

    @staticmethod
    def _wrapped(command: list[str]) -> list[str]:
        environment = _program.environment()
        changes = [f"{name}={value}" for name, value in environment.items() if os.environ.get(name) != value]
        python = sys.executable
        if not python:
            raise FailedPrecondition("sys.executable is not known, which starts the server")
        return [python, "-I", "-S", "-c", _BECOME, str(os.getpid()), str(len(changes)), *changes, *command]

    def _await(self, seconds: float) -> None:
        child = self._child
        assert child is not None
        in_time = child.wait_ready(seconds)
        if child.ready:
            return
        if not in_time:
            raise DeadlineExceeded(f"the server was not ready after {seconds:g} s; it printed:\n{child.log()}")
        message = f"the server did not start (status {child.status}); it printed:\n{child.log()}"
        raise InvalidArgument(message) if child.status == 2 else FailedPrecondition(message)

    # ---- where it is ----

    def _listener(self, name: str) -> str:
        child = self._child
        if child is None or self._stopped:
            raise Closed("this server was stopped")
        if name not in child.listeners:
            raise FailedPrecondition(
                f"this server has no listener for {name.partition('+')[0]}; it printed:\n{child.log()}"
            )
        host, _, port = child.listeners[name].rpartition(":")
        if name.endswith("+unix"):
            return child.listeners[name]
        # All addresses are no address to ask.
        return {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host) + ":" + port

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``, or https where the server has a certificate."""
        return f"{'https' if self._tls else 'http'}://{self._listener('http')}"

    @property
    def grpc_url(self) -> str:
        """``grpc://127.0.0.1:PORT``, or grpcs."""
        return f"{'grpcs' if self._tls else 'grpc'}://{self._listener('grpc')}"

    @property
    def unix_url(self) -> str:
        """``unix:PATH``: HTTP over a Unix-domain socket, which only this user may open."""
        return f"unix:{self._listener('http+unix')}"

    @property
    def grpc_unix_url(self) -> str:
        """``grpc+unix:PATH``."""
        return f"grpc+unix:{self._listener('grpc+unix')}"

    @property
    def metrics_url(self) -> str:
        """``http://127.0.0.1:PORT/metrics``, in the format of Prometheus."""
        return f"{'https' if self._tls else 'http'}://{self._listener('metrics')}/metrics"

    @property
    def pid(self) -> int:
        """The program's process."""
        if self._child is None:
            raise Closed("this server was stopped")
        return self._child.pid

    def client(self, transport: Literal["http", "grpc", "unix", "grpc+unix"] = "http", **options: Any) -> Client:
        """A ``muster.Client`` of this server, which is to be closed before it; takes what ``Client`` takes."""
        from muster.client import Client

        urls = {"http": "url", "grpc": "grpc_url", "unix": "unix_url", "grpc+unix": "grpc_unix_url"}
        if transport not in urls:
            raise InvalidArgument(f"transport is {transport!r}; it is one of {', '.join(urls)}")
        return Client(getattr(self, urls[transport]), **options)

    def log(self) -> str:
        """What the program has printed so far, lines of stdout and stderr as they came."""
        return "" if self._child is None else self._child.log()

    # ---- its end ----

    @property
    def running(self) -> bool:
        """Whether the program runs."""
        return self._child is not None and self._child.status is None and not self._stopped

    def stop(self, timeout: float = 10.0) -> None:
        """Stops the server: what it has accepted is answered, for at most `timeout` seconds, then it is killed. A
        second time nothing happens.

        Raises ``InternalError``, with what it printed, where it had not ended in order.
        """
        if self._stopped or self._process != os.getpid():
            return
        child = self._child
        assert child is not None
        had_ended = child.status is not None
        killed = self._end(timeout)
        if child.status != 0:
            how = "had ended by itself" if had_ended else "had to be killed" if killed else "ended"
            raise InternalError(f"the server {how} (status {child.status}); it printed:\n{child.log()}")

    def _end(self, timeout: float = 0.0) -> bool:
        """Whether it had to be killed."""
        killed = False
        self._stopped = True
        child = self._child
        if child is not None:
            try:
                child.send(signal.SIGTERM)
                killed = not child.wait_end(timeout)
            finally:
                child.send(signal.SIGKILL)
                child.wait_end(60.0)
        shutil.rmtree(self._scratch, ignore_errors=True)
        return killed

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        except InternalError:
            # Of two failures the first tells more; the log is still there.
            if kind is None:
                raise

    def __repr__(self) -> str:
        return f"<muster.Server {self.url if self.running else 'stopped'}>"


@atexit.register
def _stop_all() -> None:
    for server in list(_servers):
        with contextlib.suppress(InternalError):
            server.stop()
