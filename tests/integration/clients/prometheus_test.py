# SPDX-License-Identifier: Apache-2.0
"""The metrics page, read by a real Prometheus, and the arithmetic that people do on it."""

import json
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import numpy as np
import pytest

from conftest import ROOT, transport_of

LIMIT_S = 90


def tool(name):
    """Debian's, or what tools/setup has unpacked."""
    unpacked = ROOT / ".deps" / "prometheus" / "usr" / "bin" / name
    return shutil.which(name) or str(unpacked)


def page_of(server):
    with urllib.request.urlopen(f"http://{server.metrics}/metrics") as reply:
        assert reply.headers["Content-Type"].startswith("text/plain")
        return reply.read().decode()


def value(page, name, **labels):
    total = 0.0
    for found in re.finditer(rf"^{name}(?:\{{(.*?)\}})? (\S+)", page, re.MULTILINE):
        if all(f'{label}="{wanted}"' in (found[1] or "") for label, wanted in labels.items()):
            total += float(found[2])
    return total


def load(server, requests, model="identity_fp32", rows=2):
    for name in ("http", "grpc"):
        transport = transport_of(server, name)
        array = np.ones((rows, 4), np.float32)
        with transport.client() as client:
            for _ in range(requests // 2):
                client.infer(model, [transport.input("input", array, "FP32")])


class Prometheus:
    """One of its own, in a folder of the test's, asked over its HTTP interface."""

    def __init__(self, folder, target):
        self._folder = pathlib.Path(folder)
        (self._folder / "prometheus.yml").write_text(
            "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\n"
            f"scrape_configs:\n  - job_name: muster\n    static_configs:\n      - targets: ['{target}']\n"
        )
        # It cannot be asked for any free port. Until it has the one found here somebody else may take it: then again.
        for _ in range(5):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self._address = f"127.0.0.1:{probe.getsockname()[1]}"
            self._process = self._start()
            if self._comes_up():
                return
        raise AssertionError((self._folder / "log").read_text()[-3000:])

    def _start(self):
        with open(self._folder / "log", "w") as log:
            return subprocess.Popen(
                [
                    tool("prometheus"),
                    f"--config.file={self._folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self._folder / 'storage'}",
                    f"--web.listen-address={self._address}",
                ],
                stdout=log,
                stderr=log,
            )

    def _comes_up(self):
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://{self._address}/-/ready"):
                    return True
            except (urllib.error.URLError, OSError):
                threading.Event().wait(0.05)
        self.stop()
        return False

    def ask(self, query):
        """The values that it gives for a query now."""
        url = f"http://{self._address}/api/v1/query?" + urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(url) as reply:
            answer = json.load(reply)
        assert answer["status"] == "success"
        return [float(sample["value"][1]) for sample in answer["data"]["result"]]

    def ask_until(self, query, condition):
        deadline = time.monotonic() + LIMIT_S
        while not condition(values := self.ask(query)):
            assert time.monotonic() < deadline, f"{query} is {values}"
            threading.Event().wait(0.1)
        return values

    def stop(self):
        self._process.terminate()
        self._process.wait()


@pytest.fixture(scope="module")
def prometheus(server, tmp_path_factory):
    running = Prometheus(tmp_path_factory.mktemp("prometheus"), server.metrics)
    yield running
    running.stop()


def test_prometheus_can_scrape_the_page(prometheus):
    assert prometheus.ask_until("up", lambda values: values == [1.0])


@pytest.mark.parametrize(
    "family", ["muster_request_duration_seconds", "muster_queue_duration_seconds", "muster_compute_duration_seconds"]
)
def test_the_99th_percentile_can_be_asked_for(prometheus, server, family):
    query = f'histogram_quantile(0.99, sum by (le) (rate({family}_bucket{{model="identity_fp32"}}[1m])))'
    deadline = time.monotonic() + LIMIT_S
    values = []
    while not (values and 0 < values[0] < 10):
        assert time.monotonic() < deadline, f"{query} is {values}"
        load(server, 20)  # a rate needs counters that move
        values = prometheus.ask(query)


def test_prometheus_has_the_same_numbers_as_the_page(prometheus, server):
    load(server, 10)
    expected = value(page_of(server), "nv_inference_count", model="identity_fp32")
    assert expected >= 20
    prometheus.ask_until('nv_inference_count{model="identity_fp32"}', lambda values: values == [expected])


def test_promtool_has_nothing_to_say_about_our_own_names(server):
    """Triton's names are not ours to choose."""
    ours = [line for line in page_of(server).splitlines() if not re.match(r"(# (HELP|TYPE) )?nv_", line)]
    command = [tool("promtool"), "check", "metrics"]
    done = subprocess.run(command, input="\n".join(ours) + "\n", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_counts_agree_with_each_other_and_with_what_was_sent(server):
    before = page_of(server)
    load(server, 30, rows=3)
    after = page_of(server)

    def grown(name, **labels):
        return value(after, name, model="identity_fp32", **labels) - value(
            before, name, model="identity_fp32", **labels
        )

    assert grown("nv_inference_request_success") == grown("muster_requests_total", outcome="success") == 30
    assert grown("nv_inference_count") == grown("muster_inferences_total") == 90
    batches = grown("nv_inference_exec_count")
    assert batches == grown("muster_batches_total") == grown("muster_batch_rows_count")
    assert grown("muster_batch_rows_sum") == 90
    assert grown("muster_request_duration_seconds_count") == 30
    assert grown("nv_inference_request_duration_us") > 0


@pytest.mark.parametrize(
    "name",
    ["nv_inference_request_success", "nv_inference_request_failure", "nv_inference_count", "nv_inference_exec_count",
     "nv_inference_request_duration_us", "nv_inference_queue_duration_us", "nv_inference_compute_input_duration_us",
     "nv_inference_compute_infer_duration_us", "nv_inference_compute_output_duration_us",
     "nv_inference_pending_request_count", "process_resident_memory_bytes", "process_cpu_seconds_total",
     "process_open_fds", "muster_batches_total", "muster_batch_rows_bucket", "muster_model_state"],
)  # fmt: skip
def test_what_dashboards_read_is_there(server, name):
    assert re.search(rf"^{name}[{{ ]", page_of(server), re.MULTILINE)
