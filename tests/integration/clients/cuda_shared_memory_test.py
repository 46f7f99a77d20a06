# SPDX-License-Identifier: Apache-2.0
"""Tensors in CUDA shared memory, registered by tritonclient, with GPUs that the scripted backend plays: 0, where
scripted models run and take their inputs from there, and 1, from which the server copies."""

import base64
import contextlib
import itertools

import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

import model_folders
from conftest import transport_of
from running_server import RunningServer

_numbers = itertools.count()
# Runs on the CPU, so that what is in a GPU's memory is copied; and a scripted one, which takes it from GPU 0.
MODELS = {"identity_fp32": ("input", "output"), "on_gpu": ("INPUT0", "OUTPUT0")}
ECHO = "input INPUT0 FP32 [-1,4]\noutput OUTPUT0 FP32 [-1,4]\n"


@pytest.fixture(scope="module")
def server(program, tmp_path_factory):
    repository = tmp_path_factory.mktemp("models")
    model_folders.add_model(repository, "identity_fp32", model_folders.MODELS / "identity_fp32.onnx")
    model_folders.add_model(repository, "identity_bool", model_folders.MODELS / "identity_bool.onnx")
    model_folders.add_scripted(repository, "on_gpu", ECHO)
    arguments = ("--shared-memory", "--cuda-memory-backend", "scripted", "--max-regions", "4")
    with RunningServer(program, repository, *arguments) as running:
        yield running


def handle_of(size):
    """Of memory that nobody else has, as cudaIpcGetMemHandle gives it and tritonclient hands it on: in base64."""
    return base64.b64encode(f"memory {next(_numbers)} {size}".encode().ljust(64, b"\0"))


@contextlib.contextmanager
def region(client, size, device=0, handle=None):
    name = f"region-{next(_numbers)}"
    client.register_cuda_shared_memory(name, handle or handle_of(size), device, size)
    yield name
    client.unregister_cuda_shared_memory(name)


def regions(transport, client, name=""):
    answer = transport.ask(client, "get_cuda_shared_memory_status", name)
    return answer.get("regions", {}) if transport.name == "grpc" else {entry["name"]: entry for entry in answer}


def refusal(transport, word, call, *arguments, **named):
    with pytest.raises(InferenceServerException) as failure:
        call(*arguments, **named)
    assert failure.value.status() == transport.code(word), failure.value
    return failure.value.message()


def in_region(tensor, name, size, offset=0):
    tensor.set_shared_memory(name, size, offset)
    return [tensor]


def write(transport, client, array, name, offset=0):
    """No GPU is there to copy with: an answer is what comes into a region."""
    wish = transport.module.InferRequestedOutput("output")
    tensor = transport.input("input", array, "FP32")
    client.infer("identity_fp32", [tensor], outputs=in_region(wish, name, array.nbytes, offset))


def read(transport, client, shape, name, offset=0):
    tensor = transport.module.InferInput("input", list(shape), "FP32")
    size = int(np.prod(shape)) * 4
    result = client.infer("identity_fp32", in_region(tensor, name, size, offset))
    return result.as_numpy("output")


@pytest.mark.parametrize("device", [0, 1])
@pytest.mark.parametrize("model", MODELS)
def test_tensors_go_both_ways(transport, client, model, device):
    array = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    source_name, target_name = MODELS[model]
    with region(client, 4096, device) as source, region(client, 4096, device) as target:
        write(transport, client, array, source, 64)
        tensor = transport.module.InferInput(source_name, [5, 4], "FP32")
        wish = transport.module.InferRequestedOutput(target_name)
        result = client.infer(
            model,
            in_region(tensor, source, array.nbytes, 64),
            outputs=in_region(wish, target, array.nbytes, 128),
        )
        assert result.get_output(target_name) is not None
        assert read(transport, client, array.shape, target, 128).tobytes() == array.tobytes()


@pytest.mark.parametrize("model", MODELS)
def test_a_large_request_is_split(transport, client, model):
    array = np.random.default_rng(2).normal(size=(300, 4)).astype(np.float32)
    source_name, target_name = MODELS[model]
    with region(client, array.nbytes) as source, region(client, array.nbytes) as target:
        write(transport, client, array, source)
        tensor = transport.module.InferInput(source_name, list(array.shape), "FP32")
        wish = transport.module.InferRequestedOutput(target_name)
        outputs = in_region(wish, target, array.nbytes)
        client.infer(model, in_region(tensor, source, array.nbytes), outputs=outputs)
        assert read(transport, client, array.shape, target).tobytes() == array.tobytes()


def test_what_must_be_checked_is_read_when_the_request_is(transport, client):
    with region(client, 64) as name:
        write(transport, client, np.frombuffer(bytes([1, 0, 1, 1] * 4), np.float32).reshape(1, 4), name)
        tensor = transport.module.InferInput("input", [1, 4], "BOOL")
        result = client.infer("identity_bool", in_region(tensor, name, 4))
        assert result.as_numpy("output").tolist() == [[True, False, True, True]]
        write(transport, client, np.full((1, 4), 7, np.float32), name)
        assert "BOOL" in refusal(transport, "invalid", client.infer, "identity_bool", in_region(tensor, name, 4))


def test_the_status_lists_regions_as_they_come_and_go(transport, client):
    with region(client, 4096, 1) as name:
        entry = regions(transport, client)[name]
        assert (int(entry.get("device_id", 0)), int(entry["byte_size"])) == (1, 4096)
        assert list(regions(transport, client, name)) == [name]
    assert name not in regions(transport, client)
    assert name in refusal(transport, "not found", client.get_cuda_shared_memory_status, name)


def test_unregistering_without_a_name_forgets_all(transport, client):
    with region(client, 64), region(client, 64):
        client.unregister_system_shared_memory()
        assert len(regions(transport, client)) == 2
        client.unregister_cuda_shared_memory()
        assert not regions(transport, client)


def test_what_cannot_be_opened_is_refused_with_the_reason(transport, client):
    def refused(handle, device, size):
        return refusal(transport, "invalid", client.register_cuda_shared_memory, "r", handle, device, size)

    assert "names no memory" in refused(base64.b64encode(bytes(64)), 0, 64)
    assert "has 64 bytes" in refused(base64.b64encode(bytes(63)), 0, 64)
    assert "it has 64" in refused(handle_of(64), 0, 65)
    assert "there is no GPU 2" in refused(handle_of(64), 2, 64)
    assert "0 bytes" in refused(handle_of(64), 0, 0)
    assert not regions(transport, client)


def test_names_and_room_are_limited(transport, client):
    with region(client, 64) as name:
        register = client.register_cuda_shared_memory
        assert "already" in refusal(transport, "invalid", register, name, handle_of(64), 0, 64)
        with region(client, 64), region(client, 64), region(client, 64):
            assert "4 regions" in refusal(transport, "invalid", register, "fifth", handle_of(64), 0, 64)


def test_a_tensor_must_lie_within_its_region(transport, client):
    with region(client, 64) as name:
        for offset, size in ((0, 68), (4, 64), (64, 16)):
            tensor = transport.module.InferInput("input", [size // 16, 4], "FP32")
            refusal(transport, "invalid", client.infer, "identity_fp32", in_region(tensor, name, size, offset))


def test_a_region_that_was_unregistered_is_unknown(transport, client):
    with region(client, 64) as name:
        pass
    tensor = transport.module.InferInput("input", [1, 4], "FP32")
    assert name in refusal(transport, "invalid", client.infer, "identity_fp32", in_region(tensor, name, 16))


def test_the_metadata_names_the_extension(transport, client):
    metadata = transport.ask(client, "get_server_metadata")
    assert "cuda_shared_memory" in metadata["extensions"]


def test_a_server_without_that_backend_says_so(program, tmp_path):
    model_folders.add_scripted(tmp_path / "models", "on_gpu", ECHO)
    arguments = ("--shared-memory", "--cuda-memory-backend", "nowhere")
    with RunningServer(program, tmp_path / "models", *arguments) as running:
        for name in ("http", "grpc"):
            transport = transport_of(running, name)
            with transport.client() as client:
                register = client.register_cuda_shared_memory
                message = refusal(transport, "invalid", register, "r", handle_of(64), 0, 64)
                assert "'nowhere' is not part of this installation" in message
                assert "cuda_shared_memory" not in transport.ask(client, "get_server_metadata")["extensions"]
                assert not regions(transport, client)


def test_nothing_is_shared_unless_it_is_switched_on(program, tmp_path):
    model_folders.add_scripted(tmp_path / "models", "on_gpu", ECHO)
    with RunningServer(program, tmp_path / "models", "--cuda-memory-backend", "scripted") as running:
        for name in ("http", "grpc"):
            transport = transport_of(running, name)
            with transport.client() as client:
                register = client.register_cuda_shared_memory
                message = refusal(transport, "unsupported", register, "r", handle_of(64), 0, 64)
                assert "--shared-memory" in message
                client.unregister_cuda_shared_memory()
                assert not regions(transport, client)
