# SPDX-License-Identifier: Apache-2.0
"""The client of one server, or of several that serve the same models."""

from __future__ import annotations

import atexit
import functools
import itertools
import json
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

from muster._types import ClassScore
from muster.client import asking
from muster.client.transports.address import make_access, parse_url
from muster.client.calls import (
    IndexEntry,
    InferCall,
    InferReply,
    ModelMetadata,
    Outputs,
    Parameter,
    ServerMetadata,
    Transport,
)
from muster.client.transports.connection import NotReached
from muster.client.datatypes import broken, finished
from muster.client.deadline import Deadline, checked_seconds
from muster.client.transports.grpc_transport import GrpcTransport
from muster.client.transports.http_transport import HttpTransport
from muster.client.pictures import Picture, files_of
from muster.client.replies import class_scores, index_entries, model_metadata, server_metadata
from muster.client.scatter import LANES, Servers, row_bytes_of, rows_of, scatter
from muster.client.shared_memory import SharedMemory, SharedTensor
from muster.client.workers import ClientFuture, Workers
from muster.errors import Closed, DeadlineExceeded, InvalidArgument, NotFound, Unavailable

T = TypeVar("T")

MAX_URLS = 256
MAX_CONNECTIONS = 1024
# Of a call of `classify`, as servers take them by default.
_MAX_PICTURES = 256

_clients: weakref.WeakSet[Client] = weakref.WeakSet()


class Client:
    """Asks servers of the Open Inference Protocol (KServe v2), Muster's or others, with numpy arrays in and out.

    `url` is ``http://HOST:PORT``, ``https://HOST:PORT``, ``unix:PATH`` (HTTP over a Unix-domain socket),
    ``grpc://HOST:PORT``, ``grpcs://HOST:PORT`` or ``grpc+unix:PATH`` (gRPC, with the package grpcio), or a list of
    them: servers that serve the same models, over which calls and the rows of large ones are spread.

    `timeout` is how many seconds a call may take from its beginning to its end, where the call does not say; None =
    no limit. `token` is sent as a bearer token, `headers` with every request. `ca_file` holds the authorities that
    TLS trusts (None: the system's), `cert_file` and `key_file` what the client shows of itself, all of them PEM. At
    most `connections` requests are under way at once to each server over HTTP; more threads wait. An answer has at
    most `max_reply_bytes`.

    Any thread may call. Connections are kept, opened anew where the server has closed them, and not shared with a
    forked child, which opens its own (over gRPC it cannot, and every call raises ``FailedPrecondition``). Every
    failure is a ``muster.Error``: ``Unavailable`` where nobody answers or the server refuses for now,
    ``DeadlineExceeded`` where the time was over, and what the server says by its code.
    """

    def __init__(
        self,
        url: str | Sequence[str],
        *,
        timeout: float | None = 60.0,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        ca_file: str | None = None,
        cert_file: str | None = None,
        key_file: str | None = None,
        connections: int = 32,
        max_reply_bytes: int = 1 << 30,
        max_request_bytes: int = 32 << 20,
    ) -> None:
        self._closed = True  # until it is open
        urls = [url] if isinstance(url, str) or not isinstance(url, Iterable) else list(url)
        if not 0 < len(urls) <= MAX_URLS:
            raise InvalidArgument(f"a client has 1 to {MAX_URLS} URLs, not {len(urls)}")
        self._timeout = checked_seconds("timeout", timeout)
        limits = {
            "connections": connections,
            "max_reply_bytes": max_reply_bytes,
            "max_request_bytes": max_request_bytes,
        }
        for name, limit in limits.items():
            if isinstance(limit, bool) or not isinstance(limit, int) or limit <= 0:
                raise InvalidArgument(f"{name} is {limit!r}; it must be a whole number above 0")
        if connections > MAX_CONNECTIONS:
            raise InvalidArgument(f"connections is {connections}; {MAX_CONNECTIONS} are the most")
        access = make_access(token, headers, ca_file, cert_file, key_file)
        self._max_request_bytes = max_request_bytes
        self._transports: list[Transport] = []
        for address in [parse_url(each) for each in urls]:
            if address.transport == "http":
                self._transports.append(HttpTransport(address, access, connections, max_reply_bytes))
            else:
                self._transports.append(GrpcTransport(address, access, max_reply_bytes))
        self._turn = itertools.count()
        self._workers = Workers(connections * len(urls), "call")
        # Of their own: what waits for parts must not stand in their way.
        self._part_workers = Workers(LANES * len(urls) * 8, "part")
        self._known = asking.KnownModels(self._metadata, self._config)
        self._lock = threading.Lock()
        self._closed = False
        _clients.add(self)

    # ---- inference ----

    def run(
        self,
        model: str,
        *inputs: object,
        outputs: str | Iterable[str] | Mapping[str, SharedTensor | None] | None = None,
        version: int | str = 0,
        timeout: float | None = None,
        priority: int = 0,
        request_id: str = "",
        classes: Mapping[str, int] | None = None,
        queue_timeout: float | None = None,
        parameters: Mapping[str, Parameter] | None = None,
        rows_per_request: int | None = None,
    ) -> Outputs:
        """Runs a model and returns its outputs by name.

        `inputs` is a dictionary of arrays by name, or arrays in the order of the model's inputs. An array keeps its
        dtype, which must be the input's; bytes and str travel as BYTES, bfloat16 as uint16, its bits, or as an array
        of ml_dtypes. Lists and plain numbers get the input's dtype. What is not contiguous or not little-endian is
        copied first. A ``SharedTensor`` does not travel. Inputs must not change before the call returns.

        Outputs are arrays of their own, which may be written: BYTES as objects of bytes, bfloat16 as uint16.

        Args:
            outputs: names of the outputs wanted, None for all. A dictionary gives each the ``SharedTensor`` that it is
                written to.
            version: of the model; 0 = the newest that is served.
            timeout: seconds that the call may take; None = the client's.
            priority: 1 goes first, 0 is the model's default.
            request_id: comes back with the outputs, and stands in the server's logs.
            classes: outputs that become classes: name -> how many. ``Outputs.classes`` reads them.
            queue_timeout: seconds that the request may wait in the server before it is refused (``Unavailable``).
            parameters: others, for the server.
            rows_per_request: how many rows one request has at most. None: the model's ``max_batch_size``, as many as
                `max_request_bytes` hold, and an even share for each server where there are several. 0: the call is one
                request, whatever it has.

        Raises:
            WrongType: an array whose dtype does not travel.
            InvalidArgument: names, shapes, dtypes and values that the model does not take.
            NotFound: no such model or version.
            Error: all else; where a part of a call failed, its message begins with the part's rows, and ``.rows`` has
                them.
        """
        deadline = self._deadline(timeout)
        call = asking.infer_call(self._known, model, inputs, deadline, outputs, version, request_id, classes)
        call.parameters = asking.request_parameters(parameters, priority, queue_timeout)
        reply = self._infer(call, rows_per_request, deadline)
        names = [output.name for output in reply.outputs]
        if len(set(names)) != len(names):
            raise broken("an output comes twice")
        arrays = {output.name: finished(output.array) if output.raw else output.array for output in reply.outputs}
        return Outputs(arrays, reply)

    def submit(self, model: str, *inputs: object, **options: Any) -> ClientFuture[Outputs]:
        """``run`` on another thread; takes what it takes. The future's result is what it returns, and a coroutine can
        await it.

        At most `connections` calls run at once for each server; more wait their turn, which counts as a part of their
        timeout. The inputs must not change before the future is done.
        """
        self._check_open()
        # Counts from now on.
        options["timeout"] = self._deadline(options.get("timeout"))
        return self._workers.submit(lambda: self.run(model, *inputs, **options))

    def _infer(self, call: InferCall, rows_per_request: int | None, deadline: Deadline) -> InferReply:
        rows = rows_of(call)
        each = self._rows_each(call, rows, rows_per_request, deadline)
        try:
            if not each or rows <= each:
                return self._ask_one(lambda transport: transport.infer(call, deadline))
            return scatter(
                call,
                rows,
                each,
                Servers(len(self._transports), next(self._turn)),
                self._part_workers,
                lambda part, server: self._ask_one(lambda transport: transport.infer(part, deadline), server),
            )
        except (InvalidArgument, NotFound) as error:
            # What was known of the model may be why.
            self._known.forget(call.model, call.version)
            wrong = asking.wrong_type(self._known, call, deadline) if type(error) is InvalidArgument else None
            if wrong is None:
                raise
            raise wrong from error

    def _rows_each(self, call: InferCall, rows: int, wanted: int | None, deadline: Deadline) -> int:
        """Rows of a request at most; 0 = all."""
        if wanted is not None:
            if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted < 0:
                raise InvalidArgument(
                    f"rows_per_request is {wanted!r}; it must be a whole number of rows, or 0 for all"
                )
            if wanted and not rows:
                raise InvalidArgument(
                    "rows_per_request needs inputs with one and the same number of rows, none of them in shared memory"
                )
            return wanted
        if rows < 2:
            return 0
        most = self._known.max_batch_size(call.model, call.version, deadline)
        if most <= 0:
            return 0
        by_bytes = max(1, self._max_request_bytes // max(1, row_bytes_of(call, rows)))
        return min(most, by_bytes, -(-rows // len(self._transports)))

    # ---- asking ----

    def _check_open(self) -> None:
        if self._closed:
            raise Closed("this client was closed")

    def _deadline(self, timeout: object) -> Deadline:
        self._check_open()
        if isinstance(timeout, Deadline):
            return timeout
        seconds = checked_seconds("timeout", timeout)
        return Deadline(self._timeout if seconds is None else seconds)

    def _ask_one(self, ask: Callable[[Transport], T], first: int | None = None) -> T:
        """The server whose turn it is, or the next one where that is not there."""
        self._check_open()
        count = len(self._transports)
        begin = (next(self._turn) if first is None else first) % count
        for step in range(count):
            try:
                return ask(self._transports[(begin + step) % count])
            except NotReached:
                if step == count - 1:
                    raise
        raise AssertionError("there is no server")

    def _ask_all(self, ask: Callable[[Transport], T]) -> list[T]:
        self._check_open()
        return [ask(transport) for transport in self._transports]

    def _metadata(self, model: str, version: str, deadline: Deadline) -> ModelMetadata:
        asked = {"model": model, "version": version}
        return model_metadata(self._ask_one(lambda transport: transport.ask("model_metadata", asked, deadline)))

    def _config(self, model: str, version: str, deadline: Deadline) -> dict[str, Any]:
        asked = {"model": model, "version": version}
        return self._ask_one(lambda transport: transport.ask("config", asked, deadline))

    # ---- health and description ----

    def live(self, *, timeout: float | None = None) -> bool:
        """Whether every server runs. False where one does not answer."""
        return self._is_up("live", "", "", timeout)

    def ready(self, model: str | None = None, version: int | str = 0, *, timeout: float | None = None) -> bool:
        """Whether every server can answer, or has this model ready. False where one does not answer."""
        if model is None:
            return self._is_up("ready", "", "", timeout)
        return self._is_up("model", asking.checked_model(model), asking.checked_version(version), timeout)

    def _is_up(self, what: str, model: str, version: str, timeout: float | None) -> bool:
        deadline = self._deadline(timeout)
        try:
            return all(self._ask_all(lambda transport: transport.is_up(what, model, version, deadline)))
        except Closed:
            raise
        except (Unavailable, DeadlineExceeded):
            return False

    def server_metadata(self, *, timeout: float | None = None) -> ServerMetadata:
        """Name, version and extensions of the server (of several: of one that answers)."""
        deadline = self._deadline(timeout)
        return server_metadata(self._ask_one(lambda transport: transport.ask("server_metadata", {}, deadline)))

    def metadata(self, model: str, version: int | str = 0, *, timeout: float | None = None) -> ModelMetadata:
        """A model's inputs and outputs, with their datatypes and shapes. Raises ``NotFound``."""
        deadline = self._deadline(timeout)
        return self._metadata(asking.checked_model(model), asking.checked_version(version), deadline)

    def config(self, model: str, version: int | str = 0, *, timeout: float | None = None) -> dict[str, Any]:
        """A model's configuration, under the names of config.pbtxt. ``Unimplemented`` or ``NotFound`` where a server
        has none.
        """
        deadline = self._deadline(timeout)
        return self._config(asking.checked_model(model), asking.checked_version(version), deadline)

    def statistics(
        self, model: str | None = None, version: int | str = 0, *, timeout: float | None = None
    ) -> list[dict[str, Any]]:
        """Counts and durations (nanoseconds) of each version of a model, or of all models; of several servers, of
        each of them.
        """
        deadline = self._deadline(timeout)
        asked = {
            "model": asking.checked_model(model) if model is not None else "",
            "version": asking.checked_version(version),
        }
        answers = self._ask_all(lambda transport: transport.ask("statistics", asked, deadline))
        return [entry for answer in answers for entry in answer.get("model_stats", [])]

    # ---- repository ----

    def index(self, *, ready_only: bool = False, timeout: float | None = None) -> list[IndexEntry]:
        """Every model that a server has found, or those that answer; of several servers, of one that answers."""
        deadline = self._deadline(timeout)
        asked = {"ready": bool(ready_only)}
        return index_entries(self._ask_one(lambda transport: transport.ask("index", asked, deadline)))

    def load(self, model: str, config: str | Mapping[str, Any] | None = None, *, timeout: float | None = None) -> None:
        """Loads a model, or loads it anew, on every server; returns when it is ready. `config` stands above its
        config.pbtxt.
        """
        deadline = self._deadline(timeout)
        if config is not None and not isinstance(config, str):
            try:
                config = json.dumps(dict(config))
            except (TypeError, ValueError) as error:
                raise InvalidArgument(f"the configuration of '{model}' has no JSON: {error}") from error
        self._change("load", {"model": asking.checked_model(model), "config": config}, deadline)

    def unload(self, model: str, *, timeout: float | None = None) -> None:
        """Unloads a model on every server. It answers what it has accepted; unloading what is not loaded is no error."""
        self._change("unload", {"model": asking.checked_model(model)}, self._deadline(timeout))

    def _change(self, what: str, asked: Mapping[str, Any], deadline: Deadline) -> None:
        try:
            self._ask_all(lambda transport: transport.ask(what, asked, deadline))
        finally:
            self._known.forget(asked["model"])

    # ---- shared memory ----

    def share(self, byte_size: int, *, timeout: float | None = None) -> SharedMemory:
        """Memory that the servers on this machine read inputs from and write outputs to, so that tensors do not travel.

            with client.share(2 * images.nbytes) as memory:
                tensor = memory.tensor(images.dtype, images.shape)
                tensor.array[:] = images
                client.run("resnet", {"images": tensor})

        Servers must allow it (Muster: ``--shared-memory``, and the right ``admin``).
        """
        self._check_open()
        return SharedMemory(
            byte_size,
            lambda name, key, size: self.register_shared_memory(name, key, size, timeout=timeout),
            lambda name: self.unregister_shared_memory(name, timeout=timeout),
        )

    def register_shared_memory(
        self, name: str, key: str, byte_size: int, offset: int = 0, *, timeout: float | None = None
    ) -> None:
        """Tells every server of POSIX shared memory that exists: `key` is its name there ("/frames")."""
        asked = {"name": name, "key": key, "byte_size": byte_size, "offset": offset}
        for what in ("byte_size", "offset"):
            size = asked[what]
            if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 1 << 63:
                raise InvalidArgument(f"{what} is {size!r}; it must be a number of bytes")
        for what in ("name", "key"):
            if not isinstance(asked[what], str) or not asked[what]:
                raise InvalidArgument(f"{what} is {asked[what]!r}; it must be a text")
        deadline = self._deadline(timeout)
        self._ask_all(lambda transport: transport.ask("register", asked, deadline))

    def unregister_shared_memory(self, name: str | None = None, *, timeout: float | None = None) -> None:
        """Makes every server forget a region, or all of them, of all clients."""
        deadline = self._deadline(timeout)
        self._ask_all(lambda transport: transport.ask("unregister", {"name": name}, deadline))

    def shared_memory(self, *, timeout: float | None = None) -> list[dict[str, Any]]:
        """The regions that servers know: name, key, offset and byte_size of each."""
        deadline = self._deadline(timeout)
        answers = self._ask_all(lambda transport: transport.ask("shared_memory", {}, deadline))
        return [entry for answer in answers for entry in answer.get("entries", [])]

    # ---- pictures ----

    def classify(
        self,
        model: str,
        pictures: Picture | Iterable[Picture],
        top_k: int = 1,
        *,
        version: int | str = 0,
        timeout: float | None = None,
    ) -> list[list[ClassScore]]:
        """The classes of pictures: a list for each, the most probable first. Muster's own call, over HTTP.

        A picture is the path of a PNG or JPEG, such a file's bytes, or a uint8 array [height, width] or [height,
        width, 3] in cv2's order (blue, green, red). The model's configuration says how pictures become its input.
        """
        deadline = self._deadline(timeout)
        name, version = asking.checked_model(model), asking.checked_version(version)
        if isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1:
            raise InvalidArgument(f"top_k is {top_k!r}; it must be a whole number above 0")
        files = files_of(pictures)
        scores: list[list[ClassScore]] = []
        for group in asking.groups(files, _MAX_PICTURES, self._max_request_bytes):
            ask = functools.partial(
                _classify, model=name, version=version, pictures=group, top_k=top_k, deadline=deadline
            )
            answer = self._ask_one(ask)
            if len(answer) != len(group):
                raise broken(f"it has {len(answer)} pictures; {len(group)} were asked for")
            scores += [class_scores(classes) for classes in answer]
        return scores

    # ---- its end ----

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._closed

    def close(self) -> None:
        """Closes all connections. Calls that are under way, and those that wait, raise ``Closed`` or are cancelled."""
        if self._closed:
            return
        self._closed = True
        self._workers.close()
        self._part_workers.close()
        for transport in self._transports:
            transport.close()

    def __enter__(self) -> Client:
        self._check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Client:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            self.close()

    def __repr__(self) -> str:
        urls = ", ".join(repr(transport.url) for transport in self._transports)
        return f"<muster.Client {urls}{' closed' if self._closed else ''}>"


def _classify(transport: Transport, **asked: Any) -> list[list[dict[str, Any]]]:
    return transport.classify(**asked)


@atexit.register
def _close_all() -> None:
    for client in list(_clients):
        client.close()
