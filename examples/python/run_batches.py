# SPDX-License-Identifier: Apache-2.0
"""run_batches.py MODEL: batches of 1, 2, 4 and 8 in bound memory, with ONNX Runtime alone and with Muster."""

import os
import sys
from pathlib import Path

import numpy as np

# [start onnxruntime]
os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when the runtime is imported
import onnxruntime  # noqa: E402


class BoundBatch:
    """One batch size of one session, with memory of its own: fill `images`, run, read `scores`."""

    def __init__(self, session, rows):
        self.session = session
        self.images = np.zeros((rows, 1, 28, 28), np.float32)
        self.scores = np.zeros((rows, 10), np.float32)
        self.binding = session.io_binding()
        for bind, name, array in (
            (self.binding.bind_input, "input", self.images),
            (self.binding.bind_output, "output", self.scores),
        ):
            bind(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)

    def run(self):
        self.session.run_with_iobinding(self.binding)  # nothing is allocated, nothing copied


def open_session(folder):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    file = str(Path(folder) / "1" / "model.onnx")
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


# [end onnxruntime]

# [start muster]
import muster  # noqa: E402


def run_with_muster(folder, images):
    """Scores of the images, [n, 10], in memory that the caller has."""
    with muster.Model(folder) as model:
        scores = np.empty((len(images), 10), np.float32)
        model.run(images, out=scores)  # any number of rows; memory for each is bound once
        return scores


# [end muster]


def main(folder):
    random = np.random.default_rng(7)
    session = open_session(folder)
    for rows in (1, 2, 4, 8):
        batch = BoundBatch(session, rows)
        batch.images[:] = random.random(batch.images.shape, np.float32)
        batch.run()
        apart = float(np.abs(batch.scores - run_with_muster(folder, batch.images)).max())
        print(f"batch {rows}: scores {batch.scores.shape}, at most {apart:.0e} apart")
        assert apart < 1e-4


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
