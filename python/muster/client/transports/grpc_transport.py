# SPDX-License-Identifier: Apache-2.0
"""The protocol over gRPC: over TCP, TLS or a Unix-domain socket. Needs the package grpcio (``pip install
muster[grpc]``).
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any

from muster.client.transports.address import Access, Address
from muster.client.calls import InferCall, InferReply
from muster.client.transports.connection import NotReached
from muster.client.deadline import Deadline
from muster.client.transports.messages import (
    bytes_field,
    infer_request,
    number_field,
    plain_parameters,
    read_infer_response,
    read_message,
    text_field,
)
from muster.client.printable import printable
from muster.errors import Closed, FailedPrecondition, Unimplemented, error_of

_SERVICE = "/inference.GRPCInferenceService/"
_TIMING = "muster-timing"
_NOT_CONNECTED = "failed to connect"  # gRPC's own words
# What is asked -> the call, and the message that answers.
_CALLS = {
    "server_metadata": ("ServerMetadata", "ServerMetadataResponse"),
    "model_metadata": ("ModelMetadata", "ModelMetadataResponse"),
    "config": ("ModelConfig", "ModelConfigResponse"),
    "statistics": ("ModelStatistics", "ModelStatisticsResponse"),
    "index": ("RepositoryIndex", "RepositoryIndexResponse"),
    "load": ("RepositoryModelLoad", ""),
    "unload": ("RepositoryModelUnload", ""),
    "register": ("SystemSharedMemoryRegister", ""),
    "unregister": ("SystemSharedMemoryUnregister", ""),
    "shared_memory": ("SystemSharedMemoryStatus", "SystemSharedMemoryStatusResponse"),
}


def _import_grpc() -> Any:
    try:
        grpc = importlib.import_module("grpc")
    except ImportError as error:
        raise FailedPrecondition(
            f"gRPC needs the package grpcio, which is not there ({error}): pip install 'muster[grpc]', or use http://"
        ) from error
    return grpc


class GrpcTransport:
    """See `Transport`."""

    def __init__(self, address: Address, access: Access, max_reply_bytes: int) -> None:
        self.url = address.url
        self._grpc = _import_grpc()
        self._process = os.getpid()
        self._closed = False
        options = [
            ("grpc.max_send_message_length", -1),
            ("grpc.max_receive_message_length", min(max_reply_bytes, (1 << 31) - 1)),
            # Connections of its own: a client that is closed leaves none to others, and shares none with them.
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_retries", 0),
        ]
        target = f"unix:{address.unix_path}" if address.unix_path else address.authority
        if address.tls:
            ca, key, certificate = access.pem()
            credentials = self._grpc.ssl_channel_credentials(ca, key, certificate)
            self._channel = self._grpc.secure_channel(target, credentials, options)
        else:
            self._channel = self._grpc.insecure_channel(target, options)
        self._metadata = tuple((name.lower(), value) for name, value in access.all_headers())
        self._methods: dict[str, Any] = {}

    def close(self) -> None:
        self._closed = True
        # gRPC's threads are not there after a fork, and closing would wait for them.
        if self._process == os.getpid():
            self._channel.close()

    def _call(self, method: str, message: bytes, deadline: Deadline) -> tuple[bytes, Any]:
        """The answer's message, and what else gRPC knows of the call."""
        if self._process != os.getpid():
            raise FailedPrecondition(
                f"{self.url}: a client of gRPC does not survive a fork; make a new process with spawn, or use http://"
            )
        call = self._methods.get(method)
        if call is None:
            call = self._methods.setdefault(method, self._channel.unary_unary(_SERVICE + method))
        try:
            answer, how = call.with_call(message, timeout=deadline.left(), metadata=self._metadata)
        except self._grpc.RpcError as error:
            if self._closed:
                raise Closed("this client was closed") from None
            code, words = error.code(), error.details() or ""
            if code is self._grpc.StatusCode.DEADLINE_EXCEEDED:
                deadline.left()
            said = f"{printable(words) or 'refused'} (gRPC {code.name}, {self.url})"
            if code is self._grpc.StatusCode.UNAVAILABLE and words.startswith(_NOT_CONNECTED):
                raise NotReached(said) from None
            raise error_of(code.name, said) from None
        except ValueError as error:
            raise Closed("this client was closed") from error
        return answer, how

    def infer(self, call: InferCall, deadline: Deadline) -> InferReply:
        message, how = self._call("ModelInfer", infer_request(call), deadline)
        reply = read_infer_response(message, call)
        for name, value in how.trailing_metadata() or ():
            if name == _TIMING:
                reply.timing = value if isinstance(value, str) else value.decode("latin-1")
        return reply

    def is_up(self, what: str, model: str, version: str, deadline: Deadline) -> bool:
        method = {"live": "ServerLive", "ready": "ServerReady"}.get(what, "ModelReady")
        asked = text_field(1, model) + text_field(2, version)
        try:
            answer, _ = self._call(method, asked, deadline)
        except (FileNotFoundError, NotImplementedError, ConnectionError, ValueError):
            if self._closed:
                raise
            return False
        # One flag, which is 1 where it is true.
        return answer == number_field(1, 1)

    def ask(self, what: str, asked: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        method, response = _CALLS[what]
        message, _ = self._call(method, _control_message(what, asked), deadline)
        if not response:
            return {}
        said = read_message(response, memoryview(message))
        if what == "config":
            config: dict[str, Any] = said.get("config", {})
            return config
        if what == "model_metadata":
            said["parameters"] = plain_parameters(said["parameters"])
        if what == "index":
            return {"entries": said["models"]}
        if what == "shared_memory":
            return {"entries": list(said["regions"].values())}
        return said

    def classify(
        self, model: str, version: str, pictures: list[bytes], top_k: int, deadline: Deadline
    ) -> list[list[dict[str, Any]]]:
        raise Unimplemented("pictures are classified over HTTP alone: make the client with http:// or unix:")


def _control_message(what: str, asked: Mapping[str, Any]) -> bytes:
    if what == "server_metadata":
        return b""
    if what == "index":
        return number_field(2, 1) if asked["ready"] else b""
    if what in ("load", "unload"):
        config = asked.get("config")
        said = bytes_field(2, asked["model"])
        if config is not None:
            said += bytes_field(3, bytes_field(1, "config") + bytes_field(2, bytes_field(3, config)))
        return said
    if what == "register":
        return (
            text_field(1, asked["name"])
            + text_field(2, asked["key"])
            + number_field(3, asked["offset"])
            + number_field(4, asked["byte_size"])
        )
    if what in ("unregister", "shared_memory"):
        return text_field(1, asked.get("name") or "")
    return text_field(1, asked.get("model", "")) + text_field(2, asked.get("version", ""))
