# SPDX-License-Identifier: Apache-2.0
"""`export`: from a module of PyTorch's to a model folder that is served as it is."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muster.errors import FailedPrecondition
from muster.export.call import Call, Example
from muster.export.errors import ExportError
from muster.export.file_check import check_file
from muster.export.model_folder import (
    MODEL,
    Configuration,
    Tensor,
    class_labels,
    made_aside,
    model_name,
    write,
)
from muster.export.module_check import check_module
from muster.export.onnx_file import capture, write_onnx
from muster.export.preprocessing import Preprocessing
from muster.export.report import Report
from muster.export.steps import evaluating

_NEEDED = ("torch", "onnx", "onnxscript")
_DATA_TYPES = {
    "bool": "TYPE_BOOL",
    "uint8": "TYPE_UINT8",
    "int8": "TYPE_INT8",
    "int16": "TYPE_INT16",
    "int32": "TYPE_INT32",
    "int64": "TYPE_INT64",
    "float16": "TYPE_FP16",
    "bfloat16": "TYPE_BF16",
    "float32": "TYPE_FP32",
    "float64": "TYPE_FP64",
}


def export(
    module: Any,
    example: Example,
    folder: str | os.PathLike[str],
    *,
    name: str | None = None,
    opset: int | None = None,
    batch_sizes: Sequence[int] = (1, 2, 3, 8),
    max_batch_size: int = 64,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    labels: Sequence[str] | str | os.PathLike[str] | None = None,
    preprocessing: Preprocessing | None = None,
    activation: str | None = None,
    more_examples: Sequence[Example] = (),
    simplify: bool = True,
    tolerance: float | None = None,
    version: int = 1,
    replace: bool = False,
) -> Report:
    """Exports a module of PyTorch's to a model folder that `muster.Model` and `muster serve` take as it is.

    The module is run in evaluation mode and is afterwards as it was. First it is run by itself at each of `batch_sizes`:
    each row of a batch must come out as it does alone. Then it is written as ONNX with an open batch axis, and the folder is
    run by Muster at the same sizes and must give what the module gives. Nothing is left at `folder` unless all of it holds.

    module: a `torch.nn.Module` on the CPU.
    example: what `forward` takes: a tensor, a sequence of tensors, or a mapping from parameter names to tensors. The first
        axis of each counts rows, one or more.
    folder: where to write; its name is the model's.
    opset: 18, or newer where an operator of the module needs it.
    batch_sizes: rows of the batches that are compared; two different ones at least.
    max_batch_size: rows that Muster may put into a batch.
    input_names, output_names: without them, the parameters of `forward`, and the keys or fields of what it returns, or
        "output", or "output_0" and so on.
    labels: of the classes of the only output, or a file with one a line.
    preprocessing: how pictures become rows of the only input.
    activation: "softmax", "none" or "auto": what makes probabilities of the output.
    more_examples: axes in which they differ from the example are left open, too; each is compared.
    simplify: fold constants and drop what has no effect; False writes what PyTorch captured.
    tolerance: the largest difference of an element, by the scale of its output. None: 1e-4; 5e-3 for float16, 4e-2 for
        bfloat16.
    version: the folder of the file in the model's folder.
    replace: an existing folder gives way.

    Raises `FixedBatchError`, with the file and line that cause it, where the module or the file is for one batch size only or
    mixes rows; `ExportError` for all else that is wrong with module, example or names; `muster.AlreadyExists`;
    `muster.FailedPrecondition` where PyTorch, onnx or onnxscript is not installed.
    """
    _need_packages()
    target = Path(os.path.abspath(folder))
    title = model_name(target, name)
    sizes = _sizes(batch_sizes, max_batch_size)
    if version < 1:
        raise ExportError(f"version {version}: a number from 1 is wanted")
    call = Call(module, example, more_examples, input_names, output_names)
    wanted = _Wanted(sizes, opset, simplify, tolerance, version)
    with made_aside(target, replace) as fresh, evaluating(module):
        check_module(call, sizes, tolerance)
        tensors = (_input_specs(call), _output_specs(call))
        configuration = Configuration(
            title, max_batch_size, *tensors, "onnxruntime", class_labels(labels), preprocessing, activation
        )
        configuration.check()
        return _fill(call, fresh, target, configuration, wanted)


@dataclass(frozen=True)
class _Wanted:
    """How the file is made and compared."""

    sizes: list[int]
    opset: int | None
    simplify: bool
    tolerance: float | None
    version: int


def _fill(call: Call, fresh: Path, target: Path, configuration: Configuration, wanted: _Wanted) -> Report:
    """Writes the folder and runs it; `target` is where it will be."""
    with tempfile.TemporaryDirectory(dir=fresh.parent) as scratch:
        file = Path(scratch) / MODEL
        names = [one.name for one in configuration.outputs]
        written = write_onnx(call, capture(call), file, names, wanted.opset, wanted.simplify)
        write(fresh, configuration, file, wanted.version)
    return Report(
        folder=target,
        file=target / str(wanted.version) / MODEL,
        opset=written.opset,
        inputs=configuration.inputs,
        outputs=configuration.outputs,
        checks=check_file(call, fresh, wanted.sizes, wanted.tolerance, written.lines),
        nodes=written.nodes,
        nodes_before=written.nodes_before,
        bytes=sum(one.stat().st_size for one in (fresh / str(wanted.version)).iterdir()),
    )


def _need_packages() -> None:
    for package in _NEEDED:
        if importlib.util.find_spec(package) is None:
            raise FailedPrecondition(f"muster.export needs the package '{package}': pip install 'muster[export]'")


def _sizes(batch_sizes: Sequence[int], max_batch_size: int) -> list[int]:
    sizes = sorted({int(size) for size in batch_sizes})
    if len(sizes) < 2 or sizes[0] < 1:
        raise ExportError(f"batch_sizes {list(batch_sizes)}: two different ones at least are wanted, from 1")
    if sizes[-1] > max_batch_size:
        raise ExportError(f"batch_sizes {list(batch_sizes)}: none may be above max_batch_size, which is {max_batch_size}")
    return sizes


def _spec(name: str, tensors: Sequence[Any]) -> Tensor:
    """What config.pbtxt says of a tensor; axes in which examples differ are open."""
    first = tensors[0]
    data_type = _DATA_TYPES.get(str(first.dtype).removeprefix("torch."))
    if data_type is None:
        raise ExportError(f"'{name}' is {first.dtype}, which no runtime of Muster takes")
    if any(tensor.dim() != first.dim() for tensor in tensors):
        raise ExportError(f"'{name}' has another rank for another example")
    sizes = [{int(tensor.shape[axis]) for tensor in tensors} for axis in range(1, first.dim())]
    return Tensor(name, data_type, tuple(size.pop() if len(size) == 1 else -1 for size in sizes))


def _input_specs(call: Call) -> list[Tensor]:
    batches = [call.batch(2, example) for example in range(call.example_count)]
    return [_spec(one.name, [batch[place] for batch in batches]) for place, one in enumerate(call.inputs)]


def _output_specs(call: Call) -> list[Tensor]:
    outputs = [call.run(call.batch(2, example)) for example in range(call.example_count)]
    return [_spec(name, [one[name] for one in outputs]) for name in outputs[0]]
