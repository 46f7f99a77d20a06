# SPDX-License-Identifier: Apache-2.0
"""muster.Model: what it says of itself, and its runs beside onnxruntime's own."""

import threading

import muster
import numpy
import onnxruntime
import pytest


@pytest.fixture(scope="module")
def model(lenet):
    with muster.Model(lenet) as opened:
        yield opened


@pytest.fixture(scope="module")
def reference(lenet):
    return onnxruntime.InferenceSession(lenet / "1" / "model.onnx", providers=["CPUExecutionProvider"])


def rows(count, seed=0):
    return numpy.random.default_rng(seed).random((count, 1, 28, 28), dtype=numpy.float32)


def test_it_says_what_it_takes_and_gives(model):
    assert [(spec.name, spec.dtype, spec.shape) for spec in model.inputs] == [("input", "float32", (-1, 1, 28, 28))]
    assert [(spec.name, spec.dtype, spec.shape) for spec in model.outputs] == [("output", "float32", (-1, 10))]
    assert model.name == "lenet"
    assert model.version == 1
    assert model.backend == "onnxruntime"
    assert model.runtime.startswith("ONNX Runtime ")
    assert model.file.endswith("model.onnx")
    assert "lenet" in repr(model)


@pytest.mark.parametrize("count", [1, 2, 7, 64, 300])
def test_its_outputs_are_those_of_onnxruntime(model, reference, count):
    images = rows(count)
    expected = reference.run(None, {"input": images})[0]
    made = model.run({"input": images})
    assert list(made) == ["output"]
    assert made["output"].dtype == numpy.float32
    numpy.testing.assert_allclose(made["output"], expected, rtol=1e-5, atol=1e-5)


def test_arrays_may_be_given_by_place(model):
    images = rows(3)
    numpy.testing.assert_array_equal(model.run(images)["output"], model.run({"input": images})["output"])


def test_what_a_run_gave_stays_when_the_next_one_comes(model):
    first = model.run(rows(2, 1))["output"]
    kept = first.copy()
    model.run(rows(2, 2))
    numpy.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("as_argument", [lambda a: a, lambda a: [a], lambda a: (a,), lambda a: {"output": a}])
def test_it_writes_into_given_arrays(model, as_argument):
    images = rows(4)
    out = numpy.full((4, 10), -1, numpy.float32)
    made = model.run(images, out=as_argument(out))
    assert made["output"] is out
    numpy.testing.assert_array_equal(out, model.run(images)["output"])


def test_it_writes_into_the_part_of_an_array(model):
    images = rows(4)
    whole = numpy.zeros((9, 10), numpy.float32)
    model.run(images, out=whole[2:6])
    numpy.testing.assert_array_equal(whole[2:6], model.run(images)["output"])
    assert not whole[:2].any()
    assert not whole[6:].any()


def test_outputs_can_be_named(model):
    assert list(model.run(rows(1), outputs=["output"])) == ["output"]
    assert list(model.run(rows(1), outputs="output")) == ["output"]


def test_many_threads_run_it_at_once(model, reference):
    failures = []

    def work(seed):
        try:
            for count in (1, 3, 8):
                images = rows(count, seed)
                expected = reference.run(None, {"input": images})[0]
                numpy.testing.assert_allclose(model.run(images)["output"], expected, rtol=1e-5, atol=1e-5)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_model_file_opens_by_itself(lenet, model):
    images = rows(2)
    with muster.Model(lenet / "1" / "model.onnx") as alone:
        numpy.testing.assert_array_equal(alone.run(images)["output"], model.run(images)["output"])


def test_another_backend_gives_the_same(lenet, model):
    images = rows(5)
    try:
        other = muster.Model(lenet, "openvino")
    except muster.FailedPrecondition as missing:
        pytest.skip(str(missing))
    with other:
        assert other.backend == "openvino"
        assert other.runtime.startswith("OpenVINO ")
        numpy.testing.assert_allclose(other.run(images)["output"], model.run(images)["output"], rtol=1e-3, atol=1e-4)


def test_it_classifies_pictures_however_they_are_given(model, digits):
    import cv2

    chosen = digits[::7]
    wanted = [file.name[0] for file in chosen]
    by_path = model.classify(chosen)
    assert [classes[0].label for classes in by_path] == wanted
    by_bytes = model.classify([file.read_bytes() for file in chosen])
    by_pixels = model.classify([cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in chosen])
    assert by_bytes == by_path
    assert by_pixels == by_path
    assert model.classify(chosen[0]) == by_path[:1]


def test_it_gives_as_many_classes_as_are_asked_for(model, digits):
    ((first, second, third),) = model.classify(digits[0], top_k=3)
    assert first.probability >= second.probability >= third.probability
    assert isinstance(first, muster.ClassScore)
    assert sum(score.probability for score in model.classify(digits[0], top_k=10)[0]) == pytest.approx(1, abs=1e-5)
    assert model.classify([]) == []


def test_a_closed_one_says_so(lenet):
    model = muster.Model(lenet)
    model.close()
    model.close()
    assert model.closed
    assert model.name == "lenet"
    with pytest.raises(muster.Closed, match="'lenet' is closed"):
        model.run(rows(1))
    with pytest.raises(ValueError, match="closed"):
        model.classify([])


def test_what_cannot_be_opened_says_why(tmp_path, lenet):
    with pytest.raises(muster.NotFound, match="no model at") as caught:
        muster.Model(tmp_path / "absent")
    assert isinstance(caught.value, FileNotFoundError)
    assert caught.value.code == "NOT_FOUND"
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    with pytest.raises(muster.InvalidArgument, match="broken.onnx"):
        muster.Model(broken)
    with pytest.raises(muster.FailedPrecondition, match="nosuch"):
        muster.Model(lenet, "nosuch")
    with pytest.raises(muster.InvalidArgument, match="backend's name"):
        muster.Model(lenet, "../evil")
    with pytest.raises(muster.InvalidArgument, match="sessions"):
        muster.Model(lenet, sessions=0)
    with pytest.raises(muster.InvalidArgument, match="thread"):
        muster.Model(lenet, threads=0)
    with pytest.raises(TypeError):
        muster.Model(7)
