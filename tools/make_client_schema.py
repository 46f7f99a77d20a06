#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes python/muster/client/transports/schema.py: the messages that the Python client reads, from the .proto files.

    tools/make_client_schema.py            writes it
    tools/make_client_schema.py --check    fails where it is not what would be written

The client so needs no protobuf at run time: its Python packages refuse to share one process with each other's versions.
"""

import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "python" / "muster" / "client" / "transports" / "schema.py"
SOURCES = ("proto/open_inference.proto", "proto/model_config.proto")
READ = (
    "ServerMetadataResponse",
    "ModelMetadataResponse",
    "ModelConfigResponse",
    "ModelStatisticsResponse",
    "RepositoryIndexResponse",
    "SystemSharedMemoryStatusResponse",
    "InferParameter",
    "InferTensorContents",
)
HEAD = '''\
# SPDX-License-Identifier: Apache-2.0
"""The messages that the client reads, written by tools/make_client_schema.py from the files in proto.

A line is a message and its fields, `number:name:type`: `*` behind the type is a list, `>` stands between the types of a
map, and `|` marks the choices of which one is there. A line with `=` is an enumeration.
"""

SCHEMA = """
'''
_WORD = re.compile(r'"[^"]*"|[A-Za-z_][\w.]*|\d+|[{}=;<>,]')


class Reader:
    """Of the .proto files here, which have no options, extensions or services that matter."""

    def __init__(self, text):
        self.words = _WORD.findall(re.sub(r"//[^\n]*", "", text))
        self.at = 0
        self.messages = {}
        self.enums = {}

    def take(self, count=1):
        taken = self.words[self.at : self.at + count]
        self.at += count
        return taken[0] if count == 1 else taken

    def skip_to(self, end):
        while self.take() != end:
            pass

    def skip_block(self):
        depth = 0
        while True:
            word = self.take()
            depth += (word == "{") - (word == "}")
            if word == "}" and depth == 0:
                return

    def read(self):
        while self.at < len(self.words):
            word = self.take()
            if word == "message":
                self.message(())
            elif word == "enum":
                self.enum(())
            elif word == "service":
                self.skip_block()
            else:
                self.skip_to(";")
        return self

    def enum(self, scope):
        name = (*scope, self.take())
        self.take()
        values = []
        while (word := self.take()) != "}":
            _, number, _ = self.take(3)
            values.append((int(number), word))
        self.enums[name] = values

    def message(self, scope):
        name = (*scope, self.take())
        self.take()
        self.messages[name] = []
        self.fields(name, False)

    def fields(self, name, choice):
        while (word := self.take()) != "}":
            if word == "message":
                self.message(name)
            elif word == "enum":
                self.enum(name)
            elif word == "oneof":
                self.take(2)
                self.fields(name, True)
            elif word == "map":
                _, key, _, value, _, field, _, number, _ = self.take(9)
                self.messages[name].append((int(number), field, key, value, ">"))
            else:
                kind = self.take() if word in ("optional", "repeated") else word
                field, _, number, _ = self.take(4)
                mark = "*" if word == "repeated" else "|" if choice else ""
                self.messages[name].append((int(number), field, kind, None, mark))


def resolve(reader, scope, kind):
    """The full name of a type that is named within a message."""
    for depth in range(len(scope), -1, -1):
        full = (*scope[:depth], *kind.split("."))
        if full in reader.messages or full in reader.enums:
            return full
    return None


def lines_of(reader):
    wanted = [(name,) for name in READ]
    seen = set()
    while wanted:
        name = wanted.pop(0)
        if name in seen:
            continue
        seen.add(name)
        if name in reader.enums:
            yield f"{'.'.join(name)} = " + " ".join(f"{number}:{value}" for number, value in reader.enums[name])
            continue
        shown = []
        for number, field, kind, value, mark in reader.messages[name]:
            full = {word: resolve(reader, name, word) for word in (kind, value) if word}
            wanted += [found for found in full.values() if found]
            text = {word: ".".join(found) if found else word for word, found in full.items()}
            shown.append(f"{number}:{field}:" + (f"{text[kind]}>{text[value]}" if value else text[kind] + mark))
        yield " ".join([".".join(name), *shown])


def make():
    reader = Reader("\n".join((ROOT / source).read_text() for source in SOURCES)).read()
    body = [
        "\n".join(textwrap.wrap(line, 118, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False))
        for line in lines_of(reader)
    ]
    return HEAD + "\n".join(body) + '\n"""\n'


def main():
    text = make()
    if "--check" in sys.argv[1:]:
        if OUTPUT.read_text() != text:
            sys.exit(f"{OUTPUT.relative_to(ROOT)} is not what the .proto files say; run tools/make_client_schema.py")
        return
    OUTPUT.write_text(text)


if __name__ == "__main__":
    main()
