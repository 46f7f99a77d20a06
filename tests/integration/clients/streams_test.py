# SPDX-License-Identifier: Apache-2.0
"""gRPC beyond one question, one answer: streams, health, reflection; and the asyncio clients of both transports."""

import asyncio
import queue

import grpc
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.grpc.aio
import tritonclient.http.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

LIMIT_S = 60


def numbers(i, rows=1):
    return np.full((rows, 4), i, np.float32)


def grpc_input(array, name="input"):
    tensor = tritonclient.grpc.InferInput(name, list(array.shape), "FP32")
    tensor.set_data_from_numpy(array)
    return [tensor]


@pytest.fixture
def stream(server):
    """A client with an open stream, and the queue of what comes back on it."""
    answers = queue.Queue()
    with tritonclient.grpc.InferenceServerClient(server.grpc) as client:
        client.start_stream(callback=lambda result, error: answers.put((result, error)))
        yield client, lambda: answers.get(timeout=LIMIT_S)
        client.stop_stream()


def test_answers_of_a_stream_keep_the_order_of_the_requests(stream):
    client, next_answer = stream
    for i in range(100):
        client.async_stream_infer("identity_fp32", grpc_input(numbers(i, 1 + i % 3)), request_id=str(i))
    for i in range(100):
        result, error = next_answer()
        assert error is None
        assert result.get_response().id == str(i)
        assert result.as_numpy("output").tobytes() == numbers(i, 1 + i % 3).tobytes()


def test_answers_keep_the_order_across_models(stream):
    client, next_answer = stream
    client.async_stream_infer("slow", grpc_input(numbers(1), "INPUT0"), request_id="slow")
    client.async_stream_infer("identity_fp32", grpc_input(numbers(2)), request_id="fast")
    assert [next_answer()[0].get_response().id for _ in range(2)] == ["slow", "fast"]


def test_a_bad_request_on_a_stream_fails_alone(stream):
    client, next_answer = stream
    client.async_stream_infer("identity_fp32", grpc_input(numbers(1)), request_id="1")
    client.async_stream_infer("nobody", grpc_input(numbers(2)), request_id="2")
    client.async_stream_infer("identity_fp32", grpc_input(numbers(3), "wrong"), request_id="3")
    client.async_stream_infer("failing", grpc_input(numbers(4), "INPUT0"), request_id="4")
    client.async_stream_infer("identity_fp32", grpc_input(numbers(5)), request_id="5")
    answers = [next_answer() for _ in range(5)]
    assert [error is None for _, error in answers] == [True, False, False, False, True]
    assert "nobody" in answers[1][1].message()
    assert answers[4][0].get_response().id == "5"


def test_the_last_answer_is_marked_where_that_is_asked_for(stream):
    client, next_answer = stream
    client.async_stream_infer("identity_fp32", grpc_input(numbers(1)), enable_empty_final_response=True)
    result, error = next_answer()
    assert error is None
    assert result.get_response().parameters["triton_final_response"].bool_param


def test_a_stream_that_is_closed_early_harms_nobody(server):
    with tritonclient.grpc.InferenceServerClient(server.grpc) as client:
        client.start_stream(callback=lambda result, error: None)
        for _ in range(20):
            client.async_stream_infer("identity_fp32", grpc_input(numbers(1)))
        client.stop_stream(cancel_requests=True)
        result = client.infer("identity_fp32", grpc_input(numbers(7)))
        assert result.as_numpy("output").tobytes() == numbers(7).tobytes()


def test_typed_contents_are_answered_raw(server):
    request = service_pb2.ModelInferRequest(model_name="two_in_two_out", id="typed")
    a = request.inputs.add(name="a", datatype="FP32", shape=[1, 2])
    a.contents.fp32_contents.extend([1.5, 2.5])
    b = request.inputs.add(name="b", datatype="INT64", shape=[1, 3])
    b.contents.int64_contents.extend([1, -2, 3])
    with grpc.insecure_channel(server.grpc) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        reply = stub.ModelInfer(request, timeout=LIMIT_S)
        by_name = dict(zip([output.name for output in reply.outputs], reply.raw_output_contents))
        assert np.frombuffer(by_name["sum"], np.float32).tolist() == [4.0]
        assert np.frombuffer(by_name["product"], np.float32).tolist() == [1.5, -3.0, 4.5, 2.5, -5.0, 7.5]

        request.raw_input_contents.append(bytes(8))
        with pytest.raises(grpc.RpcError) as failure:
            stub.ModelInfer(request, timeout=LIMIT_S)
        assert failure.value.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "shape, contents",
    [([1, 4], b""), ([1, 4], bytes(15)), ([1, 4], bytes(17)), ([-1, 4], bytes(16)), ([1 << 62, 4], bytes(16)),
     ([1 << 32, 1 << 32], bytes(16)), ([0] * 100, b"")],
)  # fmt: skip
def test_bytes_that_do_not_fit_the_shape_are_refused(server, shape, contents):
    request = service_pb2.ModelInferRequest(model_name="identity_fp32")
    request.inputs.add(name="input", datatype="FP32", shape=shape)
    request.raw_input_contents.append(contents)
    with grpc.insecure_channel(server.grpc) as channel, pytest.raises(grpc.RpcError) as failure:
        service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(request, timeout=LIMIT_S)
    assert failure.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_bytes_that_are_no_message_are_an_error_of_that_call(server):
    with grpc.insecure_channel(server.grpc) as channel:
        call = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        for garbage in (b"\xff" * 50, b"\x0a\xff\xff\xff\xff\x0f", bytes(range(256))):
            with pytest.raises(grpc.RpcError):
                call(garbage, timeout=LIMIT_S)
        live = service_pb2_grpc.GRPCInferenceServiceStub(channel).ServerLive(
            service_pb2.ServerLiveRequest(), timeout=LIMIT_S
        )
        assert live.live


def test_an_unknown_method_is_unimplemented(server):
    with grpc.insecure_channel(server.grpc) as channel, pytest.raises(grpc.RpcError) as failure:
        channel.unary_unary("/inference.GRPCInferenceService/Nothing")(b"", timeout=LIMIT_S)
    assert failure.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_the_health_service_says_serving(server):
    with grpc.insecure_channel(server.grpc) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for service in ("", "inference.GRPCInferenceService"):
            reply = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=LIMIT_S)
            assert reply.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as failure:
            stub.Check(health_pb2.HealthCheckRequest(service="nothing"), timeout=LIMIT_S)
        assert failure.value.code() == grpc.StatusCode.NOT_FOUND


def test_health_can_be_watched(server):
    with grpc.insecure_channel(server.grpc) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=LIMIT_S)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()


def test_reflection_lists_the_services_and_their_messages(server):
    with grpc.insecure_channel(server.grpc) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        assert {"inference.GRPCInferenceService", "grpc.health.v1.Health"} <= set(database.get_services())
        file = database.FindFileContainingSymbol("inference.GRPCInferenceService")
        (service,) = file.service
        ours = {method.name for method in service.method}
        theirs = {method.name for method in service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods}
        assert theirs <= ours


# ---- asyncio ----


def aio_of(name, server):
    module = {"http": tritonclient.http.aio, "grpc": tritonclient.grpc.aio}[name]
    return module, getattr(server, name)


@pytest.mark.parametrize("name", ["http", "grpc"])
def test_the_asyncio_clients_ask_many_things_at_once(server, name):
    module, address = aio_of(name, server)

    async def ask():
        async with module.InferenceServerClient(address) as client:
            assert await client.is_server_ready()
            assert await client.is_model_ready("identity_fp32")
            await client.get_model_metadata("identity_fp32")

            async def one(i):
                tensor = module.InferInput("input", [1 + i % 4, 4], "FP32")
                tensor.set_data_from_numpy(numbers(i, 1 + i % 4))
                result = await client.infer("identity_fp32", [tensor], request_id=str(i))
                return result.as_numpy("output").tobytes() == numbers(i, 1 + i % 4).tobytes()

            assert all(await asyncio.gather(*(one(i) for i in range(200))))
            tensor = module.InferInput("input", [1, 4], "FP32")
            tensor.set_data_from_numpy(numbers(1))
            with pytest.raises(InferenceServerException):
                await client.infer("nobody", [tensor])

    asyncio.run(asyncio.wait_for(ask(), LIMIT_S))


def test_the_asyncio_client_streams(server):
    async def ask():
        async with tritonclient.grpc.aio.InferenceServerClient(server.grpc) as client:

            async def requests():
                for i in range(50):
                    yield {"model_name": "identity_fp32", "inputs": grpc_input(numbers(i)), "request_id": str(i)}

            got = []
            async for result, error in client.stream_infer(requests()):
                assert error is None
                got.append((result.get_response().id, result.as_numpy("output")[0, 0]))
            assert got == [(str(i), float(i)) for i in range(50)]

    asyncio.run(asyncio.wait_for(ask(), LIMIT_S))


def test_http_compression_of_the_asyncio_client(server):
    async def ask():
        async with tritonclient.http.aio.InferenceServerClient(server.http) as client:
            tensor = tritonclient.http.aio.InferInput("input", [50, 4], "FP32")
            tensor.set_data_from_numpy(numbers(3, 50))
            for algorithm in ("gzip", "deflate"):
                result = await client.infer(
                    "identity_fp32",
                    [tensor],
                    request_compression_algorithm=algorithm,
                    response_compression_algorithm=algorithm,
                )
                assert result.as_numpy("output").tobytes() == numbers(3, 50).tobytes()

    asyncio.run(asyncio.wait_for(ask(), LIMIT_S))
