# SPDX-License-Identifier: Apache-2.0
"""Models that are compiled ahead of time, for the machine that they will run on."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from muster import _core

__all__ = ["Engine", "Progress", "build_engine"]


class Progress(NamedTuple):
    """How far a compiler is."""

    phase: str
    """What it does now, in the runtime's words; empty where it says nothing."""
    done: float
    """Of the whole, from 0 to 1."""
    left: float | None
    """Seconds that it will still take, where that is known."""


class Engine(NamedTuple):
    """What was compiled."""

    file: pathlib.Path | None
    """The file; None where it is in the cache alone."""
    bytes: int
    seconds: float
    """0 where it lay in the cache already."""
    summary: str
    """Precision, profiles and layers, for people."""


def build_engine(
    path: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    backend: str = "tensorrt",
    precision: str | None = None,
    profiles: str | None = None,
    parameters: Mapping[str, str] | None = None,
    cache: str | os.PathLike[str] | None = None,
    progress: Callable[[Progress], object] | None = None,
) -> Engine:
    """Compiles a model's ONNX file for this machine; takes seconds to minutes.

    ``path``: as ``muster.Model`` takes it. ``output``: the file to write, whole or not at all; without it and without a
    ``cache``, ``model.plan`` beside the ONNX file. ``precision``: ``"fp32"``, ``"tf32"``, ``"fp16"``, ``"bf16"`` or ``"int8"``.
    ``profiles``: batch sizes as ``"1:8:32"``, smallest, usual and largest. ``parameters``: others of the backend.
    ``progress`` is called with a ``Progress`` now and then; what it raises stops the compiler.

    Raises ``muster.FailedPrecondition`` where the backend or its runtime is not installed. After ``KeyboardInterrupt`` the
    compiler has stopped, and nothing is left behind.
    """
    wanted = dict(parameters or {})
    if precision is not None:
        wanted["precision"] = precision
    if profiles is not None:
        wanted["profiles"] = profiles
    file, size, seconds, summary = _core.compile(
        path,
        backend,
        wanted,
        "" if cache is None else os.fspath(cache),
        "" if output is None else os.fspath(output),
        progress,
    )
    return Engine(pathlib.Path(file) if file else None, size, seconds, summary)
