# SPDX-License-Identifier: Apache-2.0
"""The module as an ONNX file with an open batch axis: captured, written, simplified, cleaned of what nobody serves."""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muster.export import place as places
from muster.export.call import Call
from muster.export.errors import ExportError, FixedBatchError
from muster.export.place import Place

# The oldest that PyTorch's exporter writes without conversion; every runtime that Muster has reads it. The others are for
# modules with operators that came later.
OPSETS = (18, 20, 21, 23)
# protobuf takes no message of 2 GiB: larger weights lie beside the model.
_MOST_INSIDE = 1_900_000_000
# What PyTorch says of itself while it exports, and nobody asked for.
_CHATTY = ("torch.onnx", "torch.export", "torch.utils.flop_counter", "onnxscript", "onnx_ir")
_CONSTANT = re.compile(r"marked (\w+) as dynamic but your code specialized it to be a constant \((\d+)\)")
_CONDITION = re.compile(r"values of (\w+) = .*? satisfy the generated guard (.*)")


class _Fixings(logging.Handler):
    """Hears where PyTorch's capture replaces an open axis by a number, or makes the file depend on a condition on it, while
    the line that does it is still running."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._constants: list[Place] = []
        self._conditions: list[Place] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        heard = self._constants if "set_replacement" in message else self._conditions
        if "set_replacement" in message or "[guard added]" in message:
            place = places.of_caller()
            if place is not None:
                heard.append(place)

    @property
    def place(self) -> Place | None:
        """The line that most likely did it: constants are certain, conditions may be harmless."""
        return next(iter(self._constants + self._conditions), None)


@contextlib.contextmanager
def _hearing() -> Iterator[_Fixings]:
    logger = logging.getLogger("torch.fx.experimental.symbolic_shapes")
    heard, level, propagate = _Fixings(), logger.level, logger.propagate
    handlers, logger.handlers = logger.handlers, [heard]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield heard
    finally:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """PyTorch without its warnings of what it does not find and would not need."""
    loggers = [logging.getLogger(name) for name in _CHATTY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)


def capture(call: Call) -> Any:
    """The module as PyTorch's graph, with the batch axis open. Raises `FixedBatchError` with the line that fixes it."""
    import torch

    rows = max(2, call.own_rows())  # a batch of one would be taken for an axis of one
    args, kwargs = call.arguments(call.batch(rows))
    with _hearing() as heard, quiet():
        try:
            return torch.export.export(call.module, args, kwargs, dynamic_shapes=_shapes(call), strict=False)
        except Exception as failure:
            fixed = _what_is_fixed(str(failure))
            if fixed:
                raise FixedBatchError(fixed, heard.place or places.of_failure(failure)) from failure
            place = places.of_failure(failure) or heard.place
            at = f"\n  at {place}" if place is not None else ""
            raise ExportError(f"PyTorch cannot capture the module: {first_line(failure)}{at}") from failure


def _what_is_fixed(message: str) -> str:
    """What PyTorch's message says of an open axis; "" where it is about something else."""
    constant = _CONSTANT.search(message)
    if constant:
        return f"the module fixes the axis '{constant[1]}' at {constant[2]}, the size that it has in the example"
    condition = _CONDITION.search(message)
    if condition:
        return f"the module does one thing for some sizes of the axis '{condition[1]}' and another for others: {condition[2]}"
    return f"the module fixes an open axis: {first_line_of(message)}" if message.startswith("Constraints violated") else ""


def _shapes(call: Call) -> Any:
    """Which axes are open, as torch.export wants to be told: by parameter of forward()."""
    import torch

    batch = torch.export.Dim("batch")
    found: dict[str, Any] = {}
    for number, one in enumerate(call.inputs):
        axes = {0: batch}
        for axis in call.open_axes[number]:
            axes[axis] = torch.export.Dim(f"{one.name}_{axis}".replace(".", "_").replace("-", "_"))
        if call.is_variadic(one):
            found.setdefault(one.parameter, []).append(axes)
        else:
            found[one.parameter] = axes
    return {name: tuple(axes) if isinstance(axes, list) else axes for name, axes in found.items()}


@dataclass(frozen=True)
class Written:
    """An ONNX file as it was written."""

    opset: int
    nodes: int
    nodes_before: int  # it was simplified
    lines: dict[str, Place]  # the user's line of each node, by the node's name


def write_onnx(
    call: Call, program: Any, file: Path, output_names: Sequence[str], opset: int | None, simplify: bool
) -> Written:
    """Writes the captured module, without anything that only the exporter wants to know."""
    tried: list[str] = []
    for version in OPSETS if opset is None else (opset,):
        try:
            written = _convert(call, program, output_names, version)
            nodes_before = len(written.model.graph)
            if simplify:
                written.optimize()
            written.save(str(file), external_data=_weight_bytes(call) > _MOST_INSIDE)
        except Exception as failure:
            tried.append(f"opset {version}: {type(failure).__name__}: {first_line(failure)}")
            continue
        found = _clean(file, version, nodes_before)
        if opset is None or found.opset == opset:
            return found
        tried.append(f"opset {version}: PyTorch wrote opset {found.opset}")
    raise ExportError("PyTorch's exporter fails:\n  " + "\n  ".join(tried))


def _convert(call: Call, program: Any, output_names: Sequence[str], opset: int) -> Any:
    import torch

    with quiet():
        return torch.onnx.export(
            program,
            (),
            input_names=[one.name for one in call.inputs],
            output_names=list(output_names),
            opset_version=opset,
            dynamo=True,
            optimize=False,
            verbose=False,
        )


def _weight_bytes(call: Call) -> int:
    return sum(one.numel() * one.element_size() for one in call.module.state_dict().values())


def _clean(file: Path, opset: int, nodes_before: int) -> Written:
    """Takes out what no runtime reads, stack traces with paths of this machine among it."""
    import onnx

    model = onnx.load(file, load_external_data=False)
    lines: dict[str, Place] = {}
    count = 0
    for graph in _graphs(model):
        for node in graph.node:
            count += 1
            place = _line_of(node)
            if place is not None and node.name:
                lines[node.name] = place
            _clear(node)
        if hasattr(graph, "initializer"):
            for item in [graph, *graph.input, *graph.output, *graph.initializer]:
                _clear(item)
            del graph.value_info[:]
    _clear(model)
    file.write_bytes(model.SerializeToString())
    versions = {one.domain: int(one.version) for one in model.opset_import}
    return Written(versions.get("", opset), count, nodes_before, lines)


def _graphs(model: Any) -> Iterator[Any]:
    """The model's graph, the bodies of its loops and conditions, and its functions."""
    waiting = [model.graph, *model.functions]
    while waiting:
        graph = waiting.pop()
        yield graph
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    waiting.append(attribute.g)
                waiting.extend(attribute.graphs)


def _line_of(node: Any) -> Place | None:
    for entry in node.metadata_props:
        if entry.key.endswith("stack_trace"):
            return places.of_text(entry.value)
    return None


def _clear(item: Any) -> None:
    for field in ("metadata_props", "doc_string"):
        if field in item.DESCRIPTOR.fields_by_name:
            item.ClearField(field)


def first_line(failure: BaseException) -> str:
    """An exception's message in one line."""
    return first_line_of(str(failure)) or type(failure).__name__


def first_line_of(text: str) -> str:
    """The first line of a text that says something."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
