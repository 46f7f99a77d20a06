# SPDX-License-Identifier: Apache-2.0
"""How pictures become rows of a model's input: what stands in config.pbtxt as image.*."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from muster.export.errors import ExportError

# The names of `muster.image`, and those of config.pbtxt.
_COLORS = {"gray": "grayscale", "grayscale": "grayscale", "rgb": "rgb", "bgr": "bgr"}
_LAYOUTS = ("nchw", "nhwc")


@dataclass(frozen=True)
class Preprocessing:
    """A value of the input is (pixel - mean) * scale / std, with pixels of 0 to 255, resized to the input's sides.

    color: "gray", "rgb" or "bgr", the channels that the model was trained with; layout: "nchw" or "nhwc"; scale: a
    number or a fraction such as "1/255"; mean (in pixels, 0 to 255) and std (divides what is scaled): one number, or one a
    channel; height, width: only where the input leaves them open.
    """

    color: str = "rgb"
    layout: str = "nchw"
    scale: float | str = "1/255"
    mean: float | Sequence[float] = 0.0
    std: float | Sequence[float] = 1.0
    height: int | None = None
    width: int | None = None

    @staticmethod
    def normalized(mean: Sequence[float], std: Sequence[float], color: str = "rgb") -> Preprocessing:
        """torchvision's ToTensor() and then Normalize(mean, std), whose mean is of values from 0 to 1."""
        if max(abs(value) for value in mean) > 2:
            raise ExportError(f"mean {tuple(mean)}: of values from 0 to 1, as torchvision's Normalize has it, is wanted")
        return Preprocessing(color=color, mean=[round(value * 255, 6) for value in mean], std=list(std))

    @property
    def channels(self) -> int:
        """Of the input."""
        return 3 if self.color in ("rgb", "bgr") else 1

    def parameters(self) -> dict[str, str]:
        """The parameters of config.pbtxt; what is said by default is said all the same."""
        if self.color not in _COLORS:
            raise ExportError(f"color {self.color!r}: one of gray, rgb, bgr is wanted")
        if self.layout not in _LAYOUTS:
            raise ExportError(f"layout {self.layout!r}: one of {', '.join(_LAYOUTS)} is wanted")
        found = {"image.color": _COLORS[self.color], "image.layout": self.layout, "image.scale": self._scale()}
        for name, value, neutral in (("mean", self.mean, 0.0), ("std", self.std, 1.0)):
            numbers = [float(value)] if isinstance(value, (int, float)) else [float(one) for one in value]
            if len(numbers) not in (1, self.channels) or not all(map(math.isfinite, numbers)):
                raise ExportError(f"{name} {value!r}: one number is wanted, or {self.channels}, for {self.color}")
            if name == "std" and min(numbers) <= 0:
                raise ExportError(f"std {value!r}: numbers above 0 are wanted")
            if numbers != [neutral]:
                found[f"image.{name}"] = ",".join(_number(number) for number in numbers)
        for name, side in (("height", self.height), ("width", self.width)):
            if side is not None:
                found[f"image.{name}"] = str(side)
        return found

    def _scale(self) -> str:
        text = self.scale if isinstance(self.scale, str) else _number(self.scale)
        try:
            value = Fraction(text)
        except (ValueError, ZeroDivisionError):
            raise ExportError(f"scale {self.scale!r}: a number or a fraction such as '1/255' is wanted") from None
        if value == 0:
            raise ExportError("scale 0 makes every picture the same")
        return text


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
