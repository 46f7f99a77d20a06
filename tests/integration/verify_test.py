# SPDX-License-Identifier: Apache-2.0
"""`muster verify` as a person uses it."""

import json
import pathlib
import shutil
import struct

import numpy as np
import pytest

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
    assert "not verified: scripted f32: " in err


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


def test_names_an_output_whose_rows_cannot_be_told_apart(muster):
    arguments = ("--backend", "onnxruntime", "--batch-sizes", "1,2", "--format", "json")
    status, out, err = muster("verify", MODELS / "batch_changing.onnx", *arguments)
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


@pytest.mark.parametrize(
    "arguments, status, expected",
    [
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
