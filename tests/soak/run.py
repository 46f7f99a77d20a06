#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Soaks a server: full load over HTTP and gRPC, with reloads, disconnects, cancels and bad requests all the while.

    .deps/venv/bin/python tests/soak/run.py --program build/release/muster --seconds 600

Exits with 1 if an answer had a wrong bit or did not come, if a request failed that nothing was wrong with, if the
server kept memory, files or requests, or if it did not end in order. README.md tells what is judged and how.
"""

import argparse
import multiprocessing
import pathlib
import queue
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "server"), str(HERE.parent / "conformance")]

import grpc_load  # noqa: E402
import http_load  # noqa: E402
import reloads  # noqa: E402
import soak_models  # noqa: E402
import trouble  # noqa: E402
from resources import Resources, metric_sum  # noqa: E402
from running_server import RunningServer  # noqa: E402
from tally import Tally  # noqa: E402

# Each is a process: its name and what it runs.
PARTS = {
    "http 1": http_load.run,
    "http 2": http_load.run,
    "grpc": grpc_load.run_calls,
    "streams": grpc_load.run_streams,
    "disconnects": trouble.run_disconnects,
    "cancels": trouble.run_cancels,
    "bad requests": trouble.run_bad_requests,
    "reloads": reloads.run,
}
FINISH_LIMIT_S = 120


def play_part(run, name, place, tallies):
    """The main function of a process. A part that dies is a finding, never silence."""
    tally = Tally(name)
    try:
        run(place, tally)
    except Exception as failure:  # whatever it is
        tally.wrong(f"the part itself failed: {type(failure).__name__}: {failure}")
    tallies.put(tally)


class Place:
    """What the parts are told. Plain values: it travels to other processes."""

    def __init__(self, server, repository, seconds, seed):
        self.http, self.grpc = server.http, server.grpc
        self.repository = str(repository)
        self.end = time.monotonic() + seconds  # the clock of all processes
        self.seed = seed

    def is_over(self):
        return time.monotonic() >= self.end


def play(server, place, resources):
    """Runs all parts until the end, and watches the server meanwhile; returns their tallies."""
    context = multiprocessing.get_context("spawn")  # gRPC does not survive a fork
    tallies = context.Queue()
    processes = {
        name: context.Process(target=play_part, args=(run, name, place, tallies)) for name, run in PARTS.items()
    }
    for process in processes.values():
        process.start()
    while not place.is_over() and server.running():
        resources.sample()
    found = []
    deadline = time.monotonic() + FINISH_LIMIT_S
    while len(found) < len(processes) and time.monotonic() < deadline:
        try:
            found.append(tallies.get(timeout=1))
        except queue.Empty:
            if not server.running() and not any(process.is_alive() for process in processes.values()):
                break
    for name, process in processes.items():
        if name not in [tally.name for tally in found]:
            process.kill()
            lost = Tally(name)
            lost.wrong(f"the part did not come to its end within {FINISH_LIMIT_S} s")
            found.append(lost)
        process.join()
    return sorted(found, key=lambda tally: list(PARTS).index(tally.name))


def leftovers(server):
    """What the server still holds although nobody asks any more; it may take a moment to let go."""
    deadline = time.monotonic() + FINISH_LIMIT_S
    while True:
        held = {
            name: metric_sum(server.metrics, name) for name in ("muster_requests_in_flight", "muster_requests_waiting")
        }
        if not any(held.values()) or time.monotonic() > deadline:
            return [f"{name} is {value:g} after the last request" for name, value in held.items() if value]


def report(tallies, resources, findings, seconds):
    print(f"soak: {seconds} s")
    for tally in tallies:
        print(f"  {tally.name:13} {tally.line()}")
    print(resources.report())
    for tally in tallies:
        for message in tally.findings:
            findings.append(f"{tally.name}: {message}")
    for finding in findings:
        print(f"  VIOLATION {finding}")
    answered = sum(tally.right for tally in tallies)
    print(f"soak: {answered} answers right, {len(findings)} violations")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--sanitized", action="store_true", help="memory is not judged: a sanitizer keeps what is freed"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        repository = soak_models.lay_out(pathlib.Path(folder))
        arguments = ("--model-control", "explicit", "--load-model", "*")
        server = RunningServer(options.program, repository, *arguments)
        resources = Resources(server.pid, options.seconds, judge_memory=not options.sanitized)
        place = Place(server, repository, options.seconds, options.seed)
        tallies = play(server, place, resources)
        findings = leftovers(server) if server.running() else ["the server died"]
        findings += resources.findings()
        try:
            server.stop()
        except AssertionError as failure:
            findings.append(str(failure)[-4000:])
    report(tallies, resources, findings, options.seconds)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
