# SPDX-License-Identifier: Apache-2.0
"""The protocol's data types, and how their elements travel: little-endian, row-major, texts each behind its length."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from muster._arrays import of_other_library
from muster.errors import Error, InvalidArgument, WrongType, error_of

Array: TypeAlias = npt.NDArray[Any]
# What a socket takes without a copy.
Buffer: TypeAlias = bytes | bytearray | memoryview
# Of name, datatype and shape of an output: where its bytes go, or None for memory of their own.
Place: TypeAlias = Callable[[str, str, tuple[int, ...]], Array | None]

_NUMBERS: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype("u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
# numpy has no such type. Its bits travel as uint16; ml_dtypes has arrays of it.
_BFLOAT16 = "bfloat16"
_BY_KIND = {(dtype.kind, dtype.itemsize): name for name, dtype in _NUMBERS.items()}
_TEXT_KINDS = "SUT"
_LENGTH = struct.Struct("<I")

MAX_DIMENSIONS = 64


def dtype_name(datatype: str) -> str:
    """numpy's name of a datatype of the protocol: ``"float32"`` for FP32, ``"bytes"`` for BYTES; one that is unknown
    stays.
    """
    if datatype in _NUMBERS:
        name: str = _NUMBERS[datatype].name
        return name
    return {"BYTES": "bytes", "BF16": _BFLOAT16}.get(datatype, datatype)


def item_bytes(datatype: str) -> int | None:
    """Bytes of one element; None for BYTES, whose elements have lengths of their own, and for what is unknown."""
    if datatype == "BF16":
        return 2
    return _NUMBERS[datatype].itemsize if datatype in _NUMBERS else None


def datatype_of(name: str, array: Array) -> str:
    """What an array travels as. Raises ``WrongType`` where its dtype does not travel."""
    dtype = array.dtype
    known = _BY_KIND.get((dtype.kind, dtype.itemsize))
    if known is not None:
        return known
    if dtype.name == _BFLOAT16:
        return "BF16"
    if dtype.kind in _TEXT_KINDS or dtype.hasobject:
        return "BYTES"
    raise WrongType(
        f"input '{name}' has the dtype {dtype}, which does not travel: what does are bool, (u)int8 to 64, float16, "
        "bfloat16, float32, float64, bytes and str"
    )


def as_array(name: str, value: object, datatype: str | None = None) -> Array:
    """An array of what a caller gave as an input, without a copy where its memory can be used.

    `datatype` is the input's, for lists and plain numbers. What has memory of its own keeps its dtype.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise WrongType(f"input '{name}' is a masked array; fill its gaps first: array.filled(value)")
    if isinstance(value, np.ndarray | np.generic):
        return np.asarray(value)
    if hasattr(value, "__dlpack__"):
        return of_other_library(value, f"input '{name}'")
    try:
        if hasattr(value, "__array__") or isinstance(value, bytearray | memoryview):
            return np.asarray(value)
        return _from_list(value, datatype)
    except (TypeError, ValueError, OverflowError) as error:
        raise WrongType(f"input '{name}' is no array of one shape and dtype: {error}") from error


def _from_list(value: object, datatype: str | None) -> Array:
    """An array of a list or a number. numpy would also cut fractions off, read numbers out of texts, and take None for
    one."""
    natural = np.asarray(value)
    if datatype is None:
        return natural
    if datatype == "BYTES":
        return np.asarray(value, object)
    wanted = _NUMBERS.get(datatype, np.dtype(np.float32))
    rank = {"b": 0, "u": 1, "i": 1, "f": 2}
    if natural.size and (natural.dtype.kind not in rank or rank[natural.dtype.kind] > rank[wanted.kind]):
        raise TypeError(f"its elements are {natural.dtype}, and {dtype_name(datatype)} is expected")
    array = np.asarray(value, wanted)
    return bfloat16_bits(array) if datatype == "BF16" else array


def bfloat16_bits(array: Array) -> Array:
    """float32 rounded to bfloat16, to nearest, ties to even: uint16."""
    bits = array.view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    # Rounding would make infinities of some that are no numbers.
    result: Array = np.where(np.isnan(array), np.uint32(0x7FC0), rounded).astype(np.uint16)
    return result


def _no_text(name: str, index: int, element: object) -> WrongType:
    kind = type(element).__name__
    return WrongType(
        f"input '{name}' is an array of objects, whose element {index} is of type {kind}; only bytes and str travel"
    )


def _texts(name: str, array: Array) -> bytes:
    pieces: list[bytes] = []
    for index, element in enumerate(array.ravel().tolist()):
        if isinstance(element, str):
            try:
                element = element.encode()
            except UnicodeEncodeError as error:
                raise InvalidArgument(f"input '{name}': element {index} is no text: {error}") from error
        elif not isinstance(element, bytes):
            raise _no_text(name, index, element)
        pieces += (_LENGTH.pack(len(element)), element)
    return b"".join(pieces)


def to_wire(name: str, array: Array, datatype: str) -> Buffer:
    """The elements as they travel: the array's own memory where its layout is the wire's."""
    if datatype == "BYTES":
        return _texts(name, array)
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    if array.size == 0:
        return b""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def broken(message: str) -> Error:
    """For what a server sends and the protocol does not have."""
    return error_of("DATA_LOSS", f"the server's answer is broken: {message}")


def checked_shape(name: str, shape: object) -> tuple[int, ...]:
    """A shape that a server says."""
    if not isinstance(shape, list | tuple) or len(shape) > MAX_DIMENSIONS:
        raise broken(f"output '{name}' has no shape")
    if not all(type(size) is int and 0 <= size < 1 << 63 for size in shape):
        raise broken(f"output '{name}' has the shape {list(shape)}")
    return tuple(shape)


def allocate(name: str, datatype: str, shape: tuple[int, ...], wire_bytes: int, place: Place | None = None) -> Array:
    """An array for the bytes of an output, which are yet to come; `wire_bytes` of them, as the server says."""
    if item_bytes(datatype) is None:
        raise broken(f"output '{name}' has the datatype {datatype!r}")
    dtype = raw_dtype(datatype)
    if math.prod(shape) * dtype.itemsize != wire_bytes:
        raise broken(f"output '{name}' of {datatype} {list(shape)} cannot have {wire_bytes} bytes")
    placed = place(name, datatype, shape) if place is not None else None
    return np.empty(shape, dtype) if placed is None else placed


def raw_dtype(datatype: str) -> np.dtype[Any]:
    """What holds the bytes of an output until it is finished."""
    return np.dtype("<u2") if datatype == "BF16" else _NUMBERS[datatype]


def bytes_of(array: Array) -> memoryview:
    """The memory of a contiguous array, to be written."""
    return memoryview(b"") if array.size == 0 else array.reshape(-1).view(np.uint8).data


def finished(array: Array) -> Array:
    """An array of `allocate` when its bytes are there, in the machine's order."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def texts_from_wire(name: str, shape: tuple[int, ...], wire: Buffer) -> Array:
    """An array of bytes objects."""
    view = memoryview(wire)
    count = math.prod(shape)
    elements: list[bytes] = []
    at = 0
    # Each takes 4 bytes at least, so that a shape alone makes nothing grow.
    for _ in range(min(count, len(view) // _LENGTH.size + 1)):
        if at + _LENGTH.size > len(view):
            break
        (length,) = _LENGTH.unpack_from(view, at)
        at += _LENGTH.size
        if length > len(view) - at:
            raise broken(f"an element of output '{name}' has {length} bytes, but {len(view) - at} are left")
        elements.append(bytes(view[at : at + length]))
        at += length
    if len(elements) != count or at != len(view):
        raise broken(f"output '{name}' of BYTES {list(shape)} does not fit its {len(view)} bytes")
    return _objects(elements, shape)


def _objects(elements: Sequence[bytes], shape: tuple[int, ...]) -> Array:
    array = np.empty(len(elements), object)
    array[:] = elements
    return array.reshape(shape)


def _flat(name: str, values: object, depth: int = 0) -> Iterable[object]:
    """The elements of a JSON array, flat or nested."""
    if not isinstance(values, list) or depth > MAX_DIMENSIONS:
        raise broken(f"output '{name}' has no array of elements")
    if not any(isinstance(value, list) for value in values):
        return values
    return [element for value in values for element in _flat(name, value, depth + 1)]


def from_values(name: str, datatype: str, shape: tuple[int, ...], values: object) -> Array:
    """An array of elements that came one by one: JSON's, or gRPC's typed contents."""
    flat = list(_flat(name, values))
    if len(flat) != math.prod(shape):
        raise broken(f"output '{name}' of {datatype} {list(shape)} has {len(flat)} elements")
    if datatype == "BYTES":
        if not all(isinstance(value, str | bytes) for value in flat):
            raise broken(f"output '{name}' of BYTES has elements that are no texts")
        # A server may answer with half of a surrogate pair.
        texts = [value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass") for value in flat]
        return _objects(texts, shape)
    dtype = np.dtype(np.float32) if datatype == "BF16" else _NUMBERS.get(datatype)
    if dtype is None:
        raise broken(f"output '{name}' has the datatype {datatype!r}")
    if any(isinstance(value, str | bytes | dict) or value is None for value in flat):
        raise broken(f"output '{name}' of {datatype} has elements that are no numbers")
    try:
        with np.errstate(over="ignore"):
            array = np.array(flat, dtype).reshape(shape)
    except (TypeError, ValueError, OverflowError) as error:
        raise broken(f"output '{name}' of {datatype}: {error}") from error
    return bfloat16_bits(array) if datatype == "BF16" else array


def to_values(name: str, array: Array, datatype: str) -> list[Any]:
    """The elements for JSON, flat, for servers that take no binary tensors."""
    if datatype in ("FP16", "BF16"):
        raise InvalidArgument(
            f"input '{name}' is {datatype}, which has no form in JSON, and the server takes no binary tensors"
        )
    if datatype != "BYTES":
        values: list[Any] = array.ravel().tolist()
        return values
    texts: list[Any] = []
    for index, element in enumerate(array.ravel().tolist()):
        if isinstance(element, bytes):
            try:
                element = element.decode()
            except UnicodeDecodeError as error:
                raise InvalidArgument(
                    f"input '{name}': element {index} is no UTF-8, and the server takes no binary tensors"
                ) from error
        elif not isinstance(element, str):
            raise _no_text(name, index, element)
        texts.append(element)
    return texts
