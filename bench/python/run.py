# SPDX-License-Identifier: Apache-2.0
"""Measures the Python package beside ONNX Runtime, loops around it, LitServe and Mosec; bench/README.md tells how to read it.

make bench-python builds all that is needed and runs this. A missed target is printed, and fails nothing.
"""

from __future__ import annotations

import argparse
import sys

import figures
import footprint
import queues
import runs
from figures import Line

PARTS = ("run", "batcher", "footprint", "wheel")


def _measure(part: str, quick: bool) -> list[list[Line]]:
    rounds = 3 if quick else 11
    if part == "run":
        return [runs.measure(rows, rounds, 0.1 if quick else 0.3) for rows in (1, 64)]
    if part == "batcher":
        return [queues.measure(rounds=2 if quick else 7, seconds=0.5 if quick else 1.0)]
    if part == "footprint":
        return footprint.measure(rounds)
    return [footprint.wheel()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all without any")
    parser.add_argument("--quick", action="store_true", help="few and short rounds: for a first look only")
    parser.add_argument("--save", action="store_true", help="keep every figure in bench/results/<date>-<commit>.csv")
    chosen = parser.parse_args()
    unknown = sorted(set(chosen.parts) - set(PARTS))
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}, only {', '.join(PARTS)}")
    record = figures.Record(chosen.quick, f"ONNX Runtime {runs.onnxruntime.__version__}")
    print(f"muster bench of the Python package at {record.started}, commit {record.commit}, Python {sys.version.split()[0]}")
    for part in chosen.parts or PARTS:
        for lines in _measure(part, chosen.quick):
            figures.print_lines(lines)
            if chosen.save:
                record.save(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
