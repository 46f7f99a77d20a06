# SPDX-License-Identifier: Apache-2.0
"""
The extension of the package muster; its classes are muster.Model and its kin.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
import os
from typing import Any, Literal

import numpy.typing

import muster._types
import muster.errors


class Model:
    """
    A model, loaded and ready to run on the thread that asks.

    ``path``: a model folder (``config.pbtxt``, ``1/model.onnx``), one of its version folders, or a model file.
    ``backend``: ``"onnxruntime"``, ``"openvino"`` or ``"tensorrt"`` instead of the one that the model names.
    ``threads``: CPU threads that a run may use, this one included; without it, the CPUs of this process are shared out.
    ``sessions``: runs that may be at work side by side; others wait. Without it, as many as there are CPUs.
    ``max_batch_size``: rows of a batch of the queues over it (``muster.Batcher``); ``run`` takes any number.
    ``parameters``: of the backend, above those of the configuration. ``cache``: a folder for what is compiled.

    Raises NotFound, InvalidArgument, or FailedPrecondition where the backend or its runtime is not installed.
    Use it from any thread. In a process forked from this one it cannot be used.
    """

    def __init__(self, path: str | os.PathLike[str], backend: str | None = None, *, threads: int | None = None, sessions: int | None = None, max_batch_size: int | None = None, parameters: Mapping[str, str] | None = None, cache: str | os.PathLike[str] | None = None) -> None: ...

    def close(self) -> None:
        """
        Lets the model go. Runs that are at work end first; closing twice does nothing.
        """

    def __enter__(self) -> Model: ...

    def __exit__(self, *exception: object) -> None: ...

    def run(self, *inputs: Any, out: Any = None, outputs: str | Sequence[str] | None = None) -> dict[str, numpy.typing.NDArray[Any]]:
        """
        Runs the model on one batch and returns its outputs by name.

        ``inputs``: one dict ``{name: array}``, or an array for each of ``inputs`` in their order. Arrays are numpy's, any with the
        buffer protocol, or any with DLPack on the CPU (PyTorch); they must have the dtype of the model. Contiguous memory in this
        machine's byte order is read where it lies; other layouts are copied first.
        ``out``: an array, a sequence of them or a dict; the outputs are written into these, which are returned.
        ``outputs``: names of those that are wanted; without it, all.

        Blocks without the interpreter's lock. Raises WrongType for another dtype, InvalidArgument for another shape or name,
        Closed after ``close``. An interrupt from the keyboard is heard when the runtime is done with the batch.
        """

    def classify(self, pictures: Any, top_k: int = 1) -> list[list[muster._types.ClassScore]]:
        """
        The ``top_k`` best classes of each picture, best first.

        ``pictures``: one or a sequence of paths, bytes of PNG or JPEG files, or uint8 arrays of [height,width] or
        [height,width,3] in BGR order, as cv2 reads them. They are decoded on all CPUs and preprocessed as the model's
        configuration says. Raises InvalidArgument that names the picture which cannot be read, FailedPrecondition where the
        model takes no pictures.
        """

    def __repr__(self) -> str: ...

    @property
    def closed(self) -> bool:
        """Whether it was closed."""

    @property
    def name(self) -> str:
        """The name that it is served under."""

    @property
    def file(self) -> str:
        """The model file."""

    @property
    def version(self) -> int:
        """Its version; 0 of a file."""

    @property
    def backend(self) -> str:
        """The name of its backend."""

    @property
    def runtime(self) -> str:
        """The runtime and its version, for people."""

    @property
    def max_batch_size(self) -> int:
        """
        Rows of a batch at most, in a queue over it; 0 where it has no batch axis.
        """

    @property
    def inputs(self) -> list[muster._types.TensorSpec]:
        """What it takes."""

    @property
    def outputs(self) -> list[muster._types.TensorSpec]:
        """What it gives."""

class Waiting:
    """What one event loop waits for (muster._loops)."""

    def __init__(self) -> None: ...

    def fileno(self) -> int:
        """Readable when something is done."""

    def answer(self) -> None:
        """Lets what waits for it go on where it is done."""

class Callbacks:
    """What is called when requests are done (muster._callbacks)."""

    def __init__(self) -> None: ...

    def wait(self) -> bool:
        """Blocks until something is done; False when all is over."""

    def answer(self) -> None:
        """Calls what waits for it."""

    def close(self) -> None:
        """Forgets what waits; wait() returns False."""

class Future:
    """
    The outcome of one request of a ``muster.Batcher``, when it is there.

    ``await future`` in any event loop, or ``future.result()`` in any thread.
    """

    def result(self, timeout: float | None = None) -> dict[str, numpy.typing.NDArray[Any]]:
        """
        The outputs by name. Waits for them, at most ``timeout`` seconds.

        Raises the request's failure, or DeadlineExceeded when the time is over; the request then goes on.
        """

    def exception(self, timeout: float | None = None) -> muster.errors.Error | None:
        """The request's failure, or None. Waits as ``result`` does."""

    def done(self) -> bool:
        """Whether the outcome is there."""

    def cancel(self) -> bool:
        """
        Cancels the request if it still waits for its batch; whether it was cancelled.
        """

    def cancelled(self) -> bool:
        """Whether it was cancelled."""

    def add_done_callback(self, function: Callable[[Future], object]) -> None:
        """
        Has ``function(future)`` called when the outcome is there: at once by the calling thread, if it is; else by
        the one thread that this package has for it, so that it must be short. What it raises goes to ``sys.unraisablehook``.
        Nothing is called any more when the interpreter ends.
        """

    def __await__(self) -> Generator[Any, None, dict[str, numpy.typing.NDArray[Any]]]: ...

class Batcher:
    """
    A queue over a model: many small requests share few large batches.

    ``max_batch_size``: rows of a batch at most; without it, the model's.
    ``max_delay``: seconds that a request may wait for others to share its batch. With 0 nobody waits: what has come while a
    batch was computed is the next one.
    ``max_queue_size``: requests under way at most. One more is refused with ResourceExhausted, or waits in ``submit`` where
    ``when_full`` is ``"wait"``.
    ``instances``: batches that run side by side.

    It keeps what it needs of the model, which may be closed. Use it from any thread and any event loop.
    """

    def __init__(self, model: Model, max_batch_size: int | None = None, max_delay: float = 0.0, *, max_queue_size: int = 4096, instances: int = 1, when_full: Literal['raise', 'wait'] = 'raise') -> None: ...

    def submit(self, *inputs: Any, timeout: float | None = None, priority: int = 0) -> Future:
        """
        Hands a request in and returns its future at once.

        ``inputs``: as ``Model.run`` takes them, with rows along the first axis; or one row without that axis, and the outputs
        come without it, too. They are copied: the arrays may change at once.
        ``timeout``: seconds from now; a request that has not started by then fails with DeadlineExceeded.
        ``priority``: 1 goes first, where the model has levels; 0 is its default.

        Raises WrongType, InvalidArgument, ResourceExhausted where the queue is full, Closed after ``close``.
        """

    def run(self, *inputs: Any, timeout: float | None = None, priority: int = 0) -> dict[str, numpy.typing.NDArray[Any]]:
        """
        ``submit(...).result()``: hands a request in and waits for its outputs.
        """

    def statistics(self) -> dict[str, Any]:
        """
        Totals since it was made: requests ``accepted``, ``refused``, ``succeeded``, ``failed``, ``expired``,
        ``cancelled``; ``rows``, ``batches``, ``batches_by_rows`` {rows: batches}; and ``waiting``, the requests under way now.
        """

    def close(self) -> None:
        """
        Refuses new requests, answers all that it has, and ends. Closing twice does nothing.
        """

    def __enter__(self) -> Batcher: ...

    def __exit__(self, *exception: object) -> None: ...

    @property
    def closed(self) -> bool:
        """Whether it was closed."""

    def __repr__(self) -> str: ...

def load_pictures(pictures: Any, height: int, width: int, color: str, layout: str, dtype: str, scale: float, mean: Sequence[float], std: Sequence[float], threads: int | None) -> numpy.typing.NDArray[Any]:
    """See muster.image.load."""

def decode_picture(picture: Any, grayscale: bool) -> numpy.typing.NDArray[Any]:
    """See muster.image.decode."""

def measure(model: Model, batch_size: int, iterations: int, warm_up: float, shapes: dict[str, Sequence[int]]) -> dict[str, Any]:
    """See muster.bench."""

def compile(path: str | os.PathLike[str], backend: str, parameters: dict[str, str], cache: str, output: str, progress: Callable[[Any], object] | None) -> tuple[str, int, float, str]:
    """See muster.build_engine."""
