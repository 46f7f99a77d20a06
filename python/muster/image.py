# SPDX-License-Identifier: Apache-2.0
"""Pictures, with the numbers that ``cv2`` gives: decoded, resized bilinearly, scaled, and laid together in one array.

Pictures are paths, the bytes of PNG or JPEG files, or uint8 arrays of [height,width] or [height,width,3] in BGR order. They
are decoded on several threads without the interpreter's lock. A picture that is cut off or damaged raises
``muster.InvalidArgument``, one that is too large ``muster.ResourceExhausted``; both name it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from muster._core import decode_picture, load_pictures

if TYPE_CHECKING:
    import numpy

__all__ = ["decode", "load"]


def load(
    pictures: Any,
    *,
    height: int,
    width: int,
    color: Literal["rgb", "bgr", "gray"] = "rgb",
    layout: Literal["nchw", "nhwc"] = "nchw",
    dtype: Literal["float32", "uint8"] = "float32",
    scale: float = 1 / 255,
    mean: float | Sequence[float] = 0.0,
    std: float | Sequence[float] = 1.0,
    threads: int | None = None,
) -> numpy.ndarray[Any, Any]:
    """Pictures as one batch: [n,c,height,width], or [n,height,width,c] with ``layout="nhwc"``.

    Each value is ``(pixel - mean) * scale / std``, where pixels go from 0 to 255 and ``mean`` and ``std`` are numbers or one
    for each channel in the order of ``color``; of uint8 the pixels themselves. The same as ``cv2.imread`` and
    ``cv2.dnn.blobFromImage``. ``threads``: that decode side by side; without it, as many as there are CPUs.
    """
    return load_pictures(
        pictures,
        height,
        width,
        color,
        layout,
        dtype,
        scale,
        [float(mean)] if isinstance(mean, (int, float)) else list(mean),
        [float(std)] if isinstance(std, (int, float)) else list(std),
        threads,
    )


def decode(picture: Any, grayscale: bool = False) -> numpy.ndarray[Any, Any]:
    """The pixels of one picture as ``cv2.imread`` gives them: uint8 of [height,width,3] in BGR order, or [height,width]."""
    return decode_picture(picture, grayscale)
