# SPDX-License-Identifier: Apache-2.0
"""muster.Batcher beside what else answers single rows on the same cores: loops around ONNX Runtime, LitServe, Mosec; and
beside the raw runtime at batch 32 on one thread, which is the most that one session of it can do.

Callers ask again as soon as they are answered: 64 threads, or 1,000 tasks of one event loop; servers are asked by as many
connections. Rows a second; the processor time of all that takes part, callers included, for a row.
"""

from __future__ import annotations

import asyncio
import resource
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import muster
import numpy
from contenders import Contender, start_servers
from figures import Figures, Line, Ratio, at_least, take_turns
from runs import MODEL, bound_run, session

THREADS, TASKS, BATCH = 64, 1000, 32


def _used() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime


class _Window:
    """From its making to `figures`: the rows of that time."""

    def __init__(self) -> None:
        self._wall, self._used = time.perf_counter(), _used()

    def figures(self, rows: int) -> Figures:
        wall, used = time.perf_counter() - self._wall, _used() - self._used
        return {"items_per_s": rows / wall, "cpu_us_per_item": used / max(rows, 1) * 1e6}


def loop(call: Callable[[], object], rows: int, seconds: float) -> Callable[[], Figures]:
    """One thread that calls, for so many rows each time."""

    def run() -> Figures:
        call()
        window, end, calls = _Window(), time.perf_counter() + seconds, 0
        while time.perf_counter() < end:
            call()
            calls += 1
        return window.figures(calls * rows)

    return run


def threads(ask: Callable[[int], object], seconds: float) -> Callable[[], Figures]:
    """THREADS threads that ask."""

    def run() -> Figures:
        asked = [0] * THREADS
        begin, go_on = threading.Barrier(THREADS + 1), [True]

        def caller(number: int) -> None:
            count = 0
            begin.wait()
            while go_on:
                ask(number)
                count += 1
            asked[number] = count

        all_callers = [threading.Thread(target=caller, args=(i,)) for i in range(THREADS)]
        for thread in all_callers:
            thread.start()
        begin.wait()
        window = _Window()
        time.sleep(seconds)
        go_on.clear()
        for thread in all_callers:
            thread.join()
        return window.figures(sum(asked))

    return run


def tasks(ask: Callable[[int], Awaitable[object]], seconds: float) -> Callable[[], Figures]:
    """TASKS tasks of one event loop that ask."""

    async def run_all() -> Figures:
        go_on = [True]

        async def caller(number: int) -> int:
            count = 0
            while go_on:
                await ask(number)
                count += 1
            return count

        window = _Window()
        all_callers = [asyncio.ensure_future(caller(i)) for i in range(TASKS)]
        await asyncio.sleep(seconds)
        go_on.clear()
        return window.figures(sum(await asyncio.gather(*all_callers)))

    return lambda: asyncio.run(run_all())


def _in_thread(call: Callable[[int], object]) -> Callable[[int], Awaitable[object]]:
    async def ask(number: int) -> object:
        return await asyncio.get_running_loop().run_in_executor(None, call, number)

    return ask


@contextmanager
def _own_contenders(seconds: float) -> Iterator[dict[str, Callable[[], Figures]]]:
    images = numpy.random.default_rng(1).random((TASKS, 1, 28, 28), numpy.float32)
    rows, singles = list(images), [images[i : i + 1] for i in range(TASKS)]
    one = session()

    def plain(number: int) -> Any:
        return one.run(["output"], {"input": singles[number]})[0]

    with muster.Model(MODEL) as model, muster.Batcher(model, max_batch_size=BATCH) as batcher:

        async def submit(number: int) -> Any:
            return (await batcher.submit(rows[number]))["output"]

        numpy.testing.assert_allclose(batcher.run(rows[3])["output"], plain(3)[0], rtol=1e-4, atol=1e-4)
        yield {
            "raw_32": loop(bound_run(one, images[:BATCH].copy()), BATCH, seconds),
            "raw_1": loop(bound_run(one, images[:1].copy()), 1, seconds),
            "batcher_threads": threads(lambda number: batcher.run(rows[number])["output"], seconds),
            "batcher_tasks": tasks(submit, seconds),
            "plain_loop": loop(lambda: plain(0), 1, seconds),
            "plain_threads": threads(plain, seconds),
            "plain_tasks": tasks(_in_thread(plain), seconds),
        }


def measure(rounds: int, seconds: float) -> list[Line]:
    raw, five = at_least(0.6), at_least(5)
    ratios = [
        Ratio("threads_of_raw_32", "items_per_s", "batcher_threads", "raw_32", raw),
        Ratio("tasks_of_raw_32", "items_per_s", "batcher_tasks", "raw_32", raw),
    ]
    for name in ("litserve", "mosec"):
        ratios.append(Ratio(f"threads_of_{name}", "items_per_s", "batcher_threads", f"{name}_{THREADS}", five))
        ratios.append(Ratio(f"tasks_of_{name}", "items_per_s", "batcher_tasks", f"{name}_{TASKS}", five))
        # What a queue that costs nothing could reach with one session.
        ratios.append(Ratio(f"raw_32_of_{name}", "items_per_s", "raw_32", f"{name}_{THREADS}"))
    ratios += [
        Ratio("threads_of_plain_threads", "items_per_s", "batcher_threads", "plain_threads", five),
        Ratio("tasks_of_plain_tasks", "items_per_s", "batcher_tasks", "plain_tasks", five),
        Ratio("threads_of_plain_loop", "items_per_s", "batcher_threads", "plain_loop", five),
        Ratio("tasks_of_plain_loop", "items_per_s", "batcher_tasks", "plain_loop", five),
        # What any queue over this model could gain over a loop, if it cost nothing.
        Ratio("raw_32_of_plain_loop", "items_per_s", "raw_32", "plain_loop"),
    ]
    with start_servers() as servers, _own_contenders(seconds) as contenders:
        for server in servers:
            for connections in (THREADS, TASKS):
                contenders[f"{server.name}_{connections}"] = _served(server, connections, seconds)
        return take_turns("python-batcher", contenders, ratios, rounds)


def _served(server: Contender, connections: int, seconds: float) -> Callable[[], Figures]:
    return lambda: server.ask(connections, seconds)
