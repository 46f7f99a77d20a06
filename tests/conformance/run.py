#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plays the exchanges of tests/conformance against a server, over plain sockets. README.md has the format."""

import argparse
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "server"))

import exchange_file  # noqa: E402
import model_folders  # noqa: E402
import wire  # noqa: E402
from running_server import RunningServer  # noqa: E402


def cases(words):
    for path in sorted(HERE.rglob("*.http")):
        name = path.relative_to(HERE).as_posix()
        if not words or any(word in name for word in words):
            yield name, path


def play_exchange(exchange, connection):
    """What is wrong with the answers, and whether the connection is at its end."""
    connection.send(exchange.packets, exchange.hangs_up)
    announced = False
    for number, expected in enumerate(exchange.expected, 1):
        try:
            reply = connection.receive(exchange.methods[min(number, len(exchange.methods)) - 1])
        except wire.NoReply:
            reply = None
        if findings := [f"answer {number}: {finding}" for finding in expected.differences(reply)]:
            return findings, True
        announced = reply is None or "close" in [value.lower() for value in reply.values("connection")]
    if exchange.ends == "closed" and not connection.is_closed():
        return ["the server keeps the connection open"], True
    if exchange.ends == "open" and not connection.is_healthy():
        return ["the connection is of no more use"], True
    return [], announced or exchange.hangs_up or exchange.ends == "closed"


def play(path, address):
    """What is wrong with the answers to one file; nothing, if it is empty."""
    connection = wire.Connection(address)
    try:
        for number, exchange in enumerate(exchange_file.parse(path), 1):
            findings, ended = play_exchange(exchange, connection)
            if findings:
                return [f"exchange {number}, {finding}" for finding in findings]
            if ended:
                connection.close()
                connection = wire.Connection(address)
        if not connection.is_healthy():
            return ["the server does not answer any more"]
    finally:
        connection.close()
    return []


def run(address, words):
    """Plays all cases; returns (number of cases, number that failed)."""
    played = failed = 0
    for name, path in cases(words):
        played += 1
        try:
            findings = play(path, address)
        except (exchange_file.Malformed, OSError) as failure:
            findings = [str(failure)]
        if findings:
            failed += 1
            print(f"{name}: {exchange_file.purpose(path)}")
            for finding in findings:
                print(f"    {finding}")
    print(f"conformance: {played - failed} of {played} exchanges as expected")
    return played, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--program", help="the muster program to start")
    where.add_argument("--target", help="host:port of a server that runs")
    parser.add_argument("words", nargs="*", help="only cases whose path has one of these in it")
    options = parser.parse_args()
    if options.target:
        played, failed = run(options.target, options.words)
    else:
        with tempfile.TemporaryDirectory() as folder:
            repository = model_folders.lay_out(folder)
            arguments = ("--model-control", "explicit", "--load-model", "*", "--shared-memory")
            with RunningServer(options.program, repository, *arguments) as server:
                played, failed = run(server.http, options.words)
    return 0 if played and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
