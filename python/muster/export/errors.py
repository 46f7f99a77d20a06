# SPDX-License-Identifier: Apache-2.0
"""What `muster.export` raises."""

from __future__ import annotations

from muster.errors import InvalidArgument
from muster.export.place import Place


class ExportError(InvalidArgument):
    """A module could not be exported, or what was exported does not do what the module does."""


class FixedBatchError(ExportError):
    """A module, or the file made of it, works for one batch size only, or mixes the rows of a batch.

    `place` is the line of the user's code that causes it, None where no line could be found; `layer` is the name of the
    submodule that it belongs to, "" for the module itself.
    """

    def __init__(self, message: str, place: Place | None = None, layer: str = "") -> None:
        lines = [message]
        if place is not None:
            lines.append(f"  at {place}")
        if layer:
            lines.append(f"  in the submodule '{layer}'")
        super().__init__("\n".join(lines))
        self.place = place
        self.layer = layer
