#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the tiny ONNX models of tests/models. Needs the PyPI packages onnx, numpy and, for --check, onnxruntime."""

import argparse
import os
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).resolve().parent.parent
OPSET = 17
IR_VERSION = 8

IDENTITY_TYPES = {
    "bool": TensorProto.BOOL,
    "uint8": TensorProto.UINT8,
    "uint16": TensorProto.UINT16,
    "uint32": TensorProto.UINT32,
    "uint64": TensorProto.UINT64,
    "int8": TensorProto.INT8,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "fp16": TensorProto.FLOAT16,
    "bf16": TensorProto.BFLOAT16,
    "fp32": TensorProto.FLOAT,
    "fp64": TensorProto.DOUBLE,
    "string": TensorProto.STRING,
}

GOOD = [f"identity_{name}.onnx" for name in IDENTITY_TYPES] + [
    "two_in_two_out.onnx",
    "fixed_batch_1.onnx",
    "fixed_batch_4.onnx",
    "no_batch.onnx",
    "dynamic_hw.onnx",
    "scalar_output.onnx",
    "batch_changing.onnx",
    "external_ok/model.onnx",
    "nan_output.onnx",
    "color_classifier.onnx",
    "color_classifier_nhwc.onnx",
    "quantized.onnx",
    "int64_bool.onnx",
    "detections.onnx",
]


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def constant(name, values, dtype):
    return numpy_helper.from_array(np.array(values, dtype=dtype), name)


def make(name, nodes, inputs, outputs, initializers=(), domains=()):
    graph = helper.make_graph(list(nodes), name, list(inputs), list(outputs), list(initializers))
    opsets = [helper.make_opsetid("", OPSET), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="muster")


def external(name, shape, location):
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
    tensor.data_location = TensorProto.EXTERNAL
    for key, text in (("location", location), ("offset", "0"), ("length", str(4 * int(np.prod(shape))))):
        tensor.external_data.add(key=key, value=text)
    return tensor


def identity(name, kind):
    return make(
        f"identity_{name}",
        [helper.make_node("Identity", ["input"], ["output"])],
        [value("input", ["batch", 4], kind)],
        [value("output", ["batch", 4], kind)],
    )


def two_in_two_out():
    return make(
        "two_in_two_out",
        [
            helper.make_node("ReduceSum", ["a", "last_axis"], ["sum"], keepdims=0),
            helper.make_node("Cast", ["b"], ["b_float"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["a", "last_axis"], ["a_column"]),
            helper.make_node("Unsqueeze", ["b_float", "middle_axis"], ["b_row"]),
            helper.make_node("Mul", ["a_column", "b_row"], ["product"]),
        ],
        [value("a", ["batch", 2]), value("b", ["batch", 3], TensorProto.INT64)],
        [value("sum", ["batch"]), value("product", ["batch", 2, 3])],
        [constant("last_axis", [-1], np.int64), constant("middle_axis", [1], np.int64)],
    )


def fixed_batch(rows):
    """output[n, i] = mean of row i of picture n, for the first ten rows"""
    return make(
        f"fixed_batch_{rows}",
        [
            helper.make_node("ReduceMean", ["input"], ["means"], axes=[1, 3], keepdims=0),
            helper.make_node("Slice", ["means", "begin", "end", "axis"], ["output"]),
        ],
        [value("input", [rows, 1, 28, 28])],
        [value("output", [rows, 10])],
        [constant("begin", [0], np.int64), constant("end", [10], np.int64), constant("axis", [1], np.int64)],
    )


def no_batch():
    return make(
        "no_batch",
        [helper.make_node("Add", ["input", "one"], ["output"])],
        [value("input", [3])],
        [value("output", [3])],
        [constant("one", 1, np.float32)],
    )


def dynamic_hw():
    return make(
        "dynamic_hw",
        [helper.make_node("ReduceMean", ["input"], ["output"], axes=[2, 3], keepdims=0)],
        [value("input", ["batch", 3, "height", "width"])],
        [value("output", ["batch", 3])],
    )


def scalar_output():
    return make(
        "scalar_output",
        [helper.make_node("ReduceSum", ["input"], ["output"], keepdims=0)],
        [value("input", ["batch", 4])],
        [value("output", [])],
    )


def batch_changing():
    return make(
        "batch_changing",
        [helper.make_node("Concat", ["input", "input"], ["output"], axis=0)],
        [value("input", ["batch", 4])],
        [value("output", ["batch2", 4])],
    )


def external_weights(location):
    return make(
        "external",
        [helper.make_node("Add", ["input", "weights"], ["output"])],
        [value("input", ["batch", 4])],
        [value("output", ["batch", 4])],
        [external("weights", [4], location)],
    )


def external_in_subgraph():
    def branch(name, nodes, initializers=()):
        return helper.make_graph(nodes, name, [], [value(f"{name}_output", ["batch", 4])], list(initializers))

    then = branch("then", [helper.make_node("Add", ["input", "weights"], ["then_output"])], [external("weights", [4], "../outside.bin")])
    other = branch("else", [helper.make_node("Identity", ["input"], ["else_output"])])
    return make(
        "external_in_subgraph",
        [helper.make_node("If", ["condition"], ["output"], then_branch=then, else_branch=other)],
        [value("input", ["batch", 4]), value("condition", [], TensorProto.BOOL)],
        [value("output", ["batch", 4])],
    )


def external_in_constant():
    return make(
        "external_in_constant",
        [
            helper.make_node("Constant", [], ["weights"], value=external("weights", [4], "../outside.bin")),
            helper.make_node("Add", ["input", "weights"], ["output"]),
        ],
        [value("input", ["batch", 4])],
        [value("output", ["batch", 4])],
    )


def unknown_op():
    return make(
        "unknown_op",
        [helper.make_node("Foo", ["input"], ["output"], domain="com.example")],
        [value("input", ["batch", 4])],
        [value("output", ["batch", 4])],
        domains=["com.example"],
    )


def sequence_input():
    sequence = helper.make_tensor_sequence_value_info("input", TensorProto.FLOAT, ["batch", 4])
    return make(
        "sequence_input",
        [helper.make_node("ConcatFromSequence", ["input"], ["output"], axis=0)],
        [sequence],
        [value("output", ["rows", 4])],
    )


def nan_output():
    """(input - input) / (input - input)"""
    return make(
        "nan_output",
        [helper.make_node("Sub", ["input", "input"], ["zero"]), helper.make_node("Div", ["zero", "zero"], ["output"])],
        [value("input", ["batch", 4])],
        [value("output", ["batch", 4])],
    )


def color_classifier():
    return make(
        "color_classifier",
        [helper.make_node("ReduceMean", ["input"], ["output"], axes=[2, 3], keepdims=0)],
        [value("input", ["batch", 3, 32, 32])],
        [value("output", ["batch", 3])],
    )


def color_classifier_nhwc():
    return make(
        "color_classifier_nhwc",
        [
            helper.make_node("Cast", ["input"], ["float"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["float"], ["output"], axes=[1, 2], keepdims=0),
        ],
        [value("input", ["batch", 32, 32, 3], TensorProto.UINT8)],
        [value("output", ["batch", 3])],
    )


def quantized():
    """Input and weights on grids of 8 bits, by QuantizeLinear and DequantizeLinear nodes."""
    weights = np.arange(-16, 16).reshape(8, 4) * 4
    return make(
        "quantized",
        [
            helper.make_node("QuantizeLinear", ["input", "input_scale", "zero"], ["input_steps"]),
            helper.make_node("DequantizeLinear", ["input_steps", "input_scale", "zero"], ["input_rounded"]),
            helper.make_node("DequantizeLinear", ["weights", "weight_scales", "zeros"], ["weights_float"], axis=1),
            helper.make_node("MatMul", ["input_rounded", "weights_float"], ["output"]),
        ],
        [value("input", ["batch", 8])],
        [value("output", ["batch", 4])],
        [
            constant("input_scale", 1 / 64, np.float32),
            constant("zero", 0, np.int8),
            constant("weights", weights, np.int8),
            constant("weight_scales", [1 / 64, 1 / 32, 1 / 16, 1 / 8], np.float32),
            constant("zeros", [0, 0, 0, 0], np.int8),
        ],
    )


def int64_bool():
    """kept: ids where keep is true, else 0; large: whether they are above 2^40."""
    return make(
        "int64_bool",
        [
            helper.make_node("Where", ["keep", "ids", "nothing"], ["kept"]),
            helper.make_node("Greater", ["kept", "limit"], ["large"]),
        ],
        [value("ids", ["batch", 3], TensorProto.INT64), value("keep", ["batch", 3], TensorProto.BOOL)],
        [value("kept", ["batch", 3], TensorProto.INT64), value("large", ["batch", 3], TensorProto.BOOL)],
        [constant("nothing", 0, np.int64), constant("limit", 2**40, np.int64)],
    )


def detections():
    """How many boxes are left is known when the scores are."""
    return make(
        "detections",
        [helper.make_node("NonMaxSuppression", ["boxes", "scores", "most", "overlap", "least"], ["selected"])],
        [value("boxes", ["batch", 6, 4]), value("scores", ["batch", 1, 6])],
        [value("selected", ["found", 3], TensorProto.INT64)],
        [
            constant("most", [6], np.int64),
            constant("overlap", [0.5], np.float32),
            constant("least", [0.25], np.float32),
        ],
    )


def write(folder: Path) -> None:
    def save(path, model):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(model.SerializeToString(deterministic=True))

    for name, kind in IDENTITY_TYPES.items():
        save(f"identity_{name}.onnx", identity(name, kind))
    for rows in (1, 4):
        save(f"fixed_batch_{rows}.onnx", fixed_batch(rows))
    for model in (
        two_in_two_out(), no_batch(), dynamic_hw(), scalar_output(), batch_changing(), unknown_op(),
        sequence_input(), nan_output(), color_classifier(), color_classifier_nhwc(), quantized(), int64_bool(),
        detections(),
    ):
        save(f"{model.graph.name}.onnx", model)

    weights = np.array([1, 2, 3, 4], dtype="<f4").tobytes()
    save("external_ok/model.onnx", external_weights("weights.bin"))
    (folder / "external_ok/weights.bin").write_bytes(weights)
    save("external_escape/model.onnx", external_weights("../outside.bin"))
    (folder / "outside.bin").write_bytes(weights)
    save("external_in_subgraph/model.onnx", external_in_subgraph())
    save("external_in_constant/model.onnx", external_in_constant())
    save("external_absolute.onnx", external_weights("/etc/hostname"))
    save("external_missing.onnx", external_weights("no_such_file.bin"))
    save("external_symlink/model.onnx", external_weights("weights.bin"))
    link = folder / "external_symlink/weights.bin"
    link.unlink(missing_ok=True)
    os.symlink("../outside.bin", link)

    lenet = (ROOT / "models/lenet/1/model.onnx").read_bytes()
    (folder / "corrupt.onnx").write_bytes(lenet[:8000])
    (folder / "empty.onnx").write_bytes(b"")
    (folder / "not_onnx.onnx").write_text("This is no model.\n")


def check(folder: Path) -> None:
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when the runtime is imported
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    samples = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64, "tensor(bool)": np.bool_}
    for path in sorted(folder.rglob("*.onnx")):
        name = str(path.relative_to(folder))
        try:
            session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
            feeds = {}
            for item in session.get_inputs():
                shape = [2 if isinstance(size, str) else size for size in item.shape]
                if item.type == "tensor(string)":
                    feeds[item.name] = np.full(shape, "text", dtype=object)
                elif item.type == "tensor(bfloat16)":
                    import ml_dtypes

                    feeds[item.name] = onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(
                        np.ones(shape, ml_dtypes.bfloat16).view(np.uint16), TensorProto.BFLOAT16
                    )
                elif item.type.startswith("seq("):
                    feeds[item.name] = [np.ones((1, 4), np.float32)]
                else:
                    feeds[item.name] = np.ones(shape, samples.get(item.type, item.type[7:-1]))
            if any(item.type == "tensor(bfloat16)" for item in session.get_inputs()):
                outputs = session.run_with_ort_values(None, feeds)
                result = [tuple(output.shape()) for output in outputs]
            else:
                result = [np.shape(output) for output in session.run(None, feeds)]
            print(f"{name}: {path.stat().st_size} bytes, ran, outputs {result}")
            failed = False
        except Exception as error:
            print(f"{name}: {path.stat().st_size} bytes, fails: {str(error).splitlines()[0][:150]}")
            failed = True
        if failed and name in GOOD:
            raise SystemExit(f"{name} should have run")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "tests/models")
    parser.add_argument("--check", action="store_true", help="load and run each with ONNX Runtime")
    options = parser.parse_args()
    write(options.out)
    if options.check:
        check(options.out)


if __name__ == "__main__":
    main()
