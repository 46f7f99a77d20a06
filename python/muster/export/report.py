# SPDX-License-Identifier: Apache-2.0
"""What an export made, and how it was checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from muster.export.file_check import Check
from muster.export.model_folder import Tensor


@dataclass(frozen=True)
class Report:
    """A finished export. ``str()`` of it is a table for people."""

    folder: Path
    """The model folder; ``muster.Model`` and ``muster serve`` take it as it is."""
    file: Path
    """The ONNX file in it."""
    opset: int
    inputs: list[Tensor]
    """As config.pbtxt has them, without the batch axis."""
    outputs: list[Tensor]
    checks: list[Check]
    """The batches that were run by both, and how far they are apart."""
    nodes: int
    """Operators of the file."""
    nodes_before: int
    """Operators before it was simplified."""
    bytes: int
    """Of the file, and of the weights beside it."""

    @property
    def error(self) -> float:
        """The largest difference from the module, by the scale of its output."""
        return max(check.error for check in self.checks)

    def __str__(self) -> str:
        simplified = f", {self.nodes_before} before it was simplified" if self.nodes != self.nodes_before else ""
        lines = [
            f"{self.folder}: {self.bytes} bytes, opset {self.opset}, {self.nodes} operators{simplified}",
            *(f"input   {_text(one)}" for one in self.inputs),
            *(f"output  {_text(one)}" for one in self.outputs),
            *(f"batch   {check.rows}: within {check.error:.1e} of the module" for check in self.checks),
        ]
        return "\n".join(lines)


def _text(tensor: Tensor) -> str:
    dims = ",".join(["n", *map(str, tensor.dims)])
    return f"{tensor.name} {tensor.data_type.removeprefix('TYPE_')} [{dims}]"
