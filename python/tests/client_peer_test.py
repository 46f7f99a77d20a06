# SPDX-License-Identifier: Apache-2.0
"""muster.Client and servers that are not Muster's: simple ones, odd ones, and hostile ones."""

import json
import pathlib
import socket
import struct
import sys

import muster
import numpy as np
import pytest
from muster.client.scatter import Servers
from peers import BINARY, EchoPeer, Early, ScriptedPeer, answer, output, reply

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "server"))

from plain_server import PlainServer

ONE = np.ones((1,), np.float32)
BYTES = struct.pack("<f", 7)


def ask(peer, value=ONE, **options):
    with muster.Client(peer.url, timeout=options.pop("client_timeout", 30)) as client:
        return client.run("m", {"x": value}, **options)


def outcome(*replies, **options):
    """What a client makes of the reply to an inference."""
    with ScriptedPeer([BINARY, *replies]) as peer:
        return ask(peer, **options)


# ---- what servers may do ----


def test_a_plain_answer_is_read():
    outputs = outcome(answer([output()], BYTES))
    assert outputs["y"].tolist() == [7]
    assert (outputs.model, outputs.version, outputs.request_id, outputs.timing) == ("m", "1", "", {})


def test_what_is_sent_is_the_protocol_s():
    with ScriptedPeer([BINARY, answer([output()], BYTES)]) as peer:
        ask(
            peer,
            np.array([1, 2], np.int16),
            request_id="i",
            priority=3,
            queue_timeout=0.5,
            version=2,
            parameters={"a": "b"},
            rows_per_request=0,
        )
    (_, (head, body)) = peer.requests
    lines = head.decode().split("\r\n")
    length = int(next(line.split(": ")[1] for line in lines if line.startswith("Inference-Header-Content-Length")))
    assert lines[0] == "POST /v2/models/m/versions/2/infer HTTP/1.1"
    assert json.loads(body[:length]) == {
        "id": "i",
        "parameters": {"a": "b", "priority": 3, "timeout": 500000, "binary_data_output": True},
        "inputs": [{"name": "x", "shape": [2], "datatype": "INT16", "parameters": {"binary_data_size": 4}}],
    }
    assert body[length:] == b"\1\0\2\0"


def test_a_server_without_binary_tensors_gets_json():
    said = {"outputs": [{"name": "y", "datatype": "FP64", "shape": [1, 2], "data": [[1, 2.5]]}]}
    with ScriptedPeer([reply({"extensions": []}), reply(said), reply(said), reply(said)]) as peer:
        with muster.Client(peer.url) as client:
            outputs = client.run(
                "m", {"x": np.array([[1.5, 2]], np.float32), "t": np.array([[b"a", "\u00fc"]], object)}
            )
            assert outputs["y"].dtype == np.float64
            assert outputs["y"].tolist() == [[1, 2.5]]
            client.run("m", {"x": np.array([True])})
            for value, kind in ((np.zeros(1, np.float16), "FP16"), (np.array([b"\xff"]), "UTF-8")):
                with pytest.raises(muster.InvalidArgument, match=kind):
                    client.run("m", {"x": value})
    sent = [json.loads(body) for head, body in peer.requests if head.startswith(b"POST")]
    assert sent[0]["inputs"] == [
        {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1.5, 2]},
        {"name": "t", "shape": [1, 2], "datatype": "BYTES", "data": ["a", "\u00fc"]},
    ]
    assert "parameters" not in sent[0]
    assert sent[1]["inputs"][0]["data"] == [True]


def test_a_server_that_answers_in_json_alone_is_understood():
    tensors = [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}]

    def double(values):
        data = (2 * values["x"]).ravel().tolist()
        return 200, {"outputs": [{"name": "y", "datatype": "FP32", "shape": list(values["x"].shape), "data": data}]}

    with PlainServer("m", tensors, [], double) as server, muster.Client(server.url) as client:
        assert client.ready("m")
        assert not client.ready("other")
        assert not client.live()
        assert client.metadata("m").inputs[0].shape == (-1, 2)
        rows = np.arange(6, dtype=np.float32).reshape(3, 2)
        np.testing.assert_array_equal(client.run("m", rows)["y"], 2 * rows)
        np.testing.assert_array_equal(client.run("m", rows, rows_per_request=1)["y"], 2 * rows)
        with pytest.raises(muster.NotFound):
            client.config("m")


@pytest.mark.parametrize(
    "datatype, data, expected",
    [
        ("BOOL", [True, False], [True, False]),
        ("INT8", [-128, 127], [-128, 127]),
        ("UINT64", [0, (1 << 64) - 1], [0, (1 << 64) - 1]),
        ("INT64", [-(1 << 63), 1], [-(1 << 63), 1]),
        ("FP16", [1.5, 65504], [1.5, 65504]),
        ("FP32", [float("inf"), 1e40], [float("inf"), float("inf")]),
        ("BYTES", ["", "\u00fc\0"], [b"", "\u00fc\0".encode()]),
    ],
)
def test_elements_in_json_become_arrays(datatype, data, expected):
    said = [{"name": "y", "datatype": datatype, "shape": [2], "data": data}]
    assert outcome(answer(said, None))["y"].tolist() == expected


def test_a_body_may_come_in_chunks():
    text = answer([output(shape=[100000], size=400000)], bytes(400000))
    head, _, body = text.partition(b"\r\n\r\n")
    head = head.replace(f"Content-Length: {len(body)}".encode(), b"Transfer-Encoding: chunked", 1)
    for size in (1 << 20, 65536, 1000):
        chunks = [body[at : at + size] for at in range(0, len(body), size)]
        coded = b"".join(b"%x;a=b\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
        if b"Content-Length" in head.replace(b"Inference-Header-Content-Length", b""):
            head = head.replace(b"\r\nContent-Length: %d" % len(body), b"\r\nTransfer-Encoding: chunked")
        outputs = outcome(head + b"\r\n\r\n" + coded + b"0\r\nTrailer: x\r\n\r\n")
        assert outputs["y"].shape == (100000,)


def test_a_body_may_end_with_its_connection():
    text = answer([output()], BYTES)
    head, _, body = text.partition(b"\r\n\r\n")
    without = b"\r\n".join(line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length"))
    assert outcome(without + b"\r\n\r\n" + body)["y"].tolist() == [7]
    assert outcome((without + b"\r\n\r\n" + body).replace(b"HTTP/1.1", b"HTTP/1.0"))["y"].tolist() == [7]


def test_interim_replies_are_passed_over():
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    assert outcome(interim + answer([output()], BYTES))["y"].tolist() == [7]


def test_a_reply_in_small_pieces_is_put_together():
    def slowly(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in answer([output()], BYTES):
            connection.sendall(bytes([byte]))

    assert outcome(slowly)["y"].tolist() == [7]


def test_a_connection_that_the_server_closed_is_opened_anew():
    with ScriptedPeer([BINARY, answer([output()], BYTES)], [answer([output()], BYTES)]) as peer:
        with muster.Client(peer.url) as client:
            assert client.run("m", {"x": ONE})["y"].tolist() == [7]
            assert client.run("m", {"x": ONE})["y"].tolist() == [7]


def test_a_request_that_met_a_closing_connection_is_sent_again_once():
    with ScriptedPeer([BINARY, None], [answer([output()], BYTES)]) as peer:
        assert ask(peer)["y"].tolist() == [7]
    with ScriptedPeer([BINARY, None], [None]) as peer, pytest.raises(muster.Unavailable):
        ask(peer)


def test_connections_are_kept():
    with ScriptedPeer([BINARY, *[answer([output()], BYTES)] * 20]) as peer, muster.Client(peer.url) as client:
        for _ in range(20):
            client.run("m", {"x": ONE})
    assert len(peer.requests) == 21


def test_a_server_may_refuse_before_it_has_read_all():
    refusal = Early(reply({"error": "too large"}, 413, Connection="close"))
    with ScriptedPeer([BINARY, refusal]) as peer, pytest.raises(muster.ResourceExhausted, match="too large"):
        ask(peer, np.zeros((1, 1 << 20), np.float32))


@pytest.mark.parametrize(
    "rows, options, sizes",
    [
        (1, {}, [1]),
        (8, {}, [8]),
        (9, {}, [1, 8]),
        (20, {}, [4, 8, 8]),
        (20, {"rows_per_request": 0}, [20]),
        (20, {"rows_per_request": 7}, [6, 7, 7]),
        (20, {"rows_per_request": 30}, [20]),
        (6, {"max_request_bytes": 40}, [2, 2, 2]),
    ],
)
def test_rows_are_split_as_told(rows, options, sizes):
    array = np.arange(rows * 4, dtype=np.float32).reshape(rows, 4)
    limits = {"max_request_bytes": options.pop("max_request_bytes", 1 << 20)}
    with EchoPeer(8) as peer, muster.Client(peer.url, **limits) as client:
        assert np.array_equal(client.run("m", {"x": array}, **options)["y"], array)
    assert sorted(peer.rows) == sizes


def test_several_servers_share_the_rows():
    array = np.arange(40, dtype=np.float32).reshape(10, 4)
    with EchoPeer(8) as one, EchoPeer(8) as other, muster.Client([one.url, other.url]) as client:
        assert np.array_equal(client.run("m", {"x": array})["y"], array)
        assert (one.rows, other.rows) == ([5], [5])
        for _ in range(4):
            client.run("m", {"x": array[:1]})
        assert (len(one.rows), len(other.rows)) == (3, 3)


def test_parts_go_to_each_server_in_turn():
    servers = Servers(3, 1)
    taken = []
    for _ in range(6):
        taken.append(servers.take())
        servers.done(taken[-1])
    assert taken == [1, 2, 0, 1, 2, 0]


def test_a_slower_server_gets_fewer_parts():
    servers = Servers(2, 0)
    assert [servers.take() for _ in range(4)] == [0, 1, 0, 1]
    for _ in range(3):
        servers.done(1)
        assert servers.take() == 1


def test_a_model_without_a_batch_axis_is_asked_once():
    array = np.zeros((10, 4), np.float32)
    with EchoPeer(0) as peer, muster.Client(peer.url) as client:
        client.run("m", {"x": array})
    assert peer.rows == [10]


def test_outputs_that_do_not_follow_the_rows_are_not_put_together():
    one = answer([output(shape=[1], size=4)], BYTES)
    with ScriptedPeer([BINARY, one, one]) as peer, pytest.raises(muster.InvalidArgument, match="rows_per_request=0"):
        ask(peer, np.zeros((4, 1), np.float32), rows_per_request=2)


def test_parts_whose_outputs_differ_are_not_put_together():
    one = answer([output(shape=[1, 1], size=4)], BYTES)
    other = answer([output(shape=[1, 2], size=8)], BYTES + BYTES)
    with ScriptedPeer([BINARY, one, one, other]) as peer, muster.Client(peer.url, connections=1) as client:
        client.run("m", {"x": np.zeros((1, 1), np.float32)})
        with pytest.raises(muster.InvalidArgument, match="another"):
            client.run("m", {"x": np.zeros((2, 1), np.float32)}, rows_per_request=1)


# ---- what they may not ----


@pytest.mark.parametrize(
    "text",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 99 x\r\n\r\n",
        b"\0" * 100000,
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100000 + b"\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 50,
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        reply(b"{}", Content_Length="-1"),
        reply(b"{}", Content_Length="+2"),
        reply(b"{}", Content_Length="\u0662".encode().decode("latin-1")),
        reply(b"{}", Content_Length="9" * 30),
        reply(b"{}", Transfer_Encoding="gzip"),
        reply(b"{}", Content_Encoding="gzip"),
        reply(b"zz\r\n", Transfer_Encoding="chunked"),
        reply(b"2\r\n{}xx0\r\n\r\n", Transfer_Encoding="chunked"),
        reply(b"-2\r\n{}\r\n0\r\n\r\n", Transfer_Encoding="chunked"),
        reply(b"1" * 100000, Transfer_Encoding="chunked"),
        reply(b""),
        reply(b"{"),
        reply(b"[" * 200000),
        reply([]),
        reply({}),
        reply({"outputs": 1}),
        reply({"outputs": [1]}),
        reply({"outputs": [{}]}),
        reply(b"{}", Inference_Header_Content_Length="x"),
        reply(b"{}", Inference_Header_Content_Length="-1"),
        reply(b"{}", Inference_Header_Content_Length="3"),
        reply(b"{}", Inference_Header_Content_Length="9" * 18),
        reply(b'{"a":' + b"9" * 10000 + b"}"),
    ],
)
def test_what_is_no_answer_is_an_error(text):
    with pytest.raises((muster.InternalError, muster.Unavailable, muster.ResourceExhausted)):
        outcome(text)


@pytest.mark.parametrize(
    "said, tensors",
    [
        ([output(shape=[2])], BYTES),
        ([output(shape=[1], size=8)], BYTES * 2),
        ([output(size=-4)], BYTES),
        ([output(shape=[-1], size=-4)], BYTES),
        ([output(shape=[1.0])], BYTES),
        ([output(shape=[True])], BYTES),
        ([output(shape=[1] * 100)], BYTES),
        ([output(shape=[1 << 40, 1 << 40], size=4)], BYTES),
        ([output(shape=[1 << 62], size=1 << 64)], BYTES),
        ([output(shape=[1 << 40], size=1 << 42)], BYTES),
        ([output(datatype="FP31")], BYTES),
        ([output(datatype="BYTES")], BYTES),
        ([output(datatype="BYTES", shape=[0])], BYTES),
        ([output(datatype="BYTES", size=8)], struct.pack("<I", 5) + b"abcd"),
        ([output(datatype="BYTES", shape=[1 << 50], size=4)], bytes(4)),
        ([output(datatype="BYTES", size=1 << 50)], bytes(4)),
        ([output()], BYTES + b"x"),
        ([output()], BYTES[:3]),
        ([output(), output()], BYTES + BYTES),
        ([{"name": "y", "datatype": "FP32", "shape": [1]}], b""),
        ([{"name": "y", "datatype": "FP32", "shape": [1], "data": ["1"]}], b""),
        ([{"name": "y", "datatype": "FP32", "shape": [1], "data": [None]}], b""),
        ([{"name": "y", "datatype": "FP32", "shape": [1], "data": [1, 2]}], b""),
        ([{"name": "y", "datatype": "FP32", "shape": [1], "data": 1}], b""),
        ([{"name": "y", "datatype": "UINT8", "shape": [1], "data": [256]}], b""),
        ([{"name": "y", "datatype": "FP32", "shape": [1], "data": json.loads("[" * 500 + "1" + "]" * 500)}], b""),
        ([{"name": "y", "datatype": "UINT8", "shape": [1], "data": [{}]}], b""),
        ([{"name": "y", "datatype": "BYTES", "shape": [1], "data": [1]}], b""),
        ([{"name": "y", "datatype": "FP32", "shape": [1], "parameters": {"shared_memory_region": "r"}}], b""),
    ],
)
def test_outputs_that_cannot_be_are_an_error(said, tensors):
    with pytest.raises(muster.InternalError, match="answer is broken"):
        outcome(answer(said, tensors))


def test_a_body_that_ends_too_early_is_an_error():
    whole = answer([output(shape=[1000], size=4000)], bytes(4000))
    for length in (10, 100, len(whole) - 1):
        with pytest.raises(muster.Unavailable, match="ended before"):
            outcome(whole[:length])


def test_an_answer_over_the_limit_is_refused():
    with ScriptedPeer([BINARY, answer([output(shape=[1000], size=4000)], bytes(4000))]) as peer:
        with muster.Client(peer.url, max_reply_bytes=2000) as client:
            with pytest.raises(muster.ResourceExhausted, match="2000"):
                client.run("m", {"x": ONE})


@pytest.mark.parametrize(
    "status, kind",
    [
        (400, muster.InvalidArgument),
        (401, muster.Unauthenticated),
        (403, muster.PermissionDenied),
        (404, muster.NotFound),
        (405, muster.Unimplemented),
        (413, muster.ResourceExhausted),
        (429, muster.ResourceExhausted),
        (500, muster.InternalError),
        (501, muster.Unimplemented),
        (503, muster.Unavailable),
        (504, muster.DeadlineExceeded),
        (302, muster.FailedPrecondition),
        (418, muster.InvalidArgument),
        (204, muster.FailedPrecondition),
    ],
)
def test_a_status_is_an_exception_with_the_server_s_words(status, kind):
    body = b"" if status == 204 else {"error": "these words\nand\x1b[31m more"}
    with ScriptedPeer([BINARY, reply(body, status), reply({"inputs": []})]) as peer, pytest.raises(kind) as failure:
        ask(peer)
    if status != 204:
        assert str(failure.value).startswith(f"these words\\x0aand\\x1b[31m more (HTTP {status}, http://")


@pytest.mark.parametrize("body", [b"plain words", b"{", {"error": 7}, [], b"\xff\xfe", b""])
def test_a_refusal_needs_no_json(body):
    with ScriptedPeer([BINARY, reply(body, 503)]) as peer, pytest.raises(muster.Unavailable):
        ask(peer)


def test_a_refusal_without_end_is_not_read():
    with ScriptedPeer([BINARY, reply(b"", 503, Content_Length=1 << 40)]) as peer, pytest.raises(muster.Unavailable):
        ask(peer)


def test_a_server_that_says_nothing_is_waited_for_no_longer_than_told():
    with ScriptedPeer([BINARY, b""]) as peer, pytest.raises(muster.DeadlineExceeded, match="0.05"):
        ask(peer, timeout=0.05)
    with ScriptedPeer([b""]) as peer, pytest.raises(muster.DeadlineExceeded):
        ask(peer, client_timeout=0.05)
    with ScriptedPeer([b""]) as peer, muster.Client(peer.url, timeout=0.05) as client:
        assert not client.live()


def test_a_server_that_stops_in_the_middle_is_waited_for_no_longer_than_told():
    def half(connection):
        connection.sendall(answer([output(shape=[1000], size=4000)], bytes(4000))[:-100])

    with ScriptedPeer([BINARY, half, b""]) as peer, pytest.raises(muster.DeadlineExceeded):
        ask(peer, timeout=0.05)


def test_where_nobody_is_the_url_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with muster.Client(url) as client:
        assert not client.live()
        with pytest.raises(ConnectionError, match=url) as failure:
            client.run("m", {"x": ONE})
    assert isinstance(failure.value, muster.Unavailable)
    with muster.Client("unix:/nowhere/at/all") as client, pytest.raises(muster.Unavailable, match="nowhere"):
        client.run("m", {"x": ONE})
    with muster.Client("http://no-such-host.invalid:1") as client, pytest.raises(muster.Unavailable, match="invalid"):
        client.metadata("m")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8000",
        "ftp://localhost:1",
        "http://",
        "http://:80",
        "http://a:b",
        "http://a:99999",
        "http://a:0",
        "http://a b:1",
        "http://a:1/path",
        "http://a:1?x",
        "http://user:word@a:1",
        "http://a\r\nX: y:1",
        "grpc://a",
        "unix:",
        "unix:" + "x" * 200,
        "unix:a\0b",
        7,
        [],
        [None],
        ["http://a:1"] * 300,
    ],
)
def test_a_url_that_is_none_is_refused(url):
    with pytest.raises(muster.InvalidArgument):
        muster.Client(url)


def test_a_url_without_a_scheme_gets_a_hint():
    with pytest.raises(muster.InvalidArgument, match="did you mean 'http://localhost:8000'"):
        muster.Client("localhost:8000")


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": "soon"},
        {"connections": 0},
        {"connections": 1 << 20},
        {"max_reply_bytes": 0},
        {"max_request_bytes": True},
        {"token": "a b"},
        {"token": "a\r\nX: y"},
        {"token": ""},
        {"headers": {"A b": "c"}},
        {"headers": {"A": "c\r\nX: y"}},
        {"headers": {"Host": "elsewhere"}},
        {"headers": {"Content-Length": "1"}},
        {"headers": {"Authorization": "x"}, "token": "y"},
        {"key_file": "x"},
    ],
)
def test_options_that_cannot_be_are_refused(options):
    with pytest.raises(muster.InvalidArgument):
        muster.Client("http://localhost:1", **options)


def test_headers_and_token_go_with_every_request():
    with ScriptedPeer([BINARY]) as peer, muster.Client(peer.url, token="secret", headers={"X-Who": "me"}) as client:
        assert client.server_metadata().name == "peer"
    head = peer.requests[0][0].decode()
    assert "\r\nAuthorization: Bearer secret\r\n" in head
    assert "\r\nX-Who: me\r\n" in head
    assert "secret" not in repr(client)
