# SPDX-License-Identifier: Apache-2.0
"""The package itself: its names, its types, its stub, and the program in it."""

import difflib
import doctest
import importlib
import os
import pathlib
import pkgutil
import subprocess
import sys

import muster
import pytest

PACKAGE = pathlib.Path(__file__).resolve().parents[1] / "muster"


def run(*command, **environment):
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, env={**os.environ, **environment}
    )


def test_every_name_is_there():
    assert dir(muster) == sorted(muster.__all__)
    for name in muster.__all__:
        assert getattr(muster, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        muster.no_such_name


def test_importing_it_loads_nothing_heavy():
    code = "import sys, muster; print([m for m in ('numpy', 'asyncio', 'torch', 'muster._core') if m in sys.modules])"
    assert run(sys.executable, "-c", code).stdout == "[]\n"


def test_it_imports_in_a_tenth_of_a_second():
    # Of processor time: others may be at work on the machine.
    code = "import time; a = time.process_time(); import muster; print(time.process_time() - a)"
    assert min(float(run(sys.executable, "-c", code).stdout) for _ in range(5)) < 0.1


def test_the_program_runs_by_python_m(lenet):
    done = run(sys.executable, "-m", "muster", "inspect", str(lenet))
    assert done.returncode == 0, done.stderr
    assert "input" in done.stdout
    assert run(sys.executable, "-m", "muster", "--version").stdout == f"muster {muster.__version__}\n"
    assert run(sys.executable, "-m", "muster", "nothing").returncode == 2


def test_a_missing_program_is_named(tmp_path):
    done = run(sys.executable, "-m", "muster", "--version", MUSTER_PROGRAM=str(tmp_path / "absent"))
    assert done.returncode != 0
    assert "absent" in done.stderr
    assert "MUSTER_PROGRAM" in done.stderr


def test_its_types_hold():
    pytest.importorskip("mypy")
    done = run(
        *(sys.executable, "-m", "mypy", "--no-incremental", "--cache-dir", os.devnull),
        *("--config-file", str(PACKAGE.parents[1] / "pyproject.toml"), str(PACKAGE)),
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_stub_is_that_of_the_extension(tmp_path):
    pytest.importorskip("nanobind")
    made = tmp_path / "_core.pyi"
    done = run(sys.executable, "-m", "nanobind.stubgen", "-m", "muster._core", "-o", str(made))
    assert done.returncode == 0, done.stderr
    golden = PACKAGE / "_core.pyi"
    difference = "\n".join(
        difflib.unified_diff(golden.read_text().splitlines()[GOLDEN_HEAD:], made.read_text().splitlines(), lineterm="")
    )
    assert not difference, f"regenerate it as HACKING.md says:\n{difference}"


GOLDEN_HEAD = 1  # the licence


def test_the_examples_in_its_texts_run():
    for found in pkgutil.walk_packages(muster.__path__, "muster."):
        if found.name == "muster.__main__":
            continue
        try:
            module = importlib.import_module(found.name)
        except ImportError as missing:
            if "muster" in str(missing.name or "muster"):
                raise
            continue
        assert doctest.testmod(module).failed == 0


def test_every_public_name_is_documented():
    for name in muster.__all__:
        value = getattr(muster, name)
        assert name == "__version__" or value.__doc__, name
        for part, member in vars(value).items() if isinstance(value, type) else ():
            if not part.startswith("_") and (callable(member) or isinstance(member, property)):
                assert member.__doc__, f"{name}.{part}"
