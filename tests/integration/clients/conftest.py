# SPDX-License-Identifier: Apache-2.0
"""What the tests with real clients share: a server over the models of tests/server/model_folders.py, and both
transports of tritonclient behind one face."""

import pathlib
import sys

import pytest
import tritonclient.grpc
import tritonclient.http

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "server"))

import model_folders  # noqa: E402
from running_server import RunningServer  # noqa: E402


class Transport:
    """One of tritonclient's two transports: its module, and what it says where the two differ."""

    def __init__(self, name, module, address, codes):
        self.name = name
        self.module = module
        self.address = address
        self._codes = codes

    def client(self, **arguments):
        return self.module.InferenceServerClient(self.address, **arguments)

    def input(self, name, array, datatype, **arguments):
        tensor = self.module.InferInput(name, list(array.shape), datatype)
        tensor.set_data_from_numpy(array, **arguments)
        return tensor

    def ask(self, client, call, *arguments, **named):
        """A call's answer as plain values. gRPC's 64-bit numbers come as text, as protobuf writes them."""
        if self.name == "grpc":
            named["as_json"] = True
        return getattr(client, call)(*arguments, **named)

    def code(self, word):
        """How an InferenceServerException shows this outcome."""
        return self._codes[word]


CODES = {
    "http": {
        "invalid": "400",
        "not found": "404",
        "unavailable": "503",
        "internal": "500",
        "unsupported": "501",
        "unauthenticated": "401",
        "forbidden": "403",
    },
    "grpc": {
        "invalid": "StatusCode.INVALID_ARGUMENT",
        "not found": "StatusCode.NOT_FOUND",
        "unavailable": "StatusCode.UNAVAILABLE",
        "internal": "StatusCode.INTERNAL",
        "unsupported": "StatusCode.UNIMPLEMENTED",
        "unauthenticated": "StatusCode.UNAUTHENTICATED",
        "forbidden": "StatusCode.PERMISSION_DENIED",
    },
}


def transport_of(server, name):
    module = {"http": tritonclient.http, "grpc": tritonclient.grpc}[name]
    return Transport(name, module, getattr(server, name), CODES[name])


@pytest.fixture(scope="session")
def program(request):
    return pathlib.Path(request.config.getoption("--program")).resolve()


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return model_folders.lay_out(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def server(program, repository):
    """All models loaded; loading, unloading and shared memory allowed."""
    arguments = ("--model-control", "explicit", "--load-model", "*", "--shared-memory")
    with RunningServer(program, repository, *arguments) as running:
        yield running


@pytest.fixture(params=["http", "grpc"])
def transport(request, server):
    return transport_of(server, request.param)


@pytest.fixture
def client(transport):
    with transport.client() as made:
        yield made


@pytest.fixture
def http(server):
    return transport_of(server, "http")


@pytest.fixture
def grpc_transport(server):
    return transport_of(server, "grpc")
