# SPDX-License-Identifier: Apache-2.0
"""The program ``muster`` that lies in this package: ``muster serve ...`` and ``python -m muster serve ...``."""

from __future__ import annotations

import os
import pathlib
import sys

from muster import _runtimes
from muster.errors import FailedPrecondition


def path() -> pathlib.Path:
    """The program's file. ``MUSTER_PROGRAM`` names another one."""
    named = os.environ.get("MUSTER_PROGRAM")
    found = pathlib.Path(named) if named else pathlib.Path(__file__).parent / "_install" / "bin" / "muster"
    if not found.is_file():
        raise FailedPrecondition(f"there is no program at {found}: install the package again, or set MUSTER_PROGRAM")
    return found


def environment() -> dict[str, str]:
    """What the program is to be started with, so that it finds the runtimes that Python packages hold."""
    return _runtimes.environment()


def main() -> None:
    """Becomes the program, with the arguments of this process."""
    program = str(path())
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(program, ["muster", *sys.argv[1:]], environment())
