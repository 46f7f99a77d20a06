# SPDX-License-Identifier: Apache-2.0
"""How a module is called: its inputs by name, batches made of example rows, its outputs by name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muster.export.errors import ExportError, FixedBatchError
from muster.export.steps import run_module

Example = Any  # a tensor, a sequence of tensors, or a mapping from parameter names of forward() to tensors

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*")


@dataclass(frozen=True)
class Input:
    """One input: its name in the file, the parameter of forward() that it is, and whether it is handed over by name."""

    name: str
    parameter: str
    by_keyword: bool


class Call:
    """A module with its example. The first axis of every tensor of the example counts rows."""

    def __init__(
        self,
        module: Any,
        example: Example,
        more_examples: Sequence[Example],
        input_names: Sequence[str] | None,
        output_names: Sequence[str] | None,
    ) -> None:
        import torch

        if not isinstance(module, torch.nn.Module):
            raise ExportError(f"a torch.nn.Module is wanted, not {type(module).__name__}")
        elsewhere = {str(one.device) for one in module.state_dict().values()} - {"cpu"}
        if elsewhere:
            raise ExportError(f"the module is on {', '.join(sorted(elsewhere))}; export on the CPU: module.cpu()")
        self.module = module
        self._signature = inspect.signature(module.forward)
        self.inputs = self._name_inputs(example, input_names)
        self._examples = [self._tensors(one, number) for number, one in enumerate([example, *more_examples])]
        self.output_names = list(output_names) if output_names is not None else None
        if self.output_names is not None:
            _check_names("output", self.output_names)
        self.open_axes = self._find_open_axes()

    @property
    def example_count(self) -> int:
        """Of examples, each of which is run at each batch size."""
        return len(self._examples)

    def is_variadic(self, one: Input) -> bool:
        """Whether an input is one of `*args`."""
        return self._signature.parameters[one.parameter].kind is inspect.Parameter.VAR_POSITIONAL

    def own_rows(self, example: int = 0) -> int:
        """The rows that an example has by itself."""
        return int(self._examples[example][0].shape[0])

    def batch(self, rows: int, example: int = 0) -> list[Any]:
        """So many rows of an example: its own, and where these do not suffice, changed copies of them. A row is the same
        in batches of every size, and no two rows are equal if that can be had, so that mixing them shows."""
        return [_rows_of(tensor, rows) for tensor in self._examples[example]]

    def arguments(self, tensors: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What forward() is called with."""
        args = tuple(tensor for tensor, one in zip(tensors, self.inputs) if not one.by_keyword)
        kwargs = {one.parameter: tensor for tensor, one in zip(tensors, self.inputs) if one.by_keyword}
        return args, kwargs

    def run(self, tensors: Sequence[Any]) -> dict[str, Any]:
        """The outputs by name."""
        args, kwargs = self.arguments(tensors)
        return self.name_outputs(run_module(self.module, args, kwargs))

    def name_outputs(self, outputs: Any) -> dict[str, Any]:
        """What a module returned, as names and tensors in the order in which the exporter has them."""
        found = list(flatten(outputs))
        if not found:
            raise ExportError(f"the module returns {type(outputs).__name__} and no tensor")
        if self.output_names is not None:
            if len(self.output_names) != len(found):
                raise ExportError(
                    f"output_names has {len(self.output_names)} names, the module returns {len(found)} tensors"
                )
            return dict(zip(self.output_names, (tensor for _, tensor in found)))
        if len(found) == 1 and not found[0][0]:
            return {"output": found[0][1]}
        named = {f"output_{path}" if path[0].isdigit() else path: tensor for path, tensor in found}
        _check_names("output", list(named))
        if len(named) != len(found):
            raise ExportError("two outputs of the module have the same name; give output_names")
        return named

    def _name_inputs(self, example: Example, names: Sequence[str] | None) -> list[Input]:
        parameters = self._signature.parameters
        keyword_only = {name for name, one in parameters.items() if one.kind is one.KEYWORD_ONLY}
        if isinstance(example, Mapping):
            try:
                bound = self._signature.bind(**example)
            except TypeError as failure:
                raise ExportError(f"the example does not fit forward{self._signature}: {failure}") from None
            order = list(bound.arguments)
            gap = list(parameters)[: len(order)] != order
            inputs = [Input(name, name, gap or name in keyword_only) for name in order]
        else:
            inputs = self._by_position(1 if _is_tensor(example) else len(example))
        if names is not None:
            if len(names) != len(inputs):
                raise ExportError(f"input_names has {len(names)} names, the example {len(inputs)} tensors")
            inputs = [Input(name, one.parameter, one.by_keyword) for name, one in zip(names, inputs)]
        _check_names("input", [one.name for one in inputs])
        return inputs

    def _by_position(self, count: int) -> list[Input]:
        inputs: list[Input] = []
        for name, one in self._signature.parameters.items():
            if one.kind is one.VAR_POSITIONAL:
                inputs += [Input(f"{name}_{number}", name, False) for number in range(count - len(inputs))]
            elif one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) and len(inputs) < count:
                inputs.append(Input(name, name, False))
        if count == 0 or len(inputs) != count:
            raise ExportError(f"the example has {count} tensors, which does not fit forward{self._signature}")
        return inputs

    def _tensors(self, example: Example, number: int) -> list[Any]:
        what = "the example" if number == 0 else f"more_examples[{number - 1}]"
        if isinstance(example, Mapping):
            missing = [one.parameter for one in self.inputs if one.parameter not in example]
            if missing:
                raise ExportError(f"{what} has no '{missing[0]}'")
            tensors = [example[one.parameter] for one in self.inputs]
        else:
            tensors = [example] if _is_tensor(example) else list(example)
        if len(tensors) != len(self.inputs):
            raise ExportError(f"{what} has {len(tensors)} tensors, {len(self.inputs)} are wanted")
        for one, tensor in zip(self.inputs, tensors):
            if not _is_tensor(tensor):
                raise ExportError(f"{what}: '{one.parameter}' is {type(tensor).__name__}, a torch.Tensor is wanted")
            if tensor.dim() == 0 or tensor.shape[0] == 0:
                shape = tuple(tensor.shape)
                raise FixedBatchError(
                    f"{what}: '{one.parameter}' has the shape {shape}; its first axis must count at least one row"
                )
            if tensor.device.type != "cpu":
                raise ExportError(f"{what}: '{one.parameter}' is on {tensor.device}; export on the CPU: module.cpu()")
        if len({tensor.shape[0] for tensor in tensors}) > 1:
            counts = ", ".join(f"{one.parameter} {tensor.shape[0]}" for one, tensor in zip(self.inputs, tensors))
            raise FixedBatchError(f"{what}: the first axes must count the same rows: {counts}")
        return [tensor.detach() for tensor in tensors]

    def _find_open_axes(self) -> list[list[int]]:
        """Of each input, the axes beside the first in which the examples differ: those are left open."""
        found: list[list[int]] = []
        for index, one in enumerate(self.inputs):
            tensors = [example[index] for example in self._examples]
            if any(t.dim() != tensors[0].dim() or t.dtype != tensors[0].dtype for t in tensors):
                raise ExportError(f"the examples of '{one.name}' differ in rank or type; an input has one of each")
            axes = range(1, tensors[0].dim())
            found.append([axis for axis in axes if len({t.shape[axis] for t in tensors}) > 1])
        return found


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The tensors in what a module returns, each with the names or places that lead to it."""
    if _is_tensor(value):
        yield path, value
        return
    items: list[tuple[str, Any]]
    if isinstance(value, Mapping):
        items = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        items = list(zip(value._fields, value))
    elif isinstance(value, (list, tuple)):
        items = [(str(number), item) for number, item in enumerate(value)]
    else:
        raise ExportError(f"the module returns {type(value).__name__}{f' at {path}' if path else ''}; tensors are wanted")
    for key, item in items:
        yield from flatten(item, f"{path}_{key}" if path else key)


def _rows_of(tensor: Any, rows: int) -> Any:
    import torch

    own = int(tensor.shape[0])
    copies = [tensor]
    for copy in range(1, -(-rows // own)):
        if tensor.is_floating_point():
            copies.append(tensor * (1 - 0.03125 * (copy % 16)))  # smaller, and of the same sign
        else:  # indices and flags: their own values at other places
            copies.append(torch.roll(tensor, copy, -1) if tensor.dim() > 1 else tensor)
    return torch.cat(copies)[:rows].contiguous()


def _is_tensor(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


def _check_names(kind: str, names: list[str]) -> None:
    for name in names:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ExportError(f"{kind} name {name!r}: letters, digits, '_', '.' and '-' are wanted, a letter first")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ExportError(f"two {kind}s are named '{twice[0]}'")
