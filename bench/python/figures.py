# SPDX-License-Identifier: Apache-2.0
"""Figures of one run: contenders measured in turn, round by round, as a table and as lines of bench/results."""

from __future__ import annotations

import dataclasses
import datetime
import os
import pathlib
import platform
import statistics
import subprocess
from collections.abc import Callable, Sequence

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLUMNS = (
    "started,commit,processor,cores,kernel,runtime,load,quick,workload,rounds,subject,metric,median,min,max,target,verdict"
)

# A contender's figures of one round, by their names.
Figures = dict[str, float]


@dataclasses.dataclass(frozen=True)
class Target:
    bound: float
    at_most: bool

    def met(self, value: float) -> bool:
        return value <= self.bound if self.at_most else value >= self.bound

    def __str__(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.bound:g}"


def at_most(bound: float) -> Target:
    return Target(bound, True)


def at_least(bound: float) -> Target:
    return Target(bound, False)


@dataclasses.dataclass(frozen=True)
class Line:
    workload: str
    rounds: int
    load: float
    subject: str
    metric: str
    values: tuple[float, ...]
    target: Target | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def verdict(self) -> str:
        if self.target is None:
            return ""
        return "met" if self.target.met(self.median) else "missed"


@dataclasses.dataclass(frozen=True)
class Ratio:
    """One contender's figure by another's, of the same round."""

    name: str
    metric: str
    over: str
    under: str
    target: Target | None = None


def take_turns(
    workload: str,
    contenders: dict[str, Callable[[], Figures]],
    ratios: Sequence[Ratio],
    rounds: int,
) -> list[Line]:
    """A B C A B C ... for so many rounds; the ratios are taken within each round."""
    load = os.getloadavg()[0]
    taken: dict[str, list[Figures]] = {name: [] for name in contenders}
    for number in range(rounds):
        # The order turns, so that nobody is always measured behind the same one.
        names = list(contenders)
        names = names[number % len(names) :] + names[: number % len(names)]
        for name in names:
            taken[name].append(contenders[name]())
    lines = [
        Line(workload, rounds, load, name, metric, tuple(each[metric] for each in all_rounds))
        for name, all_rounds in taken.items()
        for metric in all_rounds[0]
    ]
    for ratio in ratios:
        if ratio.over not in taken or ratio.under not in taken:
            continue
        values = tuple(
            over[ratio.metric] / under[ratio.metric]
            for over, under in zip(taken[ratio.over], taken[ratio.under], strict=True)
        )
        lines.append(Line(workload, rounds, load, "comparison", ratio.name, values, ratio.target))
    return lines


def print_lines(lines: Sequence[Line]) -> None:
    """One line for each figure: median, least and most, target and verdict."""
    first = lines[0]
    print(f"\n{first.workload}: {first.rounds} rounds, median [least, most], load average {first.load:.2f}")
    width = max(len(f"{line.subject} {line.metric}") for line in lines)
    for line in lines:
        name = f"{line.subject} {line.metric}"
        spread = f"[{min(line.values):.4g}, {max(line.values):.4g}]"
        verdict = f"  target {line.target}: {line.verdict}" if line.target else ""
        print(f"  {name:{width}}  {line.median:10.4g}  {spread:22}{verdict}", flush=True)


def _processor() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(("git", *words), cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    try:
        name = git("rev-parse", "--short=12", "HEAD")
        changed = git("status", "--porcelain", "--", ".", ":!bench/results")
    except (OSError, subprocess.CalledProcessError):
        return "none"
    return name + ("+changes" if changed else "")


class Record:
    """What is kept of a run, where it is to be kept: bench/results/DATE-COMMIT.csv."""

    def __init__(self, quick: bool, runtime: str) -> None:
        self.started = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.commit = commit()
        self._facts = (
            f'{self.started},{self.commit},"{_processor()}",{len(os.sched_getaffinity(0))},'
            f'"{platform.system()} {platform.release()}","{runtime}"'
        )
        self._quick = int(quick)

    def save(self, lines: Sequence[Line]) -> pathlib.Path:
        file = ROOT / "bench" / "results" / f"{self.started[:10]}-{self.commit}.csv"
        new = not file.exists()
        with file.open("a", encoding="utf-8") as sink:
            if new:
                print(COLUMNS, file=sink)
            for line in lines:
                print(
                    f"{self._facts},{line.load:.2f},{self._quick},{line.workload},{line.rounds},{line.subject},"
                    f"{line.metric},{line.median:.6g},{min(line.values):.6g},{max(line.values):.6g},"
                    f"{line.target or ''},{line.verdict}",
                    file=sink,
                )
        return file
