# SPDX-License-Identifier: Apache-2.0
"""What people type: curl with pictures, tensors and Unix-domain sockets; and what the access log says of it."""

import json
import pathlib
import socket
import subprocess

import numpy as np
import pytest
import tritonclient.grpc

from running_server import RunningServer

ROOT = pathlib.Path(__file__).resolve().parents[3]
DIGITS = sorted((ROOT / "examples" / "digits").glob("*.png"))
LIMIT_S = 60
BODY = '{"inputs":[{"name":"input","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'


def curl(*arguments, stdin=None):
    """What curl prints; it must be content."""
    command = ["curl", "--silent", "--show-error", "--max-time", str(LIMIT_S), *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def classify(server, *arguments, query=""):
    return json.loads(curl(*arguments, f"http://{server.http}/v2/models/lenet/classify{query}"))


def labels(answer):
    return [picture["classes"][0]["label"] for picture in answer["pictures"]]


def test_one_picture(server):
    answer = classify(server, "-H", "Content-Type: image/png", "--data-binary", f"@{ROOT}/examples/digits/7_2.png")
    assert (answer["model_name"], labels(answer)) == ("lenet", ["7"])


def test_probabilities_are_those_of_muster_classify(server, program):
    command = [program, "classify", "--model", ROOT / "models/lenet", "--format", "json", "--top-k", "3", DIGITS[0]]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    expected = [(entry["label"], entry["probability"]) for entry in map(json.loads, lines)]
    answer = classify(server, "-H", "Content-Type: image/png", "--data-binary", f"@{DIGITS[0]}", query="?top_k=3")
    got = [(entry["label"], entry["probability"]) for entry in answer["pictures"][0]["classes"]]
    assert [label for label, _ in got] == [label for label, _ in expected]
    assert [p for _, p in got] == pytest.approx([p for _, p in expected], abs=1e-5)


def test_all_pictures_at_once_as_a_form(server):
    forms = [argument for path in DIGITS for argument in ("-F", f"picture=@{path};type=image/png")]
    right = [label == path.name[0] for label, path in zip(labels(classify(server, *forms)), DIGITS, strict=True)]
    assert sum(right) >= 0.98 * len(DIGITS)


def test_a_bad_picture_of_many_is_named_by_its_place(server, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    answer = classify(server, "-F", f"a=@{DIGITS[0]};type=image/png", "-F", f"b=@{tmp_path}/bad.png;type=image/png")
    assert "picture 2" in answer["error"]


def test_a_jpeg_is_a_picture_too(server, tmp_path):
    import cv2

    cv2.imwrite(str(tmp_path / "digit.jpg"), cv2.imread(str(DIGITS[0])), [cv2.IMWRITE_JPEG_QUALITY, 100])
    answer = classify(server, "-H", "Content-Type: image/jpeg", "--data-binary", f"@{tmp_path}/digit.jpg")
    assert labels(answer) == [DIGITS[0].name[0]]


def test_tensors_as_curl_sends_them_by_itself(server):
    answer = json.loads(curl("-d", BODY, f"http://{server.http}/v2/models/identity_fp32/infer"))
    assert answer["outputs"][0]["data"] == [1, 2, 3, 4]


def test_a_large_body_waits_for_the_server_s_word(server, tmp_path):
    """curl sends Expect: 100-continue from 1 MiB on."""
    (tmp_path / "body").write_text(BODY + " " * (2 << 20))
    arguments = ("--data-binary", f"@{tmp_path}/body", "--expect100-timeout", LIMIT_S / 2)
    url = f"http://{server.http}/v2/models/identity_fp32/infer"
    answer = json.loads(curl(*arguments, "-D", tmp_path / "headers", url))
    assert answer["outputs"][0]["data"] == [1, 2, 3, 4]
    assert (tmp_path / "headers").read_text().startswith("HTTP/1.1 100 ")


def test_a_body_in_chunks_from_a_pipe(server):
    chunked = ("-H", "Transfer-Encoding: chunked", "-H", "Content-Type: application/json", "--data-binary", "@-")
    answer = json.loads(curl(*chunked, f"http://{server.http}/v2/models/identity_fp32/infer", stdin=BODY.encode()))
    assert answer["outputs"][0]["data"] == [1, 2, 3, 4]


def test_compressed_replies(server):
    body = json.dumps({"inputs": [{"name": "input", "shape": [64, 4], "datatype": "FP32", "data": [7] * 256}]})
    answer = json.loads(curl("--compressed", "-d", body, f"http://{server.http}/v2/models/identity_fp32/infer"))
    assert answer["outputs"][0]["data"] == [7] * 256


def test_http_1_0(server):
    answer = json.loads(curl("--http1.0", "-d", BODY, f"http://{server.http}/v2/models/identity_fp32/infer"))
    assert answer["outputs"][0]["data"] == [1, 2, 3, 4]


# ---- Unix-domain sockets ----


@pytest.fixture
def socket_path(tmp_path_factory):
    return tmp_path_factory.mktemp("s") / "muster.sock"


def test_both_transports_listen_on_sockets_and_leave_nothing_behind(program, repository, socket_path):
    arguments = ("--model-control", "explicit", "--load-model", "identity_fp32", "--unix-socket", socket_path)
    with RunningServer(program, repository, *arguments):
        answer = json.loads(
            curl("--unix-socket", socket_path, "-d", BODY, "http://muster/v2/models/identity_fp32/infer")
        )
        assert answer["outputs"][0]["data"] == [1, 2, 3, 4]
        # Its file's permissions guard it: it counts as loopback.
        curl(
            "--fail",
            "--unix-socket",
            socket_path,
            "-X",
            "POST",
            "http://muster/v2/repository/models/identity_fp32/load",
        )
        tensor = tritonclient.grpc.InferInput("input", [1, 4], "FP32").set_data_from_numpy(np.ones((1, 4), np.float32))
        with tritonclient.grpc.InferenceServerClient(f"unix:{socket_path}.grpc") as client:
            assert client.infer("identity_fp32", [tensor]).as_numpy("output").tolist() == [[1, 1, 1, 1]]
    assert not socket_path.exists()
    assert not pathlib.Path(f"{socket_path}.grpc").exists()


def test_a_socket_that_a_dead_server_left_is_no_hindrance(program, repository, socket_path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(socket_path))
    arguments = ("--model-control", "explicit", "--load-model", "identity_fp32", "--unix-socket", socket_path)
    with RunningServer(program, repository, *arguments):
        curl("--fail", "--unix-socket", socket_path, "http://muster/v2/health/ready")


def test_a_file_that_is_no_socket_is_left_alone(program, repository, socket_path):
    socket_path.write_text("precious")
    command = [program, "serve", "--models", repository, "--unix-socket", socket_path]
    command += ["--http-port", "0", "--grpc-port", "0", "--metrics-port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode != 0
    assert str(socket_path) in done.stderr
    assert socket_path.read_text() == "precious"


# ---- access log ----


def test_the_access_log_has_a_line_for_each_request(program, repository, tmp_path):
    log = tmp_path / "access.log"
    arguments = ("--model-control", "explicit", "--load-model", "identity_fp32", "--access-log", log)
    with RunningServer(program, repository, *arguments) as running:
        forged = BODY[:-1] + r',"id":"one\n{\"status\":200}\u001b[2J"}'
        curl("-d", forged, f"http://{running.http}/v2/models/identity_fp32/infer")
        curl("-d", BODY, f"http://{running.http}/v2/models/nobody%0a/infer")
        tensor = tritonclient.grpc.InferInput("input", [1, 4], "FP32").set_data_from_numpy(np.ones((1, 4), np.float32))
        with tritonclient.grpc.InferenceServerClient(running.grpc) as client:
            client.infer("identity_fp32", [tensor], request_id="three")
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(entries) == 3
    assert entries[0]["request_id"] == 'one\n{"status":200}\x1b[2J'
    assert entries[0]["status"] == 200
    assert entries[1]["status"] >= 400
    assert entries[2]["request_id"] == "three"
    assert "\x1b" not in log.read_text()
