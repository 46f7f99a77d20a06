# SPDX-License-Identifier: Apache-2.0
"""`muster verify` as a person uses it."""

import json
import pathlib
import shutil
import socket
import struct

import numpy as np
import pytest
from model_folders import add_model
from plain_server import PlainServer

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ROOT / "tests" / "models"
KEYS = (
    "backend precision computed_in batch_size output max_abs_error mean_abs_error max_rel_error mean_rel_error tolerance elements "
    "differing top1_agreement top1_choices within_tolerance first_difference"
).split()


@pytest.fixture
def openvino(request):
    program = pathlib.Path(request.config.getoption("--program")).resolve()
    if not (program.parent / "lib/muster/libmuster_openvino.so").exists():
        pytest.skip("this build has no OpenVINO backend")


def rows_of(out):
    rows = [json.loads(line) for line in out.splitlines()]
    assert all(list(row) == KEYS for row in rows)
    return rows


def write_ir(folder, weights):
    """The graph of tests/models/external_ok, input + weights, as OpenVINO's IR."""

    def port(number, dims, name=""):
        dims = "".join(f"<dim>{dim}</dim>" for dim in dims)
        names = f' names="{name}"' if name else ""
        return f'<port id="{number}" precision="FP32"{names}>{dims}</port>'

    batch, row = (-1, 4), (1, 4)
    layers = [
        '<layer id="0" name="input" type="Parameter" version="opset1"><data shape="?,4" element_type="f32"/>'
        f'<output>{port(0, batch, "input")}</output></layer>',
        '<layer id="1" name="weights" type="Const" version="opset1">'
        f'<data element_type="f32" shape="1, 4" offset="0" size="16"/><output>{port(0, row)}</output></layer>',
        '<layer id="2" name="sum" type="Add" version="opset1"><data auto_broadcast="numpy"/>'
        f'<input>{port(0, batch)}{port(1, row)}</input><output>{port(2, batch, "output")}</output></layer>',
        f'<layer id="3" name="end" type="Result" version="opset1"><input>{port(0, batch)}</input></layer>',
    ]
    edges = [(0, 0, 2, 0), (1, 0, 2, 1), (2, 2, 3, 0)]
    lines = "".join(
        f'<edge from-layer="{a}" from-port="{b}" to-layer="{c}" to-port="{d}"/>' for a, b, c, d in edges
    )
    text = f'<?xml version="1.0"?><net name="sum" version="11"><layers>{"".join(layers)}</layers><edges>{lines}</edges></net>'
    (folder / "model.xml").write_text(text)
    (folder / "model.bin").write_bytes(struct.pack("<4f", *weights))


@pytest.fixture
def twin(tmp_path):
    """A model whose ONNX file OpenVINO never sees: it has an IR file beside it, with the weights given."""

    def make(weights):
        folder = tmp_path / "twin"
        shutil.copytree(MODELS / "external_ok", folder / "1")
        write_ir(folder / "1", weights)
        return folder

    return make


def scripted(folder, *lines):
    (folder / "1").mkdir(parents=True, exist_ok=True)
    (folder / "1" / "model.script").write_text("\n".join(lines) + "\n")
    return folder


def test_finds_every_backend_precision_and_batch_size_of_lenet_the_same(muster, openvino):
    arguments = ("--pictures", "examples/digits", "--batch-sizes", "1,3,32", "--format", "json")
    status, out, err = muster("verify", "models/lenet", *arguments)
    assert status == 0, out + err
    rows = rows_of(out)
    ways = [("onnxruntime", "f32"), ("openvino", "f32"), ("openvino", "f16"), ("openvino", "bf16")]
    wanted = [(*way, size) for way in ways for size in (1, 3, 32)]
    assert [(row["backend"], row["precision"], row["batch_size"]) for row in rows] == wanted
    assert all(row["output"] == "output" and row["within_tolerance"] and row["top1_choices"] == 10 for row in rows)
    # The reference, asked again in the same way.
    assert rows[0]["max_abs_error"] == 0
    for row in rows:
        if row["precision"] == "f32":
            assert row["max_rel_error"] < 1e-5 and row["top1_agreement"] == 1
    assert "muster: lenet: 50 pictures, held against onnxruntime f32 (ONNX Runtime" in err
    # What plays scripts is not tried where there is none.
    assert "scripted" not in out + err


def test_makes_up_the_same_rows_for_the_same_seed(muster):
    arguments = ("--backend", "onnxruntime", "--batch-sizes", "4", "--tolerance", "0", "--format", "json")
    seen = {}
    for seed in (7, 7, 8):
        status, out, err = muster("verify", "models/lenet", "--seed", seed, *arguments)
        assert status in (0, 1) and f"lenet: 16 rows made up with --seed {seed}, " in err
        (row,) = rows_of(out)
        assert row["elements"] == 160 and row["tolerance"] == 0
        seen.setdefault(seed, []).append(row)
    assert seen[7][0] == seen[7][1]


def test_finds_other_weights_and_names_the_first_difference(muster, openvino, twin):
    same = twin([1, 2, 3, 4])
    arguments = ("--backend", "openvino", "--precision", "f32", "--batch-sizes", "1,2", "--format", "json")
    status, out, err = muster("verify", same, *arguments)
    assert status == 0, out + err
    shutil.rmtree(same)
    values = np.zeros((3, 4), np.float32)
    np.save(same.parent / "x.npy", values)
    other = twin([1, 2, 3.5, 4])
    status, out, _ = muster("verify", other, "--input", f"input={same.parent / 'x.npy'}", *arguments)
    assert status == 1
    for row in rows_of(out):
        assert not row["within_tolerance"]
        assert row["max_abs_error"] == 0.5 and row["mean_abs_error"] == 0.125
        assert row["differing"] * 4 == row["elements"]
        assert row["first_difference"] == {"row": 0, "element": [2], "expected": 3, "given": 3.5}
    status, out, _ = muster("verify", other, "--input", f"input={same.parent / 'x.npy'}", *arguments[:-2])
    assert status == 1
    assert "the first: row 0, output 'output', element [2]: 3 expected, 3.5 given" in out
    # What is told to be right is right.
    status, _, _ = muster("verify", other, *arguments, "--tolerance", "0.5")
    assert status == 0


def test_names_an_output_whose_rows_cannot_be_told_apart(muster, tmp_path):
    add_model(tmp_path, "doubling", MODELS / "batch_changing.onnx", "max_batch_size: 8")
    arguments = ("--backend", "onnxruntime", "--batch-sizes", "1,2", "--format", "json")
    status, out, err = muster("verify", tmp_path / "doubling", *arguments)
    assert status == 1 and [row["batch_size"] for row in rows_of(out)] == [1]
    assert "not verified: onnxruntime f32, batch size 2: output 'output' has shape [4,4] for a batch of 2 rows" in err


def test_compares_integers_and_texts_exactly(muster, tmp_path):
    for kind in ("int64", "string", "bool"):
        model = MODELS / f"identity_{kind}.onnx"
        status, out, _ = muster("verify", model, "--backend", "onnxruntime", "--batch-sizes", "1,3", "--format", "json")
        assert status == 0
        for row in rows_of(out):
            assert row["max_abs_error"] is None and row["differing"] == 0 and row["elements"] > 0
    # A script gives zeros for an output of another type than its input.
    folder = scripted(tmp_path / "m", "input input INT64 [-1,4]", "output output INT32 [-1,4]")
    shutil.copy(MODELS / "identity_int64.onnx", folder / "1" / "model.onnx")
    status, out, _ = muster("verify", folder, "--backend", "scripted", "--batch-sizes", "1", "--format", "json")
    assert status == 1
    assert rows_of(out)[0]["first_difference"] == {
        "row": 0,
        "element": None,
        "expected": "INT64 [4]",
        "given": "INT32 [4]",
    }


def test_takes_no_numbers_for_what_they_are(muster, tmp_path):
    status, out, _ = muster("verify", MODELS / "nan_output.onnx", "--backend", "onnxruntime", "--format", "json")
    assert status == 0 and all(row["within_tolerance"] for row in rows_of(out))
    folder = scripted(tmp_path / "m", "input input FP32 [-1,4]", "output output FP32 [-1,4]")
    shutil.copy(MODELS / "nan_output.onnx", folder / "1" / "model.onnx")
    arguments = ("--backend", "scripted", "--batch-sizes", "1", "--tolerance", "1e30", "--format", "json")
    status, out, _ = muster("verify", folder, *arguments)
    assert status == 1
    (row,) = rows_of(out)
    assert row["differing"] == row["elements"] and row["max_abs_error"] == 0
    assert row["first_difference"]["expected"] == "NaN"


def test_runs_a_model_without_batch_axis_as_it_is(muster):
    arguments = ("--backend", "onnxruntime", "--format", "json")
    for model in ("no_batch", "fixed_batch_4"):
        status, out, _ = muster("verify", MODELS / f"{model}.onnx", *arguments)
        assert status == 0 and [row["batch_size"] for row in rows_of(out)] == [1]
        assert rows_of(out)[0]["elements"] == 16 * (3 if model == "no_batch" else 40)
    status, out, err = muster("verify", MODELS / "no_batch.onnx", "--batch-sizes", "1,2", *arguments)
    assert status == 1 and "without an open batch axis" in err


def test_runs_a_first_axis_that_counts_no_rows_as_it_is(muster, start_server, tmp_path):
    """One sum over all 20 steps, not one for each."""
    add_model(tmp_path, "sum", MODELS / "scalar_output.onnx", "max_batch_size: 0")
    np.save(tmp_path / "x.npy", np.ones((20, 4), np.float32))
    file = ("--input", f"input={tmp_path / 'x.npy'}")
    arguments = ("--backend", "onnxruntime", "--format", "json")
    server = start_server(tmp_path)
    against = ("--against", f"http://{server.http}", "--against", f"grpc://{server.grpc}", "--model", "sum")
    for model in (tmp_path / "sum", MODELS / "scalar_output.onnx"):
        status, out, err = muster("verify", model, *file, *arguments, *against)
        assert status == 0, out + err
        assert [(row["batch_size"], row["elements"], row["max_abs_error"]) for row in rows_of(out)] == [(1, 1, 0)] * 3
    status, _, err = muster("verify", tmp_path / "sum", *file, "--batch-sizes", "2", *arguments)
    assert status == 1 and "served without batches (its max_batch_size is 0)" in err
    status, _, err = muster("verify", tmp_path / "sum", *arguments)
    assert status == 1 and "give the shape of the input with --shape input:D,4" in err


def test_takes_rows_from_files(muster, tmp_path):
    np.save(tmp_path / "a.npy", np.arange(10, dtype=np.float32).reshape(5, 2))
    (tmp_path / "b.bin").write_bytes(np.arange(15, dtype=np.int64).tobytes())
    files = ("--input", f"a={tmp_path / 'a.npy'}", "--input", f"b={tmp_path / 'b.bin'}")
    model = MODELS / "two_in_two_out.onnx"
    status, out, err = muster("verify", model, "--backend", "onnxruntime", "--batch-sizes", "5", "--format", "json", *files)
    assert status == 0 and "5 rows of 2 files" in err
    assert {row["output"]: row["elements"] for row in rows_of(out)} == {"sum": 5, "product": 30}
    np.save(tmp_path / "a.npy", np.zeros((2, 5), np.float32))
    status, _, err = muster("verify", model, "--backend", "onnxruntime", *files[:2])
    assert status == 1 and "a row has shape [5], expected [2]" in err


def test_fails_where_rows_agree_too_rarely(muster, tmp_path):
    folder = scripted(tmp_path / "m", "input input FP32 [-1,4]", "output output FP16 [-1,4]")
    shutil.copy(MODELS / "identity_fp32.onnx", folder / "1" / "model.onnx")
    arguments = ("--backend", "scripted", "--batch-sizes", "1", "--tolerance", "10", "--format", "json")
    status, out, _ = muster("verify", folder, *arguments)
    assert status == 0 and rows_of(out)[0]["top1_agreement"] < 0.9
    status, _, _ = muster("verify", folder, *arguments, "--min-agreement", "0.9")
    assert status == 1


def rows_against(out, url):
    """Of a server, which says nothing of its precision."""
    rows = [row for row in rows_of(out) if row["backend"] == url]
    assert all(row["precision"] is None and row["computed_in"] is None for row in rows)
    return rows


def test_holds_a_running_server_against_the_reference(muster, start_server, tmp_path):
    server = start_server(ROOT / "models", "--unix-socket", tmp_path / "muster")
    urls = [
        f"http://{server.http}",
        f"grpc://{server.grpc}",
        f"unix:{tmp_path / 'muster'}",
        f"unix+grpc:{tmp_path / 'muster'}.grpc",
    ]
    arguments = ("--pictures", "examples/digits", "--backend", "onnxruntime", "--batch-sizes", "1,3,32", "--format", "json")
    against = [argument for url in urls for argument in ("--against", url)]
    status, out, err = muster("verify", "models/lenet", *arguments, *against)
    assert status == 0, out + err
    assert len(rows_of(out)) == 3 * 5
    for url in urls:
        rows = rows_against(out, url)
        assert [row["batch_size"] for row in rows] == [1, 3, 32]
        for row in rows:
            assert row["within_tolerance"] and row["tolerance"] == 1e-4 and row["top1_agreement"] == 1
    status, out, _ = muster("verify", "models/lenet", *arguments[:-2], *against[:2])
    (line,) = [line for line in out.splitlines() if line.startswith(urls[0]) and " 32 " in line]
    assert status == 0 and line.split()[1] == "-" and line.endswith(" ok")


def test_takes_every_type_from_a_server(muster, start_server, tmp_path):
    types = ("fp16", "bf16", "fp64", "int64", "uint8", "bool", "string")
    for kind in types:
        add_model(tmp_path, f"identity_{kind}", MODELS / f"identity_{kind}.onnx")
    server = start_server(tmp_path)
    urls = (f"http://{server.http}", f"grpc://{server.grpc}")
    for kind in types:
        arguments = ("--backend", "onnxruntime", "--batch-sizes", "1,5", "--format", "json")
        against = [argument for url in urls for argument in ("--against", url)]
        status, out, err = muster("verify", MODELS / f"identity_{kind}.onnx", *arguments, *against)
        assert status == 0, kind + out + err
        for url in urls:
            rows = rows_against(out, url)
            assert [row["batch_size"] for row in rows] == [1, 5]
            assert all(row["differing"] == 0 and row["elements"] > 0 for row in rows)


def test_finds_a_server_with_other_weights(muster, start_server, tmp_path):
    shutil.copytree(MODELS / "external_ok", tmp_path / "sum" / "1")
    (tmp_path / "sum" / "1" / "weights.bin").write_bytes(struct.pack("<4f", 1, 2, 3.5, 4))
    server = start_server(tmp_path)
    np.save(tmp_path / "x.npy", np.zeros((3, 4), np.float32))
    for url in (f"http://{server.http}", f"grpc://{server.grpc}"):
        arguments = ("--backend", "onnxruntime", "--batch-sizes", "2", "--format", "json", "--against", url, "--model", "sum")
        status, out, _ = muster("verify", MODELS / "external_ok" / "model.onnx", "--input", f"input={tmp_path / 'x.npy'}", *arguments)
        assert status == 1
        assert all(row["within_tolerance"] for row in rows_of(out) if row["backend"] != url)
        (row,) = rows_against(out, url)
        assert not row["within_tolerance"] and row["max_abs_error"] == 0.5 and row["differing"] == 4
        assert row["first_difference"] == {"row": 0, "element": [2], "expected": 3, "given": 3.5}
        # No flag says what the server computes in; how much it may differ is for whoever asks it.
        status, _, _ = muster("verify", MODELS / "external_ok" / "model.onnx", *arguments, "--tolerance", "0.5")
        assert status == 0


def test_names_what_a_server_has_otherwise(muster, start_server, tmp_path):
    for name in ("identity_int64", "two_in_two_out", "no_batch"):
        add_model(tmp_path, name, MODELS / f"{name}.onnx")
    server = start_server(tmp_path)
    for url in (f"http://{server.http}", f"grpc://{server.grpc}"):
        arguments = ("--backend", "onnxruntime", "--batch-sizes", "1", "--format", "json", "--against", url)

        def fault(name):
            status, out, err = muster("verify", MODELS / "identity_fp32.onnx", *arguments, *(("--model", name) if name else ()))
            assert status == 1 and rows_against(out, url) == [] and len(rows_of(out)) == 1
            (line,) = [line for line in err.splitlines() if line.startswith(f"muster: not verified: {url}: ")]
            return line

        assert fault("identity_int64").endswith(
            "the server's model 'identity_int64' is another: input 'input' is INT64 [-1,4] instead of FP32 [-1,4]; "
            "output 'output' is INT64 [-1,4] instead of FP32 [-1,4]"
        )
        line = fault("two_in_two_out")
        assert "there is no input 'input'; input 'a' is one too many" in line and "there is no output 'output'" in line
        assert "model 'identity_fp32' is not ready (" in fault(None)


def test_tells_a_batch_that_the_server_refuses(muster, start_server, tmp_path):
    add_model(tmp_path, "identity_fp32", MODELS / "identity_fp32.onnx")
    server = start_server(tmp_path, "--max-request-rows", "4")
    for url, kind in ((f"http://{server.http}", "HTTP"), (f"grpc://{server.grpc}", "gRPC")):
        arguments = ("--backend", "onnxruntime", "--batch-sizes", "2,8", "--format", "json", "--against", url)
        status, out, err = muster("verify", MODELS / "identity_fp32.onnx", *arguments)
        assert status == 1 and [row["batch_size"] for row in rows_against(out, url)] == [2]
        assert len(rows_of(out)) == 3
        assert f"not verified: {url}, batch size 8: the server does not answer the batch ({kind} status " in err


def test_says_that_no_server_is_there(muster):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        arguments = ("--backend", "onnxruntime", "--batch-sizes", "1", "--format", "json")
        status, out, err = muster("verify", "models/lenet", *arguments, "--against", url)
        assert status == 1 and len(rows_of(out)) == 1
        assert f"muster: not verified: {url}: {url} cannot be reached: Connection refused\n" in err
        taken.listen()
        status, _, err = muster("verify", "models/lenet", *arguments, "--against", url, "--timeout-seconds", "0.3")
        assert status == 1 and f"{url} does not answer" in err


def test_brings_a_token_to_the_server(muster, start_server, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("infer infer-0123456789ab\n")
    tokens.chmod(0o600)
    server = start_server(ROOT / "models", "--token-file", tokens)
    mine = tmp_path / "mine"
    mine.write_text("infer-0123456789ab\n")
    for url in (f"http://{server.http}", f"grpc://{server.grpc}"):
        arguments = ("--backend", "onnxruntime", "--batch-sizes", "1", "--format", "json", "--against", url)
        status, _, err = muster("verify", "models/lenet", *arguments)
        assert status == 1 and "bearer token" in err
        status, out, err = muster("verify", "models/lenet", *arguments, "--token-file", mine)
        assert status == 0 and len(rows_against(out, url)) == 1, err


FLOATS = {"datatype": "FP32", "shape": [-1, 4]}


def plain(answer):
    return PlainServer("m", [{"name": "input", **FLOATS}], [{"name": "output", **FLOATS}], answer)


def as_json(values, name="output"):
    data = {"name": name, "datatype": "FP32", "shape": list(values.shape), "data": values.tolist()}
    return {"model_name": "m", "outputs": [data]}


def test_takes_json_of_servers_without_binary_data(muster):
    arguments = ("--backend", "onnxruntime", "--batch-sizes", "1,3", "--format", "json", "--model", "m")
    with plain(lambda values: (200, as_json(values["input"]))) as server:
        status, out, err = muster("verify", MODELS / "identity_fp32.onnx", *arguments, "--against", server.url)
        assert status == 0, out + err
        assert [row["max_abs_error"] for row in rows_against(out, server.url)] == [0, 0]


@pytest.mark.parametrize(
    "answer, expected",
    [
        (lambda x: (200, as_json(x, "other")), "the server's answer has no output 'output'"),
        (lambda x: (200, as_json(x[:2])), "output 'output' has shape [2,4] for a batch of 3 rows"),
        (lambda x: (200, {"outputs": [{**as_json(x)["outputs"][0], "shape": [3, 5]}]}), "its shape has 15 elements, 12 are given"),
        (lambda x: (200, {"outputs": 5}), "what the server answers: the server's JSON"),
        (lambda x: (400, {"error": "at most 2 rows"}), "(HTTP status 400): at most 2 rows"),
        (lambda x: (503, {"error": "busy"}), "(HTTP status 503): busy"),
    ],
)
def test_tells_answers_that_are_none(muster, answer, expected):
    arguments = ("--backend", "onnxruntime", "--batch-sizes", "3", "--format", "json", "--model", "m")
    with plain(lambda values: answer(values["input"])) as server:
        status, out, err = muster("verify", MODELS / "identity_fp32.onnx", *arguments, "--against", server.url)
        assert status == 1 and rows_against(out, server.url) == []
        assert f"not verified: {server.url}, batch size 3: " in err and expected in err, err


def test_finds_an_answer_of_another_shape(muster):
    arguments = ("--backend", "onnxruntime", "--batch-sizes", "3", "--format", "json", "--model", "m")
    with plain(lambda values: (200, as_json(values["input"][:, :2]))) as server:
        status, out, _ = muster("verify", MODELS / "identity_fp32.onnx", *arguments, "--against", server.url)
        (row,) = rows_against(out, server.url)
        assert status == 1 and row["first_difference"]["expected"] == "FP32 [4]"
        assert row["first_difference"]["given"] == "FP32 [2]"


@pytest.mark.parametrize(
    "arguments, status, expected",
    [
        (["models/lenet", "--against", "localhost:8000"], 2, "--against: 'localhost:8000' says no transport"),
        (["models/lenet", "--against", "http://h:1", "--token-file", "/no/such"], 2, "/no/such cannot be read"),
        (["models/lenet", "--model", "x"], 2, "requires --against"),
        (["no/model"], 1, "muster: there is no model at no/model"),
        (["models/lenet", "--backend", "openvimo"], 1, "nothing could be verified"),
        (["models/lenet", "--reference", "openvimo"], 1, "the reference, openvimo f32: backend 'openvimo'"),
        (["models/lenet", "--reference", "onnxruntime:bf16"], 1, "backend 'onnxruntime' has no precision bf16"),
        (["models/lenet", "--backend", "onnxruntime", "--precision", "bf16"], 1, "nothing could be verified"),
        (["models/lenet", "--accelerator", "none=/no/such.so", "--batch-sizes", "1"], 1, ""),
        (["models/lenet", "--input", "x=/no/such.npy"], 1, "there is no input 'x'"),
        (["models/lenet", "--input", "input=/no/such.npy"], 1, "there is no file /no/such.npy"),
        (["models/lenet", "--pictures", "/no/such.png"], 1, "/no/such.png: no such file"),
        (["models/lenet", "--range", "input:0,1e60"], 1, "input 'input': the range 0,1e+60 does not fit FP32"),
        (["tests/models/identity_fp32.onnx", "--pictures", "examples/digits"], 1, "takes no pictures"),
        (["tests/models/dynamic_hw.onnx"], 1, "--shape input:3,D,D"),
        (["models/lenet", "--tolerance", "x"], 2, "--tolerance 'x'"),
        (["models/lenet", "--range", "x"], 2, "--range 'x'"),
        (["models/lenet", "--input", "x"], 2, "--input 'x'"),
        (["models/lenet", "--precision", "f8"], 2, "--precision"),
        (["models/lenet", "--min-agreement", "2"], 2, "--min-agreement"),
        (["models/lenet", "--rows", "3", "--input", "a=b"], 2, "excludes"),
        ([], 2, "MODEL"),
    ],
)
def test_says_what_is_wrong(muster, arguments, status, expected):
    done, _, err = muster("verify", *arguments)
    assert done == status and expected in err
