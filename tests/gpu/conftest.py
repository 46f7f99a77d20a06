# SPDX-License-Identifier: Apache-2.0
"""What the tests in Python on a GPU share. Where there is none, pytest ends with 77, as ctest is told."""

import ctypes
import pathlib

import pytest

SKIPPED = 77


def pytest_addoption(parser):
    parser.addoption("--program", help="the muster program under test")


@pytest.fixture(scope="session", autouse=True)
def gpu():
    if not any(pathlib.Path("/dev").glob("nvidia[0-9]*")):
        pytest.exit("SKIPPED, all of it: there is no GPU of NVIDIA's here", returncode=SKIPPED)
    try:
        ctypes.CDLL("libnvinfer.so.10")
    except OSError as missing:
        pytest.exit(f"SKIPPED, all of it: there is no TensorRT here: {missing}", returncode=SKIPPED)


@pytest.fixture
def program(request):
    return pathlib.Path(request.config.getoption("--program")).resolve()
