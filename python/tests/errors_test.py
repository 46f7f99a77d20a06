# SPDX-License-Identifier: Apache-2.0
"""Failures are muster.Error and the built-in exception that fits."""

import muster
import pytest
from muster import errors


@pytest.mark.parametrize(
    ("code", "kind", "builtin"),
    [
        ("INVALID_ARGUMENT", muster.InvalidArgument, ValueError),
        ("NOT_FOUND", muster.NotFound, FileNotFoundError),
        ("DEADLINE_EXCEEDED", muster.DeadlineExceeded, TimeoutError),
        ("PERMISSION_DENIED", muster.PermissionDenied, PermissionError),
        ("UNIMPLEMENTED", muster.Unimplemented, NotImplementedError),
        ("UNAVAILABLE", muster.Unavailable, ConnectionError),
        ("INTERNAL", muster.InternalError, RuntimeError),
        (8, muster.ResourceExhausted, muster.Error),
        (16, muster.Unauthenticated, PermissionError),
    ],
)
def test_a_code_becomes_an_exception_that_is_also_a_built_in_one(code, kind, builtin):
    error = errors.error_of(code, "what is wrong")
    assert type(error) is kind
    assert isinstance(error, builtin)
    assert isinstance(error, muster.Error)
    assert str(error) == "what is wrong"


@pytest.mark.parametrize("code", [0, -1, 17, "NO_SUCH_CODE"])
def test_a_code_that_nobody_knows_is_an_internal_error(code):
    assert isinstance(errors.error_of(code, "odd"), muster.InternalError)


def test_the_code_is_kept_where_several_share_a_class():
    assert errors.error_of("DATA_LOSS", "gone").code == "DATA_LOSS"
    assert errors.error_of(11, "beyond").code == "OUT_OF_RANGE"
    assert muster.WrongType("float64").code == "INVALID_ARGUMENT"
