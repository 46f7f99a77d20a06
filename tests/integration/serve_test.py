# SPDX-License-Identifier: Apache-2.0
"""The server as its operator meets it: started, asked, stopped, and told wrong things."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LENET = ROOT / "models" / "lenet"
TIMEOUT = 120
ANY_PORTS = ("--http-port", "0", "--grpc-port", "0", "--metrics-port", "0")
# A process that leaves at once leaves its threads as they are; ThreadSanitizer would find them.
LEAVES_THREADS = {"TSAN_OPTIONS": os.environ.get("TSAN_OPTIONS", "") + ":report_thread_leaks=0"}
TOKENS = "infer infer-0123456789ab\nmetrics metrics-0123456789\nadmin admin-0123456789ab\n"


class Server:
    """A running server: its lines so far, and the address of each listener."""

    def __init__(self, process):
        self.process = process
        self.lines = []
        self.addresses = {}
        for line in process.stdout:
            self.lines.append(line.rstrip("\n"))
            words = line.split()
            if words[:2] == ["muster:", "ready"]:
                break
            self.addresses.setdefault(words[1], []).append(words[2])

    def connection(self, transport="http"):
        host, port = self.addresses[transport][0].rsplit(":", 1)
        return http.client.HTTPConnection(host.strip("[]"), int(port), timeout=TIMEOUT)

    def ask(self, method, path, body=None, headers=None, transport="http"):
        connection = self.connection(transport)
        connection.request(method, path, body, headers or {})
        with contextlib.closing(connection):
            reply = connection.getresponse()
            return reply.status, reply.read()

    def end(self, signal_number=signal.SIGTERM):
        """Stops it; its exit status, and what else it said."""
        self.process.send_signal(signal_number)
        return self.wait()

    def wait(self):
        out, err = self.process.communicate(timeout=TIMEOUT)
        self.lines += out.splitlines()
        return self.process.returncode, err


@pytest.fixture
def serve(request):
    """Starts `muster serve` with the arguments and ends it with the test."""
    program = os.path.abspath(request.config.getoption("--program"))
    started = []

    def run(*arguments, environment=None, ports=ANY_PORTS):
        process = subprocess.Popen(
            [program, "serve", *ports, *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        started.append(process)
        return Server(process)

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.fixture
def slow_models(tmp_path):
    """A folder with one model that takes a second for each batch."""
    version = tmp_path / "models" / "slow" / "1"
    version.mkdir(parents=True)
    (version / "model.script").write_text("input x FP32 [-1,1]\noutput y FP32 [-1,1]\nlatency_us 1000000 0\n")
    (version.parent / "config.pbtxt").write_text('backend: "scripted"\nmax_batch_size: 1\n')
    return version.parents[1]


def infer_body(name, shape, values):
    count = 1
    for size in shape:
        count *= size
    data = values if isinstance(values, list) else [values] * count
    return json.dumps({"inputs": [{"name": name, "datatype": "FP32", "shape": shape, "data": data}]})


def tokens(folder, mode=0o600):
    file = folder / "tokens"
    file.write_text(TOKENS)
    file.chmod(mode)
    return file


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_prints_a_line_for_each_listener_and_then_that_it_is_ready(serve):
    server = serve("--models", "models")
    assert [line.split()[1] for line in server.lines] == ["http", "grpc", "metrics", "ready"]
    for line in server.lines[:3]:
        assert re.fullmatch(r"muster: (http|grpc|metrics) 127\.0\.0\.1:[1-9][0-9]*", line)
    assert re.fullmatch(r"muster: ready in \d+ ms, models: lenet/1 \(ONNX Runtime [0-9.]+\)", server.lines[3])
    assert server.ask("GET", "/v2/health/ready")[0] == 200
    assert server.ask("GET", "/v2/models/lenet/ready")[0] == 200
    status, err = server.end()
    assert (status, err) == (0, "")
    assert server.lines[4:] == ["muster: stopped"]


def test_answers_over_http_and_counts_it(serve):
    server = serve("--models", "models")
    status, body = server.ask("POST", "/v2/models/lenet/infer", infer_body("input", [2, 1, 28, 28], 0.5))
    assert status == 200, body
    assert json.loads(body)["outputs"][0]["shape"] == [2, 10]
    picture = sorted((ROOT / "examples" / "digits").glob("7_*.png"))[0].read_bytes()
    status, body = server.ask("POST", "/v2/models/lenet/classify", picture, {"Content-Type": "image/png"})
    assert status == 200, body
    assert json.loads(body)["pictures"][0]["classes"][0]["label"] == "7"
    status, page = server.ask("GET", "/metrics", transport="metrics")
    assert status == 200
    lines = page.decode().splitlines()
    assert 'muster_inferences_total{model="lenet",version="1"} 3' in lines
    assert 'nv_inference_request_success{model="lenet",version="1"} 2' in lines
    assert 'muster_model_state{model="lenet",version="1",state="ready"} 1' in lines


def test_exports_the_series_of_the_golden_file(serve):
    server = serve("--models", "models", "--no-gpu-metrics")
    page = server.ask("GET", "/metrics", transport="metrics")[1].decode()
    found = {line.rsplit(" ", 1)[0] for line in page.splitlines() if not line.startswith("#")}
    golden = (ROOT / "tests" / "golden" / "metrics.txt").read_text().splitlines()
    expected = {line.replace('version="3"', 'version="1"') for line in golden if not line.startswith("#")}

    def without_versions(series):
        series = {re.sub(r'runtime="[^"]*"', 'runtime="*"', line) for line in series}
        return {line for line in series if not line.startswith("muster_build")}

    assert without_versions(found) == without_versions(expected)


def fake_gpus(request, **script):
    """An environment in which NVML is the one of the tests: src/nvml/testing/fake_nvml.h has its script."""
    folder = pathlib.Path(request.config.getoption("--program")).resolve().parent / "fake_nvml"
    assert (folder / "libnvidia-ml.so.1").exists()
    paths = [str(folder), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
    script = {"FAKE_NVML_" + name: str(value) for name, value in script.items()}
    return {"LD_LIBRARY_PATH": ":".join(paths), **script}


def gpu_series(server):
    page = server.ask("GET", "/metrics", transport="metrics")[1].decode()
    return dict(line.rsplit(" ", 1) for line in page.splitlines() if re.match("muster_gpu|nv_gpu|nv_energy", line))


def await_gpus(server, count):
    """The series of GPUs when so many have been read; the server is ready before that."""
    until = time.monotonic() + TIMEOUT
    while True:
        series = gpu_series(server)
        if sum(name.startswith("muster_gpu_up{") for name in series) == count:
            return series
        assert time.monotonic() < until, series


def test_tells_how_the_gpus_do_that_cuda_shows(serve, request):
    environment = fake_gpus(request, GPUS=3, LOST=1) | {"CUDA_VISIBLE_DEVICES": "1,0"}
    server = serve("--models", "models", environment=environment)
    series = await_gpus(server, 2)
    first = '{gpu="0",uuid="GPU-fake0000-0000-0000-0000-000000000000",name="Fake H200"}'
    lost = '{gpu="1",uuid="GPU-fake0001-0000-0000-0000-000000000000",name="Fake H200"}'
    assert series["muster_gpu_up" + first] == "1"
    assert series["muster_gpu_utilization_ratio" + first] == "0.5"
    assert float(series["muster_gpu_memory_total_bytes" + first]) == 1 << 37
    assert float(series["muster_gpu_power_watts" + first]) == 123.456
    assert float(series["muster_gpu_sm_clock_hertz" + first]) == 1.98e9
    assert float(series['nv_gpu_power_usage{gpu_uuid="GPU-fake0000-0000-0000-0000-000000000000"}']) == 123.456
    assert [name for name in series if "GPU-fake0001" in name] == ["muster_gpu_up" + lost]
    assert series["muster_gpu_up" + lost] == "0"
    status, err = server.end()
    assert status == 0 and "GPU 1 (GPU-fake0001-0000-0000-0000-000000000000) does not answer: GPU is lost" in err


def test_leaves_nvml_alone_where_it_is_told_to(serve, request):
    server = serve("--models", "models", "--no-gpu-metrics", environment=fake_gpus(request, HANGS=1))
    assert gpu_series(server) == {}
    assert server.end() == (0, "")


def test_answers_and_ends_although_a_gpu_hangs(serve, request):
    server = serve("--models", "models", environment=fake_gpus(request, HANGS=1))
    assert set(gpu_series(server).values()) <= {"0"}
    assert server.ask("POST", "/v2/models/lenet/infer", infer_body("input", [1, 1, 28, 28], 0.5))[0] == 200
    status, err = server.end()
    assert status == 0 and "NVML does not return from a call; the server ends without it" in err


def test_listens_on_unix_sockets_for_both_transports(serve, tmp_path):
    path = tmp_path / "muster"
    server = serve("--models", "models", "--unix-socket", path, "--no-metrics")
    assert server.addresses["http"][1] == f"unix:{path}"
    assert server.addresses["grpc"][1] == f"unix:{path}.grpc"
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(TIMEOUT)
        client.connect(str(path))
        client.sendall(b"GET /v2/health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{path}.grpc")
    assert server.end()[0] == 0
    assert not path.exists() and not path.with_name("muster.grpc").exists()


def test_takes_flags_above_the_environment_above_the_file(serve, tmp_path):
    config = tmp_path / "muster.toml"
    config.write_text('models = "/there/is/none"\nhttp-port = 1\nmax-body-bytes = 100\nno-grpc = true\n')
    environment = {"MUSTER_CONFIG": str(config), "MUSTER_MODELS": "models", "MUSTER_HTTP_PORT": "2"}
    server = serve("--http-port", "0", "--metrics-port=0", environment=environment, ports=())
    assert [line.split()[1] for line in server.lines] == ["http", "metrics", "ready"]
    assert server.ask("POST", "/v2/models/lenet/infer", "x" * 101)[0] == 413


def test_takes_tritons_flags(serve):
    server = serve(
        "--model-repository=models",
        "--model-control-mode=explicit",
        "--load-model=*",
        "--strict-readiness=true",
        "--exit-timeout-secs=5",
        "--allow-grpc=false",
        "--allow-metrics",
        "--log-verbose=0",
        "--http-address=localhost",
        "--http-thread-count=1",
        "--exit-on-error=false",
        "--repository-poll-secs",
        "5",
    )
    assert [line.split()[1] for line in server.lines] == ["http", "metrics", "ready"]
    assert re.search(r" models: lenet/1 \(ONNX Runtime [0-9.]+\)$", server.lines[-1])
    assert server.ask("POST", "/v2/repository/models/lenet/unload", "{}")[0] == 200


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ([], r"which models\? give --models DIR.*"),
        (["--models"], r"--models: .*"),
        (["models"], r"'models' is no flag; models are given by --models DIR"),
        (["--models", "models", "--http-prot", "1"], r"there is no flag --http-prot; did you mean --http-port\?"),
        (["--models", "models", "--zzzzzz"], r"there is no flag --zzzzzz"),
        (["--models", "models", "--http-port", "70000"], r"--http-port: '70000' is not right.*"),
        (["--models", "models", "--http-port", "80\n\x1b[2J"], r"--http-port: '80\\x0a\\x1b\[2J' is not right.*"),
        (["--models", "models", "--host", "example.com"], r"--host: 'example.com' is not right; give an IP address.*"),
        (["--models", "models", "--load-model", "lenet"], r"--load-model .* add --model-control explicit"),
        (["--models", "models", "--tls-cert", "a.pem"], r"--tls-cert needs its key: add --tls-key"),
        (["--models", "models", "--config", "there/is/none"], r"the configuration file there/is/none cannot be read.*"),
        (["--backend-directory=/b", "--models", "models"], r"--backend-directory does not exist here: .*leave it out"),
        (["--backend-config", "onnxruntime,x=1"], r"--backend-config does not exist here: .*config\.pbtxt.*"),
        (["--trace-config=level=OFF"], r"--trace-config does not exist here: there are no traces.*"),
        (["--log-file", "x"], r"--log-file does not exist here: the log goes to stderr; redirect it: 2>FILE"),
        (["--disable-auto-complete-config"], r"--disable-auto-complete-config does not exist here: .*"),
        (["--cache-config", "local,size=1"], r"--cache-config does not exist here: responses are not cached.*"),
    ],
)
def test_names_the_flag_and_the_fix(muster, arguments, expected):
    status, out, err = muster("serve", *arguments, timeout=TIMEOUT)
    assert (status, out) == (2, "")
    first, *rest = err.splitlines()
    assert re.fullmatch("muster: " + expected, first), err
    assert rest == ["Try: muster serve --help"]


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["--models", "there/is/none"], r"muster: .*there/is/none.*"),
        (["--models", "models", "--token-file", "there/is/none"], r"muster: the token file there/is/none cannot .*"),
        (["--models", "models", "--tls-cert", "README.md", "--tls-key", "README.md"], r"muster: .*README\.md.*"),
        (["--models", "models", "--access-log", "there/is/none"], r"muster: .*there/is/none.*"),
        (["--models", "models", "--unix-socket", "there/is/none"], r"muster: .*there/is/none.*"),
        (["--models", "models", "--model-control", "explicit", "--load-model", "nix"], r"muster: .*nix.*"),
    ],
)
def test_says_in_one_line_why_it_cannot_start(muster, arguments, expected):
    status, _, err = muster("serve", *ANY_PORTS, *arguments, timeout=TIMEOUT)
    assert status == 1
    assert re.fullmatch(expected + "\n", err), err


def test_says_which_port_is_taken(muster):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        for transport in ("http", "grpc", "metrics"):
            ports = dict(zip(ANY_PORTS[::2], ANY_PORTS[1::2], strict=True)) | {f"--{transport}-port": port}
            status, _, err = muster("serve", "--models", "models", *[w for pair in ports.items() for w in pair])
            assert status == 1
            assert re.search(rf"muster: .*127\.0\.0\.1:{port}\b.*\n", err), err


def test_refuses_a_token_file_that_others_may_read(muster, tmp_path):
    file = tokens(tmp_path, 0o644)
    status, _, err = muster("serve", *ANY_PORTS, "--models", "models", "--token-file", file, timeout=TIMEOUT)
    assert status == 1
    assert err == f"muster: the token file {file} is open to others; take their permissions away: chmod 600\n"


def test_asks_for_tokens_on_every_listener(serve, tmp_path):
    server = serve("--models", "models", "--token-file", tokens(tmp_path), "--model-control", "explicit")
    assert server.ask("GET", "/v2/health/live")[0] == 200
    wanted = (
        ("GET", "/v2/models/stats", "http", "infer-0123456789ab"),
        ("GET", "/metrics", "metrics", "metrics-0123456789"),
        ("POST", "/v2/repository/models/lenet/load", "http", "admin-0123456789ab"),
    )
    for method, path, transport, right in wanted:
        assert server.ask(method, path, transport=transport)[0] == 401
        assert server.ask(method, path, headers=bearer("x" * 18), transport=transport)[0] == 401
        for *_, token in wanted:
            status = server.ask(method, path, headers=bearer(token), transport=transport)[0]
            assert status == (200 if token == right else 403), (path, token)


def test_warns_when_everyone_may_come(serve):
    server = serve("--models", "models", "--host", "0.0.0.0", "--no-metrics")
    assert server.addresses["http"][0].startswith("0.0.0.0:")
    status, err = server.end()
    assert status == 0
    assert len(err.splitlines()) == 1
    assert re.match(r"muster: warning: .*without tokens: http on 0\.0\.0\.0, grpc on 0\.0\.0\.0\..*--token-file", err)


def test_serves_the_others_where_a_model_fails(serve, tmp_path):
    shutil.copytree(LENET, tmp_path / "good" / "lenet")
    broken = tmp_path / "bad" / "broken" / "1"
    broken.mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "models" / "corrupt.onnx", broken / "model.onnx")
    server = serve("--models", tmp_path / "good", "--models", tmp_path / "bad")
    assert re.search(r" models: lenet/1 \(ONNX Runtime [0-9.]+\)$", server.lines[-1])
    assert server.ask("GET", "/v2/health/ready")[0] == 200
    assert server.ask("GET", "/v2/models/broken/ready")[0] != 200
    status, err = server.end()
    assert status == 0
    assert re.fullmatch(r"\S+ error model 'broken' version 1 does not load: .*\n", err)
    server = serve("--models", tmp_path / "good", "--models", tmp_path / "bad", "--exit-on-error")
    status, err = server.wait()
    assert status == 1
    assert "--exit-on-error" in err.splitlines()[-1]


class SlowCall(threading.Thread):
    """A request that the slow model answers after its time."""

    def __init__(self, server):
        super().__init__()
        self.connection = server.connection()
        self.outcome = None
        self.connection.connect()
        body = infer_body("x", [1, 1], [2.5])
        self.connection.request("POST", "/v2/models/slow/infer", body)
        self.start()

    def run(self):
        try:
            reply = self.connection.getresponse()
            self.outcome = (reply.status, json.loads(reply.read())["outputs"][0]["data"])
        except (OSError, http.client.HTTPException) as error:
            self.outcome = error


def calls_under_way(server, count=1):
    """So many calls, which run or wait when this returns."""
    calls = []
    while True:
        # None yet; or the machine stood still, and they were answered before anybody saw them.
        if not any(call.is_alive() for call in calls):
            calls = [SlowCall(server) for _ in range(count)]
        page = server.ask("GET", "/metrics", transport="metrics")[1].decode()
        accepted = re.search(r'^muster_requests_in_flight\{model="slow",version="1"\} (\d+)', page, re.MULTILINE)
        waiting = re.search(r'^muster_requests_waiting\{model="slow",version="1"\} (\d+)', page, re.MULTILINE)
        if int(accepted[1]) + int(waiting[1]) >= count:
            return calls


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_answers_what_it_accepted_before_it_leaves(serve, slow_models, number):
    server = serve("--models", slow_models)
    calls = calls_under_way(server, 2)
    status, err = server.end(number)
    assert (status, err) == (0, "")
    for call in calls:
        call.join(TIMEOUT)
        assert call.outcome == (200, [2.5])
    with pytest.raises(OSError):
        server.connection().connect()


@pytest.fixture
def slowest_models(slow_models):
    """Likewise, and no test has the time to wait for its answer."""
    script = slow_models / "slow" / "1" / "model.script"
    script.write_text(script.read_text().replace("1000000", "600000000"))
    return slow_models


def test_leaves_at_once_with_a_second_signal(serve, slowest_models):
    server = serve("--models", slowest_models, "--exit-timeout-seconds", "600", environment=LEAVES_THREADS)
    (call,) = calls_under_way(server)
    server.process.send_signal(signal.SIGTERM)
    # Signals that are both pending would be one: the first has been taken when nobody can connect.
    while True:
        try:
            server.connection().connect()
        except OSError:
            break
    status, err = server.end(signal.SIGTERM)
    assert status == 1
    assert err == "muster: a second signal; leaving at once\n"
    call.join(TIMEOUT)
    assert isinstance(call.outcome, Exception)


def test_waits_no_longer_than_it_was_told(serve, slowest_models):
    server = serve("--models", slowest_models, "--exit-timeout-seconds", "0.1", environment=LEAVES_THREADS)
    (call,) = calls_under_way(server)
    status, err = server.end()
    assert status == 1
    assert err == "muster: not every request was answered within --exit-timeout-seconds; leaving\n"
    call.join(TIMEOUT)
    assert isinstance(call.outcome, Exception)


@pytest.fixture
def fragile_models(tmp_path):
    """A folder with one model whose device is gone from its second run on."""
    version = tmp_path / "models" / "fragile" / "1"
    version.mkdir(parents=True)
    (version / "model.script").write_text("input x FP32 [-1,1]\noutput y FP32 [-1,1]\nbreak at 2 the device is gone\n")
    return version.parents[1]


def run_fragile(server):
    return server.ask("POST", "/v2/models/fragile/infer", infer_body("x", [1, 1], 2.5))[0]


def test_serves_on_where_a_device_is_lost_unless_it_is_told_otherwise(serve, fragile_models):
    server = serve("--models", fragile_models)
    assert [run_fragile(server) for _ in range(3)] == [200, 500, 503]
    assert server.ask("GET", "/v2/models/fragile/ready")[0] != 200
    assert server.ask("GET", "/v2/health/live")[0] == 200
    assert server.end()[0] == 0


def test_ends_with_a_status_of_its_own_where_a_device_is_lost(serve, fragile_models):
    server = serve("--models", fragile_models, "--on-device-fault", "exit", environment=LEAVES_THREADS)
    assert [run_fragile(server) for _ in range(2)] == [200, 500]
    status, err = server.wait()
    assert status == 3
    assert "the device of model 'fragile' is lost to this process: stopping, as --on-device-fault says" in err


def test_begins_anew_where_a_device_is_lost_but_not_for_ever(serve, fragile_models):
    arguments = ("--on-device-fault", "restart", "--max-device-restarts", "1")
    server = serve("--models", fragile_models, *arguments, environment=LEAVES_THREADS)
    assert [run_fragile(server) for _ in range(2)] == [200, 500]
    anew = Server(server.process)  # says again where it listens
    assert [run_fragile(anew) for _ in range(2)] == [200, 500]
    status, err = anew.wait()
    assert status == 3
    assert err.count("beginning anew, as --on-device-fault says") == 2
    assert "it has begun anew 1 times already, as often as --max-device-restarts lets it" in err


def test_writes_a_line_a_request_where_it_is_asked_to(serve, tmp_path):
    log = tmp_path / "access.log"
    server = serve("--models", "models", "--access-log", log)
    server.ask("GET", "/v2/health/live")
    server.ask("GET", "/v2/models/none%0a%22forged")
    assert server.end()[0] == 0
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert [entry["status"] for entry in entries] == [200, 404]


def test_has_a_help_that_groups_the_flags(muster):
    status, out, err = muster("serve", "--help")
    assert (status, err) == (0, "")
    headings = [line for line in out.splitlines() if re.fullmatch(r"[A-Z][^:]*:", line)]
    assert [heading for heading in headings if heading not in ("Options:", "Example:")] == [
        "Models:",
        "Listeners:",
        "Who may do what:",
        "Limits of one client:",
        "Log, start and end:",
    ]
    assert "--model-repository" not in out
    assert re.search(r"--http-port PORT .*\(8000\)", out)
