# SPDX-License-Identifier: Apache-2.0
"""Arrays that the extension cannot read as they are: of another library, byte order or layout.

The extension reads contiguous memory in this machine's byte order through the buffer protocol. All else comes here, and goes
back as such an array, without a copy where the memory allows it.
"""

from __future__ import annotations

from typing import Any

import numpy

from muster.errors import InvalidArgument, WrongType


def of_other_library(array: Any, what: str) -> numpy.ndarray[Any, Any]:
    """A numpy array in the memory of a tensor of PyTorch, or of anything that speaks DLPack, on the CPU."""
    try:
        if hasattr(array, "detach") and hasattr(array, "numpy"):
            tensor = array.detach()
            if str(tensor.dtype) == "torch.bfloat16":
                import torch

                tensor = tensor.view(torch.int16)
                return numpy.asarray(tensor.numpy()).view(numpy.uint16)
            return numpy.asarray(tensor.numpy())
        return numpy.from_dlpack(array)
    except (AttributeError, TypeError, ValueError, RuntimeError, BufferError) as error:
        raise InvalidArgument(f"{what}: the memory of a {type(array).__name__} cannot be read: {error}") from error


def plain(array: Any, dtype: str, what: str, writable: bool) -> numpy.ndarray[Any, Any]:
    """``array`` as contiguous memory of ``dtype`` in this machine's byte order; a copy only where it must be one.

    ``what`` begins the message of an error. Where it is to be written (``writable``), a copy would be of no use.
    """
    if isinstance(array, numpy.ndarray):
        found = array
    elif hasattr(array, "__dlpack__"):
        found = of_other_library(array, what)
    else:
        raise WrongType(f"{what}: expected an array of {dtype}, given a {type(array).__name__}; numpy.asarray makes one")
    if found.dtype.name == "bfloat16":
        found = found.view(numpy.uint16)
    wanted = numpy.dtype(numpy.uint16 if dtype == "bfloat16" else dtype)
    if found.dtype.newbyteorder("=") != wanted:
        raise WrongType(f"{what}: expected {dtype}, given {found.dtype}; convert it with .astype(numpy.{dtype})")
    if not writable:
        # A copy of a single number would have an axis.
        made: numpy.ndarray[Any, Any] = numpy.ascontiguousarray(found, dtype=wanted).reshape(found.shape)
        return made
    if found.dtype != wanted or not found.flags.c_contiguous:
        raise InvalidArgument(f"{what}: an array to write into must be contiguous and in this machine's byte order")
    if not found.flags.writeable:
        raise InvalidArgument(f"{what}: the array is read-only")
    return found


def strings_of(array: Any, what: str) -> tuple[list[bytes], tuple[int, ...]]:
    """The elements of an array of str or bytes, and its shape."""
    try:
        found = numpy.asarray(array)
    except ValueError as error:
        raise InvalidArgument(f"{what}: {error}") from error
    if found.dtype.kind not in "OSU":
        raise WrongType(f"{what}: expected an array of bytes or str, given {found.dtype}")
    elements: list[bytes] = []
    for element in found.reshape(-1).tolist():
        if isinstance(element, str):
            elements.append(element.encode())
        elif isinstance(element, (bytes, bytearray)):
            elements.append(bytes(element))
        else:
            raise WrongType(f"{what}: expected bytes or str in it, given a {type(element).__name__}")
    return elements, tuple(found.shape)


def array_of_strings(elements: list[bytes], shape: tuple[int, ...]) -> numpy.ndarray[Any, Any]:
    """An array of bytes objects."""
    result: numpy.ndarray[Any, Any] = numpy.empty(len(elements), dtype=object)
    result[:] = elements
    return result.reshape(shape)
