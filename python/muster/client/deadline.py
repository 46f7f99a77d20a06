# SPDX-License-Identifier: Apache-2.0
"""The time that a call has, from its beginning to its end, whatever it waits for in between."""

from __future__ import annotations

import math
import time

from muster.errors import DeadlineExceeded, InvalidArgument, WrongType

# As long as the system's calls can wait.
MAX_SECONDS = 7 * 86400.0


def checked_seconds(name: str, seconds: object) -> float | None:
    """A time limit that a caller gave; None = none."""
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise WrongType(f"{name} is seconds, a number or None, not a {type(seconds).__name__}")
    if math.isnan(seconds) or seconds <= 0:
        raise InvalidArgument(f"{name} is {seconds} s; it must be above 0, or None for no limit")
    return min(float(seconds), MAX_SECONDS)


class Deadline:
    """When a call must be over."""

    __slots__ = ("_at", "_seconds")

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._at = None if seconds is None else time.monotonic() + seconds

    def left(self) -> float | None:
        """Seconds that are left, always above 0; None = no limit. Raises ``DeadlineExceeded``."""
        if self._at is None:
            return None
        left = self._at - time.monotonic()
        if left <= 0:
            raise self.exceeded()
        return left

    def exceeded(self) -> DeadlineExceeded:
        return DeadlineExceeded(f"the server has not answered within {self._seconds:g} s")
