# SPDX-License-Identifier: Apache-2.0
"""Servers that are not Muster's: one over HTTP and one over gRPC, both of which say what they are told to, byte for
byte.
"""

import concurrent.futures
import contextlib
import http.server
import json
import socket
import threading

import grpc


class Early(bytes):
    """A reply that does not wait for the request's body."""


class ScriptedPeer:
    """Answers the requests of each connection with what `script` says, in their order.

    `script` is a list of connections, each a list of replies: bytes, or None to close without one. A connection is
    closed when its replies are used up; further connections are refused. `requests` has what was asked: head and
    body.
    """

    def __init__(self, *script):
        self._script = script
        self.requests = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._held = []

    def _serve(self):
        for replies in self._script:
            connection, _ = self._socket.accept()
            with connection.makefile("rb") as stream:
                for reply in replies:
                    self.requests.append(_read_request(stream, isinstance(reply, Early)))
                    if callable(reply):
                        reply(connection)
                    elif reply is not None:
                        connection.sendall(reply)
                    else:
                        break
                else:
                    if replies and replies[-1] == b"":
                        # It never answers, and never hangs up.
                        self._held.append(connection)
                        continue
            with contextlib.suppress(OSError), connection:
                connection.shutdown(socket.SHUT_WR)
                # The client's end is waited for, so that nothing it still sends turns an answer into a reset.
                while connection.recv(65536):
                    pass
        self._socket.close()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        for connection in self._held:
            connection.close()
        self._socket.close()


def _read_request(stream, head_alone):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return head, b""
        head += line
    if head_alone:
        return head, b""
    length = next(
        (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
    )
    return head, stream.read(length)


def reply(body=b"", status=200, **headers):
    """One reply; `body` that is no bytes becomes JSON."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if not any(name.lower() in ("content_length", "transfer_encoding") for name in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answer(outputs, tensors=b"", **headers):
    """The reply to an inference."""
    said = json.dumps({"model_name": "m", "model_version": "1", "outputs": outputs}).encode()
    if tensors is None:
        return reply(said, **headers)
    return reply(said + tensors, Inference_Header_Content_Length=len(said), **headers)


def output(name="y", datatype="FP32", shape=(1,), size=4):
    return {"name": name, "datatype": datatype, "shape": list(shape), "parameters": {"binary_data_size": size}}


BINARY = reply({"name": "peer", "version": "1", "extensions": ["binary_tensor_data"]})


class EchoPeer:
    """Serves a model `m` over HTTP that gives its FP32 input back as `y`, from any number of connections.

    `rows` has the number of rows of each request, in the order in which they came.
    """

    def __init__(self, max_batch_size):
        peer = self
        self.rows = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                said = {"/v2": {"extensions": ["binary_tensor_data"]}}
                said["/v2/models/m/config"] = {"max_batch_size": max_batch_size}
                body = json.dumps(said[self.path]).encode()
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                length = int(self.headers["Inference-Header-Content-Length"])
                (tensor,) = json.loads(body[:length])["inputs"]
                peer.rows.append(tensor["shape"][0])
                self.wfile.write(answer([output(shape=tensor["shape"], size=len(body) - length)], body[length:]))

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class GrpcPeer:
    """Answers each call of the service with what `answers` has for its method: a message, or an exception for its
    status.
    """

    def __init__(self, **answers):
        self.requests = []
        peer = self

        class Service(grpc.GenericRpcHandler):
            def service(self, call):
                return grpc.unary_unary_rpc_method_handler(
                    lambda message, context: peer.answer(call.method, message, context)
                )

        self._answers = answers
        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
        self._server.add_generic_rpc_handlers([Service()])
        self.url = f"grpc://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def answer(self, method, message, context):
        name = method.rpartition("/")[2]
        self.requests.append((name, message))
        said = self._answers.get(name)
        if said is None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "there is no such call")
        if isinstance(said, tuple):
            context.abort(*said)
        return said

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *_):
        self._server.stop(None).wait()
