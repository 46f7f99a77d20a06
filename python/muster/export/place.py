# SPDX-License-Identifier: Apache-2.0
"""Lines of the user's own code: which of them asked PyTorch for something."""

from __future__ import annotations

import linecache
import os
import re
import sys
import sysconfig
from dataclasses import dataclass
from types import CodeType, FrameType

_HERE = os.path.dirname(os.path.abspath(__file__))
# Packages whose lines are never the user's fault.
_STDLIB = sysconfig.get_paths()["stdlib"] + os.sep
_INSTALLED = re.compile(r"[\\/](site|dist)-packages[\\/]")
_OTHERS = re.compile(r"[\\/](torch|torchvision|onnxscript|onnx|onnx_ir|functorch|sympy)[\\/]")
# The functions through which this package calls the module: what is further out is who called the export.
_GATES = frozenset({"run_module", "capture"})
_TEXT_FRAME = re.compile(r'File "([^"]+)", line (\d+), in (\S+)')


@dataclass(frozen=True)
class Place:
    """A line of Python, as people look for it."""

    file: str
    line: int
    function: str

    @property
    def code(self) -> str:
        """The line itself; "" where the file cannot be read."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        where = f"{self.file}:{self.line} in {self.function}"
        return f"{where}: {self.code}" if self.code else where


def is_foreign(file: str) -> bool:
    """Whether a file belongs to PyTorch, to this package or to the interpreter itself."""
    if file.startswith(("<", _HERE)) or _OTHERS.search(file) is not None:
        return True
    return file.startswith(_STDLIB) and not _INSTALLED.search(file)


def _is_gate(code: CodeType) -> bool:
    return code.co_name in _GATES and code.co_filename.startswith(_HERE)


def of_caller() -> Place | None:
    """The innermost line of the user's code below which this was called; what called the export does not count."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not _is_gate(frame.f_code):
        if not is_foreign(frame.f_code.co_filename):
            return Place(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
        frame = frame.f_back
    return None


def of_failure(failure: BaseException) -> Place | None:
    """The innermost line of the user's code that an exception came through, or one that it was raised from."""
    traceback, found = failure.__traceback__, None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if _is_gate(code):
            found = None
        elif not is_foreign(code.co_filename):
            found = Place(code.co_filename, traceback.tb_lineno, code.co_name)
        traceback = traceback.tb_next
    if found is None and failure.__cause__ is not None:
        return of_failure(failure.__cause__)
    return found


def of_text(text: str) -> Place | None:
    """The innermost line of the user's code in a stack that the exporter wrote into the file."""
    found: Place | None = None
    for file, line, function in _TEXT_FRAME.findall(text):
        if not is_foreign(file):
            found = Place(file, int(line), function)
    return found
