# SPDX-License-Identifier: Apache-2.0
"""Compares Muster's batched outputs with those of ONNX Runtime in Python, row by row.

    python compare_with_onnxruntime.py path/to/dump_outputs

Muster is handed single rows and batches them as they come; ONNX Runtime runs them in one batch and
one by one. All must agree within 1e-5 in absolute terms, scaled by the size of the logits.
"""

import os
import pathlib
import subprocess
import sys

import cv2
import numpy

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when the runtime is imported
import onnxruntime  # noqa: E402  pylint: disable=wrong-import-position

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "lenet"
TOLERANCE = 1e-5


def rows():
    """The sample digits, and noise, which no training has made easy."""
    digits = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted((ROOT / "examples/digits").glob("*.png"))]
    digits = numpy.stack(digits).astype(numpy.float32)[:, None] / numpy.float32(255)
    noise = numpy.random.default_rng(7).random((150, 1, 28, 28), dtype=numpy.float32)
    return numpy.concatenate([digits, noise])


def main():
    inputs = rows()
    done = subprocess.run(
        [sys.argv[1], str(MODEL), str(len(inputs))], input=inputs.tobytes(), capture_output=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"dump_outputs failed: {done.stderr.decode()}")
    ours = numpy.frombuffer(done.stdout, dtype="<f4").reshape(len(inputs), -1)

    session = onnxruntime.InferenceSession(str(MODEL / "1" / "model.onnx"), providers=["CPUExecutionProvider"])
    together = session.run(None, {"input": inputs})[0]
    alone = numpy.concatenate([session.run(None, {"input": inputs[i : i + 1]})[0] for i in range(len(inputs))])
    for name, theirs in (("one batch", together), ("one by one", alone)):
        if ours.shape != theirs.shape:
            sys.exit(f"{name}: shape {theirs.shape} expected, {ours.shape} given")
        error = numpy.max(numpy.abs(ours - theirs) / numpy.maximum(1, numpy.abs(theirs)))
        print(f"{len(inputs)} rows against ONNX Runtime in {name}: largest difference {error:.2e}")
        if not error <= TOLERANCE:
            sys.exit(f"{name}: the difference is over {TOLERANCE}")


if __name__ == "__main__":
    main()
