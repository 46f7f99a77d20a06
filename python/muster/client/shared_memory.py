# SPDX-License-Identifier: Apache-2.0
"""Memory that a client and a server on one machine both see, so that tensors need not travel."""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import secrets
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from muster.client.calls import Region
from muster.client.datatypes import Array
from muster.errors import Closed, Error, InvalidArgument, ResourceExhausted

_FOLDER = "/dev/shm"


class SharedTensor(NamedTuple):
    """A place in shared memory for an input or an output. `array` is that memory: write to it before a call, read it
    after.
    """

    array: Array
    region: Region


class SharedMemory:
    """Memory that is registered with the servers of a client, by ``Client.share``. Leaving it takes it back.

    Arrays of it stay usable afterwards, but no server sees them any more.
    """

    def __init__(
        self, byte_size: int, register: Callable[[str, str, int], None], unregister: Callable[[str], None]
    ) -> None:
        self._closed = True  # until it is there
        if isinstance(byte_size, bool) or not isinstance(byte_size, int) or byte_size <= 0:
            raise InvalidArgument(f"byte_size is {byte_size!r}; it must be a whole number above 0")
        #: What the servers know it by.
        self.name = f"muster-{os.getpid()}-{secrets.token_hex(8)}"
        self.byte_size = byte_size
        self._unregister = unregister
        self._process = os.getpid()
        self._file = os.path.join(_FOLDER, self.name)
        file = os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.posix_fallocate(file, 0, byte_size)
            self._memory = mmap.mmap(file, byte_size)
            register(self.name, "/" + self.name, byte_size)
        except BaseException as error:
            os.unlink(self._file)
            if isinstance(error, OSError) and not hasattr(error, "code"):
                raise ResourceExhausted(f"there are no {byte_size} bytes of shared memory: {error}") from error
            raise
        finally:
            os.close(file)
        self._closed = False

    def tensor(self, dtype: npt.DTypeLike, shape: Sequence[int], offset: int = 0) -> SharedTensor:
        """A place of this dtype and shape, `offset` bytes from the beginning. Places may overlap; nobody watches over
        that.
        """
        if self._closed:
            raise Closed("this shared memory was closed")
        wanted = np.dtype(dtype)
        size = math.prod(shape) * wanted.itemsize
        if wanted.hasobject or any(length < 0 for length in shape) or not 0 <= offset <= self.byte_size - size:
            raise InvalidArgument(
                f"{size} bytes of {wanted} {list(shape)} at offset {offset} do not fit {self.byte_size} bytes of memory"
            )
        array: npt.NDArray[Any] = np.frombuffer(self._memory, wanted, math.prod(shape), offset).reshape(tuple(shape))
        return SharedTensor(array, Region(self.name, size, offset))

    def close(self) -> None:
        """Takes it back from the servers. A second time it does nothing."""
        if self._closed or self._process != os.getpid():
            return
        self._closed = True
        try:
            self._unregister(self.name)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._file)
            # Arrays that are still there keep the memory.
            with contextlib.suppress(BufferError):
                self._memory.close()

    def __del__(self) -> None:
        with contextlib.suppress(Error):
            self.close()

    def __enter__(self) -> SharedMemory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
