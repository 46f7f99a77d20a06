# SPDX-License-Identifier: Apache-2.0
"""Model.run beside onnxruntime.InferenceSession: its `run`, and its run with bound memory (IOBinding), which is the least that
ONNX Runtime costs from Python: nothing is checked, copied or allocated.

Every call is timed by itself; a round's figure is the median of its calls. Both have one thread for a run, as LeNet's
configuration says, unless the name says `default`: then each is left as it is made without any options.
"""

from __future__ import annotations

import pathlib
import time
from collections.abc import Callable
from typing import Any

import muster
import numpy
import onnxruntime
from figures import Figures, Line, Ratio, at_most, take_turns

MODEL = pathlib.Path(__file__).resolve().parents[2] / "models" / "lenet"


def session(threads: int | None = 1) -> Any:
    options = onnxruntime.SessionOptions()
    if threads is not None:
        options.intra_op_num_threads = threads
    file = str(MODEL / "1" / "model.onnx")
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def bound_run(of: Any, images: Any) -> Callable[[], object]:
    """A run with inputs and outputs that were bound once."""
    binding = of.io_binding()
    given = onnxruntime.OrtValue.ortvalue_from_numpy(images)
    made = onnxruntime.OrtValue.ortvalue_from_numpy(numpy.empty((len(images), 10), numpy.float32))
    binding.bind_ortvalue_input("input", given)
    binding.bind_ortvalue_output("output", made)
    return lambda: of.run_with_iobinding(binding)


def timed(call: Callable[[], object], seconds: float) -> Callable[[], Figures]:
    def round_of_it() -> Figures:
        clock = time.perf_counter_ns
        taken: list[int] = []
        for _ in range(20):
            call()
        end = clock() + int(seconds * 1e9)
        now = clock()
        while now < end:
            call()
            after = clock()
            taken.append(after - now)
            now = after
        taken.sort()
        return {"p50_us": taken[len(taken) // 2] / 1e3, "p99_us": taken[len(taken) * 99 // 100] / 1e3}

    return round_of_it


def measure(rows: int, rounds: int, seconds: float) -> list[Line]:
    """At one batch size."""
    images = numpy.random.default_rng(1).random((rows, 1, 28, 28), numpy.float32)
    scores = numpy.empty((rows, 10), numpy.float32)
    feed = {"input": images}
    names = ["output"]
    one, default = session(), session(None)
    with muster.Model(MODEL) as model, muster.Model(MODEL, parameters={"intra_op_thread_count": "0"}) as free:
        numpy.testing.assert_allclose(model.run(images)["output"], one.run(names, feed)[0], rtol=1e-4, atol=1e-4)
        calls: dict[str, Callable[[], object]] = {
            "run": lambda: model.run(images),
            "run_into": lambda: model.run(images, out=scores),
            "ort_run": lambda: one.run(names, feed),
            "ort_bound": bound_run(one, images),
            "default_run": lambda: free.run(images),
            "ort_default_run": lambda: default.run(names, feed),
        }
        # At batch 1 it may cost a tenth more than a bound run, which makes no arrays.
        bound = at_most(1.1 if rows == 1 else 1.0)
        ratios = [
            Ratio("run_of_ort_bound", "p50_us", "run", "ort_bound", bound),
            Ratio("run_into_of_ort_bound", "p50_us", "run_into", "ort_bound"),
            Ratio("run_of_ort_run", "p50_us", "run", "ort_run", at_most(1.0)),
            Ratio("default_run_of_ort_default_run", "p50_us", "default_run", "ort_default_run"),
        ]
        contenders = {name: timed(call, seconds) for name, call in calls.items()}
        return take_turns(f"python-run-{rows}", contenders, ratios, rounds)
