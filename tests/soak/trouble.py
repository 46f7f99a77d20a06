# SPDX-License-Identifier: Apache-2.0
"""Clients that make trouble: they hang up, cancel, want their answer in no time, and send what is no request.

What they get back is not judged, except that the server must go on: others are there to notice.
"""

import pathlib
import random
import socket
import threading

import grpc
import numpy as np
from tritonclient.grpc import service_pb2_grpc

import exchange_file
import grpc_load
import http_load
import soak_models
import wire

CONFORMANCE = pathlib.Path(__file__).resolve().parent.parent / "conformance"
# These change what the others rely on, or cost whole seconds and hundreds of megabytes each.
LEFT_OUT = ("repository", "gzip_bomb")
CALLS_A_ROUND = 32


def run_disconnects(place, tally):
    """Sends a part of a request, or all of it, and is gone; sometimes with a reset."""
    chance = random.Random(f"{place.seed} {tally.name}")
    questions = [http_load.Question(*case, number) for number, case in enumerate(soak_models.arrays(7))]
    host, port = place.http.rsplit(":", 1)
    while not place.is_over():
        question = chance.choice(questions)
        with socket.create_connection((host, int(port))) as connection:
            if chance.random() < 0.3:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
            whole = question.bytes * chance.choice((1, 1, 1, 5))
            connection.sendall(whole[: chance.randrange(1, len(whole) + 1)])
        tally.troubles += 1


def run_cancels(place, tally):
    """Calls to a model whose queue is short: cancelled, out of time, refused, or answered."""
    chance = random.Random(f"{place.seed} {tally.name}")
    request = grpc_load.request_of(soak_models.SLOW, "FP32", np.ones((1, 4), np.float32), 0)
    request.inputs[0].name = "INPUT0"
    while not place.is_over():
        with grpc.insecure_channel(place.grpc, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            calls, ended = [], threading.Semaphore(0)
            for _ in range(CALLS_A_ROUND):
                request.parameters["timeout"].int64_param = chance.choice((1, 1000, 10_000, 10_000_000))
                call = stub.ModelInfer.future(request, timeout=chance.choice((0.001, 0.01, 60)))
                call.add_done_callback(lambda _: ended.release())
                calls.append(call)
            for call in chance.sample(calls, CALLS_A_ROUND // 2):
                call.cancel()
            if chance.random() < 0.7:
                for _ in calls:
                    if not ended.acquire(timeout=grpc_load.ANSWER_LIMIT_S):
                        tally.wrong("a call to a busy model never ended")
                        break
            # Else the channel is closed under the calls.
        tally.troubles += CALLS_A_ROUND


def run_bad_requests(place, tally):
    """The exchanges of tests/conformance in any order, whole or with a few bytes changed."""
    chance = random.Random(f"{place.seed} {tally.name}")
    exchanges = []
    for path in sorted(CONFORMANCE.rglob("*.http")):
        if not any(word in path.as_posix() for word in LEFT_OUT):
            exchanges += exchange_file.parse(path)
    while not place.is_over():
        exchange = chance.choice(exchanges)
        packets = [spoiled(chance, packet) if chance.random() < 0.5 else packet for packet in exchange.packets]
        try:
            with wire.Connection(place.http) as connection:
                connection.send(packets, then_hang_up=True)
                connection.drain()
        except OSError as failure:
            if not isinstance(failure, (ConnectionResetError, BrokenPipeError)):
                tally.wrong(f"a bad request: {type(failure).__name__}: {failure}")
        tally.troubles += 1


def spoiled(chance, packet):
    """The same with a few bytes changed, left out or doubled; none that would load or unload a model."""
    data = bytearray(packet)
    for _ in range(chance.randrange(1, 4)):
        place = chance.randrange(len(data))
        kind = chance.randrange(3)
        if kind == 0:
            data[place] = chance.randrange(256)
        elif kind == 1 and len(data) > 1:
            del data[place]
        else:
            data[place:place] = data[place : place + chance.randrange(1, 50)]
    return bytes(data)
