# SPDX-License-Identifier: Apache-2.0
"""Whether the written file does what the module does, at every batch size, in the runtime that will serve it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muster.errors import Error
from muster.export.call import Call
from muster.export.errors import ExportError, FixedBatchError
from muster.export.place import Place
from muster.export.steps import distance, is_too_far

if TYPE_CHECKING:
    from muster.core import Model


@dataclass(frozen=True)
class Check:
    """One batch that was run by the module and by the file."""

    rows: int
    error: float  # the largest difference of any element, by the scale of its output


def check_file(
    call: Call, model: Path, batch_sizes: Sequence[int], tolerance: float | None, lines: Mapping[str, Place]
) -> list[Check]:
    """Runs a model folder or file at each batch size and holds its outputs against the module's. `lines`: the user's line
    of each node, for messages. To be called within `evaluating`."""
    from muster.core import Model

    try:
        opened = Model(model, max_batch_size=max(batch_sizes))
    except Error as failure:
        raise FixedBatchError(f"the written model does not load: {failure}", _line_in(str(failure), lines)) from failure
    with opened:
        for info in [*opened.inputs, *opened.outputs]:
            if not info.shape or info.shape[0] != -1:
                raise FixedBatchError(f"the first axis of '{info.name}' is not open in the file: {list(info.shape)}")
        return [
            _check_batch(call, opened, example, rows, tolerance, lines)
            for example in range(call.example_count)
            for rows in batch_sizes
        ]


def _check_batch(
    call: Call, opened: Model, example: int, rows: int, tolerance: float | None, lines: Mapping[str, Place]
) -> Check:
    expected = call.run(call.batch(rows, example))
    batch = call.batch(rows, example)  # anew: the module may have written into its inputs
    arrays = {one.name: as_array(tensor) for one, tensor in zip(call.inputs, batch)}
    try:
        actual = opened.run(arrays)
    except Error as failure:
        place = _line_in(str(failure), lines)
        raise FixedBatchError(f"the file fails with a batch of {rows}, the module does not: {failure}", place) from failure
    worst = 0.0
    for name, tensor in expected.items():
        if name not in actual:
            raise ExportError(f"the file has no output '{name}'; it has {', '.join(actual)}")
        if tuple(actual[name].shape) != tuple(tensor.shape):
            raise FixedBatchError(
                f"with a batch of {rows} '{name}' has the shape {tuple(actual[name].shape)} in the file, "
                f"{tuple(tensor.shape)} in the module"
            )
        given = as_tensor(actual[name], tensor)
        error = is_too_far(tensor, given, tolerance)
        if error is not None:
            raise ExportError(
                f"with a batch of {rows} '{name}' of the file differs from the module's by {error:.2g} of its scale"
            )
        worst = max(worst, distance(tensor, given))
    return Check(rows, worst)


def as_array(tensor: Any) -> Any:
    """A tensor as what `Model.run` takes; bfloat16, which NumPy has not, as its bits."""
    import torch

    tensor = tensor.contiguous()
    return tensor.view(torch.int16).numpy().view("uint16") if tensor.dtype == torch.bfloat16 else tensor.numpy()


def as_tensor(array: Any, like: Any) -> Any:
    """What `Model.run` gives, as a tensor of PyTorch's."""
    import torch

    if like.dtype == torch.bfloat16:
        return torch.from_numpy(array.view("int16")).view(torch.bfloat16)
    return torch.from_numpy(array)


def _line_in(message: str, lines: Mapping[str, Place]) -> Place | None:
    """The user's line of the node that a message of the runtime's names; of several the one with the longest name."""
    named = [name for name in lines if name and name in message]
    return lines[max(named, key=len)] if named else None
