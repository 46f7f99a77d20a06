# SPDX-License-Identifier: Apache-2.0
"""Inference as tritonclient asks for it: every data type, several tensors, wishes about outputs, sizes, errors."""

import ml_dtypes
import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

import model_folders

RANDOM = np.random.default_rng(20)
NUMPY_TYPES = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "FP32": np.float32,
    "FP64": np.float64,
}
TEXTS = np.array(
    [[b"", b"a\0b", b"\xff\xfe", "gr\u00fc\u00df dich".encode()], [b"x" * 5000, b'"', b"\\", b"\n"]], dtype=np.object_
)


def sample(datatype, rows=3):
    """Numbers of this type that fill its range, so that a wrong width or sign shows."""
    if datatype == "BYTES":
        return TEXTS
    kind = np.dtype(NUMPY_TYPES[datatype])
    if datatype == "BOOL":
        return RANDOM.integers(0, 2, (rows, 4)).astype(np.bool_)
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        array = RANDOM.integers(limits.min, limits.max, (rows, 4), dtype=kind, endpoint=True)
        array[0, :2] = limits.min, limits.max
        return array
    return RANDOM.normal(0, 1000, (rows, 4)).astype(kind)


def bits(array):
    return array.tolist() if array.dtype == np.object_ else array.tobytes()


def fp32(rows, columns=4):
    return RANDOM.normal(size=(rows, columns)).astype(np.float32)


def expect_failure(transport, word, call, *arguments, **named):
    with pytest.raises(InferenceServerException) as failure:
        call(*arguments, **named)
    assert failure.value.status() == transport.code(word), failure.value
    assert failure.value.message()
    return failure.value.message()


@pytest.mark.parametrize("word, datatype", model_folders.TYPES.items())
def test_every_data_type_comes_back_bit_for_bit(transport, client, word, datatype):
    array = sample(datatype)
    result = client.infer(f"identity_{word}", [transport.input("input", array, datatype)])
    output = result.as_numpy("output")
    assert output.dtype == array.dtype
    assert output.shape == array.shape
    assert bits(output) == bits(array)


@pytest.mark.parametrize(
    "word, datatype", [pair for pair in model_folders.TYPES.items() if pair[1] not in ("FP16", "BF16", "BYTES")]
)
@pytest.mark.parametrize("binary_in, binary_out", [(False, False), (False, True), (True, False)])
def test_http_tensors_may_be_json_one_way_or_both(http, word, datatype, binary_in, binary_out):
    array = sample(datatype)
    wish = http.module.InferRequestedOutput("output", binary_data=binary_out)
    with http.client() as client:
        result = client.infer(
            f"identity_{word}", [http.input("input", array, datatype, binary_data=binary_in)], outputs=[wish]
        )
    assert bits(result.as_numpy("output")) == bits(array)


@pytest.mark.parametrize("binary_in, binary_out", [(False, False), (False, True), (True, False)])
def test_texts_may_be_json_one_way_or_both(http, binary_in, binary_out):
    array = np.array([["", "a\0b", "gr\u00fc\u00df dich \U0001f600", '"\\\n\t'.ljust(3000)]], dtype=np.object_)
    wish = http.module.InferRequestedOutput("output", binary_data=binary_out)
    with http.client() as client:
        result = client.infer(
            "identity_string", [http.input("input", array, "BYTES", binary_data=binary_in)], outputs=[wish]
        )
    got = [text.decode() if isinstance(text, bytes) else text for text in result.as_numpy("output").flatten()]
    assert got == array.flatten().tolist()


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_inputs_come_in_any_order(transport, client, order):
    tensors = {"a": (fp32(5, 2), "FP32"), "b": (RANDOM.integers(-99, 99, (5, 3)), "INT64")}
    result = client.infer("two_in_two_out", [transport.input(name, *tensors[name]) for name in order])
    a, b = tensors["a"][0], tensors["b"][0]
    np.testing.assert_allclose(result.as_numpy("sum"), a.sum(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(result.as_numpy("product"), a[:, :, None] * b[:, None, :].astype(np.float32))


def test_json_and_binary_inputs_share_a_request(http):
    a, b = fp32(2, 2), RANDOM.integers(-99, 99, (2, 3))
    inputs = [http.input("a", a, "FP32", binary_data=True), http.input("b", b, "INT64", binary_data=False)]
    outputs = [
        http.module.InferRequestedOutput("product", binary_data=False),
        http.module.InferRequestedOutput("sum", binary_data=True),
    ]
    with http.client() as client:
        result = client.infer("two_in_two_out", inputs, outputs=outputs)
    assert [output["name"] for output in result.get_response()["outputs"]] == ["product", "sum"]
    np.testing.assert_array_equal(result.as_numpy("product"), a[:, :, None] * b[:, None, :].astype(np.float32))
    np.testing.assert_allclose(result.as_numpy("sum"), a.sum(axis=1), rtol=1e-6)


def test_only_requested_outputs_come(transport, client):
    inputs = [transport.input("a", fp32(1, 2), "FP32"), transport.input("b", np.ones((1, 3), np.int64), "INT64")]
    result = client.infer("two_in_two_out", inputs, outputs=[transport.module.InferRequestedOutput("sum")])
    assert result.as_numpy("product") is None
    assert result.as_numpy("sum").shape == (1,)


def test_the_classes_of_an_output_come_best_first_with_their_labels(transport, client):
    array = np.array([[0.5, 0.25, 8, -1], [1, 2, 3, 4]], dtype=np.float32)
    wish = transport.module.InferRequestedOutput("output", class_count=3)
    result = client.infer("labelled", [transport.input("input", array, "FP32")], outputs=[wish])
    expected = [
        [b"8.000000:2:cat", b"0.500000:0:ant", b"0.250000:1:bee"],
        [b"4.000000:3:dog", b"3.000000:2:cat", b"2.000000:1:bee"],
    ]
    assert result.as_numpy("output").tolist() == expected


def test_more_classes_than_there_are_are_all_of_them(transport, client):
    wish = transport.module.InferRequestedOutput("output", class_count=1000)
    result = client.infer("identity_fp32", [transport.input("input", fp32(2), "FP32")], outputs=[wish])
    assert result.as_numpy("output").shape == (2, 4)


def test_texts_have_no_classes(transport, client):
    wish = transport.module.InferRequestedOutput("output", class_count=1)
    array = np.array([[b"a", b"b", b"c", b"d"]], dtype=np.object_)
    expect_failure(
        transport,
        "invalid",
        client.infer,
        "identity_string",
        [transport.input("input", array, "BYTES")],
        outputs=[wish],
    )


def test_the_id_is_echoed_and_never_invented(transport, client):
    inputs = [transport.input("input", fp32(1), "FP32")]
    for request_id in ("7", 'a "quoted"\\ one', ""):
        response = client.infer("identity_fp32", inputs, request_id=request_id).get_response()
        got = response.get("id", "") if transport.name == "http" else response.id
        assert got == request_id


def test_the_answer_names_model_and_version(transport, client):
    response = client.infer(
        "identity_fp32", [transport.input("input", fp32(1), "FP32")], model_version="1"
    ).get_response()
    if transport.name == "grpc":
        response = {"model_name": response.model_name, "model_version": response.model_version}
    assert (response["model_name"], response["model_version"]) == ("identity_fp32", "1")


def test_parameters_that_mean_nothing_here_do_no_harm(transport, client):
    parameters = {"my_text": "x", "my_number": 3, "my_truth": True}
    client.infer(
        "identity_fp32",
        [transport.input("input", fp32(1), "FP32")],
        parameters=parameters,
        priority=1,
        timeout=60_000_000,
    )


def test_sequences_are_refused_by_name(transport, client):
    inputs = [transport.input("input", fp32(1), "FP32")]
    message = expect_failure(
        transport, "invalid", client.infer, "identity_fp32", inputs, sequence_id=5, sequence_start=True
    )
    assert "sequence" in message


def test_nan_and_infinity_pass_in_both_forms(http):
    array = np.array([[np.nan, np.inf, -np.inf, -0.0]], dtype=np.float32)
    with http.client() as client:
        for binary in (True, False):
            wish = http.module.InferRequestedOutput("output", binary_data=binary)
            output = client.infer("identity_fp32", [http.input("input", array, "FP32")], outputs=[wish]).as_numpy(
                "output"
            )
            np.testing.assert_array_equal(output, array)
            assert np.signbit(output[0, 3])


def test_a_request_of_no_rows_is_answered_or_refused_in_words(transport, client):
    inputs = [transport.input("input", np.zeros((0, 4), np.float32), "FP32")]
    try:
        assert client.infer("identity_fp32", inputs).as_numpy("output").size == 0
    except InferenceServerException as failure:
        assert failure.status() == transport.code("invalid")


def test_a_request_larger_than_a_batch_is_answered_in_order(transport, client):
    array = fp32(1000)
    result = client.infer("small_batches", [transport.input("input", array, "FP32")])
    assert bits(result.as_numpy("output")) == bits(array)


def test_a_split_request_keeps_texts_and_several_tensors_together(transport, client):
    a, b = fp32(200, 2), RANDOM.integers(-99, 99, (200, 3))
    result = client.infer("two_in_two_out", [transport.input("a", a, "FP32"), transport.input("b", b, "INT64")])
    np.testing.assert_array_equal(result.as_numpy("product"), a[:, :, None] * b[:, None, :].astype(np.float32))
    texts = np.array(
        [[f"{row}:{column}".encode() * (row % 7) for column in range(4)] for row in range(150)], np.object_
    )
    result = client.infer("identity_string", [transport.input("input", texts, "BYTES")])
    assert result.as_numpy("output").tolist() == texts.tolist()


def test_requests_of_different_shapes_do_not_mix(transport, client):
    for side in (8, 9, 32):
        array = RANDOM.normal(size=(2, 3, side, side + 1)).astype(np.float32)
        result = client.infer("dynamic_hw", [transport.input("input", array, "FP32")])
        np.testing.assert_allclose(next(iter(outputs(transport, result))), array.mean(axis=(2, 3)), atol=1e-5)


def outputs(transport, result):
    response = result.get_response()
    names = [o["name"] for o in response["outputs"]] if transport.name == "http" else [o.name for o in response.outputs]
    return [result.as_numpy(name) for name in names]


def test_messages_of_tens_of_megabytes_pass(transport, client):
    array = RANDOM.normal(size=(16, 3, 512, 512)).astype(np.float32)  # 48 MiB
    result = client.infer("dynamic_hw", [transport.input("input", array, "FP32")])
    np.testing.assert_allclose(outputs(transport, result)[0], array.mean(axis=(2, 3)), atol=1e-4)


def test_answers_of_tens_of_megabytes_pass(transport, client):
    texts = np.array([[bytes([65 + row]) * 500_000 for _ in range(4)] for row in range(12)], np.object_)  # 24 MB
    result = client.infer("identity_string", [transport.input("input", texts, "BYTES")])
    assert result.as_numpy("output").tolist() == texts.tolist()


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_http_bodies_are_compressed_both_ways(http, algorithm):
    array = np.repeat(fp32(1), 60, axis=0)
    with http.client() as client:
        result = client.infer(
            "identity_fp32",
            [http.input("input", array, "FP32")],
            request_compression_algorithm=algorithm,
            response_compression_algorithm=algorithm,
        )
    assert bits(result.as_numpy("output")) == bits(array)


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_grpc_messages_are_compressed(grpc_transport, algorithm):
    array = np.repeat(fp32(1), 60, axis=0)
    with grpc_transport.client() as client:
        inputs = [grpc_transport.input("input", array, "FP32")]
        result = client.infer("identity_fp32", inputs, compression_algorithm=algorithm)
    assert bits(result.as_numpy("output")) == bits(array)


def test_many_requests_at_once_each_get_their_own_answer(transport):
    arrays = [fp32(1 + i % 5) for i in range(200)]
    with transport.client(**({"concurrency": 16} if transport.name == "http" else {})) as client:
        if transport.name == "http":
            pending = [client.async_infer("identity_fp32", [transport.input("input", a, "FP32")]) for a in arrays]
            results = [request.get_result() for request in pending]
        else:
            results = grpc_results(transport, client, arrays)
    assert [bits(result.as_numpy("output")) for result in results] == [bits(array) for array in arrays]


def grpc_results(transport, client, arrays):
    import queue

    answers = queue.Queue()
    for i, array in enumerate(arrays):
        client.async_infer(
            "identity_fp32",
            [transport.input("input", array, "FP32")],
            callback=lambda result, error, i=i: answers.put((i, result, error)),
        )
    got = sorted((answers.get(timeout=60) for _ in arrays), key=lambda answer: answer[0])
    assert not [error for _, _, error in got if error]
    return [result for _, result, _ in got]


# ---- errors ----


def test_unknown_models_and_versions_are_not_found(transport, client):
    inputs = [transport.input("input", fp32(1), "FP32")]
    assert "nobody" in expect_failure(transport, "not found", client.infer, "nobody", inputs)
    assert "identity_fp32" in expect_failure(
        transport, "not found", client.infer, "identity_fp32", inputs, model_version="9"
    )
    expect_failure(transport, "invalid", client.infer, "identity_fp32", inputs, model_version="one")


@pytest.mark.parametrize(
    "name, array, datatype, expected",
    [
        ("wrong", np.zeros((1, 4), np.float32), "FP32", "wrong"),
        ("input", np.zeros((1, 4), np.float64), "FP64", "FP64"),
        ("input", np.zeros((1, 5), np.float32), "FP32", "input"),
        ("input", np.zeros(4, np.float32), "FP32", "input"),
        ("input", np.zeros((1, 1, 4), np.float32), "FP32", "input"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_by_name(transport, client, name, array, datatype, expected):
    inputs = [transport.input(name, array, datatype)]
    assert expected in expect_failure(transport, "invalid", client.infer, "identity_fp32", inputs)


def test_missing_and_double_inputs_are_refused(transport, client):
    a = transport.input("a", np.zeros((1, 2), np.float32), "FP32")
    b = transport.input("b", np.zeros((1, 3), np.int64), "INT64")
    assert "b" in expect_failure(transport, "invalid", client.infer, "two_in_two_out", [a])
    expect_failure(transport, "invalid", client.infer, "two_in_two_out", [a, a])
    expect_failure(transport, "invalid", client.infer, "two_in_two_out", [a, b, b])


def test_inputs_of_different_numbers_of_rows_are_refused(transport, client):
    a = transport.input("a", np.zeros((1, 2), np.float32), "FP32")
    b = transport.input("b", np.zeros((2, 3), np.int64), "INT64")
    expect_failure(transport, "invalid", client.infer, "two_in_two_out", [a, b])


def test_unknown_and_double_outputs_are_refused(transport, client):
    inputs = [transport.input("input", fp32(1), "FP32")]
    wish = transport.module.InferRequestedOutput
    assert "nothing" in expect_failure(
        transport, "invalid", client.infer, "identity_fp32", inputs, outputs=[wish("nothing")]
    )
    expect_failure(
        transport, "invalid", client.infer, "identity_fp32", inputs, outputs=[wish("output"), wish("output")]
    )


def test_a_failure_of_the_model_is_an_internal_error(transport, client):
    inputs = [transport.input("INPUT0", fp32(1), "FP32")]
    expect_failure(transport, "internal", client.infer, "failing", inputs)


def test_a_failed_request_leaves_the_connection_usable(transport, client):
    for _ in range(20):
        expect_failure(transport, "not found", client.infer, "nobody", [transport.input("input", fp32(1), "FP32")])
        client.infer("identity_fp32", [transport.input("input", fp32(1), "FP32")])
