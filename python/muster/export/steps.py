# SPDX-License-Identifier: Apache-2.0
"""A module run operation by operation: shapes, first rows, and the line that asked for each.

Two runs of one module at different batch sizes, laid side by side, tell where the batch is lost or rows are mixed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from muster.export import place as places
from muster.export.place import Place

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """One operation of one run."""

    name: str
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    place: Place | None
    layer: str  # the submodule that it belongs to
    first_row: Any = None  # of the first output, where rows were to be kept

    def takes_rows(self, rows: int) -> bool:
        """Whether the first axis of an input counts as many rows as the batch has."""
        return any(shape[:1] == (rows,) for shape in self.inputs)

    def gives_rows(self, rows: int) -> bool:
        """The same of an output."""
        return any(shape[:1] == (rows,) for shape in self.outputs)


@dataclass(frozen=True)
class Run:
    """All steps of one run, and how it ended."""

    rows: int
    steps: list[Step]
    outputs: Any = None
    failure: Exception | None = None


def _tensors(value: Any) -> Iterator[Any]:
    """The tensors in what an operation takes or gives."""
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item)


def _shapes(value: Any) -> tuple[Shape, ...]:
    return tuple(tuple(int(size) for size in tensor.shape) for tensor in _tensors(value))


class _Layers:
    """Which submodule is running."""

    def __init__(self, module: Any) -> None:
        self._names: list[str] = []
        self._hooks: list[Any] = []
        for name, layer in module.named_modules():
            if name:
                self._hooks.append(layer.register_forward_pre_hook(self._enter(name)))
                self._hooks.append(layer.register_forward_hook(self._leave))

    def _enter(self, name: str) -> Any:
        def enter(*_: Any) -> None:
            self._names.append(name)

        return enter

    def _leave(self, *_: Any) -> None:
        self._names.pop()

    @property
    def current(self) -> str:
        return self._names[-1] if self._names else ""

    def remove(self) -> None:
        for hook in self._hooks:
            hook.remove()


def _recorder(steps: list[Step], layers: _Layers, rows: int, keep_rows: bool) -> Any:
    """A mode of PyTorch's that hears of each function called on tensors."""
    from torch.overrides import TorchFunctionMode

    def hear(self: Any, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        name = getattr(function, "__name__", str(function))
        taken = (args, kwargs or {})
        inputs, place, layer = _shapes(taken), places.of_caller(), layers.current
        if name == "__get__":  # an attribute, x.shape for one: no operation
            return function(*args, **(kwargs or {}))
        try:
            result = function(*args, **(kwargs or {}))
        except Exception:
            steps.append(Step(name, inputs, (), place, layer))
            raise
        outputs = _shapes(result)
        if outputs:
            first = next(_tensors(result))
            keep = keep_rows and outputs[0][:1] == (rows,)
            steps.append(Step(name, inputs, outputs, place, layer, first[0].detach().clone() if keep else None))
        return result

    return type("Recorder", (TorchFunctionMode,), {"__torch_function__": hear})()


def run_module(module: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Calls the module. By the name of this function the lines of the module are told from those of who exports it."""
    return module(*args, **kwargs)


@contextlib.contextmanager
def evaluating(module: Any) -> Iterator[None]:
    """The module as it serves, without gradients; afterwards every part of it is as it was."""
    import torch

    were = [(layer, layer.training) for layer in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for layer, training in were:
            layer.training = training


def record(module: Any, args: Sequence[Any], kwargs: dict[str, Any], rows: int, keep_rows: bool = False) -> Run:
    """Runs the module and writes down what it does; a failure is part of what is written down."""
    steps: list[Step] = []
    layers = _Layers(module)
    try:
        with _recorder(steps, layers, rows, keep_rows):
            return Run(rows, steps, run_module(module, args, kwargs))
    except Exception as failure:
        return Run(rows, steps, None, failure)
    finally:
        layers.remove()


def where_batch_is_lost(small: Run, large: Run) -> Step | None:
    """The step of the larger run that fixes the batch: the last one, up to its end or failure, whose input has the
    batch's rows and whose outputs have not, or the one that failed itself."""
    if large.failure is not None and large.steps and not large.steps[-1].outputs:
        if large.steps[-1].takes_rows(large.rows) or len(large.steps) == 1:
            return large.steps[-1]
    lost: Step | None = None
    for one, other in zip(small.steps, large.steps):
        if one.name != other.name:
            return other  # what the module does depends on the batch size
        if other.takes_rows(large.rows) and not other.gives_rows(large.rows):
            lost = other
    if lost is None and large.failure is not None and large.steps:
        lost = large.steps[-1]
    return lost


def where_rows_are_mixed(alone: Run, together: Run, tolerance: float | None) -> Step | None:
    """The first step whose first row is another one in company than alone."""
    for one, other in zip(alone.steps, together.steps):
        if one.name != other.name:
            return other
        if one.first_row is None or other.first_row is None:
            continue
        if one.first_row.shape != other.first_row.shape:
            return other
        if is_too_far(one.first_row, other.first_row, tolerance) is not None:
            return other
    return None


def distance(expected: Any, actual: Any) -> float:
    """The largest difference of two tensors of one shape, by the scale of the first, which is 1 at least. Infinity where
    one is no number, and where integers or flags differ at all."""
    import torch

    if expected.numel() == 0:
        return 0.0
    if not (expected.is_floating_point() or expected.is_complex()):
        return 0.0 if torch.equal(expected, actual) else float("inf")
    wide = torch.complex128 if expected.is_complex() else torch.float64
    one, other = expected.to(wide), actual.to(wide)
    same = (one == other) | (torch.isnan(one) & torch.isnan(other))
    if bool(same.all()):
        return 0.0
    finite = one[torch.isfinite(one)]
    scale = max(1.0, float(finite.abs().pow(2).mean().sqrt())) if finite.numel() else 1.0
    difference = torch.where(same, torch.zeros_like(one), one - other).abs().max()
    return float(difference) / scale if bool(torch.isfinite(difference)) else float("inf")


def is_too_far(expected: Any, actual: Any, tolerance: float | None) -> float | None:
    """How far two tensors are apart, where that is more than the tolerance; None where it is not. Without a tolerance it is
    what the type of the elements can keep over many operations."""
    import torch

    if tolerance is None:
        tolerance = {torch.float16: 5e-3, torch.bfloat16: 4e-2}.get(expected.dtype, 1e-4)
    error = distance(expected, actual)
    return None if error <= tolerance else error
