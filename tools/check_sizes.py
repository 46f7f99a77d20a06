#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the limits of size: file 500 lines (tests 800, headers 200), function 70, folder 15 sources, 8 public headers.

A source of a folder is a name without its ending: x.h and x.cc are one; tests, benchmarks and fakes don't count. A C++
function is found by its braces, which is a guess, but a good one for formatted code. tools/size_exceptions.txt holds
what is allowed to be bigger, a line each: 'path: reason' for a file or folder, 'path function: reason' for a function.
"""

import ast
import pathlib
import re

import repository

EXCEPTIONS = pathlib.Path("tools/size_exceptions.txt")
CHECKED = ("bench", "examples", "fuzz", "include", "python", "src", "tests", "tools")
FILE_LINES, TEST_LINES, HEADER_LINES = 500, 800, 200
FUNCTION_LINES = 70
FOLDER_SOURCES, PUBLIC_HEADERS = 15, 8

_LITERAL = re.compile(
    r"""//[^\n]*                                              # a comment
      | /\*.*?\*/
      | R"(?P<delimiter>[^()\s\\]*)\(.*?\)(?P=delimiter)"     # a raw string
      | "(?:\\.|[^"\\\n])*"
      | (?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'                   # not the ' in 1'000
    """,
    re.DOTALL | re.VERBOSE,
)
_CONTAINER = re.compile(r"^(inline\s+)?(namespace|class|struct|union|enum|extern)\b")
_DIRECTIVE = re.compile(r"^\s*#\s*(\w+)")


def blank(match):
    """The same number of lines, and nothing on them."""
    return "\n" * match[0].count("\n") or " "


def without_directives(text):
    """Drops preprocessor lines, and all but the first branch of each #if: both would count the same brace twice."""
    kept, skipping, continued = [], [], False
    for line in text.split("\n"):
        match = None if continued else _DIRECTIVE.match(line)
        if match:
            word = match[1]
            if word in ("if", "ifdef", "ifndef"):
                skipping.append(False)
            elif word in ("else", "elif", "elifdef") and skipping:
                skipping[-1] = True
            elif word == "endif" and skipping:
                skipping.pop()
        drop = continued or match is not None or any(skipping)
        continued = (continued or match is not None) and line.endswith("\\")
        kept.append("" if drop else line)
    return "\n".join(kept)


def code_only(text):
    """C++ without comments, strings and directives, line for line."""
    return without_directives(_LITERAL.sub(blank, text))


def closing(text, opening):
    """The index of the brace that closes the one at 'opening'; the end of the text if there is none."""
    depth = 0
    for match in re.compile(r"[{}]").finditer(text, opening):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return match.start()
    return len(text)


def without_template(head):
    """A declaration's text without template<...>, [[...]] and operator= and its kin, whose signs mislead."""
    head = re.sub(r"\[\[.*?\]\]", " ", head, flags=re.DOTALL)
    head = re.sub(r"\boperator\s*(\(\s*\)|\[\s*\]|[^\s\w(]+)", "operator_", head)
    match = re.search(r"\btemplate\s*<", head)
    while match:
        depth, end = 1, match.end()
        while depth and end < len(head):
            depth += {"<": 1, ">": -1}.get(head[end], 0)
            end += 1
        head = head[: match.start()] + head[end:]
        match = re.search(r"\btemplate\s*<", head)
    return head.strip()


def outside_parentheses(head):
    depth, kept = 0, []
    for char in head:
        depth += {"(": 1, ")": -1}.get(char, 0)
        if depth == 0:
            kept.append(char)
    return "".join(kept)


def kind_of(head):
    """What the text before a brace opens: 'container' (namespace, class), 'function' or 'value' (an initialiser)."""
    head = without_template(head)
    if _CONTAINER.match(head) and not re.search(r"\)\s*(const|noexcept|override|final)*$", head):
        return "container"
    if head.count("(") > head.count(")"):
        return "value"  # in a list of parameters or arguments
    if "(" not in head and not head.endswith("]"):
        return "value"
    if "=" in outside_parentheses(head) and "[" not in head:
        return "value"
    return "function"


def name_of(head):
    head = without_template(head)
    test = re.match(r"(?:TYPED_)?TEST(?:_[FP])?\s*\(\s*(\w+)\s*,\s*(\w+)", head)
    if test:
        return f"{test[1]}.{test[2]}"
    variable = re.search(r"(\w+)\s*=\s*\[", head)
    if variable:
        return variable[1]
    match = re.search(r"((?:[\w~]+(?:<[^<>]*>)?::)*~?\w+)\s*\(", head)
    return match[1] if match else "?"


def cpp_functions(text):
    """(name, first line, number of lines) of each function in C++ text; what is inside one belongs to it."""
    text = code_only(text)
    start = position = 0
    for match in iter(lambda: re.compile(r"[{};]").search(text, position), None):
        position = match.end()
        if match[0] != "{":
            start = position
            continue
        head = re.sub(r"^\s*((public|private|protected)\s*:\s*)+", "", text[start : match.start()])
        kind = kind_of(head)
        if kind == "container":
            start = position
            continue
        end = closing(text, match.start())
        following = text[end + 1 :].lstrip()[:1]
        position = end + 1
        if kind == "value" or following in ("{", ",", "(") and following:
            continue  # an initialiser: the declaration goes on behind it
        first = text.count("\n", 0, start + len(text[start : match.start()]) - len(head.lstrip())) + 1
        yield name_of(head), first, text.count("\n", 0, end) + 2 - first
        start = position


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno - node.lineno + 1


def parse_exceptions(root):
    """What is excepted -> its line, and what is wrong with the file."""
    excepted, findings = {}, []
    if (root / EXCEPTIONS).exists():
        for number, line in enumerate(repository.read(root / EXCEPTIONS).splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            what, _, reason = line.partition(":")
            excepted[what.strip()] = number
            if not reason.strip():
                findings.append(f"{EXCEPTIONS}:{number}: no reason; write '{what.strip()}: reason'")
    return excepted, findings


def line_limit(path):
    if repository.is_test(path):
        return TEST_LINES
    return HEADER_LINES if path.suffix in repository.HEADER_SUFFIXES else FILE_LINES


def oversize(root):
    """(what, finding) for each thing that is bigger than its limit."""
    folders = {}
    for path in repository.files(root, repository.CPP_SUFFIXES | {".py"}, CHECKED):
        text = repository.read(root / path)
        lines, limit = text.count("\n"), line_limit(path)
        if lines > limit:
            yield path.as_posix(), f"{path}:{limit + 1}: {lines} lines, at most {limit}; split the file by step"
        find_functions = python_functions if path.suffix == ".py" else cpp_functions
        for name, first, length in find_functions(text):
            if length > FUNCTION_LINES:
                finding = f"{path}:{first}: {name} has {length} lines, at most {FUNCTION_LINES}; split it by step"
                yield f"{path.as_posix()} {name}", finding
        if not repository.is_test(path):
            folders.setdefault(path.parent, set()).add(path.stem)
    for folder, sources in sorted(folders.items()):
        limit = PUBLIC_HEADERS if folder == pathlib.Path("include/muster") else FOLDER_SOURCES
        if len(sources) > limit:
            yield folder.as_posix(), f"{folder}:1: {len(sources)} sources, at most {limit}; make a folder in it"


def find(root):
    excepted, findings = parse_exceptions(root)
    used = set()
    for what, finding in oversize(root):
        if what in excepted:
            used.add(what)
        else:
            findings.append(finding)
    for what in sorted(set(excepted) - used):
        findings.append(f"{EXCEPTIONS}:{excepted[what]}: {what} needs no exception (any more); remove the line")
    return findings


if __name__ == "__main__":
    repository.main("check_sizes", find, __doc__)
