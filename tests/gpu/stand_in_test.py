# SPDX-License-Identifier: Apache-2.0
"""Models without engines on a GPU: served at once, built aside, switched, and no request is lost meanwhile."""

import functools
import http.client
import json
import pathlib
import shutil
import struct
import sys
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "server"))

from running_server import RunningServer  # noqa: E402

NAMES = ("first", "second")  # whose engines are built one after the other
CONFIG = 'backend: "tensorrt"\nmax_batch_size: 16\ndynamic_batching {}\n'
BUILD_LIMIT_S = 300  # of each
CLIENTS = 2  # of each model
ROWS, PIXELS = 3, 28 * 28
NEAR = 0.1  # LeNet's scores reach some 20; TF32 has ten bits of mantissa


@functools.cache
def body():
    """Three digits as binary FP32, answered as JSON: what is sent, and its headers."""
    data = struct.pack(f"<{ROWS * PIXELS}f", *((i * 7 % 256) / 255 for i in range(ROWS * PIXELS)))
    tensor = {"name": "input", "datatype": "FP32", "shape": [ROWS, 1, 28, 28]}
    tensor["parameters"] = {"binary_data_size": len(data)}
    head = json.dumps({"inputs": [tensor]}).encode()
    return head + data, {"Inference-Header-Content-Length": str(len(head))}


class Client(threading.Thread):
    """Asks one model without a pause until it is told to end; keeps what went wrong."""

    def __init__(self, address, model, ended):
        super().__init__()
        self.model, self._address, self._ended = model, address, ended
        self.answers = 0
        self.first = None
        self.faults = []

    def run(self):
        connection = http.client.HTTPConnection(self._address, timeout=120)
        try:
            while not self._ended.is_set():
                self._ask(connection)
        except Exception as broken:  # whatever it is, it was no answer
            self.faults.append(repr(broken))
        connection.close()

    def _ask(self, connection):
        connection.request("POST", f"/v2/models/{self.model}/infer", *body())
        reply = connection.getresponse()
        text = reply.read().decode()
        if reply.status != 200:
            self.faults.append((reply.status, text))
            return
        self.answers += 1
        self.first = self.first or json.loads(text)["outputs"][0]["data"]


def ask(address, method, path, *rest):
    connection = http.client.HTTPConnection(address, timeout=120)
    connection.request(method, path, *rest)
    told = json.loads(connection.getresponse().read())
    connection.close()
    return told


def parameters(address, model):
    return ask(address, "GET", f"/v2/models/{model}")["parameters"]


def test_no_request_is_lost_while_engines_are_built(program, tmp_path):
    repository = tmp_path / "models"
    for name in NAMES:
        version = repository / name / "1"
        version.mkdir(parents=True)
        shutil.copyfile(ROOT / "models" / "lenet" / "1" / "model.onnx", version / "model.onnx")
        (repository / name / "config.pbtxt").write_text(CONFIG)
    cache = ("--compiled-model-cache", tmp_path / "engines", "--log-level", "info")
    ended = threading.Event()
    with RunningServer(program, repository, *cache) as server:
        for name in NAMES:
            told = parameters(server.http, name)
            assert told["preparation_state"] in ("waiting", "building")
            assert told["runtime"].startswith("ONNX Runtime ")
        clients = [Client(server.http, name, ended) for name in NAMES for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        for name in NAMES:
            server.wait_for_line(rf"model '{name}' version 1 runs on TensorRT", BUILD_LIMIT_S)
        runtimes = [parameters(server.http, name)["runtime"] for name in NAMES]
        answers = {name: ask(server.http, "POST", f"/v2/models/{name}/infer", *body()) for name in NAMES}
        ended.set()
        for client in clients:
            client.join()
        output = server.output
    assert all(runtime.startswith("TensorRT ") for runtime in runtimes), runtimes
    assert [client.faults for client in clients] == [[]] * len(clients), output
    assert all(client.answers > 100 for client in clients)
    for client in clients:
        assert answers[client.model]["outputs"][0]["data"] == pytest.approx(client.first, abs=NEAR)
    assert "runs without from now on" not in output  # of CUDA graphs
