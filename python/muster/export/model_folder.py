# SPDX-License-Identifier: Apache-2.0
"""The model folder: config.pbtxt, labels.txt, 1/model.onnx. It is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from muster.errors import AlreadyExists
from muster.export.errors import ExportError
from muster.export.preprocessing import Preprocessing

CONFIG, LABELS, MODEL = "config.pbtxt", "labels.txt", "model.onnx"

_HEAD = """\
# Written by muster.export. docs/configuration.md of Muster tells what each field means.
"""
_BATCHING = """
# Requests that wait together share a batch; none waits for others to come.
dynamic_batching {
  max_queue_delay_microseconds: 0
}
"""


@dataclass(frozen=True)
class Tensor:
    """An input or output as config.pbtxt has it: without the batch axis, -1 where it is open."""

    name: str
    data_type: str  # "TYPE_FP32"
    dims: tuple[int, ...]


@dataclass(frozen=True)
class Configuration:
    """What config.pbtxt says."""

    name: str
    max_batch_size: int
    inputs: list[Tensor]
    outputs: list[Tensor]
    backend: str = "onnxruntime"
    labels: list[str] = field(default_factory=list)
    preprocessing: Preprocessing | None = None
    activation: str | None = None

    def check(self) -> None:
        """Raises where labels or preprocessing do not fit the tensors."""
        if self.labels:
            classes = self.outputs[0].dims[-1] if len(self.outputs) == 1 and self.outputs[0].dims else None
            if classes is None:
                raise ExportError("labels are for a module with one output, whose last axis counts the classes")
            if classes != len(self.labels):
                raise ExportError(f"{len(self.labels)} labels for an output of {classes} classes")
            for number, label in enumerate(self.labels):
                if not label.strip() or "\n" in label or "\r" in label:
                    raise ExportError(f"label {number} is {label!r}; a text of one line is wanted")
        if self.preprocessing is not None:
            self._check_pictures(self.preprocessing)

    def _check_pictures(self, preprocessing: Preprocessing) -> None:
        if len(self.inputs) != 1 or len(self.inputs[0].dims) != 3 or self.inputs[0].data_type != "TYPE_FP32":
            raise ExportError("preprocessing is for a module with one input of pictures, float32 [N,C,H,W] or [N,H,W,C]")
        dims = self.inputs[0].dims
        channels = dims[0] if preprocessing.layout == "nchw" else dims[2]
        if channels != preprocessing.channels:
            raise ExportError(
                f"the input has {channels} channels in the layout {preprocessing.layout}, "
                f"{preprocessing.color} has {preprocessing.channels}"
            )

    def text(self) -> str:
        """config.pbtxt."""
        parts = [
            _HEAD,
            f'name: {_quoted(self.name)}\nbackend: "{self.backend}"\nmax_batch_size: {self.max_batch_size}\n\n',
            *(_tensor("input", one, "") for one in self.inputs),
            *(_tensor("output", one, LABELS if self.labels else "") for one in self.outputs),
            _BATCHING,
        ]
        if self.preprocessing is not None:
            parts.append("\n# How a picture becomes a row of the input: (pixel - mean) * scale / std.\n")
            parts += [_parameter(key, value) for key, value in self.preprocessing.parameters().items()]
        if self.activation is not None:
            parts.append("\n# What makes probabilities of the output.\n")
            parts.append(_parameter("classification.activation", self.activation))
        return "".join(parts)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _tensor(kind: str, tensor: Tensor, label_file: str) -> str:
    dims = ", ".join(map(str, tensor.dims))
    lines = [f"  name: {_quoted(tensor.name)}", f"  data_type: {tensor.data_type}", f"  dims: [ {dims} ]"]
    if label_file:
        lines.append(f'  label_filename: "{label_file}"')
    return f"{kind} {{\n" + "\n".join(lines) + "\n}\n"


def _parameter(key: str, value: str) -> str:
    return f'parameters {{ key: "{key}" value {{ string_value: "{value}" }} }}\n'


def model_name(folder: Path, name: str | None) -> str:
    """The model's name, which is that of its folder."""
    if name is not None and name != folder.name:
        raise ExportError(f"name {name!r}: a model has the name of its folder, which is '{folder.name}'")
    if not folder.name or not all(char.isascii() and (char.isalnum() or char in "_.-") for char in folder.name):
        raise ExportError(f"'{folder.name}' as a model's name: letters, digits, '_', '.' and '-' are wanted")
    if folder.name.startswith("."):
        raise ExportError(f"'{folder.name}' as a model's name: it must not begin with a dot")
    return folder.name


@contextlib.contextmanager
def made_aside(folder: Path, replace: bool) -> Iterator[Path]:
    """A folder of the same name to fill, which takes its place at the end; nothing is left of it after a failure."""
    if os.path.lexists(folder) and not replace:
        raise AlreadyExists(f"{folder} is there already; replace=True replaces it")
    if os.path.lexists(folder) and (folder.is_symlink() or not folder.is_dir()):
        raise AlreadyExists(f"{folder} is there and no folder; it is not replaced")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # A dot before it: a server that looks at the repository passes over it.
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as aside:
        fresh = Path(aside) / folder.name
        fresh.mkdir(mode=0o755)
        yield fresh
        old = Path(aside) / "replaced"
        if os.path.lexists(folder):
            folder.rename(old)
        try:
            fresh.rename(folder)
        except BaseException:
            if old.exists():
                old.rename(folder)
            raise


def write(folder: Path, configuration: Configuration, model: Path, version: int) -> None:
    """Fills a folder; the model file, with the weights beside it if it has any there, moves into it."""
    (folder / CONFIG).write_text(configuration.text(), encoding="utf-8")
    if configuration.labels:
        (folder / LABELS).write_text("".join(f"{label}\n" for label in configuration.labels), encoding="utf-8")
    into = folder / str(version)
    into.mkdir(exist_ok=True)
    for file in model.parent.glob(model.name + "*"):
        shutil.move(file, into / file.name)


def class_labels(labels: Sequence[str] | str | os.PathLike[str] | None) -> list[str]:
    """Labels as they are given: a list, or a file with one a line."""
    if labels is None:
        return []
    if isinstance(labels, (str, os.PathLike)):
        return Path(labels).read_text(encoding="utf-8").splitlines()
    return [str(label) for label in labels]
