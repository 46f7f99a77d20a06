# SPDX-License-Identifier: Apache-2.0
"""PlainServer: a server of the Open Inference Protocol over HTTP as simple ones are. It takes binary tensors, because
clients say that they send them, and answers in JSON alone, whatever they ask for.

    with PlainServer("m", inputs, outputs, lambda values: (200, {"outputs": [...]})) as server:
        ...  # server.url
"""

import http.server
import json
import threading

import numpy as np


class PlainServer:
    def __init__(self, name, inputs, outputs, answer):
        """`inputs`, `outputs`: as in the model's metadata. `answer`: of FP32 inputs by name, the status and the reply."""

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def send(self, status, reply):
                body = json.dumps(reply).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                if self.path == f"/v2/models/{name}/ready":
                    return self.send(200, {})
                if self.path == f"/v2/models/{name}":
                    return self.send(200, {"name": name, "platform": "plain", "inputs": inputs, "outputs": outputs})
                return self.send(404, {"error": "there is no such thing"})

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                length = int(self.headers["Inference-Header-Content-Length"])
                values, at = {}, length
                for tensor in json.loads(body[:length])["inputs"]:
                    size = tensor["parameters"]["binary_data_size"]
                    values[tensor["name"]] = np.frombuffer(body[at : at + size], np.float32).reshape(tensor["shape"])
                    at += size
                return self.send(*answer(values))

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
