# SPDX-License-Identifier: Apache-2.0
"""choose.py MODEL [LATENCY_MS]: the runtime and batch size with the most rows a second, within a latency."""

import math
import sys

# [start choose]
from benchmark import benchmark


def choose(tables, latency_ms=math.inf):
    """(backend, batch size) with the most rows a second whose batches take no longer than that, or None."""
    found = [
        (rate, backend, rows)
        for backend, table in tables.items()
        for rows, rate, ms in zip(table["batch_size"], table["items_per_second"], table["p50_ms"])
        if ms <= latency_ms
    ]
    return max(found)[1:] if found else None


# [end choose]


def main(folder, latency_ms="inf"):
    best = choose(benchmark(folder), float(latency_ms))
    if best is None:
        sys.exit("nothing answers within that latency")
    print(f"choose {best[0]}, batches of {best[1]}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
