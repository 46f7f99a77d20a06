# SPDX-License-Identifier: Apache-2.0
"""Models on OpenVINO, beside the same on ONNX Runtime."""

import csv
import io
import pathlib
import re
import shutil
import struct
import sys
import urllib.request

import pytest

# What LeNet's own configuration says of ONNX Runtime.
OF_ONNX_RUNTIME = re.compile(r"^(backend|platform):.*\n|parameters\s*\{\s*key: \"intra_op_thread_count\"[^}]*\}\s*\}", re.M)
OPENVINO = 'backend: "openvino"\n'
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "server"))

from running_server import RunningServer  # noqa: E402

TIMEOUT = 60


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


def fixed_ir(folder, batch):
    """A bare model.xml whose batch is fixed: y = x * (2, 3)."""

    def port(number, kind, *dims):
        shape = "".join(f"<dim>{dim}</dim>" for dim in dims)
        return f'<port id="{number}" precision="FP32"{kind}>{shape}</port>'

    edges = "".join(
        f'<edge from-layer="{source}" from-port="{out}" to-layer="{target}" to-port="{into}"/>'
        for source, out, target, into in ((0, 0, 2, 0), (1, 0, 2, 1), (2, 2, 3, 0))
    )
    (folder / "model.bin").write_bytes(struct.pack("<2f", 2, 3))
    (folder / "model.xml").write_text(
        '<?xml version="1.0"?><net name="scale" version="11"><layers>'
        f'<layer id="0" name="x" type="Parameter" version="opset1"><data shape="{batch},2" element_type="f32"/>'
        f'<output>{port(0, " names=" + chr(34) + "x" + chr(34), batch, 2)}</output></layer>'
        '<layer id="1" name="w" type="Const" version="opset1"><data element_type="f32" shape="1, 2" offset="0" size="8"/>'
        f'<output>{port(0, "", 1, 2)}</output></layer>'
        '<layer id="2" name="scaled" type="Multiply" version="opset1"><data auto_broadcast="numpy"/>'
        f'<input>{port(0, "", batch, 2)}{port(1, "", 1, 2)}</input>'
        f'<output>{port(2, " names=" + chr(34) + "y" + chr(34), batch, 2)}</output></layer>'
        f'<layer id="3" name="y/sink_port_0" type="Result" version="opset1"><input>{port(0, "", batch, 2)}</input></layer>'
        f"</layers><edges>{edges}</edges></net>"
    )
    return folder / "model.xml"


def test_says_how_a_bare_file_with_a_fixed_batch_runs_others(muster, tmp_path):
    file = fixed_ir(tmp_path, 4)
    quick = ("--iterations", "3", "--warm-up-seconds", "0", "--batch-sizes")
    status, out, _ = muster("bench", file, *quick, "1,2")
    assert status == 1
    settings = re.search(r"only 1 is possible, a run as it is; write (.*) in its config.pbtxt, or export", out)
    assert "onnxruntime: " in out and "it is a model of OpenVINO" in out and "name the backend openvino" in out
    # What it says is so.
    (tmp_path / "config.pbtxt").write_text(settings[1])
    status, out, err = muster("bench", tmp_path, "--backend", "openvino", *quick, "1,2,4", "--format", "csv")
    assert (status, [row["batch_size"] for row in csv.DictReader(io.StringIO(out))]) == (0, ["1", "2", "4"]), err


def entries_of(cache):
    """The file of each entry; an entry that is written anew is another file."""
    return {entry.name: entry.stat().st_ino for entry in cache.iterdir()}


def serve_once(request, lenet, cache):
    """What a server with this cache answers, all that it prints, and its counts of what was in the cache."""
    program = pathlib.Path(request.config.getoption("--program")).resolve()
    picture = (ROOT / "examples" / "digits" / "4_2.png").read_bytes()
    with RunningServer(program, lenet.parent, "--compiled-model-cache", cache) as server:
        question = urllib.request.Request(
            f"http://{server.http}/v2/models/lenet/classify", picture, {"Content-Type": "image/png"}
        )
        with urllib.request.urlopen(question, timeout=TIMEOUT) as reply:
            answer = reply.read()
        with urllib.request.urlopen(f"http://{server.metrics}/metrics", timeout=TIMEOUT) as reply:
            page = reply.read().decode()
        counted = re.findall(r"^muster_compiled_model_cache_total\{.*result=\"(\w+)\"\} (\d+)$", page, re.M)
        return answer, server.output, {result: int(count) for result, count in counted}


def test_keeps_what_it_compiled_for_the_next_server(request, lenet, tmp_path):
    cache = tmp_path / "cache"
    answer, output, counts = serve_once(request, lenet, cache)
    assert b'"4"' in answer
    assert re.search(r"models: lenet/1 \(OpenVINO 20[0-9.]+\)$", output, re.M)
    # Any batch size, and 1, 2, 4 and 8.
    entries = entries_of(cache)
    assert len(entries) == 5 and counts == {"hit": 0, "miss": 5, "rebuilt": 0}
    again, _, counts = serve_once(request, lenet, cache)
    assert again == answer and counts == {"hit": 5, "miss": 0, "rebuilt": 0}
    assert entries_of(cache) == entries


def test_compiles_anew_what_is_damaged_in_the_cache(request, lenet, tmp_path):
    cache = tmp_path / "cache"
    answer, _, _ = serve_once(request, lenet, cache)
    entries = entries_of(cache)
    damaged = sorted(cache.iterdir())[:2]
    whole = [entry.read_bytes() for entry in damaged]
    damaged[0].write_bytes(whole[0][: len(whole[0]) // 2])
    middle = len(whole[1]) // 2
    damaged[1].write_bytes(whole[1][:middle] + bytes([whole[1][middle] ^ 1]) + whole[1][middle + 1 :])
    again, output, counts = serve_once(request, lenet, cache)
    assert again == answer and counts == {"hit": 3, "miss": 0, "rebuilt": 2}
    for entry in damaged:
        assert f"the compiled model {entry.stem} in the cache is damaged; compiled anew" in output
    rebuilt = entries_of(cache)
    assert rebuilt.keys() == entries.keys()
    assert {name for name in entries if rebuilt[name] != entries[name]} == {entry.name for entry in damaged}
    last, output, _ = serve_once(request, lenet, cache)
    assert last == answer
    assert "compiled anew" not in output
    assert entries_of(cache) == rebuilt
