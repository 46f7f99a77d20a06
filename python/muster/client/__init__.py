# SPDX-License-Identifier: Apache-2.0
"""Asks servers of the Open Inference Protocol (KServe v2), with numpy arrays in and out.

with muster.Client("http://localhost:8000") as client:
    scores = client.run("lenet", {"images": images})["scores"]
"""

from __future__ import annotations

from muster._types import ClassScore
from muster.client.calls import (
    IndexEntry,
    ModelMetadata,
    Outputs,
    Parameter,
    Region,
    Score,
    ServerMetadata,
    TensorMetadata,
)
from muster.client.client import Client
from muster.client.shared_memory import SharedMemory, SharedTensor
from muster.client.workers import ClientFuture

__all__ = [
    "ClassScore",
    "Client",
    "ClientFuture",
    "IndexEntry",
    "ModelMetadata",
    "Outputs",
    "Parameter",
    "Region",
    "Score",
    "ServerMetadata",
    "SharedMemory",
    "SharedTensor",
    "TensorMetadata",
]
