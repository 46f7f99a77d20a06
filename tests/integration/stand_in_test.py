# SPDX-License-Identifier: Apache-2.0
"""A model whose backend must compile first: served by ONNX Runtime at once, and switched without a lost request.

The scripted backend plays the compiling: `prepare_us LENGTH STEPS`."""

import concurrent.futures
import http.client
import json
import pathlib
import shutil
import sys
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "server"))

import model_folders  # noqa: E402
from running_server import RunningServer  # noqa: E402

TIMEOUT = 60
TOLD = ("--log-level", "info")  # every step is
TENSORS = "input input FP32 [-1,4]\noutput output FP32 [-1,4]\n"
CONFIG = 'backend: "scripted" max_batch_size: 8 dynamic_batching {}'
ROW = [1.5, 2.5, 3.5, 4.5]
BODY = json.dumps({"inputs": [{"name": "input", "datatype": "FP32", "shape": [1, 4], "data": ROW}]})
SHORT = "prepare_us 1000000 100"
LONG = "prepare_us 600000000 1000"  # ten minutes, in steps of 0.6 s


@pytest.fixture
def program(request):
    return pathlib.Path(request.config.getoption("--program")).resolve()


def add(repository, name, prepare, config=CONFIG):
    folder = model_folders.add_scripted(repository, name, TENSORS + prepare + "\n", config)
    shutil.copyfile(model_folders.MODELS / "identity_fp32.onnx", folder / "1" / "model.onnx")


def ask(address, method, path, body=None):
    connection = http.client.HTTPConnection(address, timeout=TIMEOUT)
    try:
        connection.request(method, path, body)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    finally:
        connection.close()


def parameters(server, model):
    status, text = ask(server.http, "GET", f"/v2/models/{model}")
    assert status == 200, text
    return json.loads(text)["parameters"]


def infer(server, model):
    status, text = ask(server.http, "POST", f"/v2/models/{model}/infer", BODY)
    return status, json.loads(text)["outputs"][0]["data"] if status == 200 else text


def series(server):
    page = ask(server.metrics, "GET", "/metrics")[1]
    return dict(line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))


def test_serves_at_once_and_loses_nothing_at_the_switch(program, tmp_path):
    models = tmp_path / "models"
    add(models, "m", SHORT)
    with RunningServer(program, models, "--compiled-model-cache", tmp_path / "cache", *TOLD) as server:
        ended = threading.Event()
        replies = []

        def client():
            while not ended.is_set():
                replies.append(infer(server, "m"))

        with concurrent.futures.ThreadPoolExecutor(4) as clients:
            running = [clients.submit(client) for _ in range(4)]
            try:
                server.wait_for_line("runs on scripted 1 from now on", TIMEOUT)
                so_far = len(replies)
                while len(replies) < so_far + 100:
                    infer(server, "m")
            finally:
                ended.set()
            for one in running:
                one.result()
        assert [reply for reply in replies if reply != (200, ROW)] == []
        assert parameters(server, "m") == {"runtime": "scripted 1", "preparation_state": "in_use"}
        found = series(server)
        labels = 'model="m",version="1"'
        assert found[f'muster_model_preparation_state{{{labels},state="in_use"}}'] == "1"
        assert found[f'muster_model_preparations_total{{{labels},outcome="in_use"}}'] == "1"
        assert found[f'muster_requests_total{{{labels},outcome="failure"}}'] == "0"
        assert "agrees with its stand-in" in server.output
    # It is there at the next start.
    with RunningServer(program, models, "--compiled-model-cache", tmp_path / "cache") as server:
        assert parameters(server, "m") == {"runtime": "scripted 1"}


def test_tells_how_far_it_is_and_stops_in_the_middle(program, tmp_path, muster):
    models = tmp_path / "models"
    add(models, "m", LONG)
    add(models, "other", LONG.replace("1000", "999"))
    with RunningServer(program, models) as server:
        assert infer(server, "m") == infer(server, "other") == (200, ROW)
        told = {name: parameters(server, name) for name in ("m", "other")}
        assert sorted(one["preparation_state"] for one in told.values()) == ["building", "waiting"]
        for one in told.values():
            assert one["runtime"].endswith(", standing in for scripted")
            assert one["preparation_stand_in"] == one["runtime"]
        building = next(name for name in told if told[name]["preparation_state"] == "building")
        while "preparation_phase" not in told[building]:
            told[building] = parameters(server, building)
        assert told[building]["preparation_phase"].startswith("step ")
        assert 0 <= float(told[building]["preparation_done"]) < 1
        assert int(told[building]["preparation_seconds_left"]) > 0
        status, out, _ = muster("explain", building, "--url", f"http://{server.http}")
        assert status == 0
        assert "preparation   building, 0 % are done, ONNX Runtime" in out
        labels = f'model="{building}",version="1"'
        assert series(server)[f'muster_model_preparation_state{{{labels},state="building"}}'] == "1"
        config = json.loads(ask(server.http, "GET", f"/v2/models/{building}/config")[1])
        assert config["backend"] == "scripted"


def test_keeps_the_stand_in_where_it_differs_or_fails(program, tmp_path):
    models = tmp_path / "models"
    add(models, "other", SHORT + "\nprepared_differs")
    add(models, "failing", SHORT.replace("100", "10") + "\nfail_prepare no tactic")
    with RunningServer(program, models, "--compiled-model-cache", tmp_path / "cache") as server:
        server.wait_for_line("'other' version 1: what was compiled computes something else", TIMEOUT)
        server.wait_for_line("'failing' version 1: its preparation failed", TIMEOUT)
        assert infer(server, "other") == infer(server, "failing") == (200, ROW)
        other = parameters(server, "other")
        assert other["preparation_state"] == "differs"
        assert other["preparation_reason"].startswith("output 'output' differs in 32 of 32 elements")
        failing = parameters(server, "failing")
        assert failing["preparation_state"] == "failed"
        assert "no tactic" in failing["preparation_reason"]
        assert list((tmp_path / "cache").iterdir()) == []


def test_waits_for_what_is_compiled_where_the_configuration_says_so(program, tmp_path):
    models = tmp_path / "models"
    add(models, "m", SHORT, CONFIG + ' parameters { key: "build" value { string_value: "first" } }')
    with RunningServer(program, models, "--compiled-model-cache", tmp_path / "cache", *TOLD) as server:
        assert parameters(server, "m") == {"runtime": "scripted 1", "preparation_state": "in_use"}
        assert "stand-in" not in server.output
