# SPDX-License-Identifier: Apache-2.0
"""The models of the soak, the requests that are sent to them, and the answers that must come, bit for bit."""

import pathlib

import numpy as np

import model_folders

# Name -> (model file, input type). All give back what they get, so that an answer shows whose rows it has.
STEADY = {"floats": ("identity_fp32", np.float32), "longs": ("identity_int64", np.int64)}
# Replaced by new versions and new settings while they are asked.
RELOADED = "floats"
# Loaded and unloaded; nobody asks for it.
COMING_AND_GOING = "guest"
SLOW = "slow"

_CONFIG = "max_batch_size: 32\ndynamic_batching { max_queue_delay_microseconds: %d }\n"
_SLOW_CONFIG = (
    'backend: "scripted"\nmax_batch_size: 4\ndynamic_batching { default_queue_policy { max_queue_size: 8 } }\n'
)
_SLOW_SCRIPT = "input INPUT0 FP32 [-1,4]\noutput OUTPUT0 FP32 [-1,4]\nlatency_us 5000 0\n"


def config_text(delay_us):
    return _CONFIG % delay_us


def lay_out(folder):
    repository = pathlib.Path(folder)
    for name, (file, _) in STEADY.items():
        model_folders.add_model(repository, name, model_folders.MODELS / f"{file}.onnx", config_text(0))
    model_folders.add_model(repository, "texts", model_folders.MODELS / "identity_string.onnx", config_text(200))
    model_folders.add_model(repository, COMING_AND_GOING, model_folders.MODELS / "two_in_two_out.onnx")
    model_folders.add_scripted(repository, SLOW, _SLOW_SCRIPT, _SLOW_CONFIG)
    # For the bad requests, which are the exchanges of tests/conformance.
    model_folders.add_model(repository, "identity_fp32", model_folders.MODELS / "identity_fp32.onnx")
    return repository


def arrays(seed):
    """(model, data type, array) of requests of 1 to 70 rows: some larger than a batch. The same for the same seed."""
    random = np.random.default_rng(seed)
    for rows in (1, 1, 1, 2, 3, 8, 31, 32, 33, 70):
        yield "floats", "FP32", random.normal(size=(rows, 4)).astype(np.float32)
        yield "longs", "INT64", random.integers(-(2**62), 2**62, (rows, 4))
    for rows in (1, 5, 40):
        lengths = random.integers(0, 200, (rows, 4))
        texts = [[random.bytes(int(length)) for length in row] for row in lengths]
        yield "texts", "BYTES", np.array(texts, dtype=np.object_)


def wire_bytes(array):
    """A tensor as the protocol writes it."""
    if array.dtype != np.object_:
        return array.tobytes()
    return b"".join(len(text).to_bytes(4, "little") + text for text in array.flatten())
