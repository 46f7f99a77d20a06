# SPDX-License-Identifier: Apache-2.0
"""litserve_lenet.py PORT MODEL: LeNet by LitServe, in batches of at most 32, with its faster queue. LitServe reads JSON: the row
goes as base64 of its bytes, which is read fifty times as fast as numbers are."""

import base64
import sys

import litserve
import numpy
import onnxruntime


class LeNet(litserve.LitAPI):
    def setup(self, device):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(sys.argv[2], options, providers=["CPUExecutionProvider"])

    def decode_request(self, request):
        return numpy.frombuffer(base64.b64decode(request["row"]), numpy.float32).reshape(1, 28, 28)

    def batch(self, inputs):
        return numpy.stack(inputs)

    def predict(self, x):
        return self.session.run(["output"], {"input": x})[0]

    def unbatch(self, output):
        return list(output)

    def encode_response(self, output):
        return {"scores": output.tolist()}


if __name__ == "__main__":
    # Without a delay it never makes a batch of more than it finds; a millisecond lets it find some.
    api = LeNet(max_batch_size=32, batch_timeout=0.001)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, fast_queue=True)
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), num_api_servers=1, generate_client_file=False, log_level="error", access_log=False
    )
