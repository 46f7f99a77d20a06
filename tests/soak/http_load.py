# SPDX-License-Identifier: Apache-2.0
"""Well-behaved clients over HTTP: many kept connections in one thread, each with one request on its way."""

import json
import random
import selectors
import socket

import soak_models

CONNECTIONS = 16
ANSWER_LIMIT_S = 60


class Question:
    """One prepared request, and how its answer is judged."""

    def __init__(self, model, datatype, array, number):
        self.id = f"{model}-{number}"
        self.tensor = soak_models.wire_bytes(array)
        self.shape = list(array.shape)
        tensor = {
            "name": "input",
            "shape": self.shape,
            "datatype": datatype,
            "parameters": {"binary_data_size": len(self.tensor)},
        }
        header = json.dumps({"id": self.id, "inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
        head = (
            f"POST /v2/models/{model}/infer HTTP/1.1\r\nHost: soak\r\n"
            f"Inference-Header-Content-Length: {len(header)}\r\n"
            f"Content-Length: {len(header) + len(self.tensor)}\r\n\r\n"
        )
        self.bytes = head.encode() + header + self.tensor

    def difference(self, status, headers, body):
        """What is wrong with an answer; None if nothing is."""
        if status != 200:
            return f"{self.id}: status {status}: {body[:200]!r}"
        length = int(headers["inference-header-content-length"])
        answer = json.loads(body[:length])
        (output,) = answer["outputs"]
        if answer["id"] != self.id or output["shape"] != self.shape:
            return f"{self.id}: the answer is of {answer['id']} with shape {output['shape']}"
        if body[length:] != self.tensor:
            return f"{self.id}: the answer has wrong bits"
        return None


class Caller:
    """One connection and the question on its way."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.question = None
        self.received = bytearray()

    def ask(self, question):
        self.question = question
        self.received.clear()
        self.socket.sendall(question.bytes)

    def answer(self):
        """(status, headers, body) when all of it is there."""
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return None
        lines = bytes(self.received[:end]).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        size = end + 4 + int(headers["content-length"])
        if len(self.received) < size:
            return None
        return int(lines[0].split(" ")[1]), headers, bytes(self.received[end + 4 : size])


def run(place, tally):
    chance = random.Random(f"{place.seed} {tally.name}")
    questions = [Question(*case, number) for number, case in enumerate(soak_models.arrays(chance.randrange(1000)))]
    selector = selectors.DefaultSelector()
    for _ in range(CONNECTIONS):
        caller = Caller(place.http)
        selector.register(caller.socket, selectors.EVENT_READ, caller)
        caller.ask(chance.choice(questions))
        tally.sent += 1
    busy = CONNECTIONS
    while busy:
        events = selector.select(ANSWER_LIMIT_S)
        if not events:
            break
        for key, _ in events:
            busy -= not serve_event(key.data, place, tally, chance, questions, selector)
    tally.close()


def serve_event(caller, place, tally, chance, questions, selector):
    """Takes in what came; asks the next question after an answer. False if this connection is done."""
    chunk = caller.socket.recv(1 << 18)
    if not chunk:
        tally.wrong(f"{caller.question.id}: the connection ended before the answer")
        selector.unregister(caller.socket)
        return False
    caller.received += chunk
    answer = caller.answer()
    if answer is None:
        return True
    difference = caller.question.difference(*answer)
    if difference:
        tally.wrong(difference)
    else:
        tally.right += 1
    if place.is_over():
        selector.unregister(caller.socket)
        return False
    caller.ask(chance.choice(questions))
    tally.sent += 1
    return True
