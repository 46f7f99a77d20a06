# SPDX-License-Identifier: Apache-2.0
"""Limits of messages over gRPC: what is over them is refused, and the server and other calls go on."""

import queue

import numpy as np
import pytest
import tritonclient.grpc
from tritonclient.utils import InferenceServerException

from running_server import RunningServer

MODEL = "identity_fp32"
LIMIT = 1 << 20
LIMIT_S = 60
EXHAUSTED = "StatusCode.RESOURCE_EXHAUSTED"
UNAVAILABLE = "StatusCode.UNAVAILABLE"


def tensor(size):
    """So many bytes, in rows of 16."""
    made = tritonclient.grpc.InferInput("input", [size // 16, 4], "FP32")
    made.set_data_from_numpy(np.ones((size // 16, 4), np.float32))
    return [made]


def answers(client, size=16):
    return client.infer(MODEL, tensor(size), client_timeout=LIMIT_S).as_numpy("output").nbytes == size


def refusal(client, size, status=EXHAUSTED):
    with pytest.raises(InferenceServerException) as failed:
        answers(client, size)
    assert failed.value.status() == status
    return failed.value.message()


@pytest.fixture
def start(program, repository):
    started = []

    def start_with(*arguments):
        everything = ("--model-control", "explicit", "--load-model", MODEL, "--max-request-rows", "1000000")
        started.append(RunningServer(program, repository, *everything, *arguments))
        return started[-1]

    yield start_with
    for server in started:
        server.stop()


def test_a_message_for_which_gRPC_has_no_room_fails_alone(start):
    server = start("--max-grpc-bytes", "1MiB")
    server.wait_for_line(r"--max-grpc-bytes \(1048576\) is no more than --max-body-bytes", LIMIT_S)
    with (
        tritonclient.grpc.InferenceServerClient(server.grpc) as client,
        tritonclient.grpc.InferenceServerClient(server.grpc) as other,
    ):
        assert answers(client, LIMIT // 4)
        for size in (2 * LIMIT, 16 * LIMIT):
            refusal(client, size, UNAVAILABLE)
            assert answers(client)
            assert answers(other)


def test_messages_that_together_find_no_room_are_answered_or_refused(start):
    server = start("--max-grpc-bytes", "1MiB", "--max-body-bytes", "512KiB")
    outcomes = queue.Queue()
    clients = [tritonclient.grpc.InferenceServerClient(server.grpc) for _ in range(8)]
    for client in clients:
        for _ in range(4):
            client.async_infer(
                MODEL, tensor(LIMIT // 4), lambda result, error: outcomes.put(error), client_timeout=LIMIT_S
            )
    errors = [outcomes.get(timeout=2 * LIMIT_S) for _ in range(32)]
    assert {error.status() for error in errors if error is not None} <= {UNAVAILABLE}
    for client in clients:
        assert answers(client)
        client.close()


def test_a_message_over_max_body_bytes_fails_alone(start):
    server = start("--max-body-bytes", "1MiB")
    with tritonclient.grpc.InferenceServerClient(server.grpc) as client:
        assert answers(client, LIMIT // 2)
        assert f"the limit is {LIMIT}" in refusal(client, 2 * LIMIT)
        assert answers(client)
