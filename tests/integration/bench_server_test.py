# SPDX-License-Identifier: Apache-2.0
"""`muster bench --url` as a person uses it, with `muster serve` on the other side. No test has an opinion on how fast
either is."""

import csv
import io
import json
import os
import pathlib
import re
import socket
import sys
import urllib.request

import pytest
from plot_page import tags_that_stand_alone

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "server"))

from model_folders import add_model
from running_server import RunningServer

COLUMNS = (
    "transport,load,concurrency,rate,batch_size,mean_ms,p50_ms,p90_ms,p99_ms,items_per_second,"
    "cpu_us_per_item,rss_mib,client_cpu_us_per_item,answered,refused,failed,limit"
).split(",")
ECHO = "input x FP32 [-1,4]\noutput y FP32 [-1,4]\n"
SLOW = ECHO + "latency_us 100000 0\n"
TRIES = 10


def quick(seconds="0.3"):
    return ("--seconds", seconds, "--warm-up-seconds", "0.05", "--format", "csv")


def rows_of(out):
    rows = list(csv.DictReader(io.StringIO(out)))
    assert out.splitlines()[0] == ",".join(COLUMNS)
    return rows


def measure(muster, *arguments, holds=lambda rows: True):
    """The rows of a measurement for which `holds` holds. A machine that stands still for a second spoils one of these
    short measurements; a fault would spoil each."""
    for _ in range(TRIES):
        status, out, err = muster("bench", *arguments)
        if "this build has no LoadGen" in err:
            pytest.skip("this build has no LoadGen")
        assert status == 0, err
        rows = rows_of(out)
        if holds(rows):
            return rows
    raise AssertionError(f"{TRIES} times, at last: {out}")


def is_near(value, expected, rel):
    return float(value) == pytest.approx(expected, rel=rel)


def check_figures(row):
    assert int(row["answered"]) > 0 and row["refused"] == row["failed"] == "0"
    assert 0 < float(row["p50_ms"]) <= float(row["p90_ms"]) <= float(row["p99_ms"])
    assert float(row["items_per_second"]) > 0 and float(row["client_cpu_us_per_item"]) > 0


@pytest.fixture(scope="module")
def lenet(request, tmp_path_factory):
    """One server with LeNet alone, on every kind of listener."""
    program = os.path.abspath(request.config.getoption("--program"))
    path = tmp_path_factory.mktemp("socket") / "muster"
    with RunningServer(program, ROOT / "models", "--unix-socket", path) as server:
        server.unix_path = path
        yield server


@pytest.fixture
def serve(start_server, tmp_path):
    """A server with these models: name to script."""

    def run(models, *arguments, config='backend: "scripted" max_batch_size: 8\n'):
        repository = tmp_path / "models"
        for name, script in models.items():
            add_model(repository, name, script, config=config, file_name="model.script")
        return start_server(repository, *arguments)

    return run


@pytest.fixture
def url_of(lenet):
    return {
        "http": f"http://{lenet.http}",
        "grpc": f"grpc://{lenet.grpc}",
        "unix": f"unix:{lenet.unix_path}",
        "unix+grpc": f"unix+grpc:{lenet.unix_path}.grpc",
    }


@pytest.mark.parametrize("transport", ["http", "grpc", "unix", "unix+grpc"])
def test_measures_closed_loops_over_every_transport(muster, url_of, transport):
    def hold(rows):
        # As many as answers came, each after its latency.
        in_flight = [float(row["items_per_second"]) * float(row["mean_ms"]) / 1000 for row in rows]
        return all(is_near(value, int(row["concurrency"]), 0.3) for value, row in zip(in_flight, rows))

    rows = measure(muster, "--url", url_of[transport], "--concurrency", "1,4", *quick(), holds=hold)
    assert [(row["transport"], row["load"], row["concurrency"], row["rate"]) for row in rows] == [
        (transport, "closed", "1", ""),
        (transport, "closed", "4", ""),
    ]
    for row in rows:
        check_figures(row)


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_gives_an_open_first_axis_that_counts_no_rows(muster, serve, transport):
    server = serve({"steps": ECHO}, config='backend: "scripted" max_batch_size: 0\n')
    arguments = ("--url", f"{transport}://{getattr(server, transport)}", "--concurrency", "1", *quick("0.1"))
    status, _, err = muster("bench", *arguments)
    assert status == 1 and "input 'x' has open dimensions [-1,4]; give the shape of the input with --shape x:D,4" in err
    status, out, err = muster("bench", *arguments, "--shape", "x:20,4")
    assert status == 0, err
    (row,) = rows_of(out)
    assert row["batch_size"] == "1" and int(row["answered"]) > 0 and row["failed"] == "0"
    status, _, err = muster("bench", *arguments, "--shape", "x:20,4", "--batch-sizes", "2")
    assert status == 1 and "served without batches (its max_batch_size is 0)" in err


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_measures_open_loops_at_their_rate(muster, url_of, transport):
    def hold(rows):
        return all(is_near(row["items_per_second"], float(row["rate"]), 0.35) for row in rows)

    rows = measure(muster, "--url", url_of[transport], "--rate", "50,200", *quick("2"), holds=hold)
    assert [(row["load"], row["rate"], row["concurrency"]) for row in rows] == [("open", "50", ""), ("open", "200", "")]
    for row in rows:
        check_figures(row)


def test_measures_open_loops_that_come_in_bursts(muster, url_of):
    arguments = ("--rate", "200", "--bursts", "0.02", *quick("2"))
    (row,) = measure(
        muster, "--url", url_of["http"], *arguments, holds=lambda rows: is_near(rows[0]["items_per_second"], 200, 0.5)
    )
    assert (row["load"], row["rate"], row["concurrency"]) == ("bursts", "200", "")
    check_figures(row)


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_runs_the_scenarios_of_mlperf(muster, url_of, transport, tmp_path):
    arguments = ("--scenario", "Offline,single-stream,SingleStream,MultiStream", "--connections", "16", "--log-dir", tmp_path)
    rows = measure(muster, "--url", url_of[transport], *arguments, *quick())
    assert [row["load"] for row in rows] == ["Offline", "SingleStream", "MultiStream"]
    assert [row["concurrency"] for row in rows] == ["", "1", "8"]
    for row in rows:
        check_figures(row)
    assert "Scenario : MultiStream" in (tmp_path / "mlperf_log_summary.txt").read_text()


def test_runs_the_server_scenario_at_its_rate(muster, url_of):
    arguments = ("--scenario", "server", "--rate", "100", "--target-latency-ms", "5000")
    (row,) = measure(
        muster,
        "--url",
        url_of["http"],
        *arguments,
        *quick("2"),
        holds=lambda rows: is_near(rows[0]["items_per_second"], 100, 0.4),
    )
    check_figures(row)
    assert row["load"] == "Server" and row["rate"] == "100"


def test_sends_rows_together_and_looks_at_the_servers_process(muster, lenet, url_of):
    def hold(rows):
        in_flight = [float(row["items_per_second"]) * float(row["mean_ms"]) for row in rows]
        return all(is_near(value, 2000 * int(row["batch_size"]), 0.3) for value, row in zip(in_flight, rows))

    arguments = ("--batch-sizes", "1,16", "--concurrency", "2", "--server-pid", lenet.pid)
    rows = measure(muster, "--url", url_of["grpc"], *arguments, *quick(), holds=hold)
    assert [row["batch_size"] for row in rows] == ["1", "16"]
    for row in rows:
        check_figures(row)
        assert float(row["cpu_us_per_item"]) > 0 and float(row["rss_mib"]) > 1


def test_says_the_same_in_json_and_in_a_table(muster, url_of):
    arguments = ("--concurrency", "2", "--seconds", "0.1", "--warm-up-seconds", "0")
    status, out, _ = muster("bench", "--url", url_of["http"], *arguments, "--format", "json")
    assert status == 0
    (row,) = [json.loads(line) for line in out.splitlines()]
    assert list(row) == COLUMNS and row["rate"] is None and row["concurrency"] == 2
    status, out, _ = muster("bench", "--url", url_of["http"], *arguments)
    lines = out.splitlines()
    assert status == 0 and lines[0].startswith(f"lenet (onnxruntime_onnx) at {url_of['http']}: 0.1 s")
    assert lines[1].split()[:3] == ["load", "concurrency", "rate"] and lines[2].split()[:3] == ["closed", "2", "-"]


def test_shares_a_connection_of_grpc(muster, url_of):
    status, out, err = muster("bench", "--url", url_of["grpc"], "--concurrency", "12", "--streams", "4", *quick())
    assert status == 0, err
    check_figures(rows_of(out)[0])


def refusal_pauses(server):
    with urllib.request.urlopen(f"http://{server.metrics}/metrics") as page:
        series = re.findall(r'^muster_frontend_refusal_pauses_total{transport="(\w+)"} (\d+)$', page.read().decode(), re.M)
    return {transport: int(count) for transport, count in series}


# The server pauses after refusals, on either transport, unless it is told not to.
@pytest.mark.parametrize("pause", ["0", "750"])
def test_counts_refusals_apart(muster, serve, pause):
    config = 'backend: "scripted" max_batch_size: 1 dynamic_batching { default_queue_policy { max_queue_size: 1 } }\n'
    server = serve({"slow": SLOW}, "--refusal-pause-microseconds", pause, config=config)
    assert refusal_pauses(server) == {"http": 0, "grpc": 0}
    for url in (f"http://{server.http}", f"grpc://{server.grpc}"):
        status, out, err = muster("bench", "--url", url, "--rate", "100", *quick("1"))
        assert status == 0, err
        (row,) = rows_of(out)
        assert int(row["answered"]) > 0 and int(row["refused"]) > int(row["answered"]) and row["failed"] == "0"
        assert "requests were refused and 0 failed, the first: status" in err
    assert all((count > 0) == (pause != "0") for count in refusal_pauses(server).values())


def test_names_connections_that_are_too_few(muster, serve):
    server = serve({"slow": SLOW})
    arguments = ("--rate", "50", "--connections", "1", *quick("0.5"))
    status, out, err = muster("bench", "--url", f"http://{server.http}", *arguments)
    assert status == 0, err
    (row,) = rows_of(out)
    assert "found all 1 connections busy" in row["limit"] and "--connections gives more" in err
    # Ten answers a second, and what waited for the connection is in the latencies.
    assert float(row["items_per_second"]) < 12 and float(row["p99_ms"]) > 500


def test_tells_requests_that_fail(muster, serve):
    server = serve({"hot": ECHO + "fail every 2 the device is hot\n"})
    for url in (f"http://{server.http}", f"grpc://{server.grpc}"):
        # Several at once, so that every second one is among those of the first moment.
        status, out, err = muster("bench", "--url", url, "--concurrency", "8", *quick())
        assert status == 0, err
        assert int(rows_of(out)[0]["failed"]) > 0 and "the request failed inside the server" in err


def test_fails_where_nothing_is_answered(muster, serve):
    server = serve({"broken": ECHO + "fail every 1 the device is gone\n"})
    # Far more seconds than a thousand failures take on any machine: they end the measurement, not the time.
    status, out, err = muster("bench", "--url", f"http://{server.http}", "--concurrency", "2", *quick("300"))
    assert status == 1 and rows_of(out) == []
    assert "not measured: closed, concurrency 2, batch size 1: the server does not answer any more" in err
    assert "the request failed inside the server" in err and "nothing could be measured" in err


def test_chooses_the_only_model_or_wants_a_name(muster, serve):
    server = serve({"one": ECHO, "two": ECHO})
    arguments = ("bench", "--url", f"grpc://{server.grpc}", "--concurrency", "1", *quick())
    status, _, err = muster(*arguments)
    assert status == 1 and "name one with --model: one, two" in err
    status, out, err = muster(*arguments, "--model", "two")
    assert status == 0, err
    status, _, err = muster(*arguments, "--model", "three")
    assert status == 1 and "model 'three' is not ready" in err


def test_wants_the_shape_of_open_dimensions(muster, serve):
    server = serve({"m": "input x FP32 [-1,-1]\noutput y FP32 [-1,-1]\n"})
    arguments = ("bench", "--url", f"http://{server.http}", "--concurrency", "1", *quick())
    status, _, err = muster(*arguments)
    assert status == 1 and "--shape x:D" in err
    status, _, err = muster(*arguments, "--shape", "x:7")
    assert status == 0, err


def test_brings_a_token(muster, serve, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("infer infer-0123456789ab\n")
    tokens.chmod(0o600)
    server = serve({"m": ECHO}, "--token-file", tokens)
    mine = tmp_path / "mine"
    for transport, place in (("http", server.http), ("grpc", server.grpc)):
        arguments = ("bench", "--url", f"{transport}://{place}", "--model", "m", "--concurrency", "1", *quick())
        status, _, err = muster(*arguments)
        assert status == 1 and "bearer token" in err
        mine.write_text("infer-0123456789ab\n")
        status, _, err = muster(*arguments, "--token-file", mine)
        assert status == 0, err
        mine.write_text("infer-of-another-one\n")
        status, _, err = muster(*arguments, "--token-file", mine)
        assert status == 1 and "infer-of-another-one" not in err


def test_says_that_the_port_is_another_transports(muster, lenet):
    status, _, err = muster("bench", "--url", f"http://{lenet.grpc}", *quick())
    assert status == 1 and "the URL begins with grpc://" in err
    status, _, err = muster("bench", "--url", f"grpc://{lenet.http}", *quick())
    assert status == 1 and "the URL begins with http://" in err


def test_says_that_nobody_listens(muster):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        for transport in ("http", "grpc"):
            status, _, err = muster("bench", "--url", f"{transport}://127.0.0.1:{port}", *quick())
            assert status == 1
            assert err == f"muster: {transport}://127.0.0.1:{port} cannot be reached: Connection refused\n"


def test_gives_up_a_server_that_does_not_answer(muster):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        status, _, err = muster("bench", "--url", url, *quick(), "--timeout-seconds", "0.3")
        assert status == 1 and err == f"muster: {url} does not answer\n"


def test_draws_loads_over_their_concurrency_and_rate(muster, url_of, tmp_path):
    file = tmp_path / "loads.html"
    loads = ("--concurrency", "1,2,4", "--rate", "100,200", "--plot", file)
    status, out, err = muster("bench", "--url", url_of["http"], *loads, *quick())
    assert status == 0, err
    assert len(rows_of(out)) == 5
    names = tags_that_stand_alone(file)
    assert names.count("svg") == 4 and names.count("polyline") == 6 and names.count("circle") == 3 * 5
    assert file.read_text().count("<tr>") == 6


def test_measures_nothing_where_the_page_cannot_be_written(muster, url_of):
    status, out, err = muster("bench", "--url", url_of["http"], "--plot", "/no/such/folder/x.html", *quick())
    assert (status, out) == (1, "") and "/no/such/folder/x.html cannot be written" in err


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["--url", "localhost:8000"], "--url: 'localhost:8000' says no transport"),
        (["--url", "https://localhost:8000"], "asks for TLS, which this client does not speak"),
        (["--url", "http://localhost"], "has no port"),
        (["models/lenet", "--url", "http://localhost:8000"], "excludes"),
        (["--url", "http://localhost:8000", "--backend", "onnxruntime"], "excludes"),
        (["models/lenet", "--concurrency", "4"], "requires --url"),
        (["models/lenet", "--rate", "4"], "requires --url"),
        (["--url", "http://localhost:8000", "--concurrency", "0"], "--concurrency"),
        (["--url", "http://localhost:8000", "--rate", "-5"], "--rate"),
        (["--url", "http://localhost:8000", "--bursts", "1"], "--bursts requires --rate"),
        (["--url", "http://localhost:8000", "--rate", "5", "--bursts", "0"], "--bursts"),
        (["--url", "http://localhost:8000", "--scenario", "server", "--rate", "5", "--bursts", "1"], "--bursts does not go"),
        (["--url", "http://localhost:8000", "--scenario", "offlin"], "there is no scenario 'offlin'"),
        (["--url", "http://localhost:8000", "--scenario", "server"], "--scenario Server needs a --rate"),
        (["--url", "http://localhost:8000", "--scenario", "offline", "--rate", "5"], "--rate goes with"),
        (["--url", "http://localhost:8000", "--scenario", "offline", "--concurrency", "5"], "--concurrency does not"),
        (["--url", "http://localhost:8000", "--token-file", "no/such/file"], "no/such/file cannot be read"),
    ],
)
def test_says_what_is_wrong(muster, arguments, expected):
    status, _, err = muster("bench", *arguments)
    assert status == 2 and expected in err, err
