# SPDX-License-Identifier: Apache-2.0
"""muster.Server: the program as a child, ready when it is made, and gone when nobody needs it any more."""

import concurrent.futures
import os
import select
import shutil
import signal
import urllib.request

import muster
import numpy as np
import pytest
import serving
from serving import fp32, same

MODELS = serving.model_folders.MODELS
BEGIN = "import muster, os, signal, sys\n"


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    for name in ("one", "two"):
        serving.model_folders.add_model(root, name, MODELS / "identity_fp32.onnx")
    return root


def wait_for_end(pid, limit_s=60):
    """Until a process that is not ours has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], limit_s)[0])
    finally:
        os.close(handle)


def test_a_repository_is_served_on_free_ports(repository):
    with muster.Server(repository) as server:
        assert server.running
        assert "ready in" in server.log()
        for transport in serving.TRANSPORTS:
            with server.client(transport) as client:
                assert same(client.run("two", fp32(3))["output"], fp32(3))
        with urllib.request.urlopen(server.metrics_url) as page:
            assert b"nv_inference_count" in page.read()
        assert repr(server) == f"<muster.Server {server.url}>"
        pid, scratch = server.pid, server.unix_url
    assert not server.running
    assert wait_for_end(pid)
    assert not os.path.exists(scratch.removeprefix("unix:"))
    assert server.log().endswith("muster: stopped")
    server.stop()
    with pytest.raises(muster.Closed):
        server.client()


def test_a_model_s_folder_or_file_is_enough(repository, tmp_path):
    file = shutil.copyfile(MODELS / "identity_fp32.onnx", tmp_path / "some model.onnx")
    for models, names in (
        (repository / "one", {"one"}),
        (str(repository / "one" / "1" / "model.onnx"), {"one"}),
        ([repository / "one", repository / "two"], {"one", "two"}),
        (file, {"some_model"}),
    ):
        with muster.Server(models) as server, server.client() as client:
            assert {entry.name for entry in client.index(ready_only=True)} == names
            assert same(client.run(sorted(names)[0], fp32(1))["output"], fp32(1))


def test_several_repositories_are_served_together(repository, tmp_path):
    serving.model_folders.add_model(tmp_path, "three", MODELS / "identity_fp32.onnx")
    with muster.Server([repository, tmp_path]) as server, server.client() as client:
        assert {entry.name for entry in client.index(ready_only=True)} == {"one", "two", "three"}


def test_flags_reach_the_program(repository):
    with muster.Server(
        repository,
        model_control="explicit",
        load_model=["one"],
        no_grpc=True,
        no_metrics=None,
        arguments=["--http-threads=2"],
    ) as server:
        with server.client() as client:
            assert {entry.name for entry in client.index(ready_only=True)} == {"one"}
        with pytest.raises(muster.FailedPrecondition, match="no listener for grpc"):
            server.client("grpc")
        assert server.metrics_url
    with pytest.raises(muster.InvalidArgument, match="transport"):
        server.client("carrier pigeon")


@pytest.mark.parametrize(
    "flags, kind, words",
    [
        ({"no_such_flag": 1}, muster.InvalidArgument, "no-such-flag"),
        ({"http_port": "soon"}, muster.InvalidArgument, "http-port"),
        ({"http_threads": object()}, muster.WrongType, "http_threads"),
        ({"startup_timeout": 0}, muster.InvalidArgument, "startup_timeout"),
        ({"tls_cert": "nowhere.pem", "tls_key": "nowhere.key"}, muster.FailedPrecondition, "nowhere"),
    ],
)
def test_what_the_program_does_not_take_is_told(repository, flags, kind, words):
    with pytest.raises(kind, match=words):
        muster.Server(repository, **flags)


def test_models_that_are_none_are_refused(repository, tmp_path):
    with pytest.raises(muster.NotFound, match="nowhere"):
        muster.Server("nowhere")
    with pytest.raises(muster.InvalidArgument, match="no models"):
        muster.Server([])
    with pytest.raises(muster.InvalidArgument, match="either"):
        muster.Server([repository, repository / "one"])
    (tmp_path / "picture.png").write_bytes(b"")
    with pytest.raises(muster.InvalidArgument, match=r"picture\.png"):
        muster.Server(tmp_path / "picture.png")
    with pytest.raises(muster.InvalidArgument, match="model_control"):
        muster.Server(repository / "one", model_control="poll")


def test_a_model_that_does_not_load_ends_the_start_with_its_reason(tmp_path):
    serving.model_folders.add_model(tmp_path, "broken", "this is no model")
    with pytest.raises(muster.FailedPrecondition, match="broken"):
        muster.Server(tmp_path)
    with muster.Server(tmp_path, exit_on_error=False) as server, server.client() as client:
        assert client.index()[0].state == "UNAVAILABLE"


def test_a_start_that_takes_too_long_is_given_up(repository):
    with pytest.raises(muster.DeadlineExceeded, match="not ready after 1e-06 s"):
        muster.Server(repository, startup_timeout=1e-6)


def test_a_port_that_is_taken_is_told(repository):
    with muster.Server(repository) as server:
        port = server.url.rsplit(":", 1)[1]
        with pytest.raises(muster.FailedPrecondition, match=port):
            muster.Server(repository, http_port=port)


def test_a_server_that_died_is_told_at_the_end(repository):
    with pytest.raises(muster.InternalError, match=r"had ended by itself \(status -9\)"):
        with muster.Server(repository) as server:
            os.kill(server.pid, signal.SIGKILL)
            assert server._child.wait_end(60)
            assert not server.running
    with pytest.raises(ZeroDivisionError):
        with muster.Server(repository) as server:
            os.kill(server.pid, signal.SIGKILL)
            raise ZeroDivisionError


def test_stopping_answers_what_is_under_way(tmp_path):
    script = "input INPUT0 FP32 [-1,4]\noutput OUTPUT0 FP32 [-1,4]\nlatency_us 300000 0\n"
    serving.model_folders.add_scripted(
        tmp_path, "slow", script, 'backend: "scripted" max_batch_size: 1 dynamic_batching {}'
    )
    server = muster.Server(tmp_path)
    with server.client() as client:
        # One row a batch of 0.3 s: when the first is answered, the others have been accepted.
        calls = [client.submit("slow", fp32(1)) for _ in range(3)]
        next(concurrent.futures.as_completed(calls))
        server.stop()
        assert [call.exception(60) for call in calls] == [None] * 3


def test_the_server_goes_with_the_interpreter(python, repository):
    done = python(BEGIN + "server = muster.Server(sys.argv[1])\nprint(server.pid, server.unix_url)\n", repository)
    pid, url = done.stdout.split()
    assert done.returncode == 0, done.stderr
    assert wait_for_end(int(pid))
    assert not os.path.exists(url.removeprefix("unix:"))


@pytest.mark.parametrize("death", ["os._exit(3)", "os.kill(os.getpid(), signal.SIGKILL)", "os.abort()"])
def test_the_server_goes_with_a_process_that_dies(python, repository, death):
    done = python(BEGIN + f"server = muster.Server(sys.argv[1])\nprint(server.pid, flush=True)\n{death}\n", repository)
    assert done.returncode != 0
    assert wait_for_end(int(done.stdout))


def test_a_thread_that_made_a_server_may_end(python, repository):
    done = python(
        BEGIN + "import threading\n"
        "made = []\n"
        "thread = threading.Thread(target=lambda: made.append(muster.Server(sys.argv[1])))\n"
        "thread.start()\n"
        "thread.join()\n"
        "with made[0] as server, server.client() as client:\n"
        "    print(client.live())\n",
        repository,
    )
    assert done.stdout == "True\n", done.stderr


def test_a_forked_child_leaves_the_server_alone(python, repository):
    done = python(
        BEGIN + "server = muster.Server(sys.argv[1])\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    server.stop()\n"
        "    sys.exit()\n"
        "os.waitpid(child, 0)\n"
        "with server, server.client() as client:\n"
        "    print(client.live())\n",
        repository,
    )
    assert done.stdout == "True\n", done.stderr


def test_an_interrupt_while_it_starts_leaves_nothing_behind(python, tmp_path):
    serving.model_folders.add_model(
        tmp_path,
        "late",
        "input INPUT0 FP32 [-1,4]\noutput OUTPUT0 FP32 [-1,4]\nlatency_us 3000000 0\n",
        'backend: "scripted" max_batch_size: 8 dynamic_batching {}',
        file_name="model.script",
    )
    done = python(
        BEGIN + "import threading\n"
        "import muster.server\n"
        "make = muster.server._Child.wait_ready\n"
        "children = []\n"
        "def wait_ready(child, seconds):\n"
        "    children.append(child)\n"
        "    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)\n"
        "    return make(child, seconds)\n"
        "muster.server._Child.wait_ready = wait_ready\n"
        "try:\n"
        "    muster.Server(sys.argv[1])\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', children[0].status is not None)\n",
        tmp_path,
    )
    assert done.stdout == "interrupted True\n", done.stderr


def test_without_the_program_its_place_is_named(python, repository):
    done = python(
        BEGIN + "try:\n    muster.Server(sys.argv[1])\nexcept muster.FailedPrecondition as error:\n    print(error)\n",
        repository,
        environment={"MUSTER_PROGRAM": "/nowhere/muster"},
    )
    assert "/nowhere/muster" in done.stdout, done.stderr


def test_the_demo_s_model_is_served(lenet):
    with muster.Server(lenet) as server, server.client() as client:
        (scores,) = client.run("lenet", np.zeros((5, 1, 28, 28), np.float32)).values()
        assert scores.shape == (5, 10)
