# SPDX-License-Identifier: Apache-2.0
"""Loading, replacing and unloading models through tritonclient, while others ask."""

import json
import shutil
import threading
import time

import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

import model_folders
from conftest import transport_of
from running_server import RunningServer

LIMIT_S = 60


@pytest.fixture
def repository(tmp_path):
    """One model that runs, one that is broken, one that waits to be loaded."""
    root = tmp_path / "models"
    model_folders.add_model(
        root, "first", model_folders.MODELS / "identity_fp32.onnx", "max_batch_size: 8\ndynamic_batching {}\n"
    )
    model_folders.add_model(root, "broken", model_folders.MODELS / "corrupt.onnx")
    model_folders.add_model(root, "later", model_folders.MODELS / "identity_int32.onnx")
    model_folders.add_model(
        root, "chain", model_folders.MODELS / "identity_fp32.onnx", 'platform: "ensemble"\nensemble_scheduling {}\n'
    )
    return root


@pytest.fixture
def server(program, repository):
    with RunningServer(program, repository, "--model-control", "explicit", "--load-model", "first") as running:
        yield running


def index(transport, client):
    answer = transport.ask(client, "get_model_repository_index")
    return {entry["name"]: entry for entry in (answer.get("models", []) if transport.name == "grpc" else answer)}


def wait_for(condition, what):
    """Polls with a deadline: what the server does on its own time has no other sign over the protocol."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} within {LIMIT_S} s"
        threading.Event().wait(0.02)


def infer(transport, client, name="first", datatype=np.float32, word="FP32", rows=1):
    array = np.arange(rows * 4).reshape(rows, 4).astype(datatype)
    output = client.infer(name, [transport.input("input", array, word)]).as_numpy("output")
    assert output.tobytes() == array.tobytes()


def refusal(call, *arguments, **named):
    with pytest.raises(InferenceServerException) as failure:
        call(*arguments, **named)
    return failure.value


def max_batch_size(transport, client, name="first"):
    answer = transport.ask(client, "get_model_config", name)
    return (answer["config"] if transport.name == "grpc" else answer)["max_batch_size"]


def test_a_model_comes_and_goes(transport, client):
    assert not client.is_model_ready("later")
    assert index(transport, client)["later"].get("state", "") == ""
    client.load_model("later")
    assert client.is_model_ready("later")
    infer(transport, client, "later", np.int32, "INT32")
    client.unload_model("later")
    wait_for(lambda: index(transport, client)["later"].get("reason") == "unloaded", "the model is unloaded")
    assert index(transport, client)["later"]["state"] == "UNAVAILABLE"
    assert not client.is_model_ready("later")
    array = np.zeros((1, 4), np.int32)
    failure = refusal(client.infer, "later", [transport.input("input", array, "INT32")])
    assert failure.status() in (transport.code("not found"), transport.code("unavailable"), transport.code("invalid"))
    client.load_model("later")
    infer(transport, client, "later", np.int32, "INT32")


def test_unloading_what_is_not_there_is_no_error(client):
    client.unload_model("later")
    client.unload_model("nobody")


def test_loading_what_is_not_there_is_one(transport, client):
    failure = refusal(client.load_model, "nobody")
    assert failure.status() in (transport.code("not found"), transport.code("invalid"))
    assert "nobody" in failure.message()


@pytest.mark.parametrize("name", ["broken", "chain"])
def test_a_model_that_cannot_be_loaded_says_why_and_hurts_no_other(transport, client, name):
    failure = refusal(client.load_model, name)
    assert name in failure.message()
    entry = index(transport, client)[name]
    assert entry["state"] == "UNAVAILABLE"
    assert entry["reason"]
    assert client.is_server_ready()
    infer(transport, client)
    client.load_model("later")
    infer(transport, client, "later", np.int32, "INT32")


def test_what_is_refused_by_the_configuration_is_named(transport, client):
    assert "ensemble_scheduling" in refusal(client.load_model, "chain").message()


@pytest.mark.parametrize("name", ["../first", "..", "/etc", "first/1", "", ".hidden", "a\nb"])
def test_names_that_lead_elsewhere_load_nothing(transport, client, name):
    refusal(client.load_model, name)
    infer(transport, client)


def test_an_override_stands_above_the_file_until_the_model_is_unloaded(transport, client):
    assert max_batch_size(transport, client) == 8
    client.load_model("first", config=json.dumps({"max_batch_size": 3}))
    assert max_batch_size(transport, client) == 3
    infer(transport, client, rows=10)
    client.load_model("first")
    assert max_batch_size(transport, client) == 3
    client.unload_model("first")
    wait_for(lambda: index(transport, client)["first"].get("reason") == "unloaded", "the model is unloaded")
    client.load_model("first")
    assert max_batch_size(transport, client) == 8


@pytest.mark.parametrize(
    "config",
    ["{", '{"max_batch_size": -1}', '{"max_bach_size": 4}', '{"name": "other"}', "[]", '{"backend": "nothing"}'],
)
def test_a_refused_override_leaves_running_what_runs(transport, client, config):
    refusal(client.load_model, "first", config=config)
    assert client.is_model_ready("first")
    assert max_batch_size(transport, client) == 8
    infer(transport, client)


def test_files_are_not_taken_from_clients(transport, client, repository):
    before = sorted(path.relative_to(repository) for path in repository.rglob("*"))
    parameters = {"config": "{}", "files": {"file:1/model.onnx": b"x", "file:../../outside": b"x"}}
    if transport.name == "http":  # the client's own encoding of files is broken for JSON
        parameters["files"] = {}
        import urllib.error
        import urllib.request

        body = json.dumps({"parameters": {"config": "{}", "file:1/model.onnx": "eA=="}}).encode()
        request = urllib.request.Request(f"http://{transport.address}/v2/repository/models/first/load", body)
        with pytest.raises(urllib.error.HTTPError) as failure:
            urllib.request.urlopen(request)
        assert failure.value.code == 400
        assert "file:" in json.load(failure.value)["error"]
    else:
        failure = refusal(client.load_model, "first", **parameters)
        assert failure.status() == transport.code("invalid")
        assert "file:" in failure.message()
    assert sorted(path.relative_to(repository) for path in repository.rglob("*")) == before
    infer(transport, client)


def test_a_new_version_takes_over_and_a_broken_one_does_not(transport, client, repository):
    def version():
        response = client.infer(
            "first", [transport.input("input", np.zeros((1, 4), np.float32), "FP32")]
        ).get_response()
        return response["model_version"] if transport.name == "http" else response.model_version

    assert version() == "1"
    shutil.copytree(repository / "first" / "1", repository / "first" / "2")
    assert version() == "1"
    client.load_model("first")
    assert version() == "2"
    (repository / "first" / "3").mkdir()
    shutil.copyfile(model_folders.MODELS / "corrupt.onnx", repository / "first" / "3" / "model.onnx")
    refusal(client.load_model, "first")
    assert version() == "2"
    assert client.is_model_ready("first", "2")


def test_a_reload_fails_no_request(transport, client, repository):
    """Four clients ask without a pause while the model is replaced again and again."""
    stop, failures, answers = threading.Event(), [], [0] * 4

    def ask(number):
        array = np.full((2, 4), number, np.float32)
        with transport.client() as mine:
            inputs = [transport.input("input", array, "FP32")]
            while not stop.is_set():
                try:
                    assert mine.infer("first", inputs).as_numpy("output").tobytes() == array.tobytes()
                    answers[number] += 1
                except Exception as failure:  # every kind is a failure of the test
                    failures.append(failure)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in range(2, 8):
            shutil.copytree(repository / "first" / "1", repository / "first" / str(number))
            client.load_model("first")
            before = list(answers)
            wait_for(lambda: failures or all(a > b for a, b in zip(answers, before)), "every client is answered")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert client.is_model_ready("first", "7")


@pytest.mark.parametrize("mode", ["none", "poll"])
def test_other_modes_refuse_to_load_and_unload(program, repository, mode):
    shutil.rmtree(repository / "broken")
    shutil.rmtree(repository / "chain")
    with RunningServer(program, repository, "--model-control", mode) as running:
        for name in ("http", "grpc"):
            other = transport_of(running, name)
            with other.client() as client:
                assert refusal(client.load_model, "first").status() == other.code("unavailable")
                assert refusal(client.unload_model, "first").status() == other.code("unavailable")
                infer(other, client)


def test_polling_finds_what_changed_on_disk(program, repository):
    arguments = ("--model-control", "poll", "--poll-seconds", "1")
    with RunningServer(program, repository, *arguments) as running:
        transport = transport_of(running, "http")
        with transport.client() as client:
            wait_for(lambda: client.is_model_ready("first", "1"), "version 1 is ready")
            shutil.copytree(repository / "first" / "1", repository / "first" / "2")
            wait_for(
                lambda: client.is_model_ready("first", "2"), "version 2 is ready, although another model is broken"
            )
            shutil.copyfile(model_folders.MODELS / "identity_fp32.onnx", repository / "broken" / "1" / "model.onnx")
            wait_for(lambda: client.is_model_ready("broken"), "the repaired model is ready")
            shutil.rmtree(repository / "first")
            wait_for(lambda: not client.is_model_ready("first"), "the removed model is gone")
