# SPDX-License-Identifier: Apache-2.0
"""Resources: what a process holds over time, and whether that grows."""

import pathlib
import re
import statistics
import threading
import urllib.request

SAMPLE_S = 0.5
WINDOWS = 8
TOLERANCE = 0.05
# Before that, buffers still grow to the largest request seen and the allocator's arenas fill.
WARM_UP_SHARE = 0.25
# In less time a window has too few samples to say something.
SHORTEST_TO_JUDGE_S = 120


def metric_sum(address, name):
    with urllib.request.urlopen(f"http://{address}/metrics") as reply:
        page = reply.read().decode()
    return sum(float(value) for value in re.findall(rf"^{name}(?:\{{.*?\}})? (\S+)", page, re.MULTILINE))


def windows(samples, count):
    """The medians of `count` stretches of equal length."""
    edges = [len(samples) * i // count for i in range(count + 1)]
    return [statistics.median(samples[start:end]) for start, end in zip(edges, edges[1:]) if end > start]


def growth(medians):
    """By how much of the first window the highest later one lies above it."""
    return max(medians[1:], default=medians[0]) / medians[0] - 1


class Resources:
    """Samples a process. The memory is judged by medians of windows: after the warm-up none may lie more than the
    tolerance above the first."""

    def __init__(self, pid, seconds, judge_memory):
        self._folder = pathlib.Path("/proc") / str(pid)
        self._judge = judge_memory and seconds >= SHORTEST_TO_JUDGE_S
        self._memory, self._files, self._threads = [], [], []

    def sample(self):
        """Waits until it is time, and takes one."""
        threading.Event().wait(SAMPLE_S)
        try:
            status = (self._folder / "status").read_text()
            self._files.append(len(list((self._folder / "fd").iterdir())))
        except OSError:
            return  # it ended; others will say so
        self._memory.append(int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024)
        self._threads.append(int(re.search(r"Threads:\s+(\d+)", status)[1]))

    def _warm(self, samples):
        return samples[int(len(samples) * WARM_UP_SHARE) :]

    def findings(self):
        medians = windows(self._warm(self._memory), WINDOWS)
        if self._judge and (not medians or growth(medians) > TOLERANCE):
            return [f"resident memory grew by {growth(medians):.1%} after the warm-up; at most {TOLERANCE:.0%} may be"]
        return []

    def report(self):
        medians = windows(self._warm(self._memory), WINDOWS)
        if not medians:
            return "  no samples"
        judged = f"grew by {growth(medians):+.1%}" if self._judge else "not judged"
        by_window = " ".join(f"{median:.1f}" for median in medians)
        return (
            f"  memory        MiB by window after the warm-up: {by_window}; {judged}\n"
            f"  open files    at most {max(self._files)}, {self._files[-1]} at the end\n"
            f"  threads       at most {max(self._threads)}, {self._threads[-1]} at the end"
        )
