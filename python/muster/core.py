# SPDX-License-Identifier: Apache-2.0
"""The classes of the extension, and the values that they give."""

from __future__ import annotations

from muster._core import Batcher, Future, Model
from muster._types import ClassScore, TensorSpec

__all__ = ["Batcher", "ClassScore", "Future", "Model", "TensorSpec"]
