# SPDX-License-Identifier: Apache-2.0
"""Requests that wait: full queues, timeouts, deadlines, callers that hang up, and the end of the server.

The model `slow` runs one row at a time for a second and lets two requests wait. A test knows that a request runs when
the metrics page says so, never by waiting some time. On a machine that stands still the second may be over before the
test has done what it wants to do meanwhile. Then it begins anew with a server whose model takes longer.
"""

import http.client
import json
import re
import signal
import socket
import threading
import time
import urllib.request

import grpc
import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

import model_folders
from conftest import transport_of
from running_server import RunningServer

LIMIT_S = 120
SECONDS = (1, 3, 9)  # for a row, of one server after the other
ROW = {"inputs": [{"name": "INPUT0", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}


class TooLate(Exception):
    """The first row is done already."""


@pytest.fixture
def start(program, repository):
    """Starts a server whose model takes so many seconds for a row. One for each test: what one leaves in the queue is
    not another's business."""
    started = []

    def start_with(seconds):
        script = model_folders.slow_script(seconds)
        (repository / "slow" / "1" / "model.script").write_text(script)
        started.append(RunningServer(program, repository, "--model-control", "explicit", "--load-model", "slow"))
        return started[-1]

    yield start_with
    for server in started:
        if server.running():
            server.stop()


@pytest.fixture
def server(start):
    return start(SECONDS[0])


@pytest.fixture
def meanwhile(start):
    """Has a scene played on a server while the first row runs: the server, and what `scene` returns. What a scene finds
    wrong counts where it was not too late."""

    def play(scene):
        for seconds in SECONDS:
            server = start(seconds)
            try:
                found = scene(server)
            except (Exception, pytest.fail.Exception):
                if not rows_done(server):
                    raise
            else:
                if not rows_done(server):
                    return server, found
        raise TooLate(f"{SECONDS[-1]} s are not enough")

    return play


def rows_done(server):
    return statistics(server)["inference_stats"]["success"]["count"]


def metric(server, name, **labels):
    """The sum of a family's samples that have these labels."""
    with urllib.request.urlopen(f"http://{server.metrics}/metrics") as reply:
        page = reply.read().decode()
    total = 0.0
    for found in re.finditer(rf"^{name}(?:\{{(.*?)\}})? (\S+)", page, re.MULTILINE):
        if all(f'{label}="{value}"' in (found[1] or "") for label, value in labels.items()):
            total += float(found[2])
    return total


def statistics(server):
    with urllib.request.urlopen(f"http://{server.http}/v2/models/slow/stats") as reply:
        return json.load(reply)["model_stats"][0]


def wait_for(condition, what):
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} within {LIMIT_S} s"
        threading.Event().wait(0.005)


def post(server, body=ROW, path="/v2/models/slow/infer", limit_s=LIMIT_S):
    """A connection with a request on its way; its getresponse() is the answer."""
    host, port = server.http.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=limit_s)
    connection.request("POST", path, json.dumps(body))
    return connection


def occupy(server, waiting=0):
    """Connections whose requests run (one) and wait (`waiting`), in that order."""

    def wait_meanwhile(condition, what):
        wait_for(lambda: condition() or rows_done(server), what)
        if rows_done(server):
            raise TooLate

    connections = [post(server)]
    wait_meanwhile(lambda: metric(server, "muster_requests_in_flight", model="slow") == 1, "the first request runs")
    for count in range(1, waiting + 1):
        connections.append(post(server))
        wait_meanwhile(lambda: pending(server) >= count, f"{count} requests wait")
    return connections


def pending(server):
    return metric(server, "nv_inference_pending_request_count", model="slow")


def statuses(connections):
    return [connection.getresponse().status for connection in connections]


def slow_input(transport):
    return [transport.input("INPUT0", np.ones((1, 4), np.float32), "FP32")]


def refusal(call, *arguments, **named):
    with pytest.raises(InferenceServerException) as failure:
        call(*arguments, **named)
    return failure.value


@pytest.mark.parametrize("name", ["http", "grpc"])
def test_a_full_queue_refuses_at_once(meanwhile, name):
    def scene(server):
        transport = transport_of(server, name)
        connections = occupy(server, waiting=2)
        with transport.client() as client:
            assert refusal(client.infer, "slow", slow_input(transport)).status() == transport.code("unavailable")
        reply = post(server).getresponse()
        assert reply.status == 503
        assert int(reply.headers["Retry-After"]) >= 1
        assert "error" in json.load(reply)
        return connections

    server, connections = meanwhile(scene)
    assert statuses(connections) == [200, 200, 200]
    assert metric(server, "nv_inference_request_failure", model="slow", reason="REJECTED") == 2


@pytest.mark.parametrize("name", ["http", "grpc"])
def test_a_timeout_ends_the_waiting_and_not_the_server_s_patience(meanwhile, name):
    def scene(server):
        transport = transport_of(server, name)
        connections = occupy(server)
        with transport.client() as client:
            failure = refusal(client.infer, "slow", slow_input(transport), timeout=20_000)
        assert failure.status() == transport.code("unavailable")
        return connections

    # It was answered while the first one still ran.
    server, connections = meanwhile(scene)
    assert statuses(connections) == [200]
    assert statistics(server)["execution_count"] == 1


@pytest.mark.parametrize("timeout", [-1, 1.5, "soon", True])
def test_a_timeout_must_be_a_number_of_microseconds(server, timeout):
    reply = post(server, ROW | {"parameters": {"timeout": timeout}}).getresponse()
    assert reply.status == 400
    assert "timeout" in json.load(reply)["error"]


def test_the_deadline_of_a_grpc_call_ends_it(meanwhile):
    def scene(server):
        transport = transport_of(server, "grpc")
        connections = occupy(server)
        with transport.client() as client:
            failure = refusal(client.infer, "slow", slow_input(transport), client_timeout=0.05)
        assert failure.status() == "StatusCode.DEADLINE_EXCEEDED"
        return connections

    server, connections = meanwhile(scene)
    assert statuses(connections) == [200]
    assert statistics(server)["execution_count"] == 1


def test_a_cancelled_grpc_call_is_not_run(meanwhile):
    def scene(server):
        transport = transport_of(server, "grpc")
        connections = occupy(server)
        errors = []
        answered = threading.Event()
        with transport.client() as client:
            call = client.async_infer(
                "slow", slow_input(transport), callback=lambda result, error: (errors.append(error), answered.set())
            )
            wait_for(lambda: pending(server) == 1 or rows_done(server), "the call waits")
            call.cancel()
            assert answered.wait(LIMIT_S)
        assert errors[0].status() == "StatusCode.CANCELLED"
        wait_for(lambda: pending(server) == 0, "the call is forgotten")
        return connections

    server, connections = meanwhile(scene)
    assert statuses(connections) == [200]
    assert statistics(server)["execution_count"] == 1


def test_a_caller_that_hangs_up_is_not_run(meanwhile):
    def scene(server):
        connections = occupy(server)
        gone = post(server)
        wait_for(lambda: pending(server) == 1 or rows_done(server), "the request waits")
        gone.close()
        wait_for(lambda: pending(server) == 0, "the request is forgotten")
        return connections

    server, connections = meanwhile(scene)
    assert statuses(connections) == [200]
    assert statistics(server)["execution_count"] == 1


@pytest.mark.parametrize("name", ["http", "grpc"])
def test_health_answers_while_the_model_is_busy(meanwhile, name):
    def scene(server):
        connections = occupy(server, waiting=2)
        with transport_of(server, name).client() as client:
            assert client.is_server_live()
            assert client.is_server_ready()
            assert client.is_model_ready("slow")
            client.get_model_metadata("slow")
        return connections

    _, connections = meanwhile(scene)
    assert statuses(connections) == [200, 200, 200]


def test_the_reply_tells_where_the_time_went(server):
    reply = post(server).getresponse()
    timing = dict(re.findall(r"(\w+);dur=([\d.]+)", reply.headers["Server-Timing"]))
    assert {"queue", "compute"} <= set(timing)
    assert float(timing["compute"]) >= 1000


def test_a_grpc_reply_tells_it_in_its_trailers(server):
    from tritonclient.grpc import service_pb2, service_pb2_grpc

    request = service_pb2.ModelInferRequest(model_name="slow")
    request.inputs.add(name="INPUT0", datatype="FP32", shape=[1, 4])
    request.raw_input_contents.append(bytes(16))
    with grpc.insecure_channel(server.grpc) as channel:
        _, call = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer.with_call(request)
    trailers = dict(call.trailing_metadata())
    timing = dict(re.findall(r"(\w+);dur=([\d.]+)", trailers["muster-timing"]))
    assert float(timing["compute"]) >= 1000


# ---- the end ----


def test_what_was_accepted_is_answered_before_the_server_ends(meanwhile):
    """Not ready first, then the answers, then status 0."""
    server, connections = meanwhile(lambda server: occupy(server, waiting=2))
    server.send_signal(signal.SIGTERM)
    assert statuses(connections) == [200, 200, 200]
    server.stop()


def test_a_second_signal_ends_the_server_at_once(start):
    running = start(LIMIT_S)
    connections = occupy(running, waiting=2)
    running.send_signal(signal.SIGTERM)
    wait_for(lambda: refuses_connections(running), "the server drains")
    running.send_signal(signal.SIGTERM)
    assert running.wait(LIMIT_S) != 0
    answered = 0
    for connection in connections:
        try:
            answered += connection.getresponse().status == 200
        except (http.client.HTTPException, OSError):
            pass
    assert answered < 3


def refuses_connections(server):
    """Whether it takes no new connections, or says that it is not ready any more."""
    host, port = server.http.rsplit(":", 1)
    try:
        with socket.create_connection((host, int(port)), timeout=LIMIT_S) as probe:
            probe.sendall(b"GET /v2/health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return not probe.recv(100).startswith(b"HTTP/1.1 200")
    except OSError:
        return True
