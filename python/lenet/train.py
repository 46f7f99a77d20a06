# SPDX-License-Identifier: Apache-2.0
"""Trains LeNet: picks one of a few recipes on the validation digits, trains it on all 8,000, then looks once at the 2,000 held out."""

import argparse
import json
import math
import os
import time
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with it

import numpy as np
import torch
from torch.nn import functional

import digits
from model import LeNet

SEED = 1998
BATCH = 128
AVERAGE_DECAY = 0.998


class Recipe(NamedTuple):
    degrees: float  # rotation and shear, at most
    zoom: float
    shift: float  # in pixels
    weight_decay: float


RECIPES = [
    Recipe(degrees=8, zoom=0.08, shift=1.5, weight_decay=0.01),
    Recipe(degrees=12, zoom=0.12, shift=2.0, weight_decay=0.01),
    Recipe(degrees=12, zoom=0.12, shift=2.0, weight_decay=0.1),
    Recipe(degrees=16, zoom=0.16, shift=2.5, weight_decay=0.01),
]


def to_tensors(part: digits.Digits, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    pixels = torch.from_numpy(part.pixels).to(device).float().div(255).unsqueeze(1)
    return pixels, torch.from_numpy(part.labels).to(device)


def distort(pixels: torch.Tensor, recipe: Recipe, random: torch.Generator) -> torch.Tensor:
    # drawn on the CPU, so that every device sees the same numbers
    draw = torch.rand(6, len(pixels), generator=random).mul(2).sub(1).to(pixels.device)
    angle, shear = draw[0:2] * math.radians(recipe.degrees)
    zoom_x, zoom_y = 1 + draw[2:4] * recipe.zoom
    shift_x, shift_y = draw[4:6] * recipe.shift * 2 / digits.SIDE
    cos, sin = torch.cos(angle), torch.sin(angle)
    rows = torch.stack(
        [
            torch.stack([cos * zoom_x, (shear * cos - sin) * zoom_y, shift_x], dim=1),
            torch.stack([sin * zoom_x, (shear * sin + cos) * zoom_y, shift_y], dim=1),
        ],
        dim=1,
    )
    grid = functional.affine_grid(rows, list(pixels.shape), align_corners=False)
    return functional.grid_sample(pixels, grid, align_corners=False)


def train(part: digits.Digits, recipe: Recipe, epochs: int, device: str) -> LeNet:
    torch.manual_seed(SEED)
    random = torch.Generator().manual_seed(SEED)
    pixels, labels = to_tensors(part, device)
    model = LeNet().to(device)
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGE_DECAY)
    )
    steps = epochs * math.ceil(len(labels) / BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps, pct_start=0.1)
    for _ in range(epochs):
        order = torch.randperm(len(labels), generator=random).to(device)
        for rows in order.split(BATCH):
            loss = functional.cross_entropy(model(distort(pixels[rows], recipe, random)), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update_parameters(model)
    return average.module.eval()


@torch.no_grad()
def predict(model: LeNet, part: digits.Digits, device: str) -> np.ndarray:
    pixels, _ = to_tensors(part, device)
    return torch.cat([model(batch).argmax(1) for batch in pixels.split(500)]).cpu().numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--digits", help="tarball of the npm package, or folder of its JSON files; default: npm pack")
    parser.add_argument("--out", default="lenet-out", help="folder for lenet.pt and report.json")
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()

    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    parts = digits.split(digits.read(options.digits))
    print("digits:", {name: len(part.labels) for name, part in parts._asdict().items()}, flush=True)

    scores = []
    for recipe in RECIPES:
        start = time.monotonic()
        model = train(parts.training, recipe, options.epochs, options.device)
        right = predict(model, parts.validation, options.device) == parts.validation.labels
        scores.append(float(right.mean()))
        print(f"{recipe}: validation {right.sum()}/{len(right)}, {time.monotonic() - start:.0f} s", flush=True)
    recipe = RECIPES[int(np.argmax(scores))]
    print("chosen:", recipe, flush=True)

    everything = digits.Digits(*(np.concatenate(columns) for columns in zip(parts.training, parts.validation)))
    model = train(everything, recipe, options.epochs, options.device)
    right = predict(model, parts.held_out, options.device) == parts.held_out.labels
    report = {
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if options.device == "cuda" else options.device,
        "seed": SEED,
        "epochs": options.epochs,
        "recipe": recipe._asdict(),
        "validation": scores,
        "held_out": {"right": int(right.sum()), "of": len(right)},
        "by_digit": {},
    }
    for digit in range(10):
        rows = parts.held_out.labels == digit
        report["by_digit"][digit] = {"right": int(right[rows].sum()), "of": int(rows.sum())}
        print(f"digit {digit}: {right[rows].sum()}/{rows.sum()} = {right[rows].mean():.2%}")
    print(f"held out: {right.sum()}/{len(right)} = {right.mean():.2%}")

    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    torch.save(model.cpu().state_dict(), out / "lenet.pt")
    (out / "report.json").write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
