# SPDX-License-Identifier: Apache-2.0
"""The tutorial's programs in Python, run as a reader would; docs/tutorial shows parts of these files."""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "python"
EXPORTING = ("torch", "onnx", "onnxscript")


def run(name, *arguments):
    """What an example prints; it must end well."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, arguments)],
        cwd=EXAMPLES,
        # Threads of PyTorch's wait for each other by spinning, which is slow beside other tests.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def need(*packages):
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        pytest.skip(f"this part of the tutorial is not run: no {', '.join(missing)} here")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """LeNet, trained on the sample digits and exported, by the tutorial's first two chapters."""
    need(*EXPORTING)
    folder = tmp_path_factory.mktemp("tutorial")
    trained = run("train", ROOT / "examples" / "digits", folder / "lenet.pt")
    right, of = map(int, re.search(r"(\d+) of (\d+) digits right", trained).groups())
    assert of == 50 and right >= 48, trained
    report = run("export", folder / "lenet.pt", folder / "lenet")
    assert "opset 18" in report and "batch   8: within" in report
    return folder / "lenet"


@pytest.fixture(params=["exported", "models/lenet"])
def folder(request):
    """The later chapters work with what the first ones made, and with the model that comes with Muster."""
    if request.param == "exported":
        return request.getfixturevalue("exported")
    return ROOT / "models" / "lenet"


def test_a_fixed_batch_is_found_with_its_line(tmp_path):
    need(*EXPORTING)
    said = run("fixed_batch", tmp_path / "careless")
    assert "the line: x = x.view(2, -1)" in said
    assert not (tmp_path / "careless").exists()


def test_batches_in_bound_memory(folder):
    need("onnxruntime")
    said = run("run_batches", folder)
    assert [line.split(":")[0] for line in said.splitlines()] == [f"batch {rows}" for rows in (1, 2, 4, 8)]


def test_an_engine_where_there_is_a_gpu(folder, tmp_path):
    said = run("tensorrt_engine", folder, tmp_path / "lenet.plan")
    if said.startswith("SKIPPED"):
        pytest.skip(said.strip())
    assert "batch 8: at most" in said


def test_a_queue_that_makes_batches(folder):
    rows, batches = map(int, re.search(r"(\d+) rows in (\d+) batches", run("batch_requests", folder)).groups())
    assert rows == 512
    assert batches < rows


def test_a_server(folder, digits):
    said = run("serve", folder, *digits[:10]).splitlines()
    assert said[0].startswith("serving at http://127.0.0.1:")
    right = sum(label == pathlib.Path(picture).name[0] for picture, label in (line.split(": ") for line in said[1:]))
    assert right >= 9


def test_a_benchmark_over_batch_sizes(folder):
    said = run("benchmark", folder)
    assert "onnxruntime" in said and "p50_ms" in said


def test_a_runtime_is_chosen(folder):
    assert re.search(r"^choose \w+, batches of [1248]$", run("choose", folder), re.MULTILINE)
