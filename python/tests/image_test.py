# SPDX-License-Identifier: Apache-2.0
"""muster.image, beside cv2."""

import cv2
import muster
import numpy
import pytest

MEAN = (103.5, 116.25, 123.75)


@pytest.fixture(scope="module")
def pictures(root):
    # cv2 and Muster disagree by design on pictures that are damaged, and on those in CMYK.
    return [file for file in sorted((root / "tests" / "pictures").glob("*.*g")) if file.name != "cmyk.jpg"]


def blob_of(file, height, width, scale, mean, swap):
    picture = cv2.imread(str(file), cv2.IMREAD_COLOR)
    resized = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.dnn.blobFromImage(resized, scale, (width, height), mean, swap)


@pytest.mark.parametrize(("height", "width"), [(28, 28), (224, 224), (37, 53)])
def test_pictures_have_the_numbers_of_cv2(pictures, height, width):
    made = muster.image.load(pictures, height=height, width=width, color="bgr", scale=1 / 128, mean=MEAN)
    assert made.shape == (len(pictures), 3, height, width)
    assert made.dtype == numpy.float32
    for row, file in zip(made, pictures, strict=True):
        expected = blob_of(file, height, width, 1 / 128, MEAN, False)[0]
        numpy.testing.assert_allclose(row, expected, atol=1e-5, rtol=1e-5, err_msg=file.name)


def test_channels_swap_and_layouts_turn(pictures):
    nchw = muster.image.load(pictures, height=20, width=30)
    nhwc = muster.image.load(pictures, height=20, width=30, layout="nhwc")
    numpy.testing.assert_array_equal(nchw.transpose(0, 2, 3, 1), nhwc)
    bgr = muster.image.load(pictures, height=20, width=30, color="bgr")
    numpy.testing.assert_array_equal(nchw[:, ::-1], bgr)


def test_uint8_is_the_pixels_themselves(pictures):
    made = muster.image.load(pictures, height=31, width=17, color="bgr", layout="nhwc", dtype="uint8")
    assert made.dtype == numpy.uint8
    for row, file in zip(made, pictures, strict=True):
        expected = cv2.resize(cv2.imread(str(file)), (17, 31), interpolation=cv2.INTER_LINEAR)
        numpy.testing.assert_array_equal(row, expected, err_msg=file.name)


@pytest.mark.parametrize("grayscale", [False, True])
def test_decoding_is_cv2s(pictures, grayscale):
    flag = cv2.IMREAD_GRAYSCALE if grayscale else cv2.IMREAD_COLOR
    for file in pictures:
        expected = cv2.imread(str(file), flag)
        numpy.testing.assert_array_equal(muster.image.decode(file, grayscale), expected, err_msg=file.name)
        numpy.testing.assert_array_equal(muster.image.decode(file.read_bytes(), grayscale), expected)


def test_one_thread_and_many_give_the_same(digits):
    one = muster.image.load(digits, height=28, width=28, color="gray", threads=1)
    many = muster.image.load(digits, height=28, width=28, color="gray", threads=8)
    numpy.testing.assert_array_equal(one, many)
    assert one.shape == (len(digits), 1, 28, 28)
    assert muster.image.load([], height=2, width=2).shape == (0, 3, 2, 2)


def test_what_is_no_picture_is_named(root, digits, tmp_path):
    with pytest.raises(muster.NotFound, match="absent.png"):
        muster.image.load([digits[0], tmp_path / "absent.png"], height=2, width=2)
    with pytest.raises(muster.InvalidArgument, match="picture 1"):
        muster.image.load([digits[0].read_bytes(), b"no picture"], height=2, width=2)
    with pytest.raises(muster.InvalidArgument, match=r"\[height,width\]"):
        muster.image.load(numpy.zeros((2, 2, 4), numpy.uint8), height=2, width=2)
    with pytest.raises(muster.InvalidArgument, match="3 channels, given 1"):
        muster.image.load(numpy.zeros((2, 2), numpy.uint8), height=2, width=2)
    with pytest.raises(muster.WrongType, match="uint8"):
        muster.image.load(numpy.zeros((2, 2)), height=2, width=2)
    with pytest.raises(muster.WrongType):
        muster.image.load(7, height=2, width=2)
    # Two are pictures with hostile chunks in them that nobody reads.
    for file in sorted((root / "tests" / "pictures" / "hostile").glob("*.*g")):
        if "bomb" in file.name:
            continue
        with pytest.raises(muster.Error, match=file.name):
            muster.image.load(file, height=8, width=8)


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"height": 0, "width": 2}, "1 to 32768"),
        ({"height": 2, "width": 1 << 40}, "1 to 32768"),
        ({"height": 2, "width": 2, "color": "cmyk"}, "given 'cmyk'"),
        ({"height": 2, "width": 2, "layout": "chw"}, "given 'chw'"),
        ({"height": 2, "width": 2, "dtype": "float64"}, "given 'float64'"),
        ({"height": 2, "width": 2, "mean": (1, 2)}, "mean: .*given 2"),
        ({"height": 2, "width": 2, "mean": ()}, "mean: .*given 0"),
        ({"height": 2, "width": 2, "std": (1, 0, 1)}, "divided by 0"),
        ({"height": 2, "width": 2, "threads": 0}, "threads"),
    ],
)
def test_it_says_what_is_wrong_with_a_wish(digits, wish, message):
    with pytest.raises(muster.InvalidArgument, match=message):
        muster.image.load(digits, **wish)
