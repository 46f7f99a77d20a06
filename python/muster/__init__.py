# SPDX-License-Identifier: Apache-2.0
"""Muster: many small prediction requests in few large batches, from Python.

    model = muster.Model("models/lenet")
    scores = model.run(images)["output"]

The names below come from their modules when they are first used, so that importing this package takes no time.
Times are in seconds, batches in rows. Failures are ``muster.Error`` and its kin (``muster.errors``).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from muster import errors
from muster.errors import (
    AlreadyExists,
    Cancelled,
    Closed,
    DeadlineExceeded,
    Error,
    FailedPrecondition,
    InternalError,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    WrongType,
)

if TYPE_CHECKING:
    from muster import image
    from muster.benchmark import BenchTable, bench
    from muster.client import Client
    from muster.core import Batcher, ClassScore, Future, Model, TensorSpec
    from muster.engine import Engine, Progress, build_engine
    from muster.server import Server

# Name -> the module that has it.
_LAZY = {
    "Batcher": "core",
    "BenchTable": "benchmark",
    "ClassScore": "core",
    "Client": "client",
    "Engine": "engine",
    "Future": "core",
    "Model": "core",
    "Progress": "engine",
    "Server": "server",
    "TensorSpec": "core",
    "bench": "benchmark",
    "build_engine": "engine",
}
_LAZY_MODULES = ("image",)

__version__ = "0.1.0"
__all__ = [
    "AlreadyExists",
    "Batcher",
    "BenchTable",
    "Cancelled",
    "ClassScore",
    "Client",
    "Closed",
    "DeadlineExceeded",
    "Engine",
    "Error",
    "FailedPrecondition",
    "Future",
    "InternalError",
    "InvalidArgument",
    "Model",
    "NotFound",
    "PermissionDenied",
    "Progress",
    "ResourceExhausted",
    "Server",
    "TensorSpec",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "WrongType",
    "__version__",
    "bench",
    "build_engine",
    "errors",
    "image",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        value = getattr(importlib.import_module(f"muster.{_LAZY[name]}"), name)
    elif name in _LAZY_MODULES:
        return importlib.import_module(f"muster.{name}")
    else:
        raise AttributeError(f"module 'muster' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
