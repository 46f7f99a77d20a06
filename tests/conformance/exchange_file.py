# SPDX-License-Identifier: Apache-2.0
"""Reads *.http files: what is sent, as packets of bytes, and what must come back. README.md has the format."""

import dataclasses
import gzip
import json
import pathlib
import re
import struct
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
_PLACEHOLDER = re.compile(rb"\{(hex|repeat|fp32|file) ([^{}]*)\}")
_PAUSE, _HANG_UP, _RAW = b"{pause}", b"{hang up}", b"{raw}"
_COMPRESSIONS = {b"{gzip}": lambda body: gzip.compress(body, mtime=0), b"{zlib}": zlib.compress}


class Malformed(Exception):
    pass


def _filled(match):
    kind, text = match[1], match[2]
    if kind == b"hex":
        return bytes.fromhex(text.decode())
    if kind == b"repeat":
        count, _, what = text.partition(b" ")
        return what * int(count)
    if kind == b"fp32":
        return b"".join(struct.pack("<f", float(number)) for number in text.split())
    return (ROOT / text.decode()).read_bytes()


def fill(text):
    return _PLACEHOLDER.sub(_filled, text)


def _unescaped(line):
    return line.replace(rb"\r", b"\r").replace(rb"\n", b"\n")


def request_bytes(lines):
    """One request as it goes over the wire; {pause} and {hang up} still in it."""
    if lines[0].startswith(_RAW):
        return fill(_unescaped(b"".join([lines[0].removeprefix(_RAW), *lines[1:]])))
    split = lines.index(b"") if b"" in lines else len(lines)
    head, body_lines = lines[:split], lines[split + 1 :]
    compress = None
    if body_lines and body_lines[0][:6] in _COMPRESSIONS:
        compress, body_lines[0] = _COMPRESSIONS[body_lines[0][:6]], body_lines[0][6:]
    first = fill(body_lines[0]) if body_lines else b""
    joint = b"" if any(b"{json-length}" in line for line in head) else b"\n"
    body = first + b"".join([joint + fill(b"\n".join(body_lines[1:]))] if body_lines[1:] else [])
    body = compress(body) if compress else body
    size = len(body.replace(_PAUSE, b"").replace(_HANG_UP, b""))
    head = [fill(line) for line in head]
    head = [line.replace(b"{length}", b"%d" % size).replace(b"{json-length}", b"%d" % len(first)) for line in head]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


@dataclasses.dataclass
class Expected:
    statuses: list  # "200", "4xx", "closed"
    headers: list
    body: bytes = None

    def differences(self, reply):
        """What is not as expected. `reply` is None where the connection ended instead."""
        if reply is None:
            return [] if "closed" in self.statuses else ["the connection ended without a reply"]
        got = str(reply.status)
        if not any(got == status or status == f"{got[0]}xx" for status in self.statuses):
            return [f"status {got}, expected {' or '.join(self.statuses)}: {reply.body[:300]!r}"]
        return [*self._header_differences(reply), *body_differences(self.body, reply.body)]

    def _header_differences(self, reply):
        for line in self.headers:
            if line.startswith("-"):
                if reply.values(line[1:]):
                    yield f"there is a header {line[1:]}"
                continue
            name, _, wanted = line.partition(":")
            values, wanted = reply.values(name), wanted.strip()
            if not values or wanted != "*" and wanted.lower() not in [value.lower() for value in values]:
                yield f"header {name} is {values}, expected {wanted}"


def body_differences(wanted, got):
    if wanted is None:
        return []
    if match := re.fullmatch(rb"\{error ?(.*)\}", wanted):
        return _error_differences(match[1].decode(), got)
    if wanted[:1] in (b"{", b"[") and not _PLACEHOLDER.match(wanted):
        try:
            answer = json.loads(got)
        except ValueError:
            return [f"the body is no JSON: {got[:300]!r}"]
        return list(json_differences(json.loads(wanted), answer, "body"))
    wanted = fill(wanted)
    return [] if got == wanted else [f"the body is {got[:300]!r}, expected {wanted[:300]!r}"]


def _error_differences(text, got):
    try:
        answer = json.loads(got)
    except ValueError:
        return [f"the body is no JSON: {got[:300]!r}"]
    if not isinstance(answer, dict) or list(answer) != ["error"] or not isinstance(answer["error"], str):
        return [f"the body is no error: {got[:300]!r}"]
    if not answer["error"] or text not in answer["error"]:
        return [f"the message {answer['error']!r} does not have {text!r} in it"]
    return []


def json_differences(wanted, got, where):
    if wanted == "*":
        return
    if isinstance(wanted, str) and len(wanted) > 2 and wanted[0] == wanted[-1] == "*":
        if not isinstance(got, str) or wanted[1:-1] not in got:
            yield f"{where} is {got!r}, expected a text with {wanted[1:-1]!r}"
    elif isinstance(wanted, dict) and isinstance(got, dict):
        for name, value in wanted.items():
            if name not in got:
                yield f"{where} has no {name!r}"
            else:
                yield from json_differences(value, got[name], f"{where}.{name}")
    elif isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        for number, (one, other) in enumerate(zip(wanted, got)):
            yield from json_differences(one, other, f"{where}[{number}]")
    elif not same_value(wanted, got):
        yield f"{where} is {got!r}, expected {wanted!r}"


def same_value(wanted, got):
    numbers = [value for value in (wanted, got) if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if len(numbers) == 2 and float in map(type, numbers):
        return struct.pack("<f", wanted) == struct.pack("<f", got) or wanted == got
    return type(wanted) is type(got) and wanted == got


@dataclasses.dataclass
class Exchange:
    packets: list
    methods: list  # of the requests, in order
    expected: list
    hangs_up: bool = False
    ends: str = ""  # "open", "closed" or not said


def purpose(path):
    first = path.read_bytes().split(b"\n", 1)[0]
    return first.decode().removeprefix("# ")


def _blocks(path):
    """(mark, lines) for each run of lines with the same mark."""
    blocks = []
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if line.startswith(b"#") or not line:
            continue
        mark, text = line[:1], line[2:]
        if mark not in (b">", b"<") or len(line) > 1 and line[1:2] != b" ":
            raise Malformed(f"{path.name}:{number}: a line begins with '> ', '< ' or '#'")
        if not blocks or blocks[-1][0] != mark:
            blocks.append((mark, []))
        blocks[-1][1].append(text)
    return blocks


def _requests(lines):
    """The lines of each request of a block: a new one begins at each request line that follows a whole request."""
    starts = [i for i, line in enumerate(lines) if re.match(rb"(\{raw\}.*|[A-Z]+ \S+ HTTP/1\.[01])$", line)]
    if not starts or starts[0] != 0:
        starts = [0, *starts]
    return [lines[start:end] for start, end in zip(starts, [*starts[1:], len(lines)])]


def _answers(lines):
    answers, ends, position = [], "", 0
    while position < len(lines):
        first = lines[position].decode()
        position += 1
        if first in ("open", "closed"):
            ends = first
            continue
        if not re.match(r"(\d\d\d|\dxx)( \| (\d\d\d|\dxx|closed))*$", first):
            raise Malformed(f"expected a status, 'open' or 'closed', got '{first}'")
        answer = Expected(first.split(" | "), [])
        while position < len(lines) and re.match(rb"-?[A-Za-z-]+(:|$)", lines[position]):
            if lines[position] in (b"open", b"closed"):
                break
            answer.headers.append(lines[position].decode())
            position += 1
        if position < len(lines) and lines[position] == b"":
            answer.body = lines[position + 1] if position + 1 < len(lines) else b""
            position += 2
        answers.append(answer)
    return answers, ends


def _packets(data):
    data = data.replace(_HANG_UP, b"")
    return [packet for packet in data.split(_PAUSE) if packet]


def parse(path):
    """The exchanges of one file."""
    blocks = _blocks(path)
    if len(blocks) % 2 or not blocks or blocks[0][0] != b">":
        raise Malformed(f"{path.name}: what is sent comes first, and an expectation follows it")
    exchanges = []
    for (_, sent), (_, wanted) in zip(blocks[::2], blocks[1::2]):
        requests = _requests(sent)
        data = b"".join(request_bytes(lines) for lines in requests)
        methods = [lines[0].removeprefix(_RAW).split(b" ")[0].decode("latin-1") for lines in requests]
        expected, ends = _answers(wanted)
        exchanges.append(Exchange(_packets(data), methods, expected, _HANG_UP in data, ends))
    return exchanges
