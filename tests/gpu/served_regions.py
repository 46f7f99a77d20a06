#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""CUDA shared memory as a client has it: this process makes the memory, `muster serve` opens it by its handle.

    tests/gpu/served_regions.py --program build/release/muster [--plan lenet.plan]

Needs a GPU, CUDA's runtime library and Python alone. Ends with 77 where there is no GPU. Without --plan the program
builds LeNet's engine first.
"""

import argparse
import base64
import concurrent.futures
import contextlib
import ctypes
import http.client
import json
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "server"))

from running_server import RunningServer  # noqa: E402

SKIPPED = 77
ROW = 28 * 28  # floats of an input
CLASSES = 10
MAX_BATCH = 16
TO_GPU, FROM_GPU = 1, 2


class Cuda:
    """What of CUDA's runtime a client needs."""

    def __init__(self):
        for name in ("libcudart.so", "libcudart.so.13", "libcudart.so.12"):
            with contextlib.suppress(OSError):
                self._library = ctypes.CDLL(name)
                return
        raise OSError("no libcudart is found: LD_LIBRARY_PATH must have its folder")

    def __call__(self, name, *arguments):
        outcome = getattr(self._library, name)(*arguments)
        if outcome != 0:
            raise RuntimeError(f"{name}: CUDA error {outcome}")

    def devices(self):
        count = ctypes.c_int()
        return count.value if self._library.cudaGetDeviceCount(ctypes.byref(count)) == 0 else 0


class Memory:
    """Memory of GPU 0 and its handle."""

    def __init__(self, cuda, size):
        self._cuda = cuda
        self._address = ctypes.c_void_p()
        cuda("cudaMalloc", ctypes.byref(self._address), ctypes.c_size_t(size))
        handle = (ctypes.c_ubyte * 64)()
        cuda("cudaIpcGetMemHandle", ctypes.byref(handle), self._address)
        self.handle = bytes(handle)

    def _at(self, offset):
        return ctypes.c_void_p(self._address.value + offset)

    def put(self, offset, data):
        self._cuda("cudaMemcpy", self._at(offset), data, ctypes.c_size_t(len(data)), TO_GPU)
        self._cuda("cudaDeviceSynchronize")

    def get(self, offset, size):
        data = ctypes.create_string_buffer(size)
        self._cuda("cudaMemcpy", data, self._at(offset), ctypes.c_size_t(size), FROM_GPU)
        return data.raw

    def free(self):
        self._cuda("cudaFree", self._address)


def build_engine(program, folder):
    plan = folder / "lenet.plan"
    command = [program, "build-engine", ROOT / "models" / "lenet", "--max", MAX_BATCH, "--precision", "fp32"]
    subprocess.run([*map(str, command), "--no-check", "--output", str(plan)], check=True, timeout=300)
    return plan


def lay_out(folder, plan):
    repository = folder / "models"
    version = repository / "digits" / "1"
    version.mkdir(parents=True)
    shutil.copyfile(plan, version / "model.plan")
    (repository / "digits" / "config.pbtxt").write_text(
        f'backend: "tensorrt"\nmax_batch_size: {MAX_BATCH}\ndynamic_batching {{}}\n'
    )
    return repository


def floats(count, seed):
    source = random.Random(seed)
    return struct.pack(f"<{count}f", *(source.random() for _ in range(count)))


class ServedRegions(unittest.TestCase):
    program = plan = folder = cuda = server = None

    @classmethod
    def setUpClass(cls):
        plan = cls.plan or build_engine(cls.program, cls.folder)
        arguments = ("--shared-memory", "--log-level", "info")
        cls.server = RunningServer(cls.program, lay_out(cls.folder, plan), *arguments)
        metadata = cls.ask("GET", "/v2/models/digits")[1]
        cls.input = metadata["inputs"][0]["name"]
        cls.output = metadata["outputs"][0]["name"]

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    @classmethod
    def exchange(cls, method, path, body=b"", headers=None):
        connection = http.client.HTTPConnection(cls.server.http, timeout=120)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()

    @classmethod
    def ask(cls, method, path, question=None):
        body = b"" if question is None else json.dumps(question).encode()
        status, _, text = cls.exchange(method, path, body)
        return status, json.loads(text) if text else None

    def setUp(self):
        self.assertEqual(self.ask("POST", "/v2/cudasharedmemory/unregister")[0], 200)

    def register(self, name, handle, size, device=0):
        question = {"raw_handle": {"b64": base64.b64encode(handle).decode()}, "device_id": device, "byte_size": size}
        return self.ask("POST", f"/v2/cudasharedmemory/region/{name}/register", question)

    @contextlib.contextmanager
    def region(self, name, size):
        memory = Memory(self.cuda, size)
        self.assertEqual(self.register(name, memory.handle, size), (200, None))
        yield memory
        self.assertEqual(self.ask("POST", f"/v2/cudasharedmemory/region/{name}/unregister")[0], 200)
        memory.free()

    def infer(self, rows, source, target):
        """`source` and `target`: (name, offset)."""

        def place(region, size):
            return {
                "shared_memory_region": region[0],
                "shared_memory_offset": region[1],
                "shared_memory_byte_size": size,
            }

        tensor = {"name": self.input, "datatype": "FP32", "shape": [rows, 1, 28, 28]}
        tensor["parameters"] = place(source, rows * ROW * 4)
        wish = {"name": self.output, "parameters": place(target, rows * CLASSES * 4)}
        return self.ask("POST", "/v2/models/digits/infer", {"inputs": [tensor], "outputs": [wish]})

    def sent(self, rows, data):
        """What the same rows are answered that travel with the request."""
        tensor = {"name": self.input, "datatype": "FP32", "shape": [rows, 1, 28, 28]}
        tensor["parameters"] = {"binary_data_size": len(data)}
        question = {"inputs": [tensor], "parameters": {"binary_data_output": True}}
        head = json.dumps(question).encode()
        status, headers, body = self.exchange(
            "POST",
            "/v2/models/digits/infer",
            head + data,
            {"Inference-Header-Content-Length": str(len(head))},
        )
        self.assertEqual(status, 200, body)
        return body[int(headers["Inference-Header-Content-Length"]) :]

    def assert_near(self, got, wanted):
        self.assertEqual(len(got), len(wanted))
        count = len(got) // 4
        for a, b in zip(struct.unpack(f"<{count}f", got), struct.unpack(f"<{count}f", wanted), strict=True):
            self.assertAlmostEqual(a, b, delta=1e-3)

    def test_tensors_go_both_ways(self):
        self.assertIn("cuda_shared_memory", self.ask("GET", "/v2")[1]["extensions"])
        for rows in (1, 5, MAX_BATCH):
            data = floats(rows * ROW, rows)
            with self.region("r", 1 << 20) as memory:
                memory.put(64, data)
                status, answer = self.infer(rows, ("r", 64), ("r", 512 << 10))
                self.assertEqual(status, 200, answer)
                self.assert_near(memory.get(512 << 10, rows * CLASSES * 4), self.sent(rows, data))

    def test_a_large_request_is_split(self):
        rows = 3 * MAX_BATCH + 1
        data = floats(rows * ROW, 9)
        with self.region("in", len(data)) as source, self.region("out", rows * CLASSES * 4) as target:
            source.put(0, data)
            status, answer = self.infer(rows, ("in", 0), ("out", 0))
            self.assertEqual(status, 200, answer)
            self.assert_near(target.get(0, rows * CLASSES * 4), self.sent(rows, data))

    def test_rows_in_memory_and_rows_that_are_sent_share_batches(self):
        count = 200
        inputs = [floats(ROW, seed) for seed in range(count)]
        with self.region("r", count * (ROW + CLASSES) * 4) as memory:
            memory.put(0, b"".join(inputs))
            begin = count * ROW * 4

            def one(number):
                if number % 3 == 0:
                    return self.sent(1, inputs[number])
                status, answer = self.infer(1, ("r", number * ROW * 4), ("r", begin + number * CLASSES * 4))
                self.assertEqual(status, 200, answer)
                return None

            with concurrent.futures.ThreadPoolExecutor(16) as threads:
                answers = list(threads.map(one, range(count)))
            for number in range(0, count, 7):
                got = answers[number] or memory.get(begin + number * CLASSES * 4, CLASSES * 4)
                self.assert_near(got, self.sent(1, inputs[number]))

    def test_what_is_registered_is_listed_until_it_is_not(self):
        with self.region("a", 4096), self.region("b", 1 << 20):
            self.assertEqual(
                self.ask("GET", "/v2/cudasharedmemory/status")[1],
                [
                    {"name": "a", "device_id": 0, "byte_size": 4096},
                    {"name": "b", "device_id": 0, "byte_size": 1 << 20},
                ],
            )
        self.assertEqual(self.ask("GET", "/v2/cudasharedmemory/status")[1], [])
        self.assertEqual(self.ask("GET", "/v2/cudasharedmemory/region/a/status")[0], 404)
        status, answer = self.infer(1, ("a", 0), ("a", 0))
        self.assertEqual(status, 400, answer)

    def test_one_handle_may_have_two_names(self):
        data = floats(ROW, 3)
        with self.region("r", 1 << 20) as memory:
            self.assertEqual(self.register("again", memory.handle, 1 << 20)[0], 200)
            self.assertEqual(self.ask("POST", "/v2/cudasharedmemory/region/again/unregister")[0], 200)
            memory.put(0, data)
            status, answer = self.infer(1, ("r", 0), ("r", len(data)))
            self.assertEqual(status, 200, answer)
            self.assert_near(memory.get(len(data), CLASSES * 4), self.sent(1, data))

    def test_what_is_wrong_is_said(self):
        memory = Memory(self.cuda, 4 << 20)

        def refusal(*arguments, **named):
            status, answer = self.register("r", *arguments, **named)
            print("refused:", answer)
            self.assertEqual(status, 400, answer)
            return answer["error"]

        self.assertIn("it has", refusal(memory.handle, 1 << 37))
        self.assertIn("it has", refusal(memory.handle, 8 << 20))
        self.assertIn("--max-region-bytes", refusal(memory.handle, 1 << 40))
        self.assertIn("63", refusal(memory.handle[:63], 64))
        self.assertIn("CUDA says", refusal(bytes(64), 64))
        self.assertIn("there is no GPU 64", refusal(memory.handle, 64, device=64))
        self.assertEqual(self.register("r", memory.handle, 4 << 20)[0], 200)
        self.assertIn("already", refusal(memory.handle, 64))
        status, answer = self.infer(1, ("r", (4 << 20) - 64), ("r", 0))
        self.assertEqual(status, 400, answer)
        self.assertEqual(self.ask("POST", "/v2/cudasharedmemory/unregister")[0], 200)
        memory.free()

    def test_z_a_client_that_goes_leaves_a_server_that_lives(self):
        """The last of them, by its name: what CUDA does then it does not promise."""
        command = [sys.executable, __file__, "--share"]
        server = json.dumps({"http": self.server.http})
        other = subprocess.run(command, input=server, stdout=subprocess.PIPE, text=True, check=True, timeout=120)
        print("of a client that has gone:", other.stdout.strip())
        status, answer = self.infer(1, ("gone", 0), ("gone", ROW * 4))
        print("its memory then:", status, answer)
        self.assertEqual(self.ask("POST", "/v2/cudasharedmemory/unregister")[0], 200)
        data = floats(ROW, 1)
        self.assertEqual(len(self.sent(1, data)), CLASSES * 4)


def share_and_go():
    """A client of its own that registers memory and ends without another word."""
    ServedRegions.server = argparse.Namespace(**json.load(sys.stdin))
    memory = Memory(Cuda(), 1 << 20)
    print(*ServedRegions().register("gone", memory.handle, 1 << 20))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=pathlib.Path)
    parser.add_argument("--plan", type=pathlib.Path)
    parser.add_argument("--share", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.share:
        share_and_go()
        return 0
    try:
        ServedRegions.cuda = Cuda()
        devices = ServedRegions.cuda.devices()
    except OSError as failure:
        print(failure, file=sys.stderr)
        devices = 0
    if devices == 0:
        print("SKIPPED, all of it: there is no GPU here", file=sys.stderr)
        return SKIPPED
    ServedRegions.program, ServedRegions.plan = options.program.resolve(), options.plan
    with tempfile.TemporaryDirectory() as folder:
        ServedRegions.folder = pathlib.Path(folder)
        suite = unittest.defaultTestLoader.loadTestsFromTestCase(ServedRegions)
        outcome = unittest.TextTestRunner(verbosity=2).run(suite)
    return 0 if outcome.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
