# SPDX-License-Identifier: Apache-2.0
"""mosec_lenet.py --port PORT: LeNet by Mosec, in batches of at most 32; rows and scores as their bytes. LENET names the file."""

import os

import numpy
import onnxruntime
from mosec import Server, Worker


class LeNet(Worker):
    def __init__(self):
        super().__init__()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["LENET"], options, providers=["CPUExecutionProvider"])

    def deserialize(self, data):
        return numpy.frombuffer(data, numpy.float32).reshape(1, 28, 28)

    def forward(self, data):
        return list(self.session.run(["output"], {"input": numpy.stack(data)})[0])

    def serialize(self, data):
        return data.tobytes()


if __name__ == "__main__":
    server = Server()
    # One worker: the rest of the cores is for its front end and for those who ask.
    server.append_worker(LeNet, num=1, max_batch_size=32, max_wait_time=1)
    server.run()
