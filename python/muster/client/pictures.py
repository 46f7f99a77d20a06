# SPDX-License-Identifier: Apache-2.0
"""Pictures as the server takes them: files of PNG or JPEG."""

from __future__ import annotations

import os
import pathlib
import struct
import zlib
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from muster.errors import InvalidArgument, NotFound, WrongType

Picture: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | npt.NDArray[np.uint8]


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png_of(array: npt.NDArray[Any]) -> bytes:
    """A PNG of an array [height, width] or [height, width, channels] of uint8: gray, blue-green-red or with alpha, as
    cv2 has it.
    """
    if array.dtype != np.uint8:
        raise WrongType(f"a picture has the dtype uint8, not {array.dtype}")
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise InvalidArgument(
            f"a picture has the shape [height, width] or [height, width, 1, 3 or 4], not {list(array.shape)}"
        )
    height, width, channels = array.shape
    if channels > 1:
        array = array[:, :, [2, 1, 0, 3][:channels]]
    # Each line with the filter 0: none.
    lines = np.zeros((height, 1 + width * channels), np.uint8)
    lines[:, 1:] = array.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)
    body = zlib.compress(lines.tobytes(), 1)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def files_of(pictures: Picture | Iterable[Picture]) -> list[bytes]:
    """The files of pictures: paths are read, bytes are files already, arrays become PNGs."""
    if isinstance(pictures, str | os.PathLike | bytes | bytearray | memoryview | np.ndarray):
        pictures = [pictures]
    files: list[bytes] = []
    for picture in pictures:
        if isinstance(picture, np.ndarray):
            files.append(png_of(picture))
        elif isinstance(picture, bytes | bytearray | memoryview):
            files.append(bytes(picture))
        elif isinstance(picture, str | os.PathLike):
            files.append(_read(pathlib.Path(picture)))
        else:
            raise WrongType(f"a picture is a path, bytes or an array, not a {type(picture).__name__}")
    return files


def _read(path: pathlib.Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"there is no picture {path}") from error
    except (OSError, ValueError) as error:
        raise InvalidArgument(f"the picture {path} cannot be read: {error}") from error
