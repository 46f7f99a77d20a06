# SPDX-License-Identifier: Apache-2.0
"""The protocol's messages as bytes: written by hand, so that tensors are copied once, and read by the lines of
`schema`.

What is read comes from a server and may be anything: it is a message, or an error.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from muster.client.calls import InferCall, InferReply, Output, Parameter
from muster.client.datatypes import (
    Buffer,
    allocate,
    broken,
    bytes_of,
    checked_shape,
    from_values,
    item_bytes,
    texts_from_wire,
)
from muster.client.transports.schema import SCHEMA
from muster.errors import InvalidArgument

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SIGNED = {"int32", "int64"}
_FIXED = {"float": struct.Struct("<f"), "double": struct.Struct("<d")}
_DOUBLE = _FIXED["double"]
_DEFAULTS: dict[str, Any] = {"string": "", "bytes": b"", "bool": False, "float": 0.0, "double": 0.0}
_SHORT_BYTES = 256
_CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


# ---- writing ----


_SMALL = [bytes([value]) for value in range(128)]


def varint(value: int) -> bytes:
    if 0 <= value < 128:
        return _SMALL[value]
    value &= (1 << 64) - 1
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def number_field(number: int, value: int) -> bytes:
    return varint(number << 3 | _VARINT) + varint(value)


def bytes_field(number: int, value: bytes | str) -> bytes:
    raw = value if isinstance(value, bytes) else value.encode(errors="replace")
    return varint(number << 3 | _BYTES) + varint(len(raw)) + raw


def text_field(number: int, value: str) -> bytes:
    """Nothing where it is empty."""
    return bytes_field(number, value) if value else b""


def _parameter(name: str, value: Parameter) -> bytes:
    if isinstance(value, bool):
        choice = number_field(1, value)
    elif isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 64:
            raise InvalidArgument(f"the parameter '{name}' is {value}, which has more than 64 bits")
        choice = number_field(2 if value < 1 << 63 else 5, value)
    elif isinstance(value, str):
        choice = bytes_field(3, value)
    else:
        choice = varint(4 << 3 | _FIXED64) + _DOUBLE.pack(value)
    return bytes_field(1, name) + bytes_field(2, choice)


def _parameters(number: int, parameters: Mapping[str, Parameter]) -> bytes:
    return b"".join(bytes_field(number, _parameter(name, value)) for name, value in parameters.items())


# The same few come with every call.
@functools.lru_cache(maxsize=1024)
def _input(name: str, datatype: str, shape: tuple[int, ...]) -> bytes:
    said = bytes_field(1, name) + bytes_field(2, datatype)
    return said + bytes_field(3, b"".join(varint(size) for size in shape)) if shape else said


def infer_request(call: InferCall) -> bytes:
    """ModelInferRequest, with raw tensors."""
    pieces: list[Buffer] = [
        bytes_field(1, call.model),
        text_field(2, call.version),
        text_field(3, call.request_id),
        _parameters(4, call.parameters),
    ]
    for tensor in call.inputs:
        said = _input(tensor.name, tensor.datatype, tensor.shape)
        if tensor.region is not None:
            said += _parameters(4, tensor.region.parameters())
        pieces.append(bytes_field(5, said))
    for wish in call.wishes or ():
        pieces.append(bytes_field(6, bytes_field(1, wish.name) + _parameters(2, wish.parameters())))
    for tensor in call.inputs:
        if tensor.region is None:
            pieces += (varint(7 << 3 | _BYTES) + varint(len(tensor.wire)), tensor.wire)
    return b"".join(pieces)


# ---- reading ----


def _read_varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(view) or shift > 63:
            raise broken("a number of a message has no end")
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, at
        shift += 7


def fields(view: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """A message's fields by number: numbers as they are written, all else as bytes."""
    at = 0
    while at < len(view):
        tag = view[at]
        at += 1
        if tag > 0x7F:
            tag, at = _read_varint(view, at - 1)
        kind = tag & 7
        if kind == _VARINT:
            number, at = _read_varint(view, at)
            yield tag >> 3, number
            continue
        if kind == _BYTES:
            if at < len(view) and view[at] < 0x80:
                size = view[at]
                at += 1
            else:
                size, at = _read_varint(view, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise broken(f"a field of a message has the wire type {kind}")
        if size > len(view) - at:
            raise broken("a message ends within a field")
        yield tag >> 3, view[at : at + size]
        at += size


@dataclass(frozen=True)
class Field:
    name: str
    kind: str
    is_list: bool = False
    is_choice: bool = False
    value_kind: str = ""  # of a map, whose keys have `kind`


@functools.cache
def schema() -> tuple[dict[str, dict[int, Field]], dict[str, dict[int, str]]]:
    """Messages and enumerations."""
    messages: dict[str, dict[int, Field]] = {}
    enums: dict[str, dict[int, str]] = {}
    for line in SCHEMA.replace("\n  ", " ").strip().split("\n"):
        name, *words = line.split()
        if words and words[0] == "=":
            enums[name] = {int(number): value for number, _, value in (word.partition(":") for word in words[1:])}
            continue
        messages[name] = {}
        for number, field, kind in (word.split(":") for word in words):
            key, _, value = kind.rstrip("*|").partition(">")
            messages[name][int(number)] = Field(field, key, kind.endswith("*"), kind.endswith("|"), value)
    return messages, enums


def _scalar(kind: str, value: int | memoryview) -> Any:
    if kind in ("string", "bytes"):
        if isinstance(value, int):
            raise broken("a text of a message is a number")
        return bytes(value) if kind == "bytes" else str(value, "utf-8", "replace")
    if kind in _FIXED:
        if isinstance(value, int) or len(value) != _FIXED[kind].size:
            raise broken(f"a {kind} of a message has a wrong size")
        return _FIXED[kind].unpack(value)[0]
    if not isinstance(value, int):
        raise broken(f"a {kind} of a message is no number")
    if kind == "bool":
        return value != 0
    if kind in _SIGNED and value >> 63:
        value -= 1 << 64
    enums = schema()[1]
    return enums[kind].get(value, value) if kind in enums else value


def _packed(kind: str, value: memoryview) -> Iterator[Any]:
    at = 0
    if kind == "int64" and all(byte < 0x80 for byte in value):
        yield from value
        return
    while at < len(value):
        if kind in _FIXED:
            yield _scalar(kind, value[at : at + _FIXED[kind].size])
            at += _FIXED[kind].size
        else:
            number, at = _read_varint(value, at)
            yield _scalar(kind, number)


def _value(kind: str, value: int | memoryview) -> Any:
    if kind in schema()[0]:
        if isinstance(value, int):
            raise broken("a message within a message is a number")
        return read_message(kind, value)
    return _scalar(kind, value)


def _default(kind: str) -> Any:
    enums = schema()[1]
    return enums[kind].get(0, 0) if kind in enums else _DEFAULTS.get(kind, 0)


def read_message(name: str, view: memoryview) -> dict[str, Any]:
    """A message as a dictionary: single values with their defaults, messages and choices where they are there."""
    known = schema()[0][name]
    read: dict[str, Any] = {}
    for field in known.values():
        if field.value_kind:
            read[field.name] = {}
        elif field.is_list:
            read[field.name] = []
        elif not field.is_choice and field.kind not in schema()[0]:
            read[field.name] = _default(field.kind)
    for number, value in fields(view):
        found = known.get(number)
        if found is None:
            continue
        if found.value_kind:
            _read_entry(found, value, read[found.name])
        elif found.is_list:
            is_packed = isinstance(value, memoryview) and found.kind not in ("string", "bytes", *schema()[0])
            if is_packed and isinstance(value, memoryview) and not _is_single(found.kind, value):
                read[found.name].extend(_packed(found.kind, value))
            else:
                read[found.name].append(_value(found.kind, value))
        else:
            read[found.name] = _value(found.kind, value)
    return read


def _is_single(kind: str, value: memoryview) -> bool:
    """Whether a list's bytes are one number that was not packed. One that was packed reads the same."""
    return kind in _FIXED and len(value) == _FIXED[kind].size


def _read_entry(field: Field, entry: int | memoryview, into: dict[Any, Any]) -> None:
    if isinstance(entry, int):
        raise broken("an entry of a map is a number")
    key: Any = _default(field.kind)
    value: Any = {} if field.value_kind in schema()[0] else _default(field.value_kind)
    for number, part in fields(entry):
        if number == 1:
            key = _scalar(field.kind, part)
        elif number == 2:
            value = _value(field.value_kind, part)
    into[key] = value


def plain_parameters(said: Mapping[str, Mapping[str, Parameter]]) -> dict[str, Parameter]:
    """Parameters without the choice of their type."""
    return {name: next(iter(choice.values())) for name, choice in said.items() if choice}


# ---- the answer to an inference ----


@dataclass(frozen=True)
class _Said:
    """An output of the answer, before its elements are known."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    in_region: bool
    contents: memoryview | None


def _read_output(view: memoryview) -> _Said:
    name = datatype = ""
    shape: list[int] = []
    contents = None
    in_region = False
    for number, value in fields(view):
        if number == 3:
            shape += _packed("int64", value) if isinstance(value, memoryview) else [_scalar("int64", value)]
        elif isinstance(value, int):
            continue
        elif number == 1:
            name = str(value, "utf-8", "replace")
        elif number == 2:
            datatype = str(value, "utf-8", "replace")
        elif number == 4:
            in_region = in_region or _key_of(value) == "shared_memory_region"
        elif number == 5:
            contents = value
    return _Said(name, datatype, checked_shape(name, shape), in_region, contents)


@functools.lru_cache(maxsize=1024)
def _read_short_output(message: bytes) -> _Said:
    """Outputs are said in the same words by every answer to calls of one shape."""
    return _read_output(memoryview(message))


def _key_of(entry: memoryview) -> str:
    return next((_scalar("string", value) for number, value in fields(entry) if number == 1), "")


def read_infer_response(message: bytes, call: InferCall) -> InferReply:
    """ModelInferResponse. Raw tensors are copied once, to where they are wanted."""
    reply = InferReply("", "", "", [])
    said: list[_Said] = []
    raw: list[memoryview] = []
    for number, value in fields(memoryview(message)):
        if isinstance(value, int):
            continue
        if number == 1:
            reply.model = str(value, "utf-8", "replace")
        elif number == 2:
            reply.version = str(value, "utf-8", "replace")
        elif number == 3:
            reply.request_id = str(value, "utf-8", "replace")
        elif number == 4:
            choices: dict[str, Any] = {}
            _read_entry(Field("parameters", "string", value_kind="InferParameter"), value, choices)
            reply.parameters.update(plain_parameters(choices))
        elif number == 5:
            said.append(_read_short_output(bytes(value)) if len(value) <= _SHORT_BYTES else _read_output(value))
        elif number == 6:
            raw.append(value)
    reply.outputs = list(_outputs(said, raw, call))
    return reply


def _outputs(said: list[_Said], raw: list[memoryview], call: InferCall) -> Iterable[Output]:
    # Some servers leave the entries of outputs in shared memory out.
    entries = iter(raw)
    skips_regions = 0 < len(raw) < len(said)
    for output in said:
        name, datatype, shape = output.name, output.datatype, output.shape
        wire = None if skips_regions and output.in_region else next(entries, None)
        if output.in_region:
            wish = call.wish(name)
            if wish is None or wish.shared is None:
                raise broken(f"output '{name}' is in shared memory, where nobody asked for it")
            yield Output(name, datatype, wish.shared)
        elif wire is None or (output.contents is not None and not len(wire)):
            yield Output(name, datatype, _typed(output))
        elif item_bytes(datatype) is None and datatype == "BYTES":
            yield Output(name, datatype, texts_from_wire(name, shape, wire))
        else:
            array = allocate(name, datatype, shape, len(wire), call.place)
            bytes_of(array)[:] = wire
            yield Output(name, datatype, array, raw=True)
    if next(entries, None) is not None:
        raise broken("it has more tensors than outputs")


def _typed(output: _Said) -> Any:
    field = _CONTENTS.get(output.datatype)
    if field is None:
        raise broken(f"output '{output.name}' of {output.datatype!r} has no elements")
    contents = read_message("InferTensorContents", output.contents or memoryview(b""))
    return from_values(output.name, output.datatype, output.shape, contents[field])
