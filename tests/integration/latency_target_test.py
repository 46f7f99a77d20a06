# SPDX-License-Identifier: Apache-2.0
"""A latency target from configuration to explanation. No test has an opinion on how fast this machine is."""

import concurrent.futures
import http.client
import json
import pathlib
import shutil
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "server"))

import model_folders  # noqa: E402
from running_server import RunningServer  # noqa: E402

TIMEOUT = 120
# Far apart: a machine that stands still for seconds in the middle of it has still time for one batch.
TARGET_MS = 6000
BATCH_MS = 1000
SCRIPT = f"input x FP32 [-1,1]\noutput y FP32 [-1,1]\nlatency_us {BATCH_MS * 1000} 0\n"
CONFIG = f"""
backend: "scripted"
max_batch_size: 4
parameters {{ key: "latency_target_ms" value {{ string_value: "{TARGET_MS}" }} }}
"""
BODY = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [1.5]}]})
TOKENS = "infer infer-0123456789ab\nmetrics metrics-0123456789\n"


@pytest.fixture
def program(request):
    return pathlib.Path(request.config.getoption("--program")).resolve()


@pytest.fixture
def models(tmp_path):
    model_folders.add_scripted(tmp_path / "models", "slow", SCRIPT, CONFIG)
    return tmp_path / "models"


def ask(address, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection(address, timeout=TIMEOUT)
    try:
        connection.request(method, path, body, headers or {})
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    finally:
        connection.close()


def infer(server, model="slow"):
    return ask(server.http, "POST", f"/v2/models/{model}/infer", BODY)


def test_refuses_what_cannot_be_in_time_and_answers_the_rest(program, models):
    with RunningServer(program, models) as server:
        assert infer(server)[0] == 200
        with concurrent.futures.ThreadPoolExecutor(60) as clients:
            replies = list(clients.map(lambda _: infer(server), range(60)))
        answered = [body for status, body in replies if status == 200]
        refused = [body for status, body in replies if status == 503]
        assert len(answered) + len(refused) == 60
        # Six batches of four fit into the target, and some more where not all come at once.
        assert answered and len(refused) >= 20
        assert all(f"the model's latency target of {TARGET_MS} ms (latency_target_ms)" in body for body in refused)
        page = ask(server.metrics, "GET", "/metrics")[1]
        series = dict(line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
        labels = 'model="slow",version="1"'
        assert float(series[f"muster_latency_target_seconds{{{labels}}}"]) == TARGET_MS / 1000
        assert float(series[f'muster_requests_total{{{labels},outcome="success"}}']) == 1 + len(answered)
        assert float(series[f'muster_requests_total{{{labels},outcome="expired"}}']) == len(refused)
        assert any(name.startswith("muster_batch_cost_seconds{") for name in series)


def test_explains_itself_to_people_and_programs(program, models, muster):
    with RunningServer(program, models) as server:
        for _ in range(3):
            assert infer(server)[0] == 200
        url = f"http://{server.http}"
        status, out, err = muster("explain", "slow", "--url", url)
        assert (status, err) == (0, "")
        lines = out.splitlines()
        assert lines[0] == "model         slow, version 1, 1 instance"
        assert lines[1] == f"target        {TARGET_MS} ms from coming in to going out"
        assert lines[2].startswith("delivery      ")
        assert any(line.startswith("decision      go: ") for line in lines)
        status, out, _ = muster("explain", "slow", "--model-version", 1, "--url", url, "--format", "json")
        assert status == 0
        told = json.loads(out)
        assert told["latency_target_ms"] == TARGET_MS
        assert 1 <= told["best_rows"] <= 4
        assert sum(told["decisions"].values()) >= 3
        assert told["costs"][0]["typical_ms"] >= BATCH_MS
        assert json.loads(ask(server.http, "GET", "/v2/models/slow/explain")[1])["model_name"] == "slow"


def test_freezes_into_settings_that_load(program, models, muster, tmp_path):
    with RunningServer(program, models) as server:
        assert infer(server)[0] == 200
        status, out, err = muster("explain", "slow", "--url", f"http://{server.http}", "--freeze")
        assert (status, err) == (0, "")
    assert "latency_target_ms" not in out
    assert "default_timeout_microseconds" in out
    frozen = tmp_path / "frozen"
    shutil.copytree(models, frozen)
    (frozen / "slow" / "config.pbtxt").write_text(out)
    with RunningServer(program, frozen) as server:
        assert infer(server)[0] == 200
        status, out, err = muster("explain", "slow", "--url", f"http://{server.http}")
        assert (status, err) == (0, "")
        assert "target        none (parameter latency_target_ms)" in out
        status, _, err = muster("explain", "slow", "--url", f"http://{server.http}", "--freeze")
        assert status == 1
        assert "no latency target to freeze" in err


def test_needs_the_right_infer_where_there_are_tokens(program, models, muster, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text(TOKENS)
    tokens.chmod(0o600)
    right = tmp_path / "right"
    right.write_text("infer-0123456789ab\n")
    with RunningServer(program, models, "--token-file", tokens) as server:
        url = f"http://{server.http}"
        status, out, err = muster("explain", "slow", "--url", url)
        assert (status, out) == (1, "")
        assert f"muster: {url}: the server does not explain model 'slow' (HTTP status 401): " in err
        bearer = {"Authorization": "Bearer metrics-0123456789"}
        assert ask(server.http, "GET", "/v2/models/slow/explain", headers=bearer)[0] == 403
        assert muster("explain", "slow", "--url", url, "--token-file", right)[0] == 0


def test_says_what_is_wrong(program, models, muster):
    status, out, err = muster("explain", "slow", "--url", "127.0.0.1:8000")
    assert (status, out) == (2, "")
    assert "--url: '127.0.0.1:8000' says no transport; a server's URL is http://HOST:PORT" in err
    status, _, err = muster("explain", "slow", "--url", "http://127.0.0.1")
    assert status == 2 and "has no port; Muster's own servers have 8000" in err
    status, _, err = muster("explain", "slow", "--url", "grpc://127.0.0.1:8001")
    assert status == 2 and "over HTTP alone" in err
    assert muster("explain")[0] == 2
    with RunningServer(program, models) as server:
        status, _, err = muster("explain", "no/body", "--url", f"http://{server.http}")
        assert status == 1
        assert "the server does not explain model 'no/body' (HTTP status 404): " in err


def test_is_not_to_be_said_beside_a_delay(muster, tmp_path):
    config = CONFIG + "dynamic_batching { max_queue_delay_microseconds: 100 }\n"
    folder = model_folders.add_scripted(tmp_path, "slow", SCRIPT, config)
    status, _, err = muster("inspect", folder)
    assert status == 1
    assert "max_queue_delay_microseconds and parameter 'latency_target_ms' are both given" in err
