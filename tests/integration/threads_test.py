# SPDX-License-Identifier: Apache-2.0
"""The thread budget: what is said of it, that models share it, and that a server without work does nothing."""

import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "server"))

from model_folders import MODELS, add_model, add_scripted  # noqa: E402
from running_server import RunningServer  # noqa: E402

# Of a core, where nobody asks anything.
MOST_IDLE_SHARE = 0.005
TIMEOUT = 60
ROW = json.dumps({"inputs": [{"name": "input", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]})


@pytest.fixture
def program(request):
    return pathlib.Path(request.config.getoption("--program")).resolve()


def runtime(program, *arguments, **options):
    done = subprocess.run(
        [program, "inspect", "--runtime", "--format", "json", *arguments],
        capture_output=True,
        timeout=TIMEOUT,
        check=True,
        text=True,
        **options,
    )
    assert done.stderr == "" and done.stdout.count("\n") == 1
    return json.loads(done.stdout)


def test_prints_the_machine_the_budget_and_the_backends(muster):
    status, out, err = muster("inspect", "--runtime")
    assert (status, err) == (0, "")
    for part in ("processor", "CPUs", "cpuset", "quota", "thread budget", "spinning      off", "backend onnxruntime"):
        assert part in out
    assert "fault" not in out


def test_says_the_same_as_json(program):
    told = runtime(program)
    usable = len(os.sched_getaffinity(0))
    assert told["machine"]["usable_cpus"] == usable
    budget = told["thread_budget"]
    assert 1 <= budget["threads"] <= usable
    assert budget["threads"] == usable or budget["decided_by"] == "quota"
    assert told["threads"]["per_run"] == budget["threads"]
    assert told["threads"]["shared_pool"] == budget["threads"] - 1
    assert told["threads"]["spinning"] is False
    backends = {backend["name"]: backend for backend in told["backends"]}
    onnxruntime = backends["onnxruntime"]
    assert onnxruntime["fault"] == "" and onnxruntime["version"].startswith("ONNX Runtime ")
    assert "CPUExecutionProvider" in onnxruntime["devices"]
    assert pathlib.Path(onnxruntime["library"]).is_file() and "onnxruntime" in onnxruntime["library"]
    assert pathlib.Path(onnxruntime["file"]).name == "libmuster_onnxruntime.so"
    if "openvino" in backends:
        assert any(device.startswith("CPU (") for device in backends["openvino"]["devices"])
        assert "libopenvino" in backends["openvino"]["library"]


def test_names_the_gpus_and_their_driver(program):
    folder = program.parent / "fake_nvml"
    assert (folder / "libnvidia-ml.so.1").exists()
    path = ":".join([str(folder), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])])
    added = {"LD_LIBRARY_PATH": path, "FAKE_NVML_GPUS": "2", "CUDA_VISIBLE_DEVICES": "0"}
    gpus = runtime(program, env={**os.environ, **added})["gpus"]
    assert (gpus["driver"], gpus["cuda"], gpus["fault"]) == ("550.54.15", "12.4", "")
    assert [gpu["name"] for gpu in gpus["devices"]] == ["Fake H200", "Fake H200"]
    assert [gpu["memory_bytes"] for gpu in gpus["devices"]] == [1 << 37, 1 << 37]
    assert [gpu["visible"] for gpu in gpus["devices"]] == [True, False]


def test_follows_the_affinity_mask(program):
    first = min(os.sched_getaffinity(0))
    told = runtime(program, preexec_fn=lambda: os.sched_setaffinity(0, {first}))
    assert (told["machine"]["usable_cpus"], told["machine"]["affinity"]) == (1, str(first))
    assert told["thread_budget"]["threads"] == 1
    if told["machine"]["cpus"] > 1:
        assert told["thread_budget"]["decided_by"] in ("affinity", "cpuset")


def test_divides_what_it_is_told_to(program):
    told = runtime(program, "--threads", "5")
    assert told["thread_budget"]["threads"] == 5 and told["thread_budget"]["decided_by"] == "setting"
    assert told["threads"]["shared_pool"] == 4 and told["threads"]["pictures"] == 5


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ((), "PATH or --runtime"),
        (("--runtime", "models/lenet"), "--runtime"),
        (("--format", "json", "models/lenet"), "--runtime"),
        (("--runtime", "--threads", "0"), "--threads"),
        (("--runtime", "--format", "csv"), "--format"),
    ],
)
def test_refuses_what_does_not_go_together(muster, arguments, expected):
    status, out, err = muster("inspect", *arguments)
    assert (status, out) == (2, "") and expected in err


def models_of(folder, count, config=None):
    for i in range(count):
        add_model(folder, f"m{i}", MODELS / "identity_fp32.onnx", config)
    return folder


def on_both_runtimes(program, folder, count):
    """As many models, every second on OpenVINO where this build has it."""
    two = (program.parent / "lib/muster/libmuster_openvino.so").exists()
    for i in range(count):
        config = 'backend: "openvino" max_batch_size: 8' if two and i % 2 == 1 else None
        add_model(folder, f"m{i}", MODELS / "identity_fp32.onnx", config)
    return folder


def ask(server, model):
    request = urllib.request.Request(f"http://{server.http}/v2/models/{model}/infer", ROW.encode())
    with urllib.request.urlopen(request, timeout=TIMEOUT) as reply:
        assert json.load(reply)["outputs"][0]["data"] == [1, 2, 3, 4]


def cpu_seconds(pid):
    # The kernel's own clock of another process's processor time, in nanoseconds: CPUCLOCK_SCHED.
    return time.clock_gettime((~pid << 3) | 2)


def idle_share(pid, seconds):
    """Of a core, over so many seconds in which nothing is asked."""
    cpu, wall = cpu_seconds(pid), time.monotonic()
    threading.Event().wait(seconds)
    return (cpu_seconds(pid) - cpu) / (time.monotonic() - wall)


@pytest.mark.parametrize("count", [1, 8])
def test_a_server_without_work_does_next_to_nothing(program, tmp_path, count):
    with RunningServer(program, on_both_runtimes(program, tmp_path, count), "--threads", "2") as server:
        for i in range(count):
            ask(server, f"m{i}")
        # What has just worked may tidy up; what spins does so in every one of these looks.
        shares = []
        while len(shares) < 20 and (not shares or shares[-1] >= MOST_IDLE_SHARE):
            shares.append(idle_share(server.pid, 1))
        assert shares[-1] < MOST_IDLE_SHARE, shares


def test_models_share_one_pool_of_threads(program, tmp_path):
    threads = {}
    for count in (1, 8):
        with RunningServer(program, models_of(tmp_path / str(count), count), "--threads", "6") as server:
            threads[count] = len(os.listdir(f"/proc/{server.pid}/task"))
    # A worker and the one that watches deadlines for each, and gRPC has now one more and now one less; a pool of its own
    # would be five more for each.
    assert threads[8] - threads[1] <= 7 * 4


def test_says_where_a_model_asks_for_more_than_the_budget_has(program, tmp_path):
    many = 'instance_group { count: 3 } parameters { key: "intra_op_thread_count" value { string_value: "5" } }'
    models_of(tmp_path, 1, many)
    add_scripted(tmp_path, "scripted", "input A FP32 [-1,4]\noutput B FP32 [-1,4]\n", 'backend: "scripted" instance_group { count: 9 }')
    with RunningServer(program, tmp_path, "--threads", "2") as server:
        line = server.wait_for_line("thread budget", TIMEOUT)
        assert "m0" in line and "3 instances with runs of up to 5 threads can keep 7 threads busy" in line
        assert server.output.count("thread budget of this process is 2") == 1
        ask(server, "m0")


def test_says_where_the_budget_is_more_than_the_machine_has(program, tmp_path):
    with RunningServer(program, models_of(tmp_path, 1), "--threads", "1000") as server:
        server.wait_for_line(r"a thread budget of 1000 is more than the \d+ CPUs", TIMEOUT)
