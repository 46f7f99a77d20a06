# SPDX-License-Identifier: Apache-2.0
"""What a client asks and what it is answered, as plain values, whatever the transport."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeAlias

from muster.client.datatypes import Array, Buffer, Place, dtype_name, to_wire
from muster.client.deadline import Deadline

# Of a request or a tensor.
Parameter: TypeAlias = bool | int | float | str

_TIMING = re.compile(r"([\w-]+)\s*;\s*dur=([0-9.eE+-]{1,32})")


@dataclass(frozen=True)
class Region:
    """A place in shared memory that the server knows by name."""

    name: str
    byte_size: int
    offset: int = 0

    def parameters(self) -> dict[str, Parameter]:
        placed: dict[str, Parameter] = {
            "shared_memory_region": self.name,
            "shared_memory_byte_size": self.byte_size,
        }
        if self.offset:
            placed["shared_memory_offset"] = self.offset
        return placed


@dataclass
class Input:
    """An input on its way; its elements are in `array`, and where that has a region, there for the server as well."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    array: Array
    region: Region | None = None
    _wire: Buffer | None = None

    @property
    def wire(self) -> Buffer:
        """The elements as they travel, which may be the array's own memory."""
        if self._wire is None:
            self._wire = to_wire(self.name, self.array, self.datatype)
        return self._wire


@dataclass
class Wish:
    """An output that is asked for."""

    name: str
    classes: int = 0
    region: Region | None = None
    shared: Array | None = None  # the memory of the region

    def parameters(self) -> dict[str, Parameter]:
        asked: dict[str, Parameter] = {} if self.region is None else self.region.parameters()
        if self.classes:
            asked["classification"] = self.classes
        return asked


@dataclass
class Output:
    """An output that came. `raw`: the bytes of `datatype`, still to be finished."""

    name: str
    datatype: str
    array: Array
    raw: bool = False


@dataclass
class InferCall:
    model: str
    version: str
    inputs: list[Input]
    wishes: list[Wish] | None = None
    request_id: str = ""
    parameters: dict[str, Parameter] = field(default_factory=dict)
    place: Place | None = None

    def wish(self, name: str) -> Wish | None:
        return next((wish for wish in self.wishes or () if wish.name == name), None)


@dataclass
class InferReply:
    model: str
    version: str
    request_id: str
    outputs: list[Output]
    parameters: dict[str, Parameter] = field(default_factory=dict)
    timing: str = ""


class Outputs(dict[str, Array]):
    """The outputs of a call by name, and what the server said with them."""

    def __init__(self, arrays: Mapping[str, Array], reply: InferReply) -> None:
        super().__init__(arrays)
        #: The model that answered.
        self.model = reply.model
        #: Its version, as the server writes it.
        self.version = reply.version
        #: The `request_id` that was sent.
        self.request_id = reply.request_id
        #: What else the server said of the answer.
        self.parameters = reply.parameters
        self._timing = reply.timing

    @property
    def timing(self) -> dict[str, float]:
        """Seconds that the inference took in the server, by step (Muster: ``queue``, ``batch``, ``compute``); empty
        where it does not say.
        """
        return {name: float(duration) / 1e3 for name, duration in _TIMING.findall(self._timing) if _is_number(duration)}

    def classes(self, name: str) -> list[list[Score]]:
        """An output that was asked for with `classes`, as scores: a list for each row, the highest first."""
        array = self[name]
        rows = array.reshape(1, -1) if array.ndim < 2 else array.reshape(array.shape[0], -1)
        return [[_score(element) for element in row] for row in rows.tolist()]


class Score(NamedTuple):
    """One class of a classified output, with the model's own value for it."""

    value: float
    index: int  # type: ignore[assignment]
    label: str


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _score(element: bytes | str) -> Score:
    text = element.decode(errors="replace") if isinstance(element, bytes) else element
    value, _, rest = text.partition(":")
    index, _, label = rest.partition(":")
    return Score(float(value), int(index), label)


@dataclass(frozen=True)
class TensorMetadata:
    """An input or output of a model."""

    name: str
    datatype: str  #: the protocol's name, "FP32"
    shape: tuple[int, ...]  #: -1 = open; with the batch axis, where the model has one

    @property
    def dtype(self) -> str:
        """numpy's name of the datatype: ``"float32"``; ``"bytes"`` for BYTES, ``"bfloat16"`` for BF16."""
        return dtype_name(self.datatype)


@dataclass(frozen=True)
class ModelMetadata:
    """A model as its server describes it."""

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]


@dataclass(frozen=True)
class ServerMetadata:
    """A server as it describes itself."""

    name: str
    version: str
    extensions: tuple[str, ...]


@dataclass(frozen=True)
class IndexEntry:
    """A version of a model in a server's repository."""

    name: str
    version: str  #: "" where it was never asked for
    state: str  #: "READY", "LOADING", "UNLOADING", "UNAVAILABLE" or ""
    reason: str


class Transport(Protocol):
    """One server, asked one way. Any thread; every call raises ``muster.Error`` and its kin."""

    url: str

    def infer(self, call: InferCall, deadline: Deadline) -> InferReply: ...

    def is_up(self, what: str, model: str, version: str, deadline: Deadline) -> bool:
        """`what`: "live", "ready" or "model"."""

    def ask(self, what: str, asked: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        """A call of the table in `control`, answered as JSON has it."""

    def classify(
        self, model: str, version: str, pictures: list[bytes], top_k: int, deadline: Deadline
    ) -> list[list[dict[str, Any]]]: ...

    def close(self) -> None: ...
