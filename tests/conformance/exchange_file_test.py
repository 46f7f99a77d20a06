# SPDX-License-Identifier: Apache-2.0
"""That a case which is not as expected is found: a runner that is content with everything would look the same."""

import gzip
import pathlib
import tempfile
import unittest

import exchange_file
from exchange_file import Expected, body_differences
from wire import Reply


def parse(text):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "case.http"
        path.write_text(text)
        return exchange_file.parse(path)


def sent(text):
    (exchange,) = parse(text + "< 200\n")
    return exchange.packets


class What_is_sent(unittest.TestCase):
    def test_length_counts_the_body_after_its_placeholders(self):
        (packet,) = sent("> POST / HTTP/1.1\n> Content-Length: {length}\n>\n> {repeat 3 ab}{hex 00ff}\n")
        self.assertEqual(packet, b"POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\nababab\x00\xff")

    def test_bytes_behind_the_json_follow_without_a_line_end(self):
        (packet,) = sent("> POST / HTTP/1.1\n> J: {json-length}\n> L: {length}\n>\n> {}\n> {fp32 1}\n")
        self.assertEqual(packet, b"POST / HTTP/1.1\r\nJ: 2\r\nL: 6\r\n\r\n{}\x00\x00\x80\x3f")

    def test_a_compressed_body_is_compressed_last(self):
        (packet,) = sent("> POST / HTTP/1.1\n> L: {length}\n>\n> {gzip}{repeat 100 a}\n")
        head, body = packet.split(b"\r\n\r\n", 1)
        self.assertEqual(head, b"POST / HTTP/1.1\r\nL: %d" % len(body))
        self.assertEqual(gzip.decompress(body), b"a" * 100)

    def test_raw_lines_are_sent_as_they_are(self):
        self.assertEqual(sent("> {raw}GET / HTT{pause}P/1.1\\r\\n\n> a:b\\n\n"), [b"GET / HTT", b"P/1.1\r\na:b\n"])

    def test_several_requests_follow_each_other(self):
        (exchange,) = parse("> GET /a HTTP/1.1\n>\n> HEAD /b HTTP/1.1\n>\n< 200\n< 404\n< closed\n")
        self.assertEqual(exchange.packets, [b"GET /a HTTP/1.1\r\n\r\nHEAD /b HTTP/1.1\r\n\r\n"])
        self.assertEqual(exchange.methods, ["GET", "HEAD"])
        self.assertEqual([answer.statuses for answer in exchange.expected], [["200"], ["404"]])
        self.assertEqual(exchange.ends, "closed")

    def test_a_line_that_is_neither_sent_nor_expected_is_an_error(self):
        for text in ("GET /\n", "> GET / HTTP/1.1\n", "> GET / HTTP/1.1\n< fine\n"):
            with self.assertRaises(exchange_file.Malformed):
                parse(text)


class What_is_expected(unittest.TestCase):
    reply = Reply(400, [("content-type", "application/json"), ("x", "1")], b'{"error":"the tensor is wrong"}')

    def differences(self, statuses, headers=(), body=None):
        return Expected(list(statuses), list(headers), body).differences(self.reply)

    def test_what_fits_has_no_differences(self):
        for wanted in (["400"], ["4xx"], ["200", "400"]):
            self.assertEqual(self.differences(wanted, ["Content-Type: *", "X: 1", "-Y"], b"{error tensor}"), [])

    def test_each_thing_that_does_not_fit_is_told(self):
        self.assertTrue(self.differences(["200"]))
        self.assertTrue(self.differences(["5xx", "closed"]))
        for header in ("X: 2", "Y: *", "-X"):
            self.assertTrue(self.differences(["400"], [header]))
        for body in (b"{error matrix}", b'{"error":"the tensor"}', b'{"other":"*"}', b"plain"):
            self.assertTrue(self.differences(["400"], body=body), body)

    def test_an_end_without_a_reply_fits_only_where_it_is_expected(self):
        self.assertEqual(Expected(["400", "closed"], []).differences(None), [])
        self.assertTrue(Expected(["400"], []).differences(None))

    def test_numbers_truths_and_texts_are_not_the_same(self):
        self.assertEqual(body_differences(b"[1, 0.1, true]", b"[1, 0.100000001, true]"), [])
        for got in (b"[true, 0.1, true]", b'["1", 0.1, true]', b"[1, 0.2, true]", b"[1, 0.1]", b"[1, 0.1, true, 1]"):
            self.assertTrue(body_differences(b"[1, 0.1, true]", got), got)

    def test_members_may_be_more_but_not_fewer(self):
        self.assertEqual(body_differences(b'{"a":"*","b":"*ell*"}', b'{"a":[],"b":"hello","c":1}'), [])
        self.assertTrue(body_differences(b'{"a":"*","b":"*ell*"}', b'{"b":"hello"}'))
        self.assertTrue(body_differences(b'{"a":"*","b":"*ell*"}', b'{"a":1,"b":"goodbye"}'))


if __name__ == "__main__":
    unittest.main()
