#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes an ONNX model with the topology of ResNet-50 v1.5 and random weights: what it costs is real, what it says is not.

Batch normalisation is folded into the convolutions, as it is in models that are served. Every machine and every version of
Python makes the same 102 MB. Needs no package: protobuf's wire format is written here, with the field numbers of onnx.proto.
"""

import argparse
import array
import math
import os
import pathlib
import random
import sys

IR_VERSION = 8
OPSET = 17
FLOAT = 1
INT, INTS = 2, 7  # types of attributes
MOST_BYTES = 2**31 - 1  # of a message of protobuf, and so of a model in one file
STAGES = ((3, 1), (4, 2), (6, 2), (3, 2))  # blocks, and the stride of the first
PICTURE = (3, 224, 224)


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def message(field, *parts):
    parts = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"".join([varint(field << 3 | 2), varint(sum(map(len, parts))), *parts])


def attribute(name, value):
    if isinstance(value, int):
        return message(5, message(1, name), number(3, value), number(20, INT))
    return message(5, message(1, name), *(number(8, each) for each in value), number(20, INTS))


def value_info(field, name, dims):
    shape = [message(1, message(2, dim) if isinstance(dim, str) else number(1, dim)) for dim in dims]
    return message(field, message(1, name), message(2, message(1, number(1, FLOAT), message(2, *shape))))


class Network:
    """Nodes as messages, and the weights that they want: name, shape, and the bound of their elements."""

    def __init__(self):
        self.nodes = []
        self.weights = []

    def add(self, kind, sources, **attributes):
        """Returns the name of the node and of its output."""
        name = f"{kind.lower()}_{len(self.nodes)}"
        texts = [message(1, source) for source in sources]
        words = [attribute(key, value) for key, value in attributes.items()]
        self.nodes.append(message(1, *texts, message(2, name), message(3, name), message(4, kind), *words))
        return name

    def weight(self, suffix, shape, bound):
        name = f"{suffix}_{len(self.weights)}"
        self.weights.append((name, shape, bound))
        return name

    def convolution(self, source, channels, filters, kernel, stride=1, gain=1.0):
        """He's bound keeps what passes as large as it was, times the gain."""
        bound = gain * math.sqrt(6 / (channels * kernel * kernel))
        sources = [source, self.weight("weight", (filters, channels, kernel, kernel), bound), self.weight("bias", (filters,), 0.1)]
        pad = kernel // 2
        return self.add("Conv", sources, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)

    def block(self, source, channels, width, stride):
        """A bottleneck; of version 1.5: the 3 x 3 convolution has the stride."""
        inner = self.add("Relu", [self.convolution(source, channels, width, 1)])
        inner = self.add("Relu", [self.convolution(inner, width, width, 3, stride)])
        # So that sixteen sums in a row stay small.
        inner = self.convolution(inner, width, 4 * width, 1, gain=0.3)
        if channels != 4 * width or stride != 1:
            source = self.convolution(source, channels, 4 * width, 1, stride)
        return self.add("Relu", [self.add("Add", [inner, source])])


def resnet50(width=64, classes=1000):
    """The network, and the name of its output."""
    network = Network()
    last = network.add("Relu", [network.convolution("input", PICTURE[0], width, 7, 2)])
    last = network.add("MaxPool", [last], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    channels = width
    for blocks, first_stride in STAGES:
        for block in range(blocks):
            last = network.block(last, channels, width, first_stride if block == 0 else 1)
            channels = 4 * width
        width *= 2
    last = network.add("Flatten", [network.add("GlobalAveragePool", [last])])
    weight = network.weight("weight", (classes, channels), math.sqrt(3 / channels))
    return network, network.add("Gemm", [last, weight, network.weight("bias", (classes,), 0.1)], transB=1)


def initializer(name, shape, bound, draw):
    elements = array.array("f", [bound * (2 * draw() - 1) for _ in range(math.prod(shape))])
    if sys.byteorder == "big":
        elements.byteswap()
    return message(5, *(number(1, dim) for dim in shape), number(2, FLOAT), message(8, name), message(9, elements.tobytes()))


def model_bytes(network, output, classes=1000, seed=50):
    draw = random.Random(seed).random  # the same everywhere, by Python's word
    graph = message(
        7,
        *network.nodes,
        message(2, "resnet50"),
        *(initializer(*weight, draw) for weight in network.weights),
        value_info(11, "input", ["batch", *PICTURE]),
        value_info(12, output, ["batch", classes]),
    )
    model = b"".join([number(1, IR_VERSION), message(2, "muster"), graph, message(8, message(1, ""), number(2, OPSET))])
    if len(model) > MOST_BYTES:
        raise ValueError(f"{len(model)} bytes are more than a model in one file may have")
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True, metavar="FILE.onnx")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all: whoever finds the file takes it as it is.
    part = options.out.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(model_bytes(*resnet50()))
    part.replace(options.out)


if __name__ == "__main__":
    main()
