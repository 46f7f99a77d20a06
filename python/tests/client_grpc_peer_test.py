# SPDX-License-Identifier: Apache-2.0
"""muster.Client over gRPC: its messages are those of the protocol, and what other servers answer is understood or
refused.
"""

import contextlib
import subprocess
import sys

import grpc
import muster
import numpy as np
import pytest
from muster.client.transports import messages
from muster.client.calls import InferCall, Input, Region, Wish
from muster.client.datatypes import datatype_of
from peers import GrpcPeer
from serving import ROOT, TYPES, same, sample
from tritonclient.grpc import model_config_pb2, service_pb2

ONE = np.ones((1,), np.float32)


def tensor(array, name="x", **options):
    return Input(name, datatype_of(name, array), array.shape, array, **options)


def response(**fields):
    return service_pb2.ModelInferResponse(model_name="m", model_version="3", id="i", **fields)


def described(name="y", datatype="FP32", shape=(1,), **fields):
    return service_pb2.ModelInferResponse.InferOutputTensor(name=name, datatype=datatype, shape=list(shape), **fields)


def ask(peer, **options):
    with muster.Client(peer.url) as client:
        return client.run("m", {"x": ONE}, **options)


def outcome(message, **options):
    raw = message if isinstance(message, bytes) else message.SerializeToString()
    with GrpcPeer(ModelInfer=raw) as peer:
        return ask(peer, **options)


# ---- messages ----


def test_a_request_is_the_protocol_s_message():
    parameters = {"flag": True, "off": False, "low": -(1 << 63), "high": (1 << 64) - 1, "half": 0.5, "text": "\u00fc"}
    texts = np.array([b"a", "bc"], object)
    call = InferCall(
        "model",
        "2",
        [
            tensor(np.arange(300, dtype=np.int16).reshape(150, 2)),
            tensor(texts, "t"),
            tensor(ONE, "s", region=Region("r", 4, 8)),
        ],
        [Wish("y", classes=3), Wish("z", region=Region("r", 4))],
        "id",
        parameters,
    )
    said = service_pb2.ModelInferRequest.FromString(messages.infer_request(call))
    assert (said.model_name, said.model_version, said.id) == ("model", "2", "id")
    assert {
        name: getattr(value, value.WhichOneof("parameter_choice")) for name, value in said.parameters.items()
    } == parameters
    assert [(one.name, one.datatype, list(one.shape)) for one in said.inputs] == [
        ("x", "INT16", [150, 2]),
        ("t", "BYTES", [2]),
        ("s", "FP32", [1]),
    ]
    assert said.inputs[2].parameters["shared_memory_region"].string_param == "r"
    assert said.inputs[2].parameters["shared_memory_offset"].int64_param == 8
    assert list(said.raw_input_contents) == [np.arange(300, dtype="<i2").tobytes(), b"\1\0\0\0a\2\0\0\0bc"]
    assert said.outputs[0].parameters["classification"].int64_param == 3
    assert said.outputs[1].parameters["shared_memory_byte_size"].int64_param == 4


@pytest.mark.parametrize("datatype", TYPES.values())
def test_raw_tensors_are_read(datatype):
    array = sample(datatype)
    wire = bytes(tensor(array).wire)
    message = response(outputs=[described(datatype=datatype, shape=array.shape)], raw_output_contents=[wire])
    outputs = outcome(message)
    assert same(outputs["y"], array)
    assert (outputs.model, outputs.version, outputs.request_id) == ("m", "3", "i")


@pytest.mark.parametrize(
    "datatype, field",
    [
        ("BOOL", "bool_contents"),
        ("INT8", "int_contents"),
        ("INT16", "int_contents"),
        ("INT32", "int_contents"),
        ("INT64", "int64_contents"),
        ("UINT8", "uint_contents"),
        ("UINT16", "uint_contents"),
        ("UINT32", "uint_contents"),
        ("UINT64", "uint64_contents"),
        ("FP32", "fp32_contents"),
        ("FP64", "fp64_contents"),
        ("BYTES", "bytes_contents"),
    ],
)
def test_typed_contents_are_read(datatype, field):
    array = sample(datatype)
    contents = service_pb2.InferTensorContents(**{field: array.ravel().tolist()})
    assert same(
        outcome(response(outputs=[described(datatype=datatype, shape=array.shape, contents=contents)]))["y"], array
    )


def test_a_configuration_is_read_like_protobuf_reads_it():
    config = model_config_pb2.ModelConfig(name="m", max_batch_size=8, platform="p")
    config.input.add(
        name="x", data_type=model_config_pb2.TYPE_FP32, dims=[3, -1], format=model_config_pb2.ModelInput.FORMAT_NCHW
    )
    config.dynamic_batching.preferred_batch_size.extend([4, 8])
    config.dynamic_batching.priority_queue_policy[2].max_queue_size = 7
    config.parameters["k"].string_value = "v"
    config.instance_group.add(kind=model_config_pb2.ModelInstanceGroup.KIND_CPU, gpus=[1, 2])
    said = service_pb2.ModelConfigResponse(config=config)
    with GrpcPeer(ModelConfig=said.SerializeToString()) as peer, muster.Client(peer.url) as client:
        read = client.config("m")
    assert (read["name"], read["max_batch_size"], read["platform"]) == ("m", 8, "p")
    assert read["input"][0]["dims"] == [3, -1]
    assert read["input"][0]["data_type"] == "TYPE_FP32"
    assert read["input"][0]["format"] == "FORMAT_NCHW"
    assert read["dynamic_batching"]["preferred_batch_size"] == [4, 8]
    assert read["dynamic_batching"]["priority_queue_policy"][2]["max_queue_size"] == 7
    assert read["parameters"] == {"k": {"string_value": "v"}}
    assert read["instance_group"][0]["gpus"] == [1, 2]
    assert "sequence_batching" not in read


def test_the_schema_is_that_of_the_proto_files():
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "make_client_schema.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


# ---- answers that are none ----


@pytest.mark.parametrize(
    "message",
    [
        b"\xff",
        b"\xff" * 20,
        b"\x0a\x7fa",
        b"\x2b",
        response(outputs=[described()]),
        response(outputs=[described(shape=[2])], raw_output_contents=[b"1234"]),
        response(outputs=[described(shape=[-1])], raw_output_contents=[b""]),
        response(outputs=[described(shape=[1 << 40, 1 << 40])], raw_output_contents=[b"1234"]),
        response(outputs=[described(datatype="FP31")], raw_output_contents=[b"1234"]),
        response(outputs=[described(datatype="BYTES")], raw_output_contents=[b"\5\0\0\0a"]),
        response(outputs=[described()], raw_output_contents=[b"1234", b"5678"]),
        response(outputs=[described(), described()], raw_output_contents=[b"1234", b"5678"]),
        response(outputs=[described(datatype="FP16")]),
        response(outputs=[described(datatype="UINT8", contents=service_pb2.InferTensorContents(uint_contents=[256]))]),
        response(outputs=[described(contents=service_pb2.InferTensorContents(int_contents=[1]))]),
    ],
)
def test_an_answer_that_cannot_be_is_an_error(message):
    with pytest.raises(muster.InternalError, match="answer is broken"):
        outcome(message)


def test_truncated_messages_are_errors_and_nothing_else():
    whole = response(
        outputs=[described(datatype="BYTES", shape=[2])], raw_output_contents=[b"\1\0\0\0a\2\0\0\0bc"]
    ).SerializeToString()
    call = InferCall("m", "", [])
    for length in range(len(whole)):
        with contextlib.suppress(muster.InternalError):
            messages.read_infer_response(whole[:length], call)


@pytest.mark.parametrize(
    "status, kind",
    [
        ("CANCELLED", muster.Cancelled),
        ("UNKNOWN", muster.InternalError),
        ("INVALID_ARGUMENT", muster.InvalidArgument),
        ("DEADLINE_EXCEEDED", muster.DeadlineExceeded),
        ("NOT_FOUND", muster.NotFound),
        ("ALREADY_EXISTS", muster.AlreadyExists),
        ("PERMISSION_DENIED", muster.PermissionDenied),
        ("RESOURCE_EXHAUSTED", muster.ResourceExhausted),
        ("FAILED_PRECONDITION", muster.FailedPrecondition),
        ("UNIMPLEMENTED", muster.Unimplemented),
        ("INTERNAL", muster.InternalError),
        ("UNAVAILABLE", muster.Unavailable),
        ("UNAUTHENTICATED", muster.Unauthenticated),
    ],
)
def test_a_status_is_an_exception_with_the_server_s_words(status, kind):
    with GrpcPeer(ModelInfer=(grpc.StatusCode[status], "these words")) as peer, pytest.raises(kind) as failure:
        ask(peer)
    assert str(failure.value) == f"these words (gRPC {status}, {peer.url})"


def test_a_server_without_configurations_gets_whole_requests():
    message = response(outputs=[described(shape=[4])], raw_output_contents=[bytes(16)])
    with GrpcPeer(ModelInfer=message.SerializeToString()) as peer, muster.Client(peer.url) as client:
        assert client.run("m", {"x": np.zeros((4, 1), np.float32)})["y"].shape == (4,)
        assert not client.live()
        with pytest.raises(muster.Unimplemented):
            client.config("m")
        with pytest.raises(muster.Unimplemented):
            client.classify("m", b"")


def test_a_port_that_speaks_no_grpc_is_unavailable():
    with muster.Client("grpc://127.0.0.1:1", timeout=20) as client:
        assert not client.live()
        with pytest.raises(muster.Unavailable, match="grpc://127.0.0.1:1"):
            client.run("m", {"x": ONE})


def test_without_grpcio_its_package_is_named(python):
    done = python(
        "import sys\n"
        "sys.modules['grpc'] = None\n"
        "import muster\n"
        "muster.Client('http://127.0.0.1:1').close()\n"
        "try:\n"
        "    muster.Client('grpc://127.0.0.1:1')\n"
        "except muster.FailedPrecondition as error:\n"
        "    print(error)\n"
    )
    assert "pip install 'muster[grpc]'" in done.stdout, done.stderr
