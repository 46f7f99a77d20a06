# SPDX-License-Identifier: Apache-2.0
"""The protocol over HTTP/1.1: over TCP, TLS or a Unix-domain socket. Tensors travel in binary, where the server takes
that.
"""

from __future__ import annotations

import functools
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from muster.client.transports.address import Access, Address
from muster.client.calls import InferCall, InferReply, Input, Output, Wish
from muster.client.transports.connection import Connection, ConnectionLost
from muster.client.datatypes import (
    Buffer,
    allocate,
    broken,
    bytes_of,
    checked_shape,
    from_values,
    item_bytes,
    texts_from_wire,
    to_values,
)
from muster.client.deadline import Deadline
from muster.client.transports.pool import Pool
from muster.client.printable import printable
from muster.errors import Closed, DeadlineExceeded, Error, Unavailable, error_of

T = TypeVar("T")

_MAX_WORDS_BYTES = 1 << 20  # of a reply that is no answer
_BINARY = "binary_tensor_data"
_CODES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    413: "RESOURCE_EXHAUSTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def code_of(status: int) -> str:
    """gRPC's code for a status that is no success."""
    if status in _CODES:
        return _CODES[status]
    if 400 <= status < 500:
        return "INVALID_ARGUMENT"
    return "INTERNAL" if status >= 500 else "FAILED_PRECONDITION"


def parse_json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise broken(f"it has no JSON: {printable(str(error))}") from error


@functools.lru_cache(maxsize=1024)
def model_path(model: str, version: str = "") -> str:
    path = "/v2/models/" + quote(model, safe="")
    return f"{path}/versions/{quote(version, safe='')}" if version else path


# A name as JSON writes it. The same few come with every call.
_quoted = functools.lru_cache(maxsize=1024)(json.dumps)


def _input_json(tensor: Input, binary: bool) -> str:
    begin = f'{{"name":{_quoted(tensor.name)},"shape":{list(tensor.shape)},"datatype":"{tensor.datatype}"'
    if tensor.region is not None:
        return f'{begin},"parameters":{json.dumps(tensor.region.parameters())}}}'
    if binary:
        return f'{begin},"parameters":{{"binary_data_size":{len(tensor.wire)}}}}}'
    return f'{begin},"data":{json.dumps(to_values(tensor.name, tensor.array, tensor.datatype))}}}'


def _wish_json(wish: Wish) -> str:
    asked = wish.parameters()
    parameters = f',"parameters":{json.dumps(asked)}' if asked else ""
    return f'{{"name":{_quoted(wish.name)}{parameters}}}'


def _request_json(call: InferCall, binary: bool) -> bytes:
    """Written piece by piece, which takes half of the time that an encoder takes for the whole."""
    parts = []
    if call.request_id:
        parts.append(f'"id":{json.dumps(call.request_id)}')
    if call.parameters:
        asked = {**call.parameters, "binary_data_output": True} if binary else call.parameters
        parts.append(f'"parameters":{json.dumps(asked)}')
    elif binary:
        parts.append('"parameters":{"binary_data_output":true}')
    parts.append(f'"inputs":[{",".join([_input_json(tensor, binary) for tensor in call.inputs])}]')
    if call.wishes is not None:
        parts.append(f'"outputs":[{",".join([_wish_json(wish) for wish in call.wishes])}]')
    return f"{{{','.join(parts)}}}".encode()


def _multipart(pictures: Sequence[bytes]) -> tuple[str, list[bytes]]:
    """The Content-Type and the body of pictures. No picture has a boundary of 128 random bits in it."""
    boundary = "muster-" + secrets.token_hex(16)
    body: list[bytes] = []
    for number, picture in enumerate(pictures):
        body.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{number}"\r\n\r\n'.encode())
        body += (picture, b"\r\n")
    body.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", body


class HttpTransport:
    """See `Transport`."""

    def __init__(self, address: Address, access: Access, connections: int, max_reply_bytes: int) -> None:
        self.url = address.url
        self._max_reply_bytes = max_reply_bytes
        self._pool = Pool(address, access.context() if address.tls else None, connections, max_reply_bytes)
        said = "".join(f"{name}: {value}\r\n" for name, value in access.all_headers())
        self._headers = f"Host: {address.authority}\r\nAccept-Encoding: identity\r\n{said}".encode("latin-1")
        self._binary: bool | None = None  # None: the server was not asked yet

    def close(self) -> None:
        self._pool.close()

    # ---- exchanges ----

    def _exchange(self, pieces: Sequence[Buffer], deadline: Deadline, read: Callable[[Connection], T]) -> T | Error:
        """Sends a request, once more where the server had closed an idle connection."""
        while True:
            connection = self._pool.acquire(deadline)
            connection.exchanges += 1
            try:
                connection.send(pieces, deadline)
                connection.read_head(deadline)
                if connection.status == 200:
                    result: T | Error = read(connection)
                else:
                    result = self._refusal(connection, deadline)
                connection.finish(deadline)
            except ConnectionLost as lost:
                self._pool.discard(connection)
                if self._pool.closed:
                    raise Closed("this client was closed") from None
                if lost.answered or connection.exchanges == 1:
                    raise Unavailable(f"{self.url}: {lost}") from lost
                continue
            except DeadlineExceeded as late:
                self._pool.discard(connection)
                raise DeadlineExceeded(f"{self.url}: {late}") from None
            except BaseException:
                self._pool.discard(connection)
                raise
            self._pool.release(connection)
            return result

    def _refusal(self, connection: Connection, deadline: Deadline) -> Error:
        status = connection.status
        length = connection.headers.get("content-length", "0")
        words = ""
        if length.isdecimal() and int(length) <= _MAX_WORDS_BYTES:
            body = connection.read_rest(deadline)
            try:
                said = json.loads(body)
                words = said["error"] if isinstance(said, dict) and isinstance(said.get("error"), str) else ""
            except (ValueError, RecursionError):
                words = body[:1000].decode(errors="replace")
        else:
            connection.leave()
        return error_of(code_of(status), f"{printable(words) or 'refused'} (HTTP {status}, {self.url})")

    def _pieces(
        self, method: str, path: str, body: Sequence[Buffer], json_bytes: int = -1, kind: str = "application/json"
    ) -> list[Buffer]:
        """A whole request. `json_bytes`: of the JSON in front of binary tensors; -1 = there are none."""
        head = [f"{method} {path} HTTP/1.1\r\n".encode(), self._headers]
        if method == "POST":
            length = sum(len(piece) for piece in body)
            if json_bytes >= 0:
                kind = "application/octet-stream"
                head.append(f"Inference-Header-Content-Length: {json_bytes}\r\n".encode())
            head.append(f"Content-Type: {kind}\r\nContent-Length: {length}\r\n".encode())
        head.append(b"\r\n")
        return [b"".join(head), *body]

    def call(self, method: str, path: str, deadline: Deadline, body: object = None) -> Any:
        """A call whose request and answer are JSON; None where the answer is empty."""
        sent = [] if body is None else [json.dumps(body).encode()]
        answer = self._exchange(
            self._pieces(method, path, sent), deadline, lambda connection: connection.read_rest(deadline)
        )
        if isinstance(answer, Error):
            raise answer
        return parse_json(answer) if answer.strip() else None

    # ---- inference ----

    def infer(self, call: InferCall, deadline: Deadline) -> InferReply:
        binary = self._takes_binary(deadline)
        head = _request_json(call, binary)
        wires = [tensor.wire for tensor in call.inputs if tensor.region is None] if binary else []
        pieces = self._pieces(
            "POST", model_path(call.model, call.version) + "/infer", [head, *wires], len(head) if binary else -1
        )
        reply = self._exchange(pieces, deadline, lambda connection: self._read_reply(connection, call, deadline))
        if isinstance(reply, Error):
            raise reply
        return reply

    def _takes_binary(self, deadline: Deadline) -> bool:
        """Whether the server takes binary tensors: where it lists its extensions, it is among them."""
        if self._binary is None:
            try:
                said = self.call("GET", "/v2", deadline)
            except (Unavailable, DeadlineExceeded, Closed):
                raise
            except Error:
                said = None
            extensions = said.get("extensions") if isinstance(said, dict) else None
            self._binary = not isinstance(extensions, list) or _BINARY in extensions
        return self._binary

    def _read_reply(self, connection: Connection, call: InferCall, deadline: Deadline) -> InferReply:
        length = connection.headers.get("inference-header-content-length")
        if length is None:
            said = parse_json(connection.read_rest(deadline))
        else:
            if not length.isdecimal() or len(length) > 18 or int(length) > self._max_reply_bytes:
                raise broken(f"its JSON has the length {printable(length)}")
            text = bytearray(int(length))
            connection.read_into(memoryview(text), deadline)
            said = parse_json(bytes(text))
        outputs = said.get("outputs") if isinstance(said, dict) else None
        if not isinstance(outputs, list):
            raise broken("it has no outputs")
        reply = InferReply(
            model=_text(said, "model_name"),
            version=_text(said, "model_version"),
            request_id=_text(said, "id"),
            outputs=[_read_output(connection, call, output, deadline) for output in outputs],
            timing=connection.headers.get("server-timing", ""),
        )
        parameters = said.get("parameters")
        if isinstance(parameters, dict):
            reply.parameters = {
                name: value for name, value in parameters.items() if isinstance(value, bool | int | float | str)
            }
        return reply

    # ---- the rest ----

    def is_up(self, what: str, model: str, version: str, deadline: Deadline) -> bool:
        path = model_path(model, version) + "/ready" if what == "model" else f"/v2/health/{what}"

        def pass_over(connection: Connection) -> bool:
            connection.read_rest(deadline)
            return True

        answer = self._exchange(self._pieces("GET", path, []), deadline, pass_over)
        if isinstance(answer, Error) and answer.code in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
            raise answer
        return answer is True

    def ask(self, what: str, asked: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        method, path, body = _control_call(what, asked)
        answer = self.call(method, path, deadline, body)
        if isinstance(answer, list):
            return {"entries": answer}
        if answer is None:
            return {}
        if not isinstance(answer, dict):
            raise broken("it is no JSON object")
        return answer

    def classify(
        self, model: str, version: str, pictures: list[bytes], top_k: int, deadline: Deadline
    ) -> list[list[dict[str, Any]]]:
        kind, body = _multipart(pictures)
        path = f"{model_path(model, version)}/classify?top_k={top_k}"
        answer = self._exchange(
            self._pieces("POST", path, body, kind=kind), deadline, lambda connection: connection.read_rest(deadline)
        )
        if isinstance(answer, Error):
            raise answer
        try:
            return [picture["classes"] for picture in parse_json(answer)["pictures"]]
        except (TypeError, KeyError) as error:
            raise broken("it has no classes of pictures") from error


def _control_call(what: str, asked: Mapping[str, Any]) -> tuple[str, str, object]:
    model, version = asked.get("model", ""), asked.get("version", "")
    region = "/region/" + quote(asked["name"], safe="") if asked.get("name") else ""
    if what == "server_metadata":
        return "GET", "/v2", None
    if what == "model_metadata":
        return "GET", model_path(model, version), None
    if what == "config":
        return "GET", model_path(model, version) + "/config", None
    if what == "statistics":
        return "GET", (model_path(model, version) if model else "/v2/models") + "/stats", None
    if what == "index":
        return "POST", "/v2/repository/index", {"ready": asked["ready"]}
    if what in ("load", "unload"):
        body = {"parameters": {"config": asked["config"]}} if asked.get("config") is not None else {}
        return "POST", f"/v2/repository/models/{quote(model, safe='')}/{what}", body
    if what == "register":
        body = {key: asked[key] for key in ("key", "offset", "byte_size")}
        return "POST", f"/v2/systemsharedmemory{region}/register", body
    if what == "unregister":
        return "POST", f"/v2/systemsharedmemory{region}/unregister", {}
    return "GET", f"/v2/systemsharedmemory{region}/status", None


def _text(said: Mapping[str, Any], key: str) -> str:
    value = said.get(key, "")
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def _read_output(connection: Connection, call: InferCall, said: Any, deadline: Deadline) -> Output:
    if not isinstance(said, dict) or not isinstance(said.get("name"), str):
        raise broken("an output has no name")
    name, datatype = said["name"], str(said.get("datatype"))
    shape = checked_shape(name, said.get("shape"))
    parameters = said.get("parameters")
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if isinstance(size, int) and not isinstance(size, bool):
        return _read_binary(connection, call, name, datatype, shape, size, deadline)
    if isinstance(parameters, dict) and "shared_memory_region" in parameters:
        wish = call.wish(name)
        if wish is None or wish.shared is None:
            raise broken(f"output '{name}' is in shared memory, where nobody asked for it")
        return Output(name, datatype, wish.shared)
    if "data" not in said and 0 not in shape:
        raise broken(f"output '{name}' has no elements")
    return Output(name, datatype, from_values(name, datatype, shape, said.get("data", [])))


def _read_binary(
    connection: Connection,
    call: InferCall,
    name: str,
    datatype: str,
    shape: tuple[int, ...],
    size: int,
    deadline: Deadline,
) -> Output:
    if size < 0:
        raise broken(f"output '{name}' has {size} bytes")
    if item_bytes(datatype) is None:
        if datatype != "BYTES":
            raise broken(f"output '{name}' has the datatype {printable(datatype)}")
        connection.expect(size)
        text = bytearray(size)
        connection.read_into(memoryview(text), deadline)
        return Output(name, datatype, texts_from_wire(name, shape, text))
    connection.expect(size)
    array = allocate(name, datatype, shape, size, call.place)
    connection.read_into(bytes_of(array), deadline)
    return Output(name, datatype, array, raw=True)
