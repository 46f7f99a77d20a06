# SPDX-License-Identifier: Apache-2.0
"""Exports trained LeNet weights to ONNX with a dynamic batch axis and checks the file against PyTorch."""

import argparse
import os
from pathlib import Path

import numpy as np
import onnx

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when the runtime is imported
import onnxruntime  # noqa: E402
import torch  # noqa: E402

import digits
from model import LeNet

OPSET = 18
TOLERANCE = 1e-4


def export(model: LeNet, path: Path) -> None:
    torch.onnx.export(
        model,
        (torch.zeros(2, 1, digits.SIDE, digits.SIDE),),
        str(path),
        input_names=["input"],
        output_names=["output"],
        opset_version=OPSET,
        dynamo=True,
        external_data=False,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
    )
    strip(path)


def strip(path: Path) -> None:
    """The exporter writes stack traces with local paths into the file; the model does not need them."""
    model = onnx.load(path)
    graph = model.graph
    for item in [model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer]:
        item.ClearField("metadata_props")
        item.ClearField("doc_string")
    onnx.save(model, path)


def check(model: LeNet, path: Path, held_out: digits.Digits | None) -> None:
    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    print("input", session.get_inputs()[0].shape, "output", session.get_outputs()[0].shape)
    for batch in (1, 2, 7, 64):
        pixels = np.random.RandomState(batch).rand(batch, 1, digits.SIDE, digits.SIDE).astype(np.float32)
        if held_out is not None:
            rows = np.arange(batch) * (len(held_out.labels) // batch)
            pixels = held_out.pixels[rows, None].astype(np.float32) / 255
        (actual,) = session.run(["output"], {"input": pixels})
        with torch.no_grad():
            expected = model(torch.from_numpy(pixels)).numpy()
        error = float(np.abs(actual - expected).max())
        print(f"batch {batch}: output {actual.shape}, largest difference from PyTorch {error:.2e}")
        if actual.shape != (batch, 10) or error > TOLERANCE:
            raise SystemExit(f"{path}: differs from PyTorch at batch {batch}")
    if held_out is not None:
        (logits,) = session.run(["output"], {"input": held_out.pixels[:, None].astype(np.float32) / 255})
        right = int((logits.argmax(1) == held_out.labels).sum())
        print(f"held out, with ONNX Runtime: {right}/{len(held_out.labels)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", default="lenet-out/lenet.pt")
    parser.add_argument("--out", default="lenet-out/model.onnx")
    parser.add_argument("--digits", help="as for train.py; with it, the check uses held-out digits instead of noise")
    options = parser.parse_args()

    model = LeNet().eval()
    model.load_state_dict(torch.load(options.weights, weights_only=True))
    held_out = digits.split(digits.read(options.digits)).held_out if options.digits else None
    path = Path(options.out)
    export(model, path)
    check(model, path, held_out)
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
