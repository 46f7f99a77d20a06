# SPDX-License-Identifier: Apache-2.0
"""Model repositories for tests, laid out in a temporary folder from tests/models and models/lenet.

| model | what it is |
|---|---|
| `identity_<type>` | `input` to `output`, [batch, 4], without a config.pbtxt |
| `two_in_two_out`, `dynamic_hw`, `no_batch` | of tests/models, without a config.pbtxt |
| `labelled` | `identity_fp32` with the labels ant, bee, cat, dog |
| `small_batches` | `identity_fp32` with at most 8 rows a batch |
| `lenet` | the demo's, with pictures |
| `slow` | INPUT0 to OUTPUT0, [batch, 4]; one row a batch, one second each, at most 2 wait |
| `failing` | likewise, and every run fails |
"""

import pathlib
import shutil

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ROOT / "tests" / "models"
TYPES = {
    "bool": "BOOL",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "fp16": "FP16",
    "bf16": "BF16",
    "fp32": "FP32",
    "fp64": "FP64",
    "string": "BYTES",
}

_LABELLED = """
max_batch_size: 16
input { name: "input" data_type: TYPE_FP32 dims: [ 4 ] }
output { name: "output" data_type: TYPE_FP32 dims: [ 4 ] label_filename: "labels.txt" }
dynamic_batching {}
"""
_SLOW = """
backend: "scripted"
max_batch_size: 1
dynamic_batching { default_queue_policy { max_queue_size: 2 } }
"""
_FAILING_SCRIPT = "input INPUT0 FP32 [-1,4]\noutput OUTPUT0 FP32 [-1,4]\nfail every 1 the device fell off the bus\n"


def add_model(repository, name, source, config=None, version=1, file_name="model.onnx"):
    """Adds one version of a model. `source` is a file to copy, or the text of the file."""
    folder = pathlib.Path(repository) / name
    (folder / str(version)).mkdir(parents=True)
    if isinstance(source, pathlib.Path):
        shutil.copyfile(source, folder / str(version) / file_name)
    else:
        (folder / str(version) / file_name).write_text(source)
    if config is not None:
        (folder / "config.pbtxt").write_text(config)
    return folder


def add_scripted(repository, name, script, config='backend: "scripted" max_batch_size: 8 dynamic_batching {}'):
    return add_model(repository, name, script, config, file_name="model.script")


def slow_script(seconds):
    """A model.script that takes so long for a batch."""
    return f"input INPUT0 FP32 [-1,4]\noutput OUTPUT0 FP32 [-1,4]\nlatency_us {seconds * 1_000_000} 0\n"


def lay_out(repository):
    """The whole table above. Returns the repository."""
    for word in TYPES:
        add_model(repository, f"identity_{word}", MODELS / f"identity_{word}.onnx")
    for name in ("two_in_two_out", "dynamic_hw", "no_batch"):
        add_model(repository, name, MODELS / f"{name}.onnx")
    folder = add_model(repository, "labelled", MODELS / "identity_fp32.onnx", _LABELLED)
    (folder / "labels.txt").write_text("ant\nbee\ncat\ndog\n")
    add_model(repository, "small_batches", MODELS / "identity_fp32.onnx", "max_batch_size: 8\ndynamic_batching {}\n")
    shutil.copytree(ROOT / "models" / "lenet", pathlib.Path(repository) / "lenet")
    add_scripted(repository, "slow", slow_script(1), _SLOW)
    add_scripted(repository, "failing", _FAILING_SCRIPT)
    return pathlib.Path(repository)
