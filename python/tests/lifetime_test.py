# SPDX-License-Identifier: Apache-2.0
"""Forks, interrupts and the interpreter's end, each in a process of its own: none may crash, hang or leak."""

import pytest

BEGIN = """
import gc, os, signal, sys, threading
import numpy, muster
model = muster.Model("models/lenet")
images = numpy.zeros((2, 1, 28, 28), numpy.float32)
"""


def ended_well(done, daemons=False):
    assert done.returncode == 0, done.stderr
    # The interpreter stops daemon threads wherever they are, and never lets go what their frames hold.
    assert daemons or "leaked" not in done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "code",
    [
        "model.run(images)",
        "model.run(images); model.classify('examples/digits/0_10.png'); model.close()",
        "batcher = muster.Batcher(model); batcher.run(images)",
        "batcher = muster.Batcher(model, max_delay=60); futures = [batcher.submit(images) for _ in range(9)]",
        "muster.Batcher(model, max_delay=60).submit(images)",
        "import asyncio\nbatcher = muster.Batcher(model)\nasync def f(): return await batcher.submit(images)\nasyncio.run(f())",
        "import asyncio\nbatcher = muster.Batcher(model, max_delay=60)\nasync def f(): return await batcher.submit(images)\n"
        "loop = asyncio.new_event_loop()\ntask = loop.create_task(f())\nloop.call_later(0.05, loop.stop)\nloop.run_forever()\n"
        "task.cancel()\nloop.run_until_complete(asyncio.gather(task, return_exceptions=True))\nloop.close()",
        "for wrong in (None, 'a', images[0], images.astype(float), images[:0]):\n"
        "    try: model.run(wrong)\n    except muster.Error: pass\n    else: raise SystemExit(3)",
        "with model: pass\ngc.collect()",
        "batcher = muster.Batcher(model, max_delay=60)\nfor _ in range(3): batcher.submit(images).add_done_callback(print)",
        "batcher = muster.Batcher(model)\nheard = threading.Event()\n"
        "batcher.submit(images).add_done_callback(lambda done: heard.set())\nheard.wait()",
        # The function still runs when the interpreter begins to end.
        "batcher = muster.Batcher(model, max_batch_size=4, max_delay=60)\nheard = threading.Event()\ndef late(done):\n"
        "    heard.set()\n    threading.main_thread().join()\n"
        "batcher.submit(images).add_done_callback(late)\nbatcher.submit(images)\nheard.wait()",
        "muster.bench(model, [1], 3, warm_up=0)",
        "sys.modules['kept'] = model",
    ],
)
def test_the_end_comes_quietly_and_nothing_leaks(python, code):
    ended_well(python(BEGIN + code))


def test_the_end_comes_while_threads_run(python):
    ended_well(
        python(
            BEGIN
            + """
batcher = muster.Batcher(model, max_batch_size=8)
begun = [threading.Event() for _ in range(6)]
def run(event):
    while True:
        model.run(images)
        event.set()
def submit(event):
    while True:
        batcher.run(images)
        event.set()
def quiet(work, event):
    try: work(event)
    except muster.Error: pass
for i, event in enumerate(begun):
    threading.Thread(target=quiet, args=(run if i % 2 else submit, event), daemon=True).start()
for event in begun:
    event.wait()
"""
        ),
        daemons=True,
    )


def test_the_end_comes_while_a_thread_waits_for_a_future(python):
    out = ended_well(
        python(
            BEGIN
            + """
batcher = muster.Batcher(model, max_delay=60)
future = batcher.submit(images)
begun = threading.Event()
def wait():
    begun.set()
    try: future.result()
    # Not print: Python ends itself where a daemon thread is stopped with the lock of its stdout.
    except muster.Error as error: os.write(1, type(error).__name__.encode() + b"\\n")
threading.Thread(target=wait, daemon=True).start()
begun.wait()
"""
        ),
        daemons=True,
    )
    assert out in ("Cancelled\n", "Unavailable\n", "")


def test_a_child_is_told_to_open_its_own(python):
    out = ended_well(
        python(
            BEGIN
            + """
batcher = muster.Batcher(model)
future = batcher.submit(images)
model.run(images)
slow = muster.Batcher(model, max_delay=60)
pending = slow.submit(images)
child = os.fork()
if child == 0:
    for use in (lambda: model.run(images), lambda: batcher.submit(images), lambda: pending.result()):
        try: use()
        except muster.FailedPrecondition as error: print("forked" in str(error), flush=True)
    model.close(); batcher.close()
    own = muster.Model("models/lenet")
    print(own.run(images)["output"].shape, flush=True)
    sys.exit(0)
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status), model.run(images)["output"].shape)
"""
        )
    )
    assert out.splitlines() == ["True", "True", "True", "(2, 10)", "0 (2, 10)"]


def test_a_pool_of_processes_that_fork_opens_models_of_its_own(python):
    out = ended_well(
        python(
            """
import multiprocessing, numpy, muster
def work(i):
    with muster.Model("models/lenet") as model:
        return model.run(numpy.zeros((i, 1, 28, 28), numpy.float32))["output"].shape[0]
if __name__ == "__main__":
    import muster.core
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(pool.map(work, [1, 2, 3]))
"""
        )
    )
    assert out == "[1, 2, 3]\n"


@pytest.mark.parametrize(
    "wait",
    [
        "batcher.submit(images).result()",
        "batcher.run(images)",
        "[waiting.submit(images) for _ in range(3)]",
    ],
)
def test_an_interrupt_ends_what_waits(python, wait):
    out = ended_well(
        python(
            BEGIN
            + f"""
batcher = muster.Batcher(model, max_delay=60)
waiting = muster.Batcher(model, max_delay=60, max_queue_size=2, when_full="wait")
threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    {wait}
except KeyboardInterrupt:
    print("interrupted")
print(model.run(images)["output"].shape)
"""
        )
    )
    assert out == "interrupted\n(2, 10)\n"


def test_an_interrupt_ends_a_loop_of_runs(python):
    out = ended_well(
        python(
            BEGIN
            + """
threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    while True: model.run(images)
except KeyboardInterrupt:
    print("interrupted")
print(model.run(images)["output"].shape)
"""
        )
    )
    assert out == "interrupted\n(2, 10)\n"


def test_memory_does_not_grow_with_runs(python):
    ended_well(
        python(
            BEGIN
            + """
import resource
batcher = muster.Batcher(model)
def some():
    for _ in range(3000):
        model.run(images)
        batcher.run(images)
        try: model.run(images[0])
        except muster.InvalidArgument: pass
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
some()
before = resident()
references = [sys.getrefcount(images), sys.getrefcount(model), sys.getrefcount(None)]
some()
assert resident() - before < 2 << 20, resident() - before
after = [sys.getrefcount(images), sys.getrefcount(model), sys.getrefcount(None)]
assert after[:2] == references[:2], (references, after)
assert after[2] - references[2] < 100, (references, after)
"""
        )
    )
