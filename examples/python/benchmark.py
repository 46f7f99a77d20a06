# SPDX-License-Identifier: Apache-2.0
"""benchmark.py MODEL: how long batches of 1, 2, 4 and 8 take, with each runtime that is installed."""

import sys

# [start benchmark]
import muster


def benchmark(folder, iterations=100):
    """A table for each runtime that can run the model here."""
    tables = {}
    for backend in ("onnxruntime", "openvino", "tensorrt"):
        try:
            tables[backend] = muster.bench(folder, batch_sizes=[1, 2, 4, 8], iterations=iterations, backend=backend)
        except muster.Error as missing:
            print(f"{backend}: {missing}", file=sys.stderr)
    return tables


# [end benchmark]

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for backend, table in benchmark(sys.argv[1]).items():
        print(f"{backend}\n{table}")
