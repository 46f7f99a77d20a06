# SPDX-License-Identifier: Apache-2.0
"""`muster advise` as a person uses it. No test has an opinion on which candidate is the fastest."""

import csv
import http.client
import io
import json
import os
import pathlib
import pty
import shutil
import signal
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LENET = ROOT / "models" / "lenet"
QUICK = ("--seconds", "1", "--batch-sizes", "1,4")
ONNX = ("--backend", "onnxruntime")
PLAYED = ("--backend", "scripted", "--instances", "1", "--batch-sizes", "1,64")
SCRIPT = "input x FP32 [-1,4]\noutput x FP32 [-1,4]\nlatency_us 2000 100\n"


@pytest.fixture
def lenet(tmp_path):
    """A copy of the model, to be written to."""
    shutil.copytree(LENET, tmp_path / "lenet")
    return tmp_path / "lenet"


@pytest.fixture
def scripted(tmp_path):
    folder = tmp_path / "played"
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "model.script").write_text(SCRIPT)
    return folder


def advice_of(out):
    assert out.count("\n") == 1
    return json.loads(out)


def chooses(muster, arguments, batch_size):
    """Whether that batch size is chosen: in more seconds where the machine stood still in one."""
    for seconds in ("1", "4", "16"):
        status, out, _ = muster(*arguments, "--seconds", seconds)
        if status == 0 and advice_of(out)["candidates"][0]["batch_size"] == batch_size:
            return True
    return False


def files_of(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_ranks_what_was_measured_and_prints_a_configuration(muster):
    before = (LENET / "config.pbtxt").read_text()
    status, out, err = muster("advise", "models/lenet", *ONNX, *QUICK)
    assert status == 0
    lines = out.splitlines()
    assert lines[0].startswith("lenet: the most rows a second; 1 s on ")
    assert lines[1].split()[:3] == ["rank", "backend", "instances"] and lines[2].split()[0] == "1"
    for word in ("advice ", "deployment ", "backend ", "dynamic batch ", "memory ", "hardware "):
        assert any(line.startswith(word) for line in lines), word
    assert "\nconfig.pbtxt (models/lenet/config.pbtxt; --write puts it there)\n" in out
    assert "\r" not in out + err and "\033" not in out + err
    assert (LENET / "config.pbtxt").read_text() == before


def test_has_every_rank_as_csv(muster):
    status, out, err = muster("advise", "models/lenet", *ONNX, *QUICK, "--format", "csv")
    assert status == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [int(row["rank"]) for row in rows] == list(range(1, len(rows) + 1))
    assert {row["batch_size"] for row in rows} == {"1", "4"}
    for row in rows:
        assert float(row["items_per_second"]) > 0 and row["reason"]
        assert 0 < float(row["p50_ms"]) <= float(row["p99_ms"]) < float(row["full_ms"])


def test_tells_programs_everything_as_json(muster):
    status, out, _ = muster("advise", "models/lenet", *ONNX, *QUICK, "--format", "json")
    assert status == 0
    advice = advice_of(out)
    assert advice["found"] and not advice["written"] and not advice["stopped"]
    first = advice["candidates"][0]
    assert first["suits"] and first["tie"]
    assert f"max_batch_size: {first['batch_size']}" in advice["config"]
    assert [one["about"] for one in advice["trade_offs"]][:1] == ["deployment"]


def test_chooses_by_latency_and_says_where_nothing_keeps_to_it(muster, scripted):
    # A batch of 1 takes 14 ms, one of 64 takes 266 ms, and up to twice that with the wait for the one before: a limit of
    # 300 ms is out of reach of the larger one and far from the smaller one, however busy the machine is.
    script = scripted / "1" / "model.script"
    script.write_text(SCRIPT.replace("latency_us 2000 100", "latency_us 10000 4000"))
    arguments = ("advise", scripted, *PLAYED, "--format", "json")
    assert chooses(muster, arguments, 64)
    assert chooses(muster, (*arguments, "--latency-ms", "300"), 1)
    status, out, _ = muster(*arguments, "--seconds", "1", "--latency-ms", "0.5")
    advice = advice_of(out)
    assert status == 1 and not advice["found"] and advice["config"] is None
    assert "more than 0.5" in advice["candidates"][0]["reason"]


def test_chooses_by_rate_and_says_where_nothing_carries_it(muster, scripted):
    # A batch of 1 takes 2.1 ms, which is too few rows for the rate on any machine, and one of 64 takes 8.4 ms: 7619 rows
    # a second, unless the machine stands still meanwhile. In more time there is more to choose from.
    arguments = ("advise", scripted, *PLAYED, "--format", "json")
    assert chooses(muster, (*arguments, "--rate", "2000"), 64)
    status, out, _ = muster(*arguments, "--seconds", "1", "--rate", "50000")
    advice = advice_of(out)
    assert status == 1 and not advice["found"]
    assert "too few for 50000 with a quarter to spare" in advice["candidates"][0]["reason"]


def test_writes_what_the_server_takes_and_keeps_what_was_there(muster, lenet):
    before = (lenet / "config.pbtxt").read_text()
    arguments = ("advise", lenet, *ONNX, "--seconds", "1", "--batch-sizes", "16", "--instances", "3", "--threads", "1")
    status, out, err = muster(*arguments, "--write")
    assert status == 0, err
    after = (lenet / "config.pbtxt").read_text()
    assert (lenet / "config.pbtxt.bak").read_text() == before
    assert f"{lenet / 'config.pbtxt'} was written; what was there is kept as {lenet / 'config.pbtxt.bak'}" in err
    assert "- max_batch_size: 128\n+ max_batch_size: 16\n" in out and "+ instance_group { count: 3 }\n" in out
    # Comments, labels and pictures are as they were.
    assert after == before.replace("max_batch_size: 128", "max_batch_size: 16") + "instance_group { count: 3 }\n"
    assert [name for name in files_of(lenet) if "config" in name] == ["config.pbtxt", "config.pbtxt.bak"]
    status, out, _ = muster("inspect", lenet)
    assert status == 0 and "max_batch_size: 16" in out and "count: 3" in out
    status, out, _ = muster("doctor", lenet)
    assert status == 0, out
    status, out, _ = muster("classify", "--model", lenet, "examples/digits/0_10.png", "--format", "csv")
    assert status == 0
    # Asked again, there is nothing to do.
    status, _, err = muster(*arguments, "--write")
    assert status == 0 and "says so already; nothing was written" in err
    assert not (lenet / "config.pbtxt.bak.2").exists()


def test_writes_a_configuration_where_there_was_none_and_loses_no_labels(muster, lenet):
    (lenet / "config.pbtxt").unlink()
    status, out, _ = muster("classify", "--model", lenet, "examples/digits", "--format", "csv")
    assert status == 0
    status, _, err = muster("advise", lenet, *ONNX, *QUICK, "--write")
    assert status == 0 and f"{lenet / 'config.pbtxt'} was written" in err
    text = (lenet / "config.pbtxt").read_text()
    assert text.startswith("# Chosen by muster advise: the most rows a second, on ")
    assert 'label_filename: "labels.txt"' in text
    status, again, _ = muster("classify", "--model", lenet, "examples/digits", "--format", "csv")
    labels = [[row["path"], row["rank"], row["label"]] for row in csv.DictReader(io.StringIO(out))]
    assert status == 0
    assert [[row["path"], row["rank"], row["label"]] for row in csv.DictReader(io.StringIO(again))] == labels


def test_gives_another_backend_a_configuration_without_parameters_of_the_one_before(muster, lenet, request):
    program = pathlib.Path(request.config.getoption("--program")).resolve()
    if not (program.parent / "lib/muster/libmuster_openvino.so").exists():
        pytest.skip("this build has no OpenVINO backend")
    status, out, err = muster("advise", lenet, "--backend", "openvino", *QUICK, "--write")
    assert status == 0, err
    text = (lenet / "config.pbtxt").read_text()
    assert 'backend: "openvino"' in text and "intra_op_thread_count" not in text and "image.color" in text
    status, out, _ = muster("inspect", lenet)
    assert status == 0 and "OpenVINO" in out


def test_names_a_backend_that_cannot_run_the_model_and_advises_of_the_others(muster, scripted):
    status, out, _ = muster("advise", scripted, "--backends", "scripted,onnxruntime", *QUICK)
    assert status == 0 and "not measured: onnxruntime: " in out and "onnxruntime could not be measured" in out
    status, out, err = muster("advise", scripted, *ONNX, *QUICK)
    assert status == 1 and out == "" and "no backend can load the model: onnxruntime: " in err


def test_advises_no_backend_that_only_plays(muster, lenet):
    (lenet / "1" / "model.script").write_text(SCRIPT)
    status, out, _ = muster("advise", lenet, *QUICK, "--format", "json")
    assert status == 0
    advice = advice_of(out)
    assert "scripted" not in {one["backend"] for one in advice["candidates"] + advice["not_measured"]}


def test_runs_a_model_without_a_batch_axis_as_it_is(muster):
    status, out, _ = muster("advise", "tests/models/fixed_batch_4.onnx", *ONNX, "--seconds", "1")
    assert status == 0
    assert "Requests run one by one: input 'input' has shape [4,1,28,28]" in out
    assert "max_batch_size: 0" in out and "dynamic_batching" not in out


def test_wants_the_shape_of_open_dimensions(muster):
    arguments = ("advise", "tests/models/dynamic_hw.onnx", *ONNX, *QUICK)
    status, _, err = muster(*arguments)
    assert status == 1 and "--shape input:3,D,D" in err and "nothing could be measured" in err
    status, out, _ = muster(*arguments, "--shape", "input:3,16,16")
    assert status == 0 and "max_batch_size: " in out


def test_says_where_the_configuration_of_a_model_file_would_go(muster):
    status, out, _ = muster("advise", "models/lenet/1/model.onnx", *ONNX, *QUICK)
    assert status == 0 and "for the model folder above the version folder of the model file" in out
    status, out, err = muster("advise", "models/lenet/1/model.onnx", *ONNX, *QUICK, "--write")
    assert status == 2 and out == "" and "is no model folder" in err


def test_writes_to_no_link_and_says_so_before_it_measures(muster, lenet, tmp_path):
    (lenet / "config.pbtxt").rename(tmp_path / "shared.pbtxt")
    (lenet / "config.pbtxt").symlink_to(tmp_path / "shared.pbtxt")
    status, out, err = muster("advise", lenet, *ONNX, "--write")
    assert status == 1 and out == "" and "is a link" in err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_says_before_it_measures_that_a_folder_cannot_be_written_to(muster, lenet):
    lenet.chmod(0o555)
    try:
        status, out, err = muster("advise", lenet, *ONNX, "--write")
    finally:
        lenet.chmod(0o755)
    assert status == 1 and out == "" and "cannot be written to" in err


@pytest.mark.parametrize(
    "arguments, status, expected",
    [
        (["no/model"], 1, "muster: there is no model at no/model"),
        (["models/lenet", "--backend", "openvimo"], 1, "openvimo"),
        (["tests/models/corrupt.onnx", *ONNX], 1, "no backend can load the model"),
        (["models/lenet", "--latency-ms", "0"], 2, "--latency-ms"),
        (["models/lenet", "--rate", "x"], 2, "--rate"),
        (["models/lenet", "--batch-sizes", "0"], 2, "--batch-sizes"),
        (["models/lenet", "--instances", "257"], 2, "--instances"),
        (["models/lenet", "--shape", "input"], 2, "--shape 'input'"),
        (["models/lenet", "--format", "xml"], 2, "--format"),
        ([], 2, "MODEL"),
    ],
)
def test_says_what_is_wrong(muster, arguments, status, expected):
    done, _, err = muster("advise", *arguments)
    assert done == status and expected in err


def test_prints_what_is_known_when_it_is_stopped_and_writes_nothing(request, lenet):
    program = os.path.abspath(request.config.getoption("--program"))
    before = files_of(lenet)
    command = [program, "advise", str(lenet), *ONNX, "--seconds", "600", "--write"]
    main, side = pty.openpty()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=side) as process:
        os.close(side)
        seen = b""
        # What is being measured is shown: something is known by then.
        while b", batches of" not in seen:
            seen += os.read(main, 4096)
        process.send_signal(signal.SIGINT)
        out = process.stdout.read().decode()
        assert process.wait(timeout=60) == 1
    rest = b""
    try:
        while piece := os.read(main, 4096):
            rest += piece
    except OSError:  # the other end is closed
        pass
    os.close(main)
    assert b" of 600 s  onnxruntime" in seen
    assert "stopped before the end: this is what was known" in out
    assert "config.pbtxt" not in out and b"nothing was written" in rest
    assert files_of(lenet) == before


def test_what_was_chosen_is_served(muster, lenet, request):
    arguments = ("--seconds", "1", "--batch-sizes", "8", "--instances", "2")
    status, _, err = muster("advise", lenet, *ONNX, *arguments, "--write")
    assert status == 0, err
    program = os.path.abspath(request.config.getoption("--program"))
    command = [program, "serve", "--http-port", "0", "--grpc-port", "0", "--metrics-port", "0"]
    command += ["--models", str(lenet.parent)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        addresses = {}
        for line in process.stdout:
            words = line.split()
            if words[:2] == ["muster:", "ready"]:
                break
            addresses.setdefault(words[1], words[2])
        host, port = addresses["http"].rsplit(":", 1)
        connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=60)
        connection.request("GET", "/v2/models/lenet/config")
        config = json.loads(connection.getresponse().read())
        connection.close()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert config["max_batch_size"] == 8 and config["instance_group"][0]["count"] == 2
