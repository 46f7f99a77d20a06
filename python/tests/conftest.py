# SPDX-License-Identifier: Apache-2.0
"""What the tests of the Python package share. The package comes by PYTHONPATH: the build's tree, or a wheel's."""

import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root():
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def lenet():
    """The model folder of LeNet: input `input` of [n,1,28,28] float32, output `output` of [n,10]."""
    return ROOT / "models" / "lenet"


@pytest.fixture(scope="session")
def digits():
    """The sample pictures, each a file whose name begins with its digit."""
    return sorted((ROOT / "examples" / "digits").glob("*.png"))


@pytest.fixture
def python(tmp_path):
    """Runs Python code in a process of its own with the package under test; returns it when it has ended."""
    import subprocess

    def run(code, *arguments, timeout=120, environment=None):
        file = tmp_path / "code.py"
        file.write_text(code)
        return subprocess.run(
            [sys.executable, str(file), *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run
