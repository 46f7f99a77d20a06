# SPDX-License-Identifier: Apache-2.0
"""muster.Batcher: many small requests, from threads and event loops, and what becomes of them."""

import asyncio
import contextvars
import sys
import threading

import muster
import numpy
import pytest

IMAGES = numpy.random.default_rng(3).random((64, 1, 28, 28), dtype=numpy.float32)


@pytest.fixture(scope="module")
def model(lenet):
    with muster.Model(lenet) as opened:
        yield opened


@pytest.fixture(scope="module")
def expected(model):
    return model.run(IMAGES)["output"]


@pytest.fixture
def batcher(model):
    with muster.Batcher(model, max_batch_size=32) as made:
        yield made


@pytest.fixture
def slow(model):
    """A queue whose batches are not due before somebody closes it: a request stays where it is."""
    with muster.Batcher(model, max_batch_size=32, max_delay=60, max_queue_size=3) as made:
        yield made


def close_to(made, wanted):
    numpy.testing.assert_allclose(made, wanted, rtol=1e-4, atol=1e-4)


def test_a_future_has_the_outputs(batcher, expected):
    future = batcher.submit(IMAGES[:2])
    close_to(future.result()["output"], expected[:2])
    assert future.done()
    assert future.exception() is None
    assert not future.cancel()
    assert not future.cancelled()
    close_to(future.result(timeout=0)["output"], expected[:2])


def test_one_row_needs_no_batch_axis(batcher, expected):
    made = batcher.submit({"input": IMAGES[5]}).result()["output"]
    assert made.shape == (10,)
    close_to(made, expected[5])


def test_a_request_larger_than_a_batch_is_run_in_parts(batcher, expected):
    close_to(batcher.run(IMAGES)["output"], expected)


def test_the_array_may_change_when_it_was_submitted(model, expected):
    with muster.Batcher(model, max_batch_size=2, max_delay=60) as batcher:
        image = IMAGES[:1].copy()
        future = batcher.submit(image)
        image[:] = 0
        batcher.submit(IMAGES[1:2])
        close_to(future.result()["output"], expected[:1])


def test_threads_share_batches(model, expected):
    with muster.Batcher(model, max_batch_size=8, max_delay=60) as batcher:
        made = [None] * 16

        def work(i):
            made[i] = batcher.run(IMAGES[i])["output"]

        threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        close_to(numpy.stack(made), expected[:16])
        statistics = batcher.statistics()
    assert statistics["rows"] == 16
    assert statistics["batches_by_rows"] == {8: 2}
    assert statistics["succeeded"] == 16
    assert statistics["waiting"] == 0


def test_tasks_of_an_event_loop_share_batches(model, expected):
    with muster.Batcher(model, max_batch_size=32, max_delay=60) as batcher:

        async def one(i):
            return (await batcher.submit(IMAGES[i]))["output"]

        async def all_of_them():
            return await asyncio.gather(*(one(i) for i in range(64)))

        close_to(numpy.stack(asyncio.run(all_of_them())), expected)
        assert batcher.statistics()["batches_by_rows"] == {32: 2}


def test_one_loop_after_another_and_two_at_once_await_it(batcher, expected):
    async def some():
        for i in range(20):
            close_to((await batcher.submit(IMAGES[i]))["output"], expected[i])

    for _ in range(3):
        asyncio.run(some())
    failures = []

    def loop():
        try:
            asyncio.run(some())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=loop) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_future_that_is_done_can_be_awaited_and_by_many(batcher, expected):
    async def several():
        future = batcher.submit(IMAGES[0])
        future.result()
        return await asyncio.gather(*(asyncio.ensure_future(wait(future)) for _ in range(3)))

    async def wait(future):
        return (await future)["output"]

    for made in asyncio.run(several()):
        close_to(made, expected[0])


def test_a_failure_is_raised_where_it_is_awaited(batcher):
    async def late():
        with pytest.raises(muster.DeadlineExceeded):
            await batcher.submit(IMAGES[0], timeout=0)

    asyncio.run(late())
    assert isinstance(batcher.submit(IMAGES[0], timeout=0).exception(), TimeoutError)


def test_waiting_has_a_limit_and_the_request_goes_on(slow):
    future = slow.submit(IMAGES[0])
    with pytest.raises(muster.DeadlineExceeded, match="0.01"):
        future.result(timeout=0.01)
    assert not future.done()
    slow.close()
    assert future.result()["output"].shape == (10,)


def test_a_task_that_is_cancelled_leaves_the_queue_whole(slow):
    async def main():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(slow.submit(IMAGES[0]), 0.01)
        rest = asyncio.ensure_future(one())
        await asyncio.to_thread(slow.close)
        return await rest

    async def one():
        return await slow.submit(IMAGES[1])

    with pytest.raises(muster.Closed):
        # Closed before the task has begun, or answered: both are told.
        asyncio.run(main())
        raise muster.Closed("answered")


def test_a_waiting_request_can_be_cancelled(slow):
    future = slow.submit(IMAGES[0])
    assert future.cancel()
    assert future.cancelled()
    with pytest.raises(muster.Cancelled):
        future.result()
    assert slow.statistics()["waiting"] == 0


def test_a_full_queue_refuses(slow):
    waiting = [slow.submit(IMAGES[i]) for i in range(3)]
    with pytest.raises(muster.ResourceExhausted, match="full: 3 requests"):
        slow.submit(IMAGES[3])
    assert waiting[0].cancel()
    slow.submit(IMAGES[3])


def test_a_full_queue_makes_wait_who_asked_for_that(model, expected):
    with muster.Batcher(model, max_batch_size=32, max_delay=60, max_queue_size=1, when_full="wait") as batcher:
        first = batcher.submit(IMAGES[0])
        made = []
        thread = threading.Thread(target=lambda: made.append(batcher.submit(IMAGES[1])))
        thread.start()
        assert first.cancel()
        thread.join()
        batcher.close()
        close_to(made[0].result()["output"], expected[1])


def test_closing_answers_what_waits_and_refuses_what_comes(slow):
    future = slow.submit(IMAGES[0])
    slow.close()
    slow.close()
    assert slow.closed
    assert future.done()
    with pytest.raises(muster.Closed, match="'lenet' is closed"):
        slow.submit(IMAGES[0])


def test_it_outlives_its_model_and_its_futures_outlive_it(lenet, expected):
    model = muster.Model(lenet)
    batcher = muster.Batcher(model, max_delay=60)
    model.close()
    future = batcher.submit(IMAGES[0])
    batcher.close()
    del batcher, model
    close_to(future.result()["output"], expected[0])


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"max_batch_size": 0}, "batch size of 0"),
        ({"max_delay": -1}, "max_delay"),
        ({"max_delay": float("nan")}, "max_delay"),
        ({"max_queue_size": 0}, "max_queue_size"),
        ({"instances": 0}, "instances"),
        ({"when_full": "drop"}, "'raise' or 'wait'"),
    ],
)
def test_it_says_what_is_wrong_with_a_wish(model, wish, message):
    with pytest.raises(muster.InvalidArgument, match=message):
        muster.Batcher(model, **wish)


def test_it_refuses_what_the_model_does_not_take(batcher):
    with pytest.raises(muster.WrongType, match="float64"):
        batcher.submit(IMAGES.astype(float))
    with pytest.raises(muster.InvalidArgument, match="given the shape"):
        batcher.submit(IMAGES[:, :, :3])
    with pytest.raises(muster.InvalidArgument, match="at least one row"):
        batcher.submit(IMAGES[:0])
    assert batcher.statistics()["accepted"] == 0


def test_two_loops_await_one_future(slow, expected):
    future = slow.submit(IMAGES[0])
    made = []
    waiting = threading.Barrier(3)

    async def wait():
        task = asyncio.ensure_future(one())
        await asyncio.sleep(0)
        await asyncio.to_thread(waiting.wait)
        made.append(await task)

    async def one():
        return (await future)["output"]

    threads = [threading.Thread(target=asyncio.run, args=(wait(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    waiting.wait()
    slow.close()
    for thread in threads:
        thread.join()
    assert len(made) == 2
    for scores in made:
        close_to(scores, expected[0])


def test_every_task_goes_on_in_its_own_context(batcher):
    name = contextvars.ContextVar("name")

    async def one(i):
        name.set(i)
        for _ in range(3):
            await batcher.submit(IMAGES[i])
            assert name.get() == i
            await asyncio.sleep(0)
        return name.get()

    async def all_of_them():
        return await asyncio.gather(*(one(i) for i in range(64)))

    assert asyncio.run(all_of_them()) == list(range(64))


def test_a_task_is_told_why_it_was_cancelled(slow):
    told = []

    async def main():
        task = asyncio.ensure_future(one())
        await asyncio.sleep(0)
        task.cancel("no longer wanted")
        early = asyncio.ensure_future(one())
        early.cancel()
        for cancelled in (task, early):
            with pytest.raises(asyncio.CancelledError):
                await cancelled

    async def one():
        try:
            return await slow.submit(IMAGES[0])
        except asyncio.CancelledError as error:
            told.append(error.args)
            raise

    asyncio.run(main())
    assert told == [("no longer wanted",)]


def test_a_task_that_ends_the_loop_leaves_the_others_theirs(slow, expected):
    made = []

    async def ends_it():
        await slow.submit(IMAGES[0])
        raise KeyboardInterrupt

    async def one(i):
        made.append(((await slow.submit(IMAGES[i]))["output"], i))

    loop = asyncio.new_event_loop()
    try:
        tasks = [loop.create_task(ends_it()), loop.create_task(one(1)), loop.create_task(one(2))]
        loop.call_later(0.01, slow.close)
        with pytest.raises(KeyboardInterrupt):
            loop.run_forever()
        loop.run_until_complete(asyncio.wait(tasks[1:]))
        with pytest.raises(KeyboardInterrupt):
            tasks[0].result()
    finally:
        loop.close()
    assert len(made) == 2
    for scores, i in made:
        close_to(scores, expected[i])


def test_a_loop_that_is_closed_while_its_tasks_wait(slow, expected):
    async def one():
        await slow.submit(IMAGES[0])

    loop = asyncio.new_event_loop()
    task = loop.create_task(one())
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    slow.close()
    task._log_destroy_pending = False
    del task


def test_threads_that_do_something_else_first_hold_nobody_up(model, expected):
    # Each waits for all others to have their outputs, and asks for nothing meanwhile.
    have_theirs = threading.Barrier(64, timeout=60)
    failures = []

    def one(i):
        try:
            for _ in range(3):
                close_to(batcher.run(IMAGES[i])["output"], expected[i])
                have_theirs.wait()
        except BaseException as error:
            failures.append(error)

    with muster.Batcher(model, max_batch_size=32) as batcher:
        threads = [threading.Thread(target=one, args=(i,)) for i in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures


def test_many_threads_wait_for_one_future(slow, expected):
    future = slow.submit(IMAGES[0])
    made = []
    threads = [threading.Thread(target=lambda: made.append(future.result()["output"])) for _ in range(8)]
    for thread in threads:
        thread.start()
    slow.close()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    for scores in made:
        close_to(scores, expected[0])


def test_a_callback_is_called_when_it_is_done(batcher, slow, expected):
    called = []
    both = threading.Event()

    def callback(future):
        called.append((future, threading.current_thread().name))
        if len(called) == 2:
            both.set()

    future = slow.submit(IMAGES[0])
    future.add_done_callback(callback)
    future.add_done_callback(callback)
    assert not called
    slow.close()
    assert both.wait(60)
    assert {name for _, name in called} == {"muster-callbacks"}
    assert all(one is future for one, _ in called)
    close_to(called[0][0].result(timeout=0)["output"], expected[0])
    # Of one that is done, at once and here.
    future.add_done_callback(callback)
    assert called[2] == (future, threading.current_thread().name)


def test_a_callback_hears_of_a_cancelled_request(slow):
    heard = threading.Event()
    future = slow.submit(IMAGES[0])
    future.add_done_callback(lambda done: heard.set() if done.cancelled() else None)
    assert future.cancel()
    assert heard.wait(60)


def test_a_callback_that_fails_is_told_and_harms_no_other(slow, monkeypatch):
    told, heard = [], threading.Event()
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    futures = [slow.submit(IMAGES[i]) for i in range(2)]
    futures[0].add_done_callback(lambda _: 1 / 0)
    futures[1].add_done_callback(lambda _: heard.set())
    slow.close()
    assert heard.wait(60)
    assert [type(each.exc_value) for each in told] == [ZeroDivisionError]
    with pytest.raises(muster.WrongType, match="expected a function"):
        futures[0].add_done_callback(None)
