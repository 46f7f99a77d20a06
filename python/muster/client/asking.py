# SPDX-License-Identifier: Apache-2.0
"""From what a caller gives to what is asked: every value checked, before anything travels."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np

from muster.client.calls import InferCall, Input, ModelMetadata, Parameter, TensorMetadata, Wish
from muster.client.datatypes import as_array, datatype_of, dtype_name
from muster.client.deadline import Deadline, checked_seconds
from muster.client.shared_memory import SharedTensor
from muster.errors import Closed, DeadlineExceeded, Error, InvalidArgument, Unavailable, WrongType

_MAX_KNOWN = 1024


class KnownModels:
    """What servers said of models, kept until something speaks against it. Any thread."""

    def __init__(
        self,
        ask_metadata: Callable[[str, str, Deadline], ModelMetadata],
        ask_config: Callable[[str, str, Deadline], dict[str, Any]],
    ) -> None:
        self._ask_metadata = ask_metadata
        self._ask_config = ask_config
        self._lock = threading.Lock()
        self._metadata: dict[tuple[str, str], ModelMetadata] = {}
        self._batch_sizes: dict[tuple[str, str], int] = {}

    def metadata(self, model: str, version: str, deadline: Deadline) -> ModelMetadata:
        known = self._metadata.get((model, version))
        if known is None:
            known = self._ask_metadata(model, version, deadline)
            with self._lock:
                if len(self._metadata) >= _MAX_KNOWN:
                    self._metadata.clear()
                self._metadata[model, version] = known
        return known

    def max_batch_size(self, model: str, version: str, deadline: Deadline) -> int:
        """0 where the model has no batch axis, or the server does not tell."""
        known = self._batch_sizes.get((model, version))
        if known is None:
            try:
                said = self._ask_config(model, version, deadline).get("max_batch_size", 0)
            except (Unavailable, DeadlineExceeded, Closed):
                raise
            except Error:
                said = 0
            known = said if isinstance(said, int) and said > 0 else 0
            with self._lock:
                if len(self._batch_sizes) >= _MAX_KNOWN:
                    self._batch_sizes.clear()
                self._batch_sizes[model, version] = known
        return known

    def forget(self, model: str, version: str | None = None) -> None:
        with self._lock:
            for known in (self._metadata, self._batch_sizes):
                for key in [key for key in known if key[0] == model and version in (None, key[1])]:
                    del cast(dict[tuple[str, str], Any], known)[key]


def checked_model(model: object) -> str:
    if not isinstance(model, str):
        raise WrongType(f"a model's name is a str, not a {type(model).__name__}")
    if not model:
        raise InvalidArgument("a model's name is empty")
    _check_text("the model's name", model)
    return model


def checked_version(version: object) -> str:
    """As the protocol writes it; "" = the newest."""
    if isinstance(version, bool) or not isinstance(version, int | str):
        raise WrongType(f"version is a whole number or a str, not a {type(version).__name__}")
    if isinstance(version, int):
        if version < 0:
            raise InvalidArgument(f"version is {version}; it must be above 0, or 0 for the newest")
        return str(version) if version else ""
    _check_text("version", version)
    return version


def _check_text(what: str, text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgument(f"{what} is no text: {error}") from error


def request_parameters(
    parameters: Mapping[str, Parameter] | None, priority: int, queue_timeout: float | None
) -> dict[str, Parameter]:
    asked: dict[str, Parameter] = {}
    for name, value in (parameters or {}).items():
        if not isinstance(name, str) or not isinstance(value, bool | int | float | str):
            raise WrongType(f"the parameter {name!r} is {value!r}; parameters are bool, int, float or str by name")
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidArgument(f"the parameter {name!r} is {value}, which does not travel")
        asked[name] = value
    if isinstance(priority, bool) or not isinstance(priority, int) or not 0 <= priority < 1 << 63:
        raise InvalidArgument(f"priority is {priority!r}; it must be a whole number, 0 for the model's default")
    if priority:
        asked["priority"] = priority
    seconds = checked_seconds("queue_timeout", queue_timeout)
    if seconds is not None:
        asked["timeout"] = max(1, round(seconds * 1e6))
    return asked


def _named_inputs(
    known: KnownModels, model: str, version: str, inputs: Sequence[object], deadline: Deadline
) -> Mapping[str, object]:
    if len(inputs) == 1 and isinstance(inputs[0], Mapping):
        for name in inputs[0]:
            if not isinstance(name, str) or not name:
                raise WrongType(f"inputs are arrays by name, and {name!r} is no name")
            _check_text("the name of an input", name)
        return cast(Mapping[str, object], inputs[0])
    described = known.metadata(model, version, deadline).inputs
    if len(described) != len(inputs):
        names = ", ".join(tensor.name for tensor in described)
        raise InvalidArgument(
            f"model '{model}' has {len(described)} inputs ({names}), but {len(inputs)} arrays were given"
        )
    return {tensor.name: value for tensor, value in zip(described, inputs, strict=True)}


def _has_dtype(value: object) -> bool:
    return isinstance(value, np.ndarray | np.generic | bytearray | memoryview) or any(
        hasattr(value, name) for name in ("__dlpack__", "__array__")
    )


def _input(known: KnownModels, call: InferCall, name: str, value: object, deadline: Deadline) -> Input:
    region = None
    if isinstance(value, SharedTensor):
        array, region = value
    elif type(value) is np.ndarray:
        array = value
    elif _has_dtype(value):
        array = as_array(name, value)
    else:
        array = as_array(name, value, _expected(known, call, name, deadline))
    datatype = datatype_of(name, array)
    # The bits of bfloat16, perhaps, for which numpy has no type.
    if datatype == "UINT16" and _expected(known, call, name, deadline) == "BF16":
        datatype = "BF16"
    return Input(name, datatype, array.shape, array, region)


def _expected(known: KnownModels, call: InferCall, name: str, deadline: Deadline) -> str | None:
    """The datatype of an input; None where the model has no such."""
    found = _described(known.metadata(call.model, call.version, deadline).inputs, name)
    return None if found is None else found.datatype


def _described(tensors: Iterable[TensorMetadata], name: str) -> TensorMetadata | None:
    return next((tensor for tensor in tensors if tensor.name == name), None)


def wrong_type(known: KnownModels, call: InferCall, deadline: Deadline) -> WrongType | None:
    """For a call that the server has refused: an input of another datatype than the model's, if that is why."""
    try:
        described = known.metadata(call.model, call.version, deadline).inputs
    except Error:
        return None
    for tensor in call.inputs:
        found = _described(described, tensor.name)
        if found is not None and found.datatype != tensor.datatype:
            expected, given = (f"{dtype_name(datatype)} ({datatype})" for datatype in (found.datatype, tensor.datatype))
            return WrongType(f"input '{tensor.name}' of model '{call.model}' is {expected}, but the array is {given}")
    return None


def _wishes(
    known: KnownModels,
    call: InferCall,
    outputs: str | Iterable[str] | Mapping[str, SharedTensor | None] | None,
    classes: Mapping[str, int] | None,
    deadline: Deadline,
) -> list[Wish] | None:
    if outputs is None and not classes:
        return None
    if outputs is None:
        outputs = [tensor.name for tensor in known.metadata(call.model, call.version, deadline).outputs]
    elif isinstance(outputs, str):
        outputs = [outputs]
    wishes: list[Wish] = []
    for name in outputs:
        if not isinstance(name, str):
            raise WrongType(f"outputs are names, and {name!r} is none")
        _check_text("the name of an output", name)
        shared = outputs[name] if isinstance(outputs, Mapping) else None
        if shared is not None and not isinstance(shared, SharedTensor):
            raise WrongType(f"output '{name}' goes to a SharedTensor, not to a {type(shared).__name__}")
        wish = Wish(name) if shared is None else Wish(name, region=shared.region, shared=shared.array)
        wishes.append(wish)
    for name, count in (classes or {}).items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise InvalidArgument(f"classes of output '{name}' are {count!r}; it must be a whole number above 0")
        found = next((wish for wish in wishes if wish.name == name), None)
        if found is None:
            raise InvalidArgument(
                f"classes are asked of output '{name}', which is not among {[wish.name for wish in wishes]}"
            )
        found.classes = count
    return wishes


def infer_call(
    known: KnownModels,
    model: str,
    inputs: Sequence[object],
    deadline: Deadline,
    outputs: str | Iterable[str] | Mapping[str, SharedTensor | None] | None,
    version: int | str,
    request_id: str,
    classes: Mapping[str, int] | None,
) -> InferCall:
    """A call without its parameters."""
    if not isinstance(request_id, str):
        raise WrongType(f"request_id is a str, not a {type(request_id).__name__}")
    _check_text("request_id", request_id)
    call = InferCall(checked_model(model), checked_version(version), [], request_id=request_id)
    named = _named_inputs(known, call.model, call.version, inputs, deadline)
    call.inputs = [_input(known, call, name, value, deadline) for name, value in named.items()]
    call.wishes = _wishes(known, call, outputs, classes, deadline)
    return call


def groups(files: Sequence[bytes], most: int, most_bytes: int) -> Iterator[list[bytes]]:
    """Files in order, in groups of so many and so many bytes at most, but for one that is larger."""
    group: list[bytes] = []
    size = 0
    for file in files:
        if group and (len(group) == most or size + len(file) > most_bytes):
            yield group
            group, size = [], 0
        group.append(file)
        size += len(file)
    if group:
        yield group
