# SPDX-License-Identifier: Apache-2.0
"""Values that the extension makes."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple


@dataclasses.dataclass(frozen=True, slots=True)
class ClassScore:
    """A class that a classifier found in a picture."""

    index: int
    """The class's place in the output."""
    label: str
    """Of labels.txt, or the index in decimal."""
    probability: float
    """From 0 to 1."""


class TensorSpec(NamedTuple):
    """An input or output of a model."""

    name: str
    dtype: str
    """numpy's name of it; ``"bytes"`` for text, which arrays of bytes or str are given for."""
    shape: tuple[int, ...]
    """The batch axis included; -1 where a request decides."""
