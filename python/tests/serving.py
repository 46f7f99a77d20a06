# SPDX-License-Identifier: Apache-2.0
"""What the tests of client and server share: models to serve, and the protocol's data types."""

import pathlib
import sys

import ml_dtypes
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "server"))

import model_folders  # noqa: E402

TRANSPORTS = ("http", "unix", "grpc", "grpc+unix")
TYPES = model_folders.TYPES
NUMPY_TYPES = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "FP32": np.float32,
    "FP64": np.float64,
}
TEXTS = np.array(
    [[b"", b"a\0b", b"\xff\xfe", "gr\u00fc\u00df dich".encode()], [b"x" * 5000, b'"', b"\\", b"\n"]], dtype=np.object_
)


def sample(datatype, rows=3):
    """Elements of this type that fill its range, [rows, 4], so that a wrong width or sign shows."""
    if datatype == "BYTES":
        return np.concatenate([TEXTS] * -(-rows // 2))[:rows]
    kind = np.dtype(NUMPY_TYPES[datatype])
    random = np.random.default_rng(rows)
    if datatype == "BOOL":
        return random.integers(0, 2, (rows, 4)).astype(np.bool_)
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        array = random.integers(limits.min, limits.max, (rows, 4), dtype=kind, endpoint=True)
        array[0, :2] = limits.min, limits.max
        return array
    return random.normal(0, 1000, (rows, 4)).astype(kind)


def same(one, other):
    """Bit for bit. bfloat16 comes back as its bits."""
    one, other = (array.view(np.uint16) if array.dtype.name == "bfloat16" else array for array in (one, other))
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    return one.tolist() == other.tolist() if one.dtype == np.object_ else one.tobytes() == other.tobytes()


def fp32(rows, columns=4):
    return np.arange(rows * columns, dtype=np.float32).reshape(rows, columns)
