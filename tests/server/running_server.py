# SPDX-License-Identifier: Apache-2.0
"""RunningServer: one `muster serve` of a test, on free ports of the loopback, with all that it prints.

    with RunningServer(program, models, "--model-control", "explicit") as server:
        client = tritonclient.http.InferenceServerClient(server.http)

Leaving the block stops the server with SIGTERM and insists that it ends with status 0: under a sanitizer that is the
proof that nothing leaked or was misused.
"""

import re
import signal
import subprocess
import threading

START_LIMIT_S = 120
STOP_LIMIT_S = 120
_LISTENER = re.compile(r"^muster: (http|grpc|metrics) (?:unix:)?(\S+)$")


class ServerFailed(AssertionError):
    pass


class RunningServer:
    def __init__(self, program, models, *arguments, ports=True, environment=None):
        """`ports`: ask for a free port for each listener; else `arguments` say where to listen."""
        self._lines = []
        self._changed = threading.Condition()
        self._ended = False
        self._told_to_stop = False
        self._listeners = {}
        command = [str(program), "serve", "--models", str(models)]
        if ports:
            command += ["--http-port", "0", "--grpc-port", "0", "--metrics-port", "0"]
        self._process = subprocess.Popen(
            [*command, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.wait_for_line(r"^muster: ready\b", START_LIMIT_S)
        except ServerFailed:
            self._process.kill()
            raise

    def _read(self):
        for line in self._process.stdout:
            line = line.rstrip("\n")
            listener = _LISTENER.match(line)
            with self._changed:
                if listener:
                    self._listeners.setdefault(listener[1], listener[2])
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_for_line(self, expression, limit_s):
        """The first line that the expression is found in, of those printed and those to come."""
        wanted = re.compile(expression)

        def found():
            return next((line for line in self._lines if wanted.search(line)), None)

        with self._changed:
            self._changed.wait_for(lambda: found() is not None or self._ended, limit_s)
            line = found()
            if line is None:
                raise ServerFailed(f"the server printed no line like {expression!r}:\n" + "\n".join(self._lines))
            return line

    @property
    def output(self):
        with self._changed:
            return "\n".join(self._lines)

    @property
    def http(self):
        """host:port, as the clients want it; `grpc` and `metrics` likewise."""
        return self._listeners["http"]

    @property
    def grpc(self):
        return self._listeners["grpc"]

    @property
    def metrics(self):
        return self._listeners["metrics"]

    @property
    def pid(self):
        return self._process.pid

    def running(self):
        return self._process.poll() is None

    def send_signal(self, number):
        self._told_to_stop = True
        self._process.send_signal(number)

    def wait(self, limit_s=STOP_LIMIT_S):
        """The exit status, once it has ended."""
        try:
            status = self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise ServerFailed(f"the server did not end within {limit_s} s:\n{self.output}") from None
        self._reader.join()
        return status

    def stop(self, limit_s=STOP_LIMIT_S):
        """Asks it to end, once, and insists that it does so in order."""
        if not self._told_to_stop:
            self.send_signal(signal.SIGTERM)
        status = self.wait(limit_s)
        if status != 0:
            raise ServerFailed(f"the server ended with status {status}:\n{self.output}")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        if kind is None:
            self.stop()
        elif self.running():
            self._process.kill()
            self._process.wait()
