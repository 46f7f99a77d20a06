# SPDX-License-Identifier: Apache-2.0
"""Well-behaved clients over gRPC: calls, several at a time, and streams."""

import queue
import random

import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

import soak_models

CALLS_AT_ONCE = 8
REQUESTS_A_STREAM = 200
ANSWER_LIMIT_S = 60
CHANNEL_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def request_of(model, datatype, array, number):
    request = service_pb2.ModelInferRequest(model_name=model, id=f"{model}-{number}")
    request.inputs.add(name="input", datatype=datatype, shape=list(array.shape))
    request.raw_input_contents.append(soak_models.wire_bytes(array))
    return request


def requests(seed):
    return [request_of(*case, number) for number, case in enumerate(soak_models.arrays(seed))]


def judge(tally, request, reply):
    if reply.id != request.id:
        tally.wrong(f"{request.id}: the answer is of {reply.id}")
    elif list(reply.outputs[0].shape) != list(request.inputs[0].shape):
        tally.wrong(f"{request.id}: the answer has the shape {list(reply.outputs[0].shape)}")
    elif list(reply.raw_output_contents) != list(request.raw_input_contents):
        tally.wrong(f"{request.id}: the answer has wrong bits")
    else:
        tally.right += 1


def run_calls(place, tally):
    chance = random.Random(f"{place.seed} {tally.name}")
    known = requests(chance.randrange(1000))
    done = queue.Queue()
    with grpc.insecure_channel(place.grpc, options=CHANNEL_OPTIONS) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)

        def ask():
            request = chance.choice(known)
            tally.sent += 1
            call = stub.ModelInfer.future(request)
            call.add_done_callback(lambda call: done.put((request, call)))

        for _ in range(CALLS_AT_ONCE):
            ask()
        busy = CALLS_AT_ONCE
        while busy:
            try:
                request, call = done.get(timeout=ANSWER_LIMIT_S)
            except queue.Empty:
                break
            busy -= 1
            if call.code() != grpc.StatusCode.OK:
                tally.wrong(f"{request.id}: {call.code()}: {call.details()}")
            else:
                judge(tally, request, call.result())
            if not place.is_over():
                ask()
                busy += 1
    tally.close()


def run_streams(place, tally):
    """One stream after the other; each answer must be that of the request in its place."""
    chance = random.Random(f"{place.seed} {tally.name}")
    known = requests(chance.randrange(1000))
    with grpc.insecure_channel(place.grpc, options=CHANNEL_OPTIONS) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        while not place.is_over():
            sent = [chance.choice(known) for _ in range(REQUESTS_A_STREAM)]
            tally.sent += len(sent)
            replies = stub.ModelStreamInfer(iter(sent), timeout=ANSWER_LIMIT_S)
            try:
                for request, reply in zip(sent, replies):
                    if reply.error_message:
                        tally.wrong(f"{request.id}: {reply.error_message}")
                    else:
                        judge(tally, request, reply.infer_response)
            except grpc.RpcError as failure:
                tally.wrong(f"a stream failed: {failure.code()}: {failure.details()}")
    tally.close()
