# SPDX-License-Identifier: Apache-2.0
"""fixed_batch.py FOLDER: a module that works in training and not in a server, and what the export says of it."""

import sys

# [start fixed]
import torch
from torch import nn

from muster.export import FixedBatchError, export


class Careless(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(1, 6, kernel_size=5)
        self.scores = nn.Linear(6 * 24 * 24, 10)

    def forward(self, input):
        x = self.convolution(input)
        x = x.view(2, -1)  # two rows, as in the example: -1 is the place of a batch
        return self.scores(x)


def try_to_export(folder):
    try:
        export(Careless(), torch.rand(2, 1, 28, 28), folder)
    except FixedBatchError as error:
        print(error)
        print("the line:", error.place.code)


# [end fixed]

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try_to_export(sys.argv[1])
