# SPDX-License-Identifier: Apache-2.0
"""Tensors in memory that server and client share, through tritonclient.utils.shared_memory."""

import contextlib
import itertools
import os

import numpy as np
import pytest
import tritonclient.utils.shared_memory as shm
from tritonclient.utils import InferenceServerException, serialize_byte_tensor

import model_folders
from conftest import transport_of
from running_server import RunningServer

_numbers = itertools.count()


@contextlib.contextmanager
def region(client, size, registered=True):
    """A region of the client's, known to the server under the same name for the time of the block."""
    name = f"muster-test-{os.getpid()}-{next(_numbers)}"
    handle = shm.create_shared_memory_region(name, "/" + name, size)
    try:
        if registered:
            client.register_system_shared_memory(name, "/" + name, size)
        yield name, handle
        client.unregister_system_shared_memory(name)
    finally:
        shm.destroy_shared_memory_region(handle)


def regions(transport, client):
    answer = transport.ask(client, "get_system_shared_memory_status")
    return answer.get("regions", {}) if transport.name == "grpc" else {entry["name"]: entry for entry in answer}


def refusal(transport, call, *arguments, **named):
    with pytest.raises(InferenceServerException) as failure:
        call(*arguments, **named)
    assert failure.value.status() == transport.code("invalid"), failure.value
    return failure.value.message()


def shared_input(transport, array, name, offset=0):
    tensor = transport.module.InferInput("input", list(array.shape), "FP32")
    tensor.set_shared_memory(name, array.nbytes, offset)
    return [tensor]


def shared_output(transport, name, size, offset=0):
    wish = transport.module.InferRequestedOutput("output")
    wish.set_shared_memory(name, size, offset)
    return [wish]


def test_tensors_go_both_ways_through_shared_memory(transport, client):
    array = np.random.default_rng(1).normal(size=(33, 4)).astype(np.float32)
    with region(client, array.nbytes) as (source, source_handle), region(client, array.nbytes + 64) as (
        target,
        target_handle,
    ):
        shm.set_shared_memory_region(source_handle, [array])
        for offset in (0, 64):
            result = client.infer(
                "identity_fp32",
                shared_input(transport, array, source),
                outputs=shared_output(transport, target, array.nbytes, offset),
            )
            assert result.get_output("output") is not None
            got = shm.get_contents_as_numpy(target_handle, np.float32, list(array.shape), offset)
            assert got.tobytes() == array.tobytes()


def test_a_large_request_in_shared_memory_is_split(transport, client):
    array = np.random.default_rng(2).normal(size=(500, 4)).astype(np.float32)
    with region(client, array.nbytes) as (source, source_handle), region(client, array.nbytes) as (
        target,
        target_handle,
    ):
        shm.set_shared_memory_region(source_handle, [array])
        outputs = shared_output(transport, target, array.nbytes)
        client.infer("small_batches", shared_input(transport, array, source), outputs=outputs)
        got = shm.get_contents_as_numpy(target_handle, np.float32, list(array.shape))
        assert got.tobytes() == array.tobytes()


def test_texts_go_through_shared_memory(transport, client):
    texts = np.array([[b"a\0b", b"", b"xyz" * 100, b"\xff"]], np.object_)
    size = sum(4 + len(text) for text in texts.flatten())
    with region(client, size) as (source, handle):
        shm.set_shared_memory_region(handle, [serialize_byte_tensor(texts)])
        tensor = transport.module.InferInput("input", [1, 4], "BYTES")
        tensor.set_shared_memory(source, size)
        result = client.infer("identity_string", [tensor])
        assert result.as_numpy("output").tolist() == texts.tolist()


def test_the_status_lists_regions_as_they_come_and_go(transport, client):
    with region(client, 4096) as (name, _):
        entry = regions(transport, client)[name]
        assert (entry["key"], int(entry["byte_size"])) == ("/" + name, 4096)
        assert int(entry.get("offset", 0)) == 0
    assert name not in regions(transport, client)


def test_unregistering_without_a_name_forgets_all(transport, client):
    with region(client, 64), region(client, 64):
        client.unregister_system_shared_memory()
        assert not regions(transport, client)


def test_a_name_is_registered_once(transport, client):
    with region(client, 64) as (name, _):
        refusal(transport, client.register_system_shared_memory, name, "/" + name, 64)


@pytest.mark.parametrize("key", ["/muster-test-no-such-key", "../../etc/passwd", "/../etc/passwd", "", "/", "a/b"])
def test_keys_that_lead_nowhere_or_elsewhere_are_refused(transport, client, key):
    message = refusal(transport, client.register_system_shared_memory, "elsewhere", key, 64)
    assert "root:" not in message
    assert "elsewhere" not in regions(transport, client)


@pytest.mark.parametrize(
    "offset, size", [(0, 65), (64, 1), (1, 64), (2**63, 64), (2**64 - 1, 2), (0, 0), (8, 2**64 - 8)]
)
def test_a_region_must_lie_within_its_object(transport, client, offset, size):
    with region(client, 64, registered=False) as (name, _):
        refusal(transport, client.register_system_shared_memory, name, "/" + name, size, offset)


@pytest.mark.parametrize("offset, size", [(0, 68), (4, 64), (64, 16), (2**63, 64), (2**64 - 8, 16)])
def test_a_tensor_must_lie_within_its_region(transport, client, offset, size):
    array = np.zeros((size // 16 or 1, 4), np.float32)
    with region(client, 64) as (name, _):
        tensor = transport.module.InferInput("input", list(array.shape), "FP32")
        if transport.name == "grpc" and offset >= 2**63:
            pytest.skip("the client cannot say it: its parameter is signed")
        tensor.set_shared_memory(name, size, offset)
        refusal(transport, client.infer, "identity_fp32", [tensor])


def test_a_tensor_s_bytes_must_fit_its_shape(transport, client):
    with region(client, 64) as (name, _):
        tensor = transport.module.InferInput("input", [1, 4], "FP32")
        tensor.set_shared_memory(name, 12)
        refusal(transport, client.infer, "identity_fp32", [tensor])


def test_an_output_that_does_not_fit_is_refused(transport, client):
    array = np.zeros((2, 4), np.float32)
    with region(client, 64) as (name, _):
        outputs = shared_output(transport, name, 16)
        refusal(transport, client.infer, "identity_fp32", [transport.input("input", array, "FP32")], outputs=outputs)


def test_an_unknown_region_is_refused(transport, client):
    array = np.zeros((1, 4), np.float32)
    assert "nowhere" in refusal(transport, client.infer, "identity_fp32", shared_input(transport, array, "nowhere"))


def test_a_region_that_shrinks_under_the_server_ends_no_server(transport, client):
    """The client truncates the object after registering it: touching what is gone would be a SIGBUS."""
    array = np.zeros((4096, 4), np.float32)
    with region(client, array.nbytes) as (name, _):
        os.truncate(f"/dev/shm/{name}", 0)
        with contextlib.suppress(InferenceServerException):
            client.infer("identity_fp32", shared_input(transport, array, name))
        with contextlib.suppress(InferenceServerException):
            outputs = shared_output(transport, name, array.nbytes)
            client.infer("identity_fp32", [transport.input("input", array, "FP32")], outputs=outputs)
        os.truncate(f"/dev/shm/{name}", array.nbytes)
    assert client.is_server_live()
    client.infer("identity_fp32", [transport.input("input", array[:1], "FP32")])


def test_gpu_memory_is_refused_in_words(transport, client):
    with pytest.raises(InferenceServerException) as failure:
        client.register_cuda_shared_memory("gpu", b"AAAA", 0, 64)
    assert failure.value.message()


def test_nothing_is_shared_unless_it_is_switched_on(program, tmp_path):
    model_folders.add_model(tmp_path / "models", "identity_fp32", model_folders.MODELS / "identity_fp32.onnx")
    with RunningServer(program, tmp_path / "models") as running:
        for name in ("http", "grpc"):
            transport = transport_of(running, name)
            with transport.client() as client, pytest.raises(InferenceServerException) as failure:
                client.register_system_shared_memory("any", "/any", 64)
            assert "shared-memory" in failure.value.message()


def test_memory_that_is_not_there_cannot_be_had_of_the_server(transport, client):
    """An object of holes costs the client nothing; the server must not read it all to find that it is too large."""
    name, size = f"muster-test-{os.getpid()}-holes", 1 << 36
    path = f"/dev/shm/{name}"
    with open(path, "wb") as file:
        os.truncate(file.fileno(), size)
    try:
        client.register_system_shared_memory(name, "/" + name, size)
        tensor = transport.module.InferInput("input", [size // 16, 4], "FP32")
        tensor.set_shared_memory(name, size)
        refusal(transport, client.infer, "identity_fp32", [tensor])
        client.unregister_system_shared_memory(name)
    finally:
        os.unlink(path)
