#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that every #include in src/, include/muster/ and python/src/ follows an arrow that src/layers.txt allows."""

import dataclasses
import pathlib
import re

import repository

LAYERS = pathlib.Path("src/layers.txt")
PUBLIC = pathlib.Path("include/muster")
CHECKED = ("src", "include/muster", "python/src")
ANY = "*"
GENERATED = (".pb.h",)
GENERATED_LAYER = "proto"
_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


@dataclasses.dataclass
class Layers:
    allowed: dict = dataclasses.field(default_factory=dict)  # layer -> the layers it may include
    lines: dict = dataclasses.field(default_factory=dict)  # layer -> its line in the file
    public: dict = dataclasses.field(default_factory=dict)  # public header -> its layer

    def of_folder(self, folder):
        """The layer that a folder or file belongs to: the longest declared one that it is or is in, or None."""
        while folder:
            if folder in self.allowed:
                return folder
            folder = folder.rpartition("/")[0]
        return None

    def may_include(self, layer, other):
        allowed = self.allowed[layer]
        return layer == other or other in allowed or ANY in allowed


def parse_layers(text):
    """The layers, and what is wrong with the file itself."""
    layers, findings = Layers(), []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        if "->" in line:
            header, _, layer = (part.strip() for part in line.partition("->"))
            layers.public[header] = layer
            layers.lines[header] = number
        elif ":" in line:
            layer, _, allowed = line.partition(":")
            if layer.strip() in layers.allowed:
                findings.append(f"{LAYERS}:{number}: {layer.strip()} is declared twice; join the two lines")
            layers.allowed[layer.strip()] = set(allowed.split())
            layers.lines[layer.strip()] = number
        else:
            findings.append(f"{LAYERS}:{number}: neither 'folder: folders' nor 'header -> folder'; correct the line")
    return layers, findings


def check_declarations(layers):
    """Undeclared names, backends that are named by anything but the top, and cycles."""
    findings = []
    for layer, allowed in layers.allowed.items():
        where = f"{LAYERS}:{layers.lines[layer]}"
        for other in sorted(allowed - {ANY}):
            if other not in layers.allowed:
                findings.append(f"{where}: {layer} may include {other}, which is not declared; declare it or remove it")
            elif other.startswith("backends/"):
                findings.append(f"{where}: {layer} names {other}; only a folder with '{ANY}' may include a backend")
    for header, layer in layers.public.items():
        if layer not in layers.allowed:
            findings.append(f"{LAYERS}:{layers.lines[header]}: {header} belongs to {layer}, which is not declared")
    cycle = find_cycle(layers)
    if cycle:
        where = f"{LAYERS}:{layers.lines[cycle[0]]}"
        findings.append(f"{where}: a cycle: {' -> '.join(cycle)}; remove one of these arrows")
    return findings


def find_cycle(layers):
    """Some cycle of the declared graph as a list that ends where it starts; [] if there is none."""
    done, path = set(), []

    def visit(layer):
        if layer in path:
            return path[path.index(layer) :] + [layer]
        if layer in done or layer not in layers.allowed:
            return []
        path.append(layer)
        for other in sorted(layers.allowed[layer] - {ANY, layer}):
            cycle = visit(other)
            if cycle:
                return cycle
        path.pop()
        done.add(layer)
        return []

    for layer in layers.allowed:
        cycle = visit(layer)
        if cycle:
            return cycle
    return []


def layer_of_file(layers, path):
    """The layer of a file, or None."""
    if path.is_relative_to(PUBLIC):
        return layers.public.get(f"muster/{path.relative_to(PUBLIC).as_posix()}")
    if path.is_relative_to("src"):
        return layers.of_folder(path.relative_to("src").as_posix())
    return layers.of_folder(path.as_posix())


def includes(text):
    """(line number, '<' or '"', path) of each #include."""
    for number, line in enumerate(text.splitlines(), 1):
        match = _INCLUDE.match(line)
        if match:
            yield number, match[1], match[2]


def check_include(layers, path, layer, bracket, included):
    """What is wrong with one #include, or None."""
    if included.startswith("muster/"):
        other = layers.public.get(included)
        if other is None:
            return f"{included} has no layer; add '{included} -> folder' to {LAYERS}"
        if bracket == '"':
            return f"a public header is included with <{included}>"
        return None if layers.may_include(layer, other) else forbidden(layer, other, included)
    if bracket == "<":
        return None
    if included.endswith(GENERATED):
        return None if layers.may_include(layer, GENERATED_LAYER) else forbidden(layer, GENERATED_LAYER, included)
    if path.is_relative_to(PUBLIC):
        return f'a public header may not include "{included}", which is not installed'
    other = layers.of_folder(included.rpartition("/")[0])
    if other is None:
        return f'"{included}" is in no declared folder; write the path from src/, or <...> for what is not ours'
    if "testing" in included.split("/") and not repository.is_test(path):
        return f'"{included}" is a fake for tests; only *_test.cc, *_benchmark.cc and testing/ may include it'
    return None if layers.may_include(layer, other) else forbidden(layer, other, included)


def forbidden(layer, other, included):
    return f"{layer} may not include {other} ({included}); move the code, or ask for an interface of a lower folder"


def find(root):
    if not (root / LAYERS).exists():
        return [f"{LAYERS}:1: is missing"]
    layers, findings = parse_layers(repository.read(root / LAYERS))
    findings += check_declarations(layers)
    for path in repository.files(root, repository.CPP_SUFFIXES, CHECKED):
        layer = layer_of_file(layers, path)
        if layer is None:
            findings.append(f"{path}:1: this file has no layer; declare its folder (or public header) in {LAYERS}")
            continue
        for number, bracket, included in includes(repository.read(root / path)):
            problem = check_include(layers, path, layer, bracket, included)
            if problem:
                findings.append(f"{path}:{number}: {problem}")
    return findings


if __name__ == "__main__":
    repository.main("check_layers", find, __doc__)
