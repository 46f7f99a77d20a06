# SPDX-License-Identifier: Apache-2.0
"""export.py WEIGHTS FOLDER: writes trained weights as a model folder, such as models/lenet."""

import sys

# [start export]
import torch

from lenet import LeNet
from muster.export import Preprocessing, export


def export_lenet(weights, folder):
    model = LeNet()
    model.load_state_dict(torch.load(weights, weights_only=True))
    return export(
        model,
        torch.rand(2, 1, 28, 28),  # an example: its first axis counts rows, and stays open
        folder,
        labels=[str(digit) for digit in range(10)],
        preprocessing=Preprocessing(color="gray", scale="1/255"),
        activation="softmax",
        max_batch_size=64,
    )


# [end export]

if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(export_lenet(*sys.argv[1:]))
