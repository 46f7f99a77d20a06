# SPDX-License-Identifier: Apache-2.0
"""What goes wrong, as exceptions.

Every failure that Muster names is an ``Error`` with a ``code``, the name of one of gRPC's canonical codes, and the same class
whether it comes from the library or from a server. Each class is also the built-in exception that Python would raise in its
place, so that ``except ValueError`` or ``except TimeoutError`` works as expected.
"""

from __future__ import annotations

__all__ = [
    "AlreadyExists",
    "Cancelled",
    "Closed",
    "DeadlineExceeded",
    "Error",
    "FailedPrecondition",
    "InternalError",
    "InvalidArgument",
    "NotFound",
    "PermissionDenied",
    "ResourceExhausted",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "WrongType",
    "error_of",
]


class Error(Exception):
    """A failure that Muster names; ``str()`` of it is for the person who reads it."""

    code: str = "UNKNOWN"

    def __init__(self, message: str = "", code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class InvalidArgument(Error, ValueError):
    """A name, shape or value that the model or the call does not take."""

    code = "INVALID_ARGUMENT"


class WrongType(InvalidArgument, TypeError):
    """An array of another dtype than the model's, or something that is no array at all."""


class NotFound(Error, FileNotFoundError):
    """No such file, model or version."""

    code = "NOT_FOUND"


class AlreadyExists(Error):
    """It is there already."""

    code = "ALREADY_EXISTS"


class PermissionDenied(Error, PermissionError):
    """The server does not let this caller do that."""

    code = "PERMISSION_DENIED"


class Unauthenticated(Error, PermissionError):
    """The server does not know this caller."""

    code = "UNAUTHENTICATED"


class ResourceExhausted(Error):
    """A queue is full, or something is larger than its limit. Trying again later may help."""

    code = "RESOURCE_EXHAUSTED"


class FailedPrecondition(Error, RuntimeError):
    """Something must be done first: a runtime installed, a model opened in this process."""

    code = "FAILED_PRECONDITION"


class Cancelled(Error):
    """Somebody cancelled it."""

    code = "CANCELLED"


class DeadlineExceeded(Error, TimeoutError):
    """The time given was over before the answer was there."""

    code = "DEADLINE_EXCEEDED"


class Unimplemented(Error, NotImplementedError):
    """This backend or server cannot do that."""

    code = "UNIMPLEMENTED"


class Unavailable(Error, ConnectionError):
    """Nobody answers now: no server there, or one that is stopping."""

    code = "UNAVAILABLE"


class Closed(Error, ValueError):
    """It was used after it was closed."""

    code = "FAILED_PRECONDITION"


class InternalError(Error, RuntimeError):
    """The runtime or Muster itself failed."""

    code = "INTERNAL"


# By number, as in gRPC; OK is no error.
_CODES: tuple[tuple[str, type[Error]], ...] = (
    ("OK", InternalError),
    ("CANCELLED", Cancelled),
    ("UNKNOWN", InternalError),
    ("INVALID_ARGUMENT", InvalidArgument),
    ("DEADLINE_EXCEEDED", DeadlineExceeded),
    ("NOT_FOUND", NotFound),
    ("ALREADY_EXISTS", AlreadyExists),
    ("PERMISSION_DENIED", PermissionDenied),
    ("RESOURCE_EXHAUSTED", ResourceExhausted),
    ("FAILED_PRECONDITION", FailedPrecondition),
    ("ABORTED", InternalError),
    ("OUT_OF_RANGE", InvalidArgument),
    ("UNIMPLEMENTED", Unimplemented),
    ("INTERNAL", InternalError),
    ("UNAVAILABLE", Unavailable),
    ("DATA_LOSS", InternalError),
    ("UNAUTHENTICATED", Unauthenticated),
)
_BY_NAME = dict(_CODES)


def error_of(code: int | str, message: str) -> Error:
    """The exception for one of gRPC's codes, by its number or its name; one that is unknown is an ``InternalError``."""
    if isinstance(code, int):
        name, kind = _CODES[code] if 0 < code < len(_CODES) else ("UNKNOWN", InternalError)
    else:
        name, kind = code, _BY_NAME.get(code, InternalError)
    return kind(message, name)
