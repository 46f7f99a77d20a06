# SPDX-License-Identifier: Apache-2.0
"""The Python package on a GPU: engines built, runs, pictures and queues of the backend `tensorrt`, beside ONNX Runtime.

MUSTER_GPU_ENGINES: where engines are kept for the next run.
"""

import asyncio
import os
import pathlib
import threading

import muster
import numpy
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LENET = ROOT / "models" / "lenet"
# TF32, in which a GPU multiplies, has ten bits of mantissa.
NEAR = {"rtol": 5e-2, "atol": 5e-2}


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    """An engine of LeNet for 1 to 64 digits, and what was told while it was built."""
    file = tmp_path_factory.mktemp("engine") / "lenet.plan"
    seen = []
    return muster.build_engine(LENET, file, profiles="1:8:64", progress=seen.append), seen


@pytest.fixture(scope="session")
def model(engine):
    with muster.Model(engine[0].file, backend="tensorrt") as opened:
        yield opened


@pytest.fixture(scope="session")
def reference():
    with muster.Model(LENET, backend="onnxruntime") as opened:
        yield opened


def digits(count, seed=0):
    return numpy.random.default_rng(seed).random((count, 1, 28, 28), dtype=numpy.float32)


def test_an_engine_is_built_and_tells_how_far_it_is(engine):
    built, seen = engine
    assert built.file.stat().st_size == built.bytes > 0
    assert built.seconds > 0
    assert "profile" in built.summary
    assert seen and all(0 <= news.done <= 1 for news in seen)
    assert [news.done for news in seen] == sorted(news.done for news in seen)


def test_a_builder_that_is_stopped_leaves_nothing(engine, tmp_path):
    class Enough(Exception):
        pass

    def stop(_):
        raise Enough

    with pytest.raises(Enough):
        muster.build_engine(LENET, tmp_path / "stopped.plan", profiles="1:4:16", progress=stop)
    assert not list(tmp_path.iterdir())


def test_it_says_what_it_is(model):
    assert model.backend == "tensorrt"
    assert model.runtime.startswith("TensorRT ")
    assert [(spec.name, spec.dtype, spec.shape) for spec in model.inputs] == [("input", "float32", (-1, 1, 28, 28))]


@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_its_outputs_are_near_those_of_onnxruntime(model, reference, count):
    images = digits(count, count)
    numpy.testing.assert_allclose(model.run(images)["output"], reference.run(images)["output"], **NEAR)


def test_outputs_go_into_arrays_that_are_given(model):
    images = digits(5)
    out = numpy.empty((5, 10), numpy.float32)
    assert model.run(images, out=out)["output"] is out
    numpy.testing.assert_array_equal(out, model.run(images)["output"])


@pytest.mark.parametrize("count", [65, 300])
def test_more_rows_than_the_profile_has_are_run_in_parts(model, reference, count):
    images = digits(count, count)
    out = model.run(images)["output"]
    assert out.shape == (count, 10)
    numpy.testing.assert_allclose(out, reference.run(images)["output"], **NEAR)


def test_pictures_have_their_labels(model):
    folder = muster.Model(LENET, backend="tensorrt", cache=os.environ.get("MUSTER_GPU_ENGINES"))
    pictures = sorted((ROOT / "examples" / "digits").glob("*.png"))
    with folder:
        found = [best[0].label for best in folder.classify(pictures)]
    assert sum(label == picture.name[0] for label, picture in zip(found, pictures, strict=True)) >= 48


def test_many_threads_run_side_by_side(model):
    images = [digits(1 + i % 8, i) for i in range(64)]
    expected = [model.run(each)["output"] for each in images]
    wrong = []

    def work(first):
        for i in range(first, len(images), 8):
            if not numpy.allclose(model.run(images[i])["output"], expected[i], **NEAR):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_queue_makes_batches_for_threads_and_tasks(model, reference):
    images = digits(512)
    expected = reference.run(images)["output"]

    async def ask(batcher):
        return await asyncio.gather(*(batcher.submit(row) for row in images))

    with muster.Batcher(model, max_batch_size=64) as batcher:
        made = [future.result()["output"] for future in [batcher.submit(row) for row in images]]
        numpy.testing.assert_allclose(numpy.stack(made), expected, **NEAR)
        made = [outputs["output"] for outputs in asyncio.run(ask(batcher))]
        numpy.testing.assert_allclose(numpy.stack(made), expected, **NEAR)
        totals = batcher.statistics()
    assert totals["succeeded"] == totals["rows"] == 1024
    assert totals["batches"] < 512


def test_a_server_serves_it(engine, reference, tmp_path):
    folder = tmp_path / "digits"
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "model.plan").write_bytes(engine[0].file.read_bytes())
    (folder / "config.pbtxt").write_text('name: "digits"\nbackend: "tensorrt"\nmax_batch_size: 64\n')
    images = digits(9)
    with muster.Server(tmp_path) as server, muster.Client(server.url) as client:
        made = client.run("digits", {"input": images})["output"]
    numpy.testing.assert_allclose(made, reference.run(images)["output"], **NEAR)


def test_a_closed_model_says_so(engine):
    model = muster.Model(engine[0].file, backend="tensorrt")
    model.close()
    with pytest.raises(muster.Closed):
        model.run(digits(1))
