# SPDX-License-Identifier: Apache-2.0
"""What the check scripts share: which files the repository has, and how findings are reported."""

import argparse
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADER_SUFFIXES = {".h"}
CPP_SUFFIXES = {".h", ".cc"}
_LEFT_OUT = {"build", "dist", "__pycache__", "node_modules"}
_OF_GIT = ".git"  # a file in a second work tree
_HIDDEN_BUT_OURS = {".ci", ".github"}


def files(root, suffixes=None, under=()):
    """Paths relative to root, sorted, without what is built or downloaded; with 'under' only what is in there."""
    found = []
    for folder, folders, names in os.walk(root):
        here = pathlib.Path(folder)
        folders[:] = sorted(
            name
            for name in folders
            if name not in _LEFT_OUT
            and (not name.startswith(".") or name in _HIDDEN_BUT_OURS)
            and not (here / name / "pyvenv.cfg").exists()
        )
        for name in names:
            if name == _OF_GIT:
                continue
            path = (here / name).relative_to(root)
            if suffixes is not None and path.suffix not in suffixes:
                continue
            if under and not any(path.is_relative_to(folder) for folder in under):
                continue
            found.append(path)
    return sorted(found)


def read(path):
    return path.read_text(encoding="utf-8", errors="replace")


def is_test(path):
    """Tests, benchmarks and the fakes they use."""
    return (
        path.stem.endswith(("_test", "_benchmark"))
        or path.stem.startswith("test_")
        or path.stem == "conftest"
        or "testing" in path.parts[:-1]
        or "tests" in path.parts[:-1]
    )


def main(name, find, description):
    """The main program of a check: prints each of find(root)'s findings in a line, exits with 1 if there was any."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--root", type=pathlib.Path, default=ROOT, help="the repository (default: this one)")
    findings = find(parser.parse_args().root)
    for finding in findings:
        print(finding)
    if findings:
        print(f"{name}: {len(findings)} findings", file=sys.stderr)
    sys.exit(1 if findings else 0)
