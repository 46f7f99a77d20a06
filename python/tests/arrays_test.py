# SPDX-License-Identifier: Apache-2.0
"""What Model.run takes of arrays, and how it refuses the rest: with what it expected and what it was given."""

import muster
import numpy
import pytest


@pytest.fixture(scope="module")
def model(lenet):
    with muster.Model(lenet) as opened:
        yield opened


IMAGES = numpy.random.default_rng(7).random((4, 1, 28, 28), dtype=numpy.float32)


@pytest.fixture(scope="module")
def expected(model):
    return model.run(IMAGES)["output"]


class OnlyDlpack:
    """An array of another library."""

    def __init__(self, array):
        self._array = array

    def __dlpack__(self, *arguments, **more):
        return self._array.__dlpack__(*arguments, **more)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


@pytest.mark.parametrize(
    "given",
    [
        numpy.repeat(IMAGES, 2, axis=0)[::2],
        numpy.asfortranarray(IMAGES),
        numpy.ascontiguousarray(IMAGES.transpose(0, 1, 3, 2)).transpose(0, 1, 3, 2),
        IMAGES[::-1].copy()[::-1],
        IMAGES.astype(">f4"),
        memoryview(IMAGES),
        OnlyDlpack(IMAGES),
    ],
    ids=["strided", "fortran", "transposed", "reversed", "big-endian", "memoryview", "dlpack"],
)
def test_any_layout_gives_the_same(model, expected, given):
    numpy.testing.assert_array_equal(model.run(given)["output"], expected)


def test_a_read_only_array_is_read(model, expected):
    given = IMAGES.copy()
    given.flags.writeable = False
    numpy.testing.assert_array_equal(model.run(given)["output"], expected)


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        (IMAGES.astype(numpy.float64), muster.WrongType, "expected float32, given float64"),
        (IMAGES.astype(numpy.uint8), muster.WrongType, "expected float32, given uint8"),
        (IMAGES.astype(object), muster.WrongType, "expected float32, given object"),
        (numpy.array(["text"]), muster.WrongType, "expected float32, given <U4"),
        (IMAGES.tolist(), muster.WrongType, "given a list"),
        (None, muster.WrongType, "given a NoneType"),
        ("input", muster.WrongType, "given a str"),
        (b"1234", muster.WrongType, "given a bytes"),
        (IMAGES[0], muster.InvalidArgument, "the batch axis is missing"),
        (IMAGES[:, :, :27], muster.InvalidArgument, r"given the shape \[4,1,27,28\]"),
        (IMAGES.reshape(4, 28, 28), muster.InvalidArgument, r"expected float32 of \[-1,1,28,28\]"),
        (IMAGES[:0], muster.InvalidArgument, "at least one row"),
        (numpy.float32(1), muster.InvalidArgument, r"given the shape \[\]"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) > 10 else None,
)
def test_what_does_not_fit_is_refused(model, given, kind, message):
    with pytest.raises(kind, match=message) as caught:
        model.run(given)
    assert isinstance(caught.value, muster.Error)
    assert isinstance(caught.value, ValueError)
    assert "input" in str(caught.value)


def test_a_wrong_dtype_is_a_type_error_too(model):
    with pytest.raises(TypeError):
        model.run(IMAGES.astype(numpy.float64))


def test_names_and_counts_are_checked(model):
    with pytest.raises(muster.InvalidArgument, match="input 'input' is missing"):
        model.run({})
    with pytest.raises(muster.InvalidArgument, match="no input 'more', only 'input'"):
        model.run({"input": IMAGES, "more": IMAGES})
    with pytest.raises(muster.InvalidArgument, match=r"expected 1 array \('input'\), given 2"):
        model.run(IMAGES, IMAGES)
    with pytest.raises(muster.InvalidArgument, match="given 0"):
        model.run()
    with pytest.raises(muster.InvalidArgument, match="no output 'nothing', only 'output'"):
        model.run(IMAGES, outputs=["nothing"])
    with pytest.raises(muster.InvalidArgument, match="no output 3"):
        model.run(IMAGES, outputs=[3])


@pytest.mark.parametrize(
    ("out", "kind", "message"),
    [
        (numpy.zeros((4, 9), numpy.float32), muster.InvalidArgument, r"makes \[4,10\].*\[4,9\]"),
        (numpy.zeros((4, 10)), muster.WrongType, "expected float32, given float64"),
        (numpy.zeros((10, 4), numpy.float32).T, muster.InvalidArgument, "contiguous"),
        (numpy.zeros((4, 10), ">f4"), muster.InvalidArgument, "byte order"),
        (numpy.broadcast_to(numpy.float32(0), (4, 10)), muster.InvalidArgument, "contiguous"),
        ([], muster.InvalidArgument, "given 0"),
        ({"nothing": numpy.zeros((4, 10), numpy.float32)}, muster.InvalidArgument, "no output 'nothing'"),
    ],
)
def test_arrays_to_write_into_are_checked(model, out, kind, message):
    with pytest.raises(kind, match=message):
        model.run(IMAGES, out=out)


def test_a_read_only_array_is_not_written_to(model):
    out = numpy.zeros((4, 10), numpy.float32)
    out.flags.writeable = False
    with pytest.raises(muster.InvalidArgument, match="read-only"):
        model.run(IMAGES, out=out)
    assert not out.any()


def test_tensors_of_torch_are_read_and_written_where_they_are(model, expected):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed here")
    out = torch.zeros(4, 10)
    model.run(torch.from_numpy(IMAGES), out=out)
    numpy.testing.assert_array_equal(out.numpy(), expected)
    wants_gradient = torch.from_numpy(IMAGES.copy()).requires_grad_()
    numpy.testing.assert_array_equal(model.run(wants_gradient)["output"], expected)


@pytest.mark.parametrize(
    "dtype",
    ["bool", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"],
)
def test_every_dtype_comes_back_as_it_went(root, dtype):
    short = dtype.replace("float", "fp")
    given = numpy.array([[0, 1, 0, 1], [1, 1, 0, 0]], dtype=dtype)
    with muster.Model(root / "tests" / "models" / f"identity_{short}.onnx") as model:
        spec = model.inputs[0]
        assert spec.dtype == dtype
        given = numpy.resize(given, [2 if size == -1 else size for size in spec.shape])
        (made,) = model.run(given).values()
        assert made.dtype == given.dtype
        numpy.testing.assert_array_equal(made, given)
        (made,) = model.run(given.astype(given.dtype.newbyteorder(">"))).values()
        numpy.testing.assert_array_equal(made, given)


def test_bfloat16_goes_as_its_bits(root):
    import ml_dtypes

    with muster.Model(root / "tests" / "models" / "identity_bf16.onnx") as model:
        assert model.inputs[0].dtype == "bfloat16"
        shape = [2 if size == -1 else size for size in model.inputs[0].shape]
        given = numpy.resize(numpy.array([1, 2.5, -3], ml_dtypes.bfloat16), shape)
        (made,) = model.run(given).values()
        assert made.dtype == numpy.uint16
        numpy.testing.assert_array_equal(made.view(ml_dtypes.bfloat16), given)
        (again,) = model.run(made).values()
        numpy.testing.assert_array_equal(again, made)


def test_text_goes_as_bytes_or_str(root):
    with muster.Model(root / "tests" / "models" / "identity_string.onnx") as model:
        assert model.inputs[0].dtype == "bytes"
        shape = [2 if size == -1 else size for size in model.inputs[0].shape]
        given = numpy.resize(numpy.array(["a", "ünï", ""], dtype=object), shape)
        (made,) = model.run(given).values()
        assert made.dtype == object
        assert made.shape == given.shape
        assert [element.decode() for element in made.ravel()] == given.ravel().tolist()
        with pytest.raises(muster.WrongType, match="bytes or str"):
            model.run(numpy.resize(numpy.array([1, "a"], dtype=object), shape))
        with pytest.raises(muster.WrongType, match="given int64"):
            model.run(numpy.zeros(shape, numpy.int64))


def test_large_arrays_are_read_where_they_lie_each_time(model):
    # Large enough to be lent to the runtime: the same memory with other pixels, other memory, a part of it, less again.
    pictures = numpy.random.default_rng(11).random((64, 1, 28, 28), dtype=numpy.float32)
    others = numpy.ascontiguousarray(pictures[::-1])
    expected = numpy.concatenate([model.run(pictures[i : i + 1])["output"] for i in range(64)])
    for _ in range(2):
        numpy.testing.assert_allclose(model.run(pictures)["output"], expected, rtol=1e-4, atol=1e-4)
        numpy.testing.assert_allclose(model.run(others)["output"], expected[::-1], rtol=1e-4, atol=1e-4)
        numpy.testing.assert_allclose(model.run(pictures[3:35])["output"], expected[3:35], rtol=1e-4, atol=1e-4)
        numpy.testing.assert_allclose(model.run(others[:2])["output"], expected[:61:-1], rtol=1e-4, atol=1e-4)
    changed = pictures.copy()
    model.run(changed)
    changed[:] = others
    numpy.testing.assert_allclose(model.run(changed)["output"], expected[::-1], rtol=1e-4, atol=1e-4)


def test_memory_that_is_not_aligned_is_read(model, expected):
    room = numpy.empty(IMAGES.nbytes + 1, numpy.uint8)
    given = room[1:].view(numpy.float32).reshape(IMAGES.shape)
    given[:] = IMAGES
    numpy.testing.assert_array_equal(model.run(given)["output"], expected)
