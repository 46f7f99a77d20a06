# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command line share: the program, which comes by --program."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "server"))

from running_server import RunningServer


def pytest_addoption(parser):
    parser.addoption("--program", required=True, help="the muster program under test")


@pytest.fixture
def muster(request):
    """Runs the program from the project's root; returns (exit status, stdout, stderr)."""
    program = os.path.abspath(request.config.getoption("--program"))

    def run(*arguments, cwd=ROOT, timeout=300):
        done = subprocess.run(
            [program, *map(str, arguments)],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        # A test that fails shows what the program had to say.
        print(*map(str, arguments), out, sep="\n")
        print(err, file=sys.stderr)
        return done.returncode, out, err

    return run


@pytest.fixture
def start_server(request):
    """Starts `muster serve` with these models, as often as it is called; all stop with the test."""
    program = os.path.abspath(request.config.getoption("--program"))
    started = []

    def start(models, *arguments):
        started.append(RunningServer(program, models, *arguments))
        return started[-1]

    yield start
    for server in started:
        if server.running():
            server.stop()
