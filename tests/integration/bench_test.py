# SPDX-License-Identifier: Apache-2.0
"""`muster bench` as a person uses it. No test has an opinion on how long a run takes."""

import csv
import io
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess

import pytest
from plot_page import tags_that_stand_alone

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLUMNS = "backend,batch_size,mean_ms,p50_ms,p90_ms,p99_ms,items_per_second,cpu_us_per_item,rss_mib,gpu_mib".split(",")
QUICK = ("--iterations", "5", "--warm-up-seconds", "0")


def sizes_of(out):
    return [int(row["batch_size"]) for row in csv.DictReader(io.StringIO(out))]


def test_measures_the_batch_sizes_up_to_the_models_largest(muster):
    status, out, err = muster("bench", "models/lenet", "--backend", "onnxruntime", "--format", "csv", *QUICK)
    assert status == 0
    assert out.splitlines()[0] == ",".join(COLUMNS)
    assert sizes_of(out) == [1, 2, 4, 8, 16, 32, 64, 128]
    assert "not measured" not in err
    for row in csv.DictReader(io.StringIO(out)):
        figures = {name: float(row[name]) for name in COLUMNS[1:]}
        assert 0 < figures["p50_ms"] <= figures["p90_ms"] <= figures["p99_ms"]
        assert figures["items_per_second"] == pytest.approx(figures["batch_size"] / figures["mean_ms"] * 1000, rel=0.01)
        assert figures["rss_mib"] > 1 and figures["cpu_us_per_item"] >= 0


def test_measures_the_batch_sizes_given_in_their_order_as_json(muster):
    arguments = ("--backend", "onnxruntime", "--batch-sizes", "8,1,3,1", "--format", "json")
    status, out, _ = muster("bench", "models/lenet/1/model.onnx", *arguments, *QUICK)
    assert status == 0
    objects = [json.loads(line) for line in out.splitlines()]
    assert [entry["batch_size"] for entry in objects] == [8, 1, 3]
    assert all(list(entry) == COLUMNS for entry in objects)


def test_measures_for_seconds(muster):
    arguments = ("--backend", "onnxruntime", "--batch-sizes", "1", "--seconds", "0.01", "--warm-up-seconds", "0")
    status, out, _ = muster("bench", "models/lenet", *arguments)
    assert status == 0 and "0.01 s for each batch size" in out


def test_names_a_backend_that_cannot_open_the_model_and_measures_the_others(muster, tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "model.script").write_text("input x FP32 [-1,4]\noutput x FP32 [-1,4]\n")
    arguments = (tmp_path, "--batch-sizes", "2", "--format", "csv", *QUICK)
    status, out, err = muster("bench", *arguments)
    assert status == 0
    assert [row["backend"] for row in csv.DictReader(io.StringIO(out))] == ["scripted"]
    assert "muster: not measured: onnxruntime: " in err
    # Asked for by its name, it is a failure.
    status, out, err = muster("bench", *arguments, "--backend", "scripted", "--backend", "onnxruntime")
    assert status == 1 and sizes_of(out) == [2] and "not measured: onnxruntime: " in err


def test_tries_scripts_only_where_there_is_one(muster, tmp_path):
    shutil.copytree(ROOT / "models" / "lenet" / "1", tmp_path / "1")
    arguments = ("bench", tmp_path, "--batch-sizes", "1", "--format", "csv", *QUICK)

    def backends():
        status, out, err = muster(*arguments)
        assert status == 0
        return [row["backend"] for row in csv.DictReader(io.StringIO(out))], err

    names, err = backends()
    assert "onnxruntime" in names and "scripted" not in names and "scripted" not in err
    (tmp_path / "1" / "model.script").write_text("input input FP32 [-1,1,28,28]\noutput output FP32 [-1,10]\n")
    (tmp_path / "config.pbtxt").write_text('backend: "onnxruntime" max_batch_size: 4\n')
    names, _ = backends()
    assert names[0] == "onnxruntime" and "scripted" in names


def test_gives_each_backend_its_own_file_and_only_the_named_one_its_parameters(muster, tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "model.script").write_text("input x FP32 [-1,4]\noutput x FP32 [-1,4]\n")
    shutil.copy(ROOT / "models" / "lenet" / "1" / "model.onnx", tmp_path / "1")
    (tmp_path / "config.pbtxt").write_text(
        'backend: "scripted" max_batch_size: 3\n'
        'parameters { key: "execute_delay_ms" value { string_value: "20" } }\n'
    )
    backends = ("--backend", "scripted", "--backend", "onnxruntime")
    status, out, _ = muster("bench", tmp_path, "--format", "csv", *backends, *QUICK)
    assert status == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    measured = [(row["backend"], row["batch_size"]) for row in rows]
    assert measured == [(backend, size) for backend in ("scripted", "onnxruntime") for size in "123"]
    assert all(float(row["p50_ms"]) >= 20 for row in rows[:3])


def test_names_what_fails_in_the_table(muster):
    arguments = ("--backend", "onnxruntime", "--batch-sizes", "1,4")
    status, out, _ = muster("bench", "tests/models/fixed_batch_4.onnx", *arguments, *QUICK)
    assert status == 1
    assert "not measured: onnxruntime, batch size 4: input 'input' has shape [4,1,28,28]" in out
    assert any(line.startswith("onnxruntime ") for line in out.splitlines())


def test_names_a_run_that_fails(muster, tmp_path):
    (tmp_path / "1").mkdir()
    script = "input x FP32 [-1,4]\noutput x FP32 [-1,4]\nfail every 4 the device is hot\n"
    (tmp_path / "1" / "model.script").write_text(script)
    status, out, err = muster("bench", tmp_path, "--backend", "scripted", "--batch-sizes", "1", *QUICK)
    assert status == 1
    assert "not measured: scripted, batch size 1: " in out and "the device is hot" in out
    assert "nothing could be measured" in err


def test_wants_the_shape_of_open_dimensions(muster):
    arguments = ("bench", "tests/models/dynamic_hw.onnx", "--backend", "onnxruntime", "--batch-sizes", "1,2", *QUICK)
    status, out, _ = muster(*arguments)
    assert status == 1 and "input 'input' has open dimensions" in out and "--shape input:3,D,D" in out
    assert out.count("not measured") == 1
    status, out, _ = muster(*arguments, "--shape", "input:3,16,16", "--format", "csv")
    assert status == 0 and sizes_of(out) == [1, 2]


def memory_of(muster, folder, *backends):
    """The resident memory in MiB that each backend is said to take."""
    named = [word for backend in backends for word in ("--backend", backend)]
    status, out, err = muster("bench", folder, "--batch-sizes", "1", "--format", "csv", *named, *QUICK)
    assert status == 0, err
    return {row["backend"]: float(row["rss_mib"]) for row in csv.DictReader(io.StringIO(out))}


def test_says_what_a_backend_takes_whatever_was_measured_before_it(muster, tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "model.script").write_text("input input FP32 [-1,1,28,28]\noutput output FP32 [-1,10]\n")
    shutil.copy(ROOT / "models" / "lenet" / "1" / "model.onnx", tmp_path / "1")
    alone = memory_of(muster, tmp_path, "scripted")["scripted"]
    both = memory_of(muster, tmp_path, "onnxruntime", "scripted")
    # A runtime and a model leave more behind than two runs of one program differ by.
    assert both["onnxruntime"] > alone + 10
    assert abs(both["scripted"] - alone) < 5


def test_leaves_no_process_behind(request, tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "model.script").write_text("input x FP64 [-1,1000000]\noutput x FP64 [-1,1000000]\n")
    program = os.path.abspath(request.config.getoption("--program"))
    # The first size fits into no memory, and is told of by the process that then measures the second without end.
    arguments = ("--batch-sizes", "65536,1", "--iterations", "1000000000", "--format", "csv")
    command = [program, "bench", str(tmp_path), "--backend", "scripted", *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert "batch size 65536" in process.stderr.readline()
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 1
        measuring = os.pidfd_open(int(children[0]))
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == -signal.SIGINT
        assert select.select([measuring], [], [], 60)[0] == [measuring]
        os.close(measuring)


@pytest.mark.parametrize(
    "arguments, status, expected",
    [
        (["no/model"], 1, "muster: there is no model at no/model"),
        (["models/lenet", "--backend", "openvimo"], 1, "nothing could be measured"),
        (["models/lenet", "--backend", "../x"], 1, "nothing could be measured"),
        (["tests/models/corrupt.onnx"], 1, "nothing could be measured"),
        (["models/lenet", "--plot", "/no/such/folder/x.html"], 1, "/no/such/folder/x.html cannot be written"),
        (["models/lenet", "--shape", "input"], 2, "--shape 'input'"),
        (["models/lenet", "--batch-sizes", "1,0"], 2, "--batch-sizes"),
        (["models/lenet", "--batch-sizes", "65537"], 2, "--batch-sizes"),
        (["models/lenet", "--iterations", "5", "--seconds", "1"], 2, "--iterations excludes --seconds"),
        ([], 2, "MODEL"),
    ],
)
def test_says_what_is_wrong(muster, arguments, status, expected):
    done, _, err = muster("bench", *arguments)
    assert done == status and expected in err


def test_draws_a_page_that_stands_alone(muster, tmp_path):
    file = tmp_path / "plot.html"
    arguments = ("--backend", "onnxruntime", "--batch-sizes", "1,2,4", "--plot", file)
    status, _, _ = muster("bench", "models/lenet", *arguments, *QUICK)
    assert status == 0
    names = tags_that_stand_alone(file)
    assert names.count("svg") == 2 and names.count("polyline") == 3 and names.count("circle") == 9
