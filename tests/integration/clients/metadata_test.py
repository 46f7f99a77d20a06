# SPDX-License-Identifier: Apache-2.0
"""What tritonclient is told about the server and its models: health, metadata, configuration, statistics, settings."""

import urllib.request

import numpy as np
import pytest
from tritonclient.utils import InferenceServerException


def shape_of(tensor):
    return [int(dimension) for dimension in tensor["shape"]]


def infer_rows(transport, client, rows, model="identity_fp32", **arguments):
    array = np.arange(rows * 4, dtype=np.float32).reshape(rows, 4)
    return client.infer(model, [transport.input("input", array, "FP32")], **arguments)


def test_the_server_is_live_and_ready(client):
    assert client.is_server_live()
    assert client.is_server_ready()


def test_models_are_ready_by_name_and_by_version(client):
    assert client.is_model_ready("identity_fp32")
    assert client.is_model_ready("identity_fp32", "1")
    assert not client.is_model_ready("identity_fp32", "2")
    assert not client.is_model_ready("nobody")


def test_the_server_names_itself_and_its_extensions(transport, client):
    server = transport.ask(client, "get_server_metadata")
    assert server["name"] == "muster"
    assert server["version"]
    assert {"classification", "model_repository", "model_configuration", "binary_tensor_data", "statistics",
            "system_shared_memory"} <= set(server["extensions"])  # fmt: skip


def test_metadata_show_the_batch_axis(transport, client):
    model = transport.ask(client, "get_model_metadata", "two_in_two_out")
    assert (model["name"], model["versions"]) == ("two_in_two_out", ["1"])
    assert model["platform"] == "onnxruntime_onnx"
    inputs = {tensor["name"]: (tensor["datatype"], shape_of(tensor)) for tensor in model["inputs"]}
    outputs = {tensor["name"]: (tensor["datatype"], shape_of(tensor)) for tensor in model["outputs"]}
    assert inputs == {"a": ("FP32", [-1, 2]), "b": ("INT64", [-1, 3])}
    assert outputs == {"sum": ("FP32", [-1]), "product": ("FP32", [-1, 2, 3])}


def test_metadata_of_a_model_without_a_batch_axis_are_its_own_shapes(transport, client):
    model = transport.ask(client, "get_model_metadata", "no_batch")
    assert [shape_of(tensor) for tensor in model["inputs"]] == [[3]]


def test_the_configuration_is_completed(transport, client):
    answer = transport.ask(client, "get_model_config", "identity_string")
    config = answer["config"] if transport.name == "grpc" else answer
    assert (config["name"], config["backend"]) == ("identity_string", "onnxruntime")
    assert config["max_batch_size"] == 64
    assert "dynamic_batching" in config
    (tensor,) = config["input"]
    assert (tensor["name"], tensor["data_type"]) == ("input", "TYPE_STRING")
    assert [int(dimension) for dimension in tensor["dims"]] == [4]


def test_64_bit_fields_of_the_configuration_are_numbers_over_http(server):
    with urllib.request.urlopen(f"http://{server.http}/v2/models/labelled/config") as reply:
        text = reply.read().decode()
    assert '"dims":[4]' in text.replace(" ", "")


def test_the_index_has_every_model_with_its_state(transport, client):
    answer = transport.ask(client, "get_model_repository_index")
    entries = {entry["name"]: entry for entry in (answer["models"] if transport.name == "grpc" else answer)}
    assert {"identity_fp32", "lenet", "slow"} <= set(entries)
    assert (entries["lenet"]["version"], entries["lenet"]["state"]) == ("1", "READY")


def test_statistics_count_requests_rows_and_batches(transport, client):
    def counts():
        answer = transport.ask(client, "get_inference_statistics", "small_batches", "1")
        (entry,) = answer["model_stats"]
        assert (entry["name"], entry["version"]) == ("small_batches", "1")
        success = entry["inference_stats"]["success"]
        return (
            int(entry.get("inference_count", 0)),
            int(entry.get("execution_count", 0)),
            int(success.get("count", 0)),
            int(success.get("ns", 0)),
        )

    before = counts()
    infer_rows(transport, client, 3, "small_batches")
    infer_rows(transport, client, 5, "small_batches")
    after = counts()
    assert [after[i] - before[i] for i in range(3)] == [8, 2, 2]
    assert after[3] > before[3]


def test_statistics_tell_the_sizes_of_batches(transport, client):
    infer_rows(transport, client, 7, "small_batches")
    answer = transport.ask(client, "get_inference_statistics", "small_batches")
    sizes = {int(entry["batch_size"]): entry for entry in answer["model_stats"][0]["batch_stats"]}
    assert int(sizes[7]["compute_infer"]["count"]) >= 1
    assert int(sizes[7]["compute_infer"]["ns"]) > 0


def test_failures_count_as_failures(transport, client):
    def failures():
        answer = transport.ask(client, "get_inference_statistics", "failing")
        return int(answer["model_stats"][0]["inference_stats"]["fail"].get("count", 0))

    before = failures()
    array = np.zeros((1, 4), dtype=np.float32)
    with pytest.raises(InferenceServerException):
        client.infer("failing", [transport.input("INPUT0", array, "FP32")])
    assert failures() == before + 1


@pytest.mark.parametrize(
    "call, arguments",
    [
        ("get_model_metadata", ("nobody",)),
        ("get_model_metadata", ("identity_fp32", "7")),
        ("get_model_config", ("nobody",)),
        ("get_model_config", ("identity_fp32", "7")),
    ],
)
def test_unknown_models_and_versions_are_not_found(transport, client, call, arguments):
    with pytest.raises(InferenceServerException) as failure:
        getattr(client, call)(*arguments)
    assert failure.value.status() == transport.code("not found")
    assert arguments[0] in failure.value.message()


def test_statistics_of_an_unknown_model_are_refused(transport, client):
    with pytest.raises(InferenceServerException) as failure:
        client.get_inference_statistics("nobody")
    assert failure.value.status() in (transport.code("invalid"), transport.code("not found"))


def test_log_settings_are_read_and_changed(transport, client):
    def settings(answer):
        if transport.name == "http":
            return answer
        return {name: next(iter(value.values()), 0) for name, value in answer["settings"].items()}

    before = settings(transport.ask(client, "get_log_settings"))
    assert {"log_info", "log_warning", "log_error", "log_verbose_level"} <= set(before)
    changed = settings(transport.ask(client, "update_log_settings", {"log_verbose_level": 1, "log_info": True}))
    assert (int(changed["log_verbose_level"]), changed["log_info"]) == (1, True)
    restored = {"log_verbose_level": int(before["log_verbose_level"]), "log_info": bool(before["log_info"])}
    client.update_log_settings(restored)
    assert settings(transport.ask(client, "get_log_settings")) == before


@pytest.mark.parametrize("settings", [{"log_file": "elsewhere.log"}, {"log_colour": True}])
def test_no_call_may_set_a_path_or_what_does_not_exist(transport, client, settings):
    with pytest.raises(InferenceServerException) as failure:
        client.update_log_settings(settings)
    assert failure.value.status() == transport.code("invalid")
    assert next(iter(settings)) in failure.value.message()


def test_trace_settings_say_that_there_are_no_traces(transport, client):
    answer = transport.ask(client, "get_trace_settings")
    level = answer["trace_level"] if transport.name == "http" else answer["settings"]["trace_level"]["value"]
    assert level == ["OFF"]
    with pytest.raises(InferenceServerException) as failure:
        client.update_trace_settings(settings={"trace_file": "trace.json"})
    assert failure.value.status() == transport.code("invalid")
