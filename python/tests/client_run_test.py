# SPDX-License-Identifier: Apache-2.0
"""muster.Client.run with Muster's own server, over every transport."""

import asyncio
import concurrent.futures
import gc
import os
import weakref

import ml_dtypes
import muster
import numpy as np
import pytest
import serving
from serving import TRANSPORTS, TYPES, fp32, same, sample


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """All models loaded; shared memory allowed."""
    repository = serving.model_folders.lay_out(tmp_path_factory.mktemp("models"))
    with muster.Server(repository, model_control="explicit", load_model="*", shared_memory=True) as running:
        yield running


@pytest.fixture(params=TRANSPORTS)
def client(request, server):
    with server.client(request.param) as made:
        yield made


@pytest.fixture
def http(server):
    with server.client() as made:
        yield made


# ---- tensors ----


@pytest.mark.parametrize("word, datatype", TYPES.items())
def test_every_data_type_comes_back_bit_for_bit(client, word, datatype):
    array = sample(datatype)
    outputs = client.run(f"identity_{word}", {"input": array})
    assert list(outputs) == ["output"]
    assert same(outputs["output"], array)
    assert outputs["output"].flags.writeable
    assert outputs["output"].flags.aligned


def test_arrays_come_in_the_order_of_the_model_s_inputs(client):
    a, b = fp32(5, 2), np.arange(15, dtype=np.int64).reshape(5, 3)
    named = client.run("two_in_two_out", {"b": b, "a": a})
    by_place = client.run("two_in_two_out", a, b)
    np.testing.assert_allclose(named["sum"], a.sum(axis=1), rtol=1e-6)
    for name, array in named.items():
        assert same(by_place[name], array)


@pytest.mark.parametrize("given", [1, 3])
def test_a_wrong_number_of_arrays_is_refused_with_the_names(client, given):
    with pytest.raises(muster.InvalidArgument, match=rf"has 2 inputs \(a, b\), but {given} arrays"):
        client.run("two_in_two_out", *[fp32(1, 2)] * given)


def test_lists_and_numbers_get_the_input_s_dtype(client):
    outputs = client.run("identity_fp32", [[1, 2, 3, 4]])
    assert same(outputs["output"], np.array([[1, 2, 3, 4]], np.float32))
    assert client.run("identity_string", [["a", b"b", "", "\u00fc"]])["output"].tolist() == [
        [b"a", b"b", b"", "\u00fc".encode()]
    ]


def test_bfloat16_goes_as_its_bits(client):
    values = np.array([[1, 2.5, -3, 1e-40], [np.inf, -np.inf, 3.4e38, 1 + 2**-8], [np.nan, 1 + 3 * 2**-8, -0.0, 1e9]])
    expected = values.astype(ml_dtypes.bfloat16)
    outputs = client.run("identity_bf16", values.tolist())
    assert outputs["output"].dtype == np.uint16
    assert same(outputs["output"][~np.isnan(values)], expected[~np.isnan(values)])
    assert np.isnan(outputs["output"].view(ml_dtypes.bfloat16)[2, 0])
    assert same(client.run("identity_bf16", outputs["output"])["output"], outputs["output"])
    assert same(client.run("identity_uint16", outputs["output"])["output"], outputs["output"])


@pytest.mark.parametrize(
    "layout",
    [
        lambda array: np.asfortranarray(array),
        lambda array: np.repeat(array, 2, axis=1)[:, ::2],
        lambda array: array[::-1][::-1],
        lambda array: array.astype(">f4"),
        lambda array: np.lib.stride_tricks.as_strided(
            np.repeat(array, 2, axis=0), array.shape, (32, 4), writeable=False
        ),
    ],
)
def test_any_layout_travels_as_its_values(client, layout):
    array = fp32(6)
    given = layout(array)
    np.testing.assert_array_equal(given, array)
    assert same(client.run("identity_fp32", {"input": given})["output"], array)


def test_texts_may_be_of_numpy_s_own_types(client):
    for array in (np.array([["a", "bc", "", "d"]]), np.array([[b"a", b"bc", b"", b"d"]])):
        assert client.run("identity_string", {"input": array})["output"].tolist() == [[b"a", b"bc", b"", b"d"]]


def test_an_array_without_rows_travels_and_is_the_server_s_to_refuse(client):
    with pytest.raises(muster.InvalidArgument, match="no rows"):
        client.run("identity_fp32", {"input": np.empty((0, 4), np.float32)})


def test_dlpack_and_buffers_are_read_where_they_are(client):
    class Exporter:
        def __init__(self, array):
            self.array = array

        def __dlpack__(self, **options):
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.array.__dlpack_device__()

    array = fp32(2)
    assert same(client.run("identity_fp32", {"input": Exporter(array)})["output"], array)
    assert same(client.run("identity_fp32", {"input": memoryview(array)})["output"], array)


def test_outputs_are_those_that_were_asked_for(client):
    a, b = fp32(2, 2), np.ones((2, 3), np.int64)
    assert list(client.run("two_in_two_out", a, b, outputs=["product"])) == ["product"]
    assert list(client.run("two_in_two_out", a, b, outputs="sum")) == ["sum"]
    assert list(client.run("two_in_two_out", a, b, outputs=["sum", "product"])) == ["sum", "product"]
    with pytest.raises(muster.InvalidArgument, match="nothing"):
        client.run("two_in_two_out", a, b, outputs=["nothing"])


def test_what_the_server_says_comes_with_the_outputs(client):
    outputs = client.run("identity_fp32", fp32(1), request_id="the 7th \u00fc")
    assert (outputs.model, outputs.version, outputs.request_id) == ("identity_fp32", "1", "the 7th \u00fc")
    assert set(outputs.timing) == {"queue", "batch", "compute"}
    assert all(0 <= seconds < 60 for seconds in outputs.timing.values())
    assert isinstance(outputs, dict)


def test_classes_are_read_as_scores(client):
    scores = np.array([[0.1, 0.9, 0.25, 0], [5, -1, 2, 3]], np.float32)
    outputs = client.run("labelled", scores, classes={"output": 2})
    assert outputs["output"].shape == (2, 2)
    assert [[(one.index, one.label) for one in row] for row in outputs.classes("output")] == [
        [(1, "bee"), (2, "cat")],
        [(0, "ant"), (3, "dog")],
    ]
    assert outputs.classes("output")[0][0].value == pytest.approx(0.9)


# ---- what is refused ----


@pytest.mark.parametrize(
    "value, kind, words",
    [
        (np.zeros((1, 4), np.complex64), muster.WrongType, "complex64"),
        (np.zeros((1, 4), "datetime64[s]"), muster.WrongType, "datetime64"),
        (np.zeros((1, 4), np.longdouble), muster.WrongType, "longdouble|float128"),
        (np.zeros((1, 4), [("a", "f4")]), muster.WrongType, "does not travel"),
        (np.array([[1, None, "a", 2]], object), muster.WrongType, "element 0 is of type int"),
        (np.ma.masked_array(np.zeros((1, 4), np.float32), True), muster.WrongType, "masked"),
        ([[1, 2], [3]], muster.WrongType, "no array"),
        ([["x", "y", "z", "w"]], muster.WrongType, "no array"),
        (object(), muster.WrongType, "no array"),
        (None, muster.WrongType, "no array"),
        (np.zeros((1, 4), np.float64), muster.InvalidArgument, "FP64"),
        (np.zeros((1, 5), np.float32), muster.InvalidArgument, "input"),
        (np.zeros(4, np.float32), muster.InvalidArgument, "input"),
        (np.float32(3), muster.InvalidArgument, "input"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_by_name(client, value, kind, words):
    with pytest.raises(kind, match=words) as refusal:
        client.run("identity_fp32", {"input": value})
    assert isinstance(refusal.value, ValueError)
    assert "input" in str(refusal.value)
    assert same(client.run("identity_fp32", {"input": fp32(1)})["output"], fp32(1))


def test_a_dtype_that_is_not_the_input_s_is_a_type_error_with_both(client):
    with pytest.raises(TypeError, match="float32.*float64"):
        client.run("identity_fp32", {"input": np.zeros((1, 4))})


def test_unknown_models_versions_and_inputs_are_told_apart(client):
    with pytest.raises(muster.NotFound, match="nobody"):
        client.run("nobody", {"input": fp32(1)})
    with pytest.raises(muster.NotFound, match="identity_fp32"):
        client.run("identity_fp32", {"input": fp32(1)}, version=9)
    with pytest.raises(muster.InvalidArgument, match="wrong"):
        client.run("identity_fp32", {"wrong": fp32(1)})
    with pytest.raises(muster.InvalidArgument):
        client.run("two_in_two_out", {"a": fp32(1, 2)})
    assert same(client.run("identity_fp32", fp32(1), version="1")["output"], fp32(1))


@pytest.mark.parametrize(
    "options, kind",
    [
        ({"version": -1}, muster.InvalidArgument),
        ({"version": 1.0}, muster.WrongType),
        ({"timeout": 0}, muster.InvalidArgument),
        ({"timeout": float("nan")}, muster.InvalidArgument),
        ({"timeout": "1"}, muster.WrongType),
        ({"priority": -1}, muster.InvalidArgument),
        ({"priority": 1 << 63}, muster.InvalidArgument),
        ({"request_id": 7}, muster.WrongType),
        ({"request_id": "\ud800"}, muster.InvalidArgument),
        ({"request_id": "x" * 5000}, muster.InvalidArgument),
        ({"queue_timeout": -1}, muster.InvalidArgument),
        ({"parameters": {"a": None}}, muster.WrongType),
        ({"parameters": {"a": float("inf")}}, muster.InvalidArgument),
        ({"parameters": {"sequence_id": 1}}, muster.InvalidArgument),
        ({"classes": {"output": 0}}, muster.InvalidArgument),
        ({"classes": {"nothing": 1}}, muster.InvalidArgument),
        ({"outputs": [1]}, muster.WrongType),
        ({"outputs": {"output": 1}}, muster.WrongType),
        ({"rows_per_request": -1}, muster.InvalidArgument),
    ],
)
def test_options_that_mean_nothing_are_refused(client, options, kind):
    with pytest.raises(kind):
        client.run("identity_fp32", fp32(1), **options)


@pytest.mark.parametrize(
    "model, kind", [("", muster.InvalidArgument), (7, muster.WrongType), ("a\ud800", muster.InvalidArgument)]
)
def test_names_that_are_none_are_refused(client, model, kind):
    with pytest.raises(kind):
        client.run(model, fp32(1))


@pytest.mark.parametrize("model", ["../lenet", "lenet/versions/1", "a b", "lenet?x=1", "lenet\r\nX: y", "\u00fc"])
def test_no_name_leads_elsewhere(client, model):
    with pytest.raises((muster.NotFound, muster.InvalidArgument)):
        client.run(model, {"input": fp32(1)})


def test_other_parameters_travel(client):
    parameters = {"a": True, "b": -(1 << 63), "c": (1 << 64) - 1, "d": 0.5, "e": "\u00fc"}
    client.run("identity_fp32", fp32(1), parameters=parameters, priority=0)


def test_a_failure_of_the_model_is_an_internal_error(client):
    with pytest.raises(muster.InternalError):
        client.run("failing", {"INPUT0": fp32(1)})


# ---- time ----


def test_a_request_that_waits_too_long_in_the_server_is_refused(client):
    # One of two runs for a second, and the other one waits for it.
    calls = [client.submit("slow", {"INPUT0": fp32(1)}, queue_timeout=0.4) for _ in range(2)]
    failures = [error for error in (call.exception(60) for call in calls) if error is not None]
    assert [type(error) for error in failures] == [muster.Unavailable]


def test_a_call_that_takes_too_long_ends_in_time(client):
    with pytest.raises(TimeoutError) as late:
        client.run("slow", {"INPUT0": fp32(1)}, timeout=0.05)
    assert isinstance(late.value, muster.DeadlineExceeded)
    assert same(client.run("identity_fp32", fp32(1))["output"], fp32(1))


# ---- rows that are split ----


@pytest.mark.parametrize("rows", [8, 9, 16, 61])
def test_rows_above_a_batch_travel_in_parts_and_come_back_in_order(client, rows):
    array = fp32(rows)
    assert same(client.run("small_batches", array)["output"], array)


@pytest.mark.parametrize("word, datatype", TYPES.items())
def test_parts_of_every_type_are_put_together(client, word, datatype):
    array = sample(datatype, 7)
    outputs = client.run(f"identity_{word}", array, rows_per_request=2)
    assert same(outputs["output"], array)
    assert outputs["output"].flags.writeable
    assert outputs.version == "1"


def test_parts_of_several_tensors_stay_together(client):
    a, b = fp32(23, 2), np.arange(69, dtype=np.int64).reshape(23, 3)
    whole = client.run("two_in_two_out", a, b, rows_per_request=0)
    parts = client.run("two_in_two_out", a, b, rows_per_request=3)
    assert list(whole) == list(parts)
    for name, array in whole.items():
        np.testing.assert_allclose(parts[name], array, rtol=1e-6)


def test_classes_of_parts_are_put_together(client):
    scores = np.eye(4, dtype=np.float32)[[3, 1, 2, 0, 1]]
    outputs = client.run("labelled", scores, classes={"output": 1}, rows_per_request=2)
    assert [row[0].label for row in outputs.classes("output")] == ["dog", "bee", "cat", "ant", "bee"]


def test_a_part_that_fails_is_named(client):
    with pytest.raises(
        muster.InternalError, match=r"^rows 0 to 1 of 2 \(part 1 of 1\)|^rows \d+ to \d+ of 6 \(part \d of 3\): "
    ) as failure:
        client.run("failing", {"INPUT0": fp32(6)}, rows_per_request=2)
    begin, end = failure.value.rows
    assert end - begin == 2


def test_rows_that_differ_are_the_server_s_to_refuse(client):
    with pytest.raises(muster.InvalidArgument):
        client.run("two_in_two_out", fp32(3, 2), np.zeros((2, 3), np.int64))
    with pytest.raises(muster.InvalidArgument, match="same number of rows"):
        client.run("two_in_two_out", fp32(3, 2), np.zeros((2, 3), np.int64), rows_per_request=1)


def test_servers_that_are_gone_are_passed_over(server, tmp_path):
    repository = serving.model_folders.add_model(
        tmp_path / "other", "identity_fp32", serving.model_folders.MODELS / "identity_fp32.onnx"
    ).parent
    with muster.Server(repository) as other, muster.Client([server.url, other.grpc_url]) as client:
        array = fp32(10)
        assert same(client.run("identity_fp32", array)["output"], array)
        assert client.ready("identity_fp32")
        other.stop()
        for _ in range(4):
            assert same(client.run("identity_fp32", array)["output"], array)
        assert not client.live()


# ---- what is left behind ----


def test_nothing_holds_arrays_after_a_call(client):
    def ask(**options):
        given = fp32(9)
        outputs = client.run("identity_fp32", given, **options)
        return weakref.ref(given), weakref.ref(outputs["output"])

    gc.disable()
    try:
        for options in ({}, {"rows_per_request": 2}, {"outputs": ["output"]}):
            given, taken = ask(**options)
            # A thread of a part lets go of it when it waits for the next one.
            for _ in range(1000):
                if given() is None and taken() is None:
                    break
                client.live()
            assert given() is None
            assert taken() is None
    finally:
        gc.enable()


def test_a_client_that_nobody_holds_closes_itself(server):
    client = server.client()
    client.run("identity_fp32", fp32(1))
    (connection,) = client._transports[0]._pool._idle
    gone = weakref.ref(client)
    del client
    gc.collect()
    assert gone() is None
    assert connection._socket.fileno() == -1


# ---- threads, tasks, processes ----


def test_many_threads_share_a_client(client):
    def ask(number):
        array = np.full((1 + number % 3, 4), number, np.float32)
        return same(client.run("identity_fp32", array)["output"], array)

    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        assert all(threads.map(ask, range(300)))


def test_more_threads_than_connections_wait_their_turn(server):
    with server.client(connections=1) as client, concurrent.futures.ThreadPoolExecutor(8) as threads:
        results = threads.map(lambda number: client.run("identity_fp32", fp32(1) + number)["output"][0, 0], range(40))
        assert list(results) == list(range(40))


def test_a_future_is_waited_for_or_awaited(client):
    future = client.submit("identity_fp32", fp32(2), request_id="a")
    assert future.result(60).request_id == "a"
    assert isinstance(future, concurrent.futures.Future)
    with pytest.raises(muster.NotFound):
        client.submit("nobody", {"input": fp32(1)}).result(60)

    async def ask_all():
        calls = [client.submit("identity_fp32", np.full((1, 4), number, np.float32)) for number in range(50)]
        return [outputs["output"][0, 0] for outputs in await asyncio.gather(*calls)]

    assert asyncio.run(ask_all()) == list(range(50))


def test_a_closed_client_says_so(client):
    client.run("identity_fp32", fp32(1))
    client.close()
    client.close()
    assert client.closed
    for call in (
        lambda: client.run("identity_fp32", fp32(1)),
        lambda: client.submit("identity_fp32", fp32(1)),
        lambda: client.live(),
        lambda: client.metadata("identity_fp32"),
        lambda: client.share(8),
        lambda: client.__enter__(),
    ):
        with pytest.raises(muster.Closed):
            call()


def test_closing_ends_what_is_under_way(client):
    running = client.submit("slow", {"INPUT0": fp32(1)})
    client.close()
    with pytest.raises((muster.Closed, concurrent.futures.CancelledError)):
        running.result(60)


def test_a_forked_child_has_connections_of_its_own(server, python):
    done = python(
        "import muster, os, sys\n"
        "import numpy as np\n"
        "client = muster.Client(sys.argv[1])\n"
        "def ask(number):\n"
        "    given = np.full((3, 4), number, np.float32)\n"
        "    outputs = [client.run('identity_fp32', given) for _ in range(20)]\n"
        "    outputs.append(client.submit('identity_fp32', given).result(60))\n"
        "    return all((one['output'] == number).all() for one in outputs)\n"
        "assert ask(1)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(7 if ask(2) else 1)\n"
        "assert ask(3)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), ask(4))\n",
        server.url,
    )
    assert done.stdout == "7 True\n", done.stderr


def test_a_forked_child_of_grpc_is_told(server, python):
    done = python(
        "import muster, os, sys\n"
        "import numpy as np\n"
        "client = muster.Client(sys.argv[1])\n"
        "row = np.ones((1, 4), np.float32)\n"
        "client.run('identity_fp32', row)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    try:\n"
        "        client.run('identity_fp32', row)\n"
        "    except muster.FailedPrecondition as error:\n"
        "        os._exit(7 if 'fork' in str(error) else 1)\n"
        "    os._exit(2)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n",
        server.grpc_url,
    )
    assert done.stdout.split() == ["7"], done.stderr


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_exit_with_work_in_flight_is_no_hang(server, python, transport):
    done = python(
        "import muster, sys\n"
        "import numpy as np\n"
        "client = muster.Client(sys.argv[1], timeout=None)\n"
        "row = np.ones((1, 4), np.float32)\n"
        "futures = [client.submit('slow', {'INPUT0': row}) for _ in range(40)]\n"
        "print('asked')\n",
        server.url if transport == "http" else server.grpc_url,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "asked\n"), done.stderr
    assert not done.stderr


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_an_interrupt_ends_a_call(server, python, transport):
    done = python(
        "import muster, os, signal, sys, threading, time\n"
        "import numpy as np\n"
        "client = muster.Client(sys.argv[1], timeout=None)\n"
        "row = np.ones((1, 4), np.float32)\n"
        "client.run('identity_fp32', row)\n"
        "main = threading.get_ident()\n"
        "threading.Timer(0.2, lambda: signal.pthread_kill(main, signal.SIGINT)).start()\n"
        "try:\n"
        "    while True:\n"
        "        try:\n"
        "            client.run('slow', {'INPUT0': row})\n"
        "        except muster.Unavailable:\n"
        "            pass\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', client.run('identity_fp32', row)['output'].tolist())\n",
        server.url if transport == "http" else server.grpc_url,
    )
    assert done.stdout == "interrupted [[1.0, 1.0, 1.0, 1.0]]\n", done.stderr


# ---- shared memory ----


def test_tensors_in_shared_memory_do_not_travel(client):
    array = fp32(3)
    with client.share(2 * array.nbytes) as memory:
        given = memory.tensor(np.float32, array.shape)
        taken = memory.tensor(np.float32, array.shape, array.nbytes)
        given.array[:] = array
        outputs = client.run("identity_fp32", {"input": given}, outputs={"output": taken})
        assert outputs["output"] is taken.array
        assert same(taken.array, array)
        assert same(client.run("identity_fp32", {"input": given})["output"], array)
        assert same(client.run("identity_fp32", array, outputs={"output": taken})["output"], array)
        assert [region["name"] for region in client.shared_memory()] == [memory.name]
        assert client.shared_memory()[0]["byte_size"] == 96
        with pytest.raises(muster.InvalidArgument, match="do not fit"):
            memory.tensor(np.float32, (3, 4), 49)
        with pytest.raises(muster.InvalidArgument):
            memory.tensor(object, (1,))
    assert client.shared_memory() == []
    assert not os.path.exists(f"/dev/shm/{memory.name}")
    assert same(taken.array, array)
    with pytest.raises(muster.InvalidArgument):
        client.run("identity_fp32", {"input": given})
    with pytest.raises(muster.Closed):
        memory.tensor(np.float32, (1,))


@pytest.mark.parametrize("size", [0, -1, 1.5, True])
def test_shared_memory_has_a_size(http, size):
    with pytest.raises(muster.InvalidArgument, match="byte_size"):
        http.share(size)


def test_memory_that_is_not_there_is_refused(client):
    with pytest.raises(muster.InvalidArgument):
        client.register_shared_memory("r", "/muster-nothing-of-the-kind", 64)
    with pytest.raises(muster.InvalidArgument, match="offset"):
        client.register_shared_memory("r", "/x", 64, -1)
    client.unregister_shared_memory("r")
