# SPDX-License-Identifier: Apache-2.0
"""train.py DIGITS WEIGHTS: trains LeNet on a folder of pictures, each named after its digit, and writes its weights."""

import sys
from pathlib import Path

# [start train]
import torch
from torch.nn import functional

import muster
from lenet import LeNet


def read_digits(folder):
    """Pictures as the model takes them, [n, 1, 28, 28] from 0 to 1, and their digits: 7_12.png is a seven."""
    files = sorted(Path(folder).glob("*.png"))
    pixels = muster.image.load(files, height=28, width=28, color="gray", scale=1 / 255)
    return torch.from_numpy(pixels), torch.tensor([int(file.name[0]) for file in files])


def shifted(images, random):
    """The same digits a pixel or two aside, so that a few of them teach as much as many."""
    moves = torch.randint(-2, 3, (len(images), 2), generator=random).tolist()
    return torch.stack([torch.roll(image, move, dims=(1, 2)) for image, move in zip(images, moves)])


def train(images, digits, steps=300, seed=1998):
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    model = LeNet()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(steps):
        rows = torch.randint(len(images), (32,), generator=random)
        loss = functional.cross_entropy(model(shifted(images[rows], random)), digits[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


# [end train]


def main(folder, weights):
    images, digits = read_digits(folder)
    model = train(images, digits)
    with torch.no_grad():
        right = int((model(images).argmax(1) == digits).sum())
    torch.save(model.state_dict(), weights)
    print(f"trained: {right} of {len(digits)} digits right")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
