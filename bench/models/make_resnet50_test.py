#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
import math
import os
import unittest

import make_resnet50 as made
import numpy as np

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when the runtime is imported
import onnxruntime


def narrow(seed=50):
    """The same network with an eighth of the channels: quickly made and run."""
    return made.model_bytes(*made.resnet50(width=8), seed=seed)


class ResNet50(unittest.TestCase):
    def test_has_the_weights_of_the_original_with_its_normalisation_folded_in(self):
        network, _ = made.resnet50()
        shapes = [shape for _, shape, _ in network.weights]
        # 25,557,032 parameters; of two a channel that normalise, one is left as the bias.
        self.assertEqual(sum(math.prod(shape) for shape in shapes), 25_557_032 - 26_560)
        self.assertEqual(sum(len(shape) == 4 for shape in shapes), 53)

    def test_is_the_same_each_time_by_its_seed(self):
        self.assertEqual(narrow(), narrow())
        self.assertNotEqual(narrow(), narrow(51))

    def test_runs_with_finite_answers_that_depend_on_the_picture_and_not_on_the_batch(self):
        session = onnxruntime.InferenceSession(narrow(), providers=["CPUExecutionProvider"])
        (picture,) = session.get_inputs()
        self.assertEqual((picture.name, picture.shape), ("input", ["batch", 3, 224, 224]))
        pictures = np.random.default_rng(28).random((3, 3, 224, 224), dtype=np.float32)
        (together,) = session.run(None, {"input": pictures})
        self.assertEqual(together.shape, (3, 1000))
        self.assertTrue(np.isfinite(together).all())
        self.assertLess(np.abs(together).max(), 100)
        (alone,) = session.run(None, {"input": pictures[1:2]})
        np.testing.assert_allclose(alone[0], together[1], rtol=1e-4, atol=1e-4)
        self.assertGreater(np.abs(together[0] - together[1]).max(), 0.01)

    def test_writes_numbers_as_protobuf_does(self):
        self.assertEqual(made.varint(0), b"\x00")
        self.assertEqual(made.varint(300), b"\xac\x02")
        self.assertEqual(made.number(1, 150), b"\x08\x96\x01")
        self.assertEqual(made.message(2, "testing"), b"\x12\x07testing")


if __name__ == "__main__":
    unittest.main()
