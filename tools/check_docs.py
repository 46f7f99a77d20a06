#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the documents: every relative link in *.md leads to a file (and heading) of the repository, and every marked
code block equals the file that it shows.

A mark is a comment on a line of its own before the block (or, if none stands there, after it): <!-- file: path --> for
a whole file, <!-- file: path#name --> for what stands between the lines with [start name] and [end name] in that file.
Paths in marks start at the root of the repository. Common indentation doesn't count.
"""

import dataclasses
import os
import pathlib
import re
import textwrap
import urllib.parse

import repository

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_MARK = re.compile(r"^\s*<!--\s*file:\s*(\S+?)(?:#(\S+))?\s*-->\s*$")
_INLINE_CODE = re.compile(r"(`+).*?\1")
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_DEFINITION = re.compile(r"^\s{0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s+\".*\")?\s*$")
_HTML_LINK = re.compile(r"<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)=\"([^\"]+)\"")
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:|^//", re.IGNORECASE)


@dataclasses.dataclass
class Block:
    first: int  # the line of the opening fence, from 1
    last: int  # the line of the closing fence
    text: str


def split(text):
    """The code blocks of a document, and its other lines as (number, line)."""
    blocks, prose, fence = [], [], None
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        match = _FENCE.match(line)
        if fence is None and match:
            fence, first = match[1], number
        elif fence is not None:
            if match and match[1].startswith(fence) and not line.strip().strip(fence[0]):
                blocks.append(Block(first, number, "\n".join(lines[first : number - 1])))
                fence = None
        else:
            prose.append((number, line))
    if fence is not None:
        blocks.append(Block(first, len(lines) + 1, "\n".join(lines[first:])))
    return blocks, prose


def headings(text):
    """The anchors of a document's headings, as GitHub makes them."""
    anchors, seen = set(), {}
    for _, line in split(text)[1]:
        match = re.match(r"^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$", line)
        if match:
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match[1]).lower()
            anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
            count = seen.get(anchor, 0)
            seen[anchor] = count + 1
            anchors.add(f"{anchor}-{count}" if count else anchor)
        anchors.update(re.findall(r"<a\s+(?:id|name)=\"([^\"]+)\"", line))
    return anchors


def links(prose):
    for number, line in prose:
        line = _INLINE_CODE.sub("", line)
        for pattern in (_LINK, _DEFINITION, _HTML_LINK):
            for match in pattern.finditer(line):
                yield number, match[1]


def check_link(root, document, link):
    """What is wrong with a link, or None."""
    if _SCHEME.match(link):
        return None
    path, _, anchor = urllib.parse.unquote(link).partition("#")
    path = path.partition("?")[0]
    target = os.path.normpath(document.parent / path) if path else str(document)
    if path.startswith("/") or target.startswith(".."):
        return f"({link}) leads out of the repository; write a relative link"
    if not (root / target).exists():
        return f"({link}) leads nowhere; there is no {target}"
    if anchor and target.endswith(".md") and anchor.lower() not in headings(repository.read(root / target)):
        return f"({link}): {target} has no such heading"
    return None


def region(text, name):
    """What stands between the lines with [start name] and [end name], without any such lines; None if not there."""
    lines, inside, found = [], False, False
    for line in text.splitlines():
        if f"[start {name}]" in line:
            inside = found = True
        elif f"[end {name}]" in line:
            inside = False
        elif inside and not re.search(r"(//|#)\s*\[(start|end) \S+\]", line):
            lines.append(line)
    return "\n".join(lines) if found and not inside else None


def normal(text):
    return "\n".join(line.rstrip() for line in textwrap.dedent(text).strip("\n").splitlines())


def marked_blocks(blocks, prose):
    """(mark's line, path, region or None, block or None) of each mark."""
    filled = [(number, line) for number, line in prose if line.strip()]
    after, before = {}, {}  # the line of prose right above (right below) a block -> the block
    for block in blocks:
        above = max((number for number, _ in filled if number < block.first), default=0)
        below = min((number for number, _ in filled if number > block.last), default=0)
        if not any(above < other.first < block.first for other in blocks):
            after[above] = block
        if not any(block.first < other.first < below for other in blocks):
            before[below] = block
    for number, line in filled:
        match = _MARK.match(line)
        if match:
            yield number, match[1], match[2], after.get(number) or before.get(number)


def check_mark(root, path, name, block):
    """What is wrong with a marked block, or None."""
    if block is None:
        return f"no code block next to the mark of {path}; remove the mark or put the block there"
    if not (root / path).is_file():
        return f"the block shows {path}, which does not exist"
    text = repository.read(root / path)
    if name is not None:
        text = region(text, name)
        if text is None:
            return f"{path} has no lines '[start {name}]' and '[end {name}]'"
    if normal(text) == normal(block.text):
        return None
    shown, there = normal(block.text).splitlines(), normal(text).splitlines()
    same = sum(1 for _ in same_start(shown, there))
    wanted = repr(there[same]) if same < len(there) else "the end"
    return f"line {same + 1} of the block differs from {path}{'#' + name if name else ''}, which has {wanted} there"


def same_start(one, other):
    for left, right in zip(one, other):
        if left != right:
            return
        yield left


def find(root):
    findings = []
    for document in repository.files(root, {".md"}):
        blocks, prose = split(repository.read(root / document))
        for number, link in links(prose):
            problem = check_link(root, document, link)
            if problem:
                findings.append(f"{document}:{number}: {problem}")
        for number, path, name, block in marked_blocks(blocks, prose):
            problem = check_mark(root, path, name, block)
            if problem:
                findings.append(f"{document}:{block.first if block else number}: {problem}")
    return findings


if __name__ == "__main__":
    repository.main("check_docs", find, __doc__)
