# SPDX-License-Identifier: Apache-2.0
"""Whether a module treats the rows of a batch alike and apart, before it is exported.

A server puts rows of strangers into one batch, of whatever size: each row must come out as it does alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from muster.export.call import Call
from muster.export.errors import ExportError, FixedBatchError
from muster.export.steps import Run, Step, distance, is_too_far, record, where_batch_is_lost, where_rows_are_mixed


def check_module(call: Call, batch_sizes: Sequence[int], tolerance: float | None) -> None:
    """Runs the module on each example at each batch size. To be called within `evaluating`."""
    for example in range(call.example_count):
        own = call.own_rows(example)
        _check_runs(call, example, own)
        for rows in batch_sizes:
            _check_size(call, example, own, rows)
        _check_rows(call, example, max(batch_sizes), tolerance)


def _record(call: Call, example: int, rows: int, keep_rows: bool = False) -> Run:
    args, kwargs = call.arguments(call.batch(rows, example))
    return record(call.module, args, kwargs, rows, keep_rows)


def _check_runs(call: Call, example: int, own: int) -> None:
    """The module runs on the example as it is, twice the same."""
    runs = [_record(call, example, own, keep_rows=True) for _ in range(2)]
    if runs[0].failure is not None:
        raise ExportError(f"the module fails on its example: {_words(runs[0].failure)}") from runs[0].failure
    first, again = (call.name_outputs(run.outputs) for run in runs)
    for name, tensor in first.items():
        if tensor.shape != again[name].shape or distance(tensor, again[name]) > 0:
            step = where_rows_are_mixed(runs[0], runs[1], 0.0)
            raise ExportError(
                f"the module gives another '{name}' each time it is run, also in evaluation; "
                "F.dropout wants training=self.training" + _at(step)
            )


def _check_size(call: Call, example: int, own: int, rows: int) -> None:
    """The module runs with so many rows, and gives as many."""
    run = _record(call, example, rows)
    if run.failure is not None:
        step = where_batch_is_lost(_record(call, example, own), run)
        raise _fixed(
            f"the module runs with a batch of {own} and not with one of {rows}: {_words(run.failure)}", step
        ) from run.failure
    for name, tensor in call.name_outputs(run.outputs).items():
        if tensor.dim() == 0 or tensor.shape[0] != rows:
            step = where_batch_is_lost(_record(call, example, own if own != rows else rows + 1), run)
            shape = tuple(tensor.shape)
            raise _fixed(
                f"'{name}' has the shape {shape} for a batch of {rows}; its first axis must count the rows", step
            )


def _check_rows(call: Call, example: int, rows: int, tolerance: float | None) -> None:
    """Each row of the largest batch is what it is alone."""
    together = call.run(call.batch(rows, example))
    for row in range(rows):  # of a batch made anew: the module may write into its inputs
        alone = call.run([tensor[row : row + 1] for tensor in call.batch(rows, example)])
        for name, tensor in together.items():
            error = is_too_far(alone[name][0], tensor[row], tolerance)
            if error is not None:
                mixed = where_rows_are_mixed(
                    _record(call, example, 1, True), _record(call, example, rows, True), tolerance
                )
                raise _fixed(
                    f"row {row} of '{name}' is another one in a batch of {rows} than alone (relative difference "
                    f"{error:.2g}); the rows of a batch must not depend on each other",
                    mixed,
                )


def _fixed(message: str, step: Step | None) -> FixedBatchError:
    if step is None:
        return FixedBatchError(message)
    if step.outputs:
        message += f"\n  {step.name} makes {_text(step.outputs)} of {_text(step.inputs)}"
    else:
        message += f"\n  {step.name} fails on {_text(step.inputs)}"
    return FixedBatchError(message, step.place, step.layer)


def _at(step: Step | None) -> str:
    return f"\n  at {step.place}" if step is not None and step.place is not None else ""


def _text(shapes: tuple[Any, ...]) -> str:
    return ", ".join("[" + ",".join(map(str, shape)) + "]" for shape in shapes)


def _words(failure: Exception) -> str:
    """An exception in one line."""
    lines = str(failure).strip().splitlines() or [""]
    return f"{type(failure).__name__}: {lines[0]}"
