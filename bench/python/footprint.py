# SPDX-License-Identifier: Apache-2.0
"""What the package costs before it computes: its import, its memory, its wheel. Each figure is of a process of its own."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

from figures import ROOT, Figures, Line, Ratio, at_most, take_turns
from runs import MODEL

WHEEL_MIB, IMPORT_MS = 30, 100

_IMPORT = """
import time
begun = time.perf_counter()
import {what}
print((time.perf_counter() - begun) * 1e3)
"""
# Of this process since it began: getrusage counts what its parent had, too.
_REST = """
status = open("/proc/self/status").read()
print(int(status.split("VmHWM:")[1].split()[0]) / 1024)
"""
_MUSTER = """
import threading, numpy, muster
model = muster.Model({model!r})
batcher = muster.Batcher(model, max_batch_size=32)
row = numpy.zeros((1, 28, 28), numpy.float32)
def ask():
    for _ in range(200):
        batcher.run(row)
callers = [threading.Thread(target=ask) for _ in range(64)]
for caller in callers: caller.start()
for caller in callers: caller.join()
model.run(numpy.zeros((64, 1, 28, 28), numpy.float32))
"""
_ONNXRUNTIME = """
import threading, numpy, onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession({model!r} + "/1/model.onnx", options)
row = numpy.zeros((1, 1, 28, 28), numpy.float32)
def ask():
    for _ in range(200):
        session.run(None, {{"input": row}})
callers = [threading.Thread(target=ask) for _ in range(64)]
for caller in callers: caller.start()
for caller in callers: caller.join()
session.run(None, {{"input": numpy.zeros((64, 1, 28, 28), numpy.float32)}})
"""


def _number(code: str) -> float:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def measure(rounds: int) -> list[list[Line]]:
    model = str(MODEL)

    def imported(what: str) -> Figures:
        return {"import_ms": _number(_IMPORT.format(what=what))}

    def resident(code: str) -> Figures:
        return {"peak_resident_mib": _number(code.format(model=model) + _REST)}

    times = take_turns(
        "python-import",
        {
            "muster": lambda: imported("muster"),
            "muster_with_extension": lambda: imported("muster.core"),
            "onnxruntime": lambda: imported("onnxruntime"),
        },
        [Ratio("muster_of_onnxruntime", "import_ms", "muster", "onnxruntime")],
        rounds,
    )
    memory = take_turns(
        "python-memory",
        {"muster": lambda: resident(_MUSTER), "onnxruntime": lambda: resident(_ONNXRUNTIME)},
        [Ratio("muster_of_onnxruntime", "peak_resident_mib", "muster", "onnxruntime")],
        max(3, rounds // 3),
    )
    first = times[0]
    target = Line(first.workload, first.rounds, first.load, "comparison", "import_ms", first.values, at_most(IMPORT_MS))
    return [[*times, target], memory]


def wheel() -> list[Line]:
    """The wheel, made of what is built already."""
    build = pathlib.Path(os.environ.get("MUSTER_BUILD", ROOT / "build" / "release"))
    with tempfile.TemporaryDirectory() as folder:
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet")
        subprocess.run(
            (*pip, "wheel", str(ROOT), "--no-deps", "--no-build-isolation", "--wheel-dir", folder)
            + (f"--config-settings=build-dir={build}",),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        (file,) = pathlib.Path(folder).glob("muster-*.whl")
        packed = file.stat().st_size / 2**20
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist()) / 2**20
    load = os.getloadavg()[0]
    return [
        Line("python-wheel", 1, load, "wheel", "unpacked_mib", (unpacked,)),
        Line("python-wheel", 1, load, "comparison", "wheel_mib", (packed,), at_most(WHEEL_MIB)),
    ]
