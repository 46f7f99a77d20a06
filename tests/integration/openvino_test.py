# SPDX-License-Identifier: Apache-2.0
"""Models on OpenVINO, beside the same on ONNX Runtime."""

import csv
import io
import pathlib
import re
import shutil

import pytest

# What LeNet's own configuration says of ONNX Runtime.
OF_ONNX_RUNTIME = re.compile(r"^(backend|platform):.*\n|parameters\s*\{\s*key: \"intra_op_thread_count\"[^}]*\}\s*\}", re.M)
OPENVINO = 'backend: "openvino"\n'
ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def needs_the_backend(request):
    program = pathlib.Path(request.config.getoption("--program")).resolve()
    if not (program.parent / "lib/muster/libmuster_openvino.so").exists():
        pytest.skip("this build has no OpenVINO backend")


@pytest.fixture
def lenet(tmp_path):
    """A copy of LeNet's folder, for OpenVINO."""
    folder = tmp_path / "lenet"
    shutil.copytree(ROOT / "models" / "lenet", folder)
    config = folder / "config.pbtxt"
    config.write_text(OPENVINO + re.sub(OF_ONNX_RUNTIME, "", config.read_text()))
    return folder


def classes(muster, model):
    status, out, err = muster("classify", "--model", model, "--format", "csv", "examples/digits")
    assert (status, err) == (0, "")
    return list(csv.DictReader(io.StringIO(out)))


def test_gives_the_answers_of_onnx_runtime(muster, lenet):
    ours = classes(muster, lenet)
    theirs = classes(muster, ROOT / "models" / "lenet")
    assert [(row["path"], row["label"]) for row in ours] == [(row["path"], row["label"]) for row in theirs]
    for one, other in zip(ours, theirs):
        assert abs(float(one["probability"]) - float(other["probability"])) < 1e-4


def test_tells_the_runtime(muster, lenet):
    status, out, err = muster("inspect", lenet)
    assert (status, err) == (0, "")
    assert "runtime     OpenVINO 20" in out


def test_says_what_is_wrong_with_a_parameter(muster, lenet):
    config = lenet / "config.pbtxt"
    config.write_text(config.read_text() + 'parameters { key: "NUM_STREAM" value { string_value: "2" } }\n')
    status, _, err = muster("inspect", lenet)
    line = len(config.read_text().splitlines())
    assert status != 0
    assert f"{config}:{line}: parameter 'NUM_STREAM' is unknown to the openvino backend" in err
    assert "did you mean 'NUM_STREAMS'?" in err


def test_has_no_execution_accelerators(muster, lenet):
    config = lenet / "config.pbtxt"
    config.write_text(
        config.read_text()
        + 'optimization { execution_accelerators { cpu_execution_accelerator: [ { name: "openvino" } ] } }\n'
    )
    status, _, err = muster("inspect", lenet)
    assert status != 0
    assert "execution accelerators are those of backend 'onnxruntime'" in err
