# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command line share: the program, which comes by --program."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


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
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    return run
