#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks rules about texts and names: the licence line, '#pragma once', no path of somebody's machine, no empty words.

An empty word says nothing of what a thing is; no file, folder or type under src/ and include/ has one in its name.
"""

import re

import repository

LICENCE = "// SPDX-License-Identifier: Apache-2.0"
NAMED = ("include", "src")
EMPTY_WORDS = {"manager", "util", "helper", "common", "impl", "data", "info", "handler"}
# Names with such a word that others gave: 'data type' is the term of ONNX, Triton and KServe.
TERMS = {"datatype"}
MACHINE_FOLDERS = ("home", "root", "work")

_MACHINE_PATH = re.compile(r"(?<![\w.\-}])/(?:" + "|".join(MACHINE_FOLDERS) + r")/[\w.\-]*")
_TYPE = re.compile(
    r"^[^/\n]*?\b(?:class|struct|union|enum)\s+"  # not behind a comment's //
    r"(?:class\s+|struct\s+)?(?:\[\[[^\]]*\]\]\s*|alignas\([^)]*\)\s*|[A-Z][A-Z0-9_]*(?:\([^)]*\))?\s+)*"
    r"(\w+)\s*(?:final\s*)?(?::(?!:)[^;]*)?\{",
    re.MULTILINE,
)
_ALIAS = re.compile(r"^[^/\n]*?\b(?:using\s+(\w+)\s*=|concept\s+(\w+)\s*=)", re.MULTILINE)


def words(name):
    """The words of snake_case and PascalCase, in lower case and singular."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    return {re.sub(r"s$", "", part.lower()) for part in parts}


def empty_words(name):
    if name.lower().replace("_", "").removesuffix("test") in TERMS:
        return []
    return sorted(words(name) & EMPTY_WORDS)


def check_names(path, text):
    """Findings about the names of one C++ file and of the types in it."""
    for part in (*path.parts[1:-1], path.name.partition(".")[0]):
        for word in empty_words(part):
            yield f"{path}:1: '{part}' has the empty word '{word}'; name what it is or does"
    for pattern in (_TYPE, _ALIAS):
        for match in pattern.finditer(text):
            name = next(group for group in match.groups() if group)
            for word in empty_words(name):
                line = text.count("\n", 0, match.end()) + 1
                yield f"{path}:{line}: {name} has the empty word '{word}'; name what it is or does"


def check_cpp(path, text):
    lines = text.splitlines()
    if not lines or lines[0] != LICENCE:
        yield f"{path}:1: the first line must be '{LICENCE}'"
    if path.suffix in repository.HEADER_SUFFIXES and "#pragma once" not in lines:
        yield f"{path}:1: a header needs '#pragma once'"
    if path.parts[0] in NAMED:
        yield from check_names(path, text)


def check_paths(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        for match in _MACHINE_PATH.finditer(line):
            yield f"{path}:{number}: {match[0]} is a path of one machine; write one relative to the repository"


def find(root):
    findings = []
    for path in repository.files(root):
        raw = (root / path).read_bytes() if (root / path).is_file() else b""
        if b"\0" in raw[:8192]:
            continue
        text = raw.decode("utf-8", errors="replace")
        findings += check_paths(path, text)
        if path.suffix in repository.CPP_SUFFIXES:
            findings += check_cpp(path, text)
    return findings


if __name__ == "__main__":
    repository.main("check_text", find, __doc__)
