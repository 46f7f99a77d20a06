# SPDX-License-Identifier: Apache-2.0
"""Compares the rows that Muster makes of pictures with those of OpenCV in Python.

For every picture and configuration: cv2.imread and cv2.dnn.blobFromImage on one side, the program
dump_rows (dump_rows.cc beside this file) on the other. PNG rows must agree within 1e-6 of a unit
after scaling (they are equal, bit for bit, where no std divides). JPEG rows must agree as closely,
since both sides decode with libjpeg-turbo, whose decoder has given the same pixels in every version
since 1.5; where another libjpeg is in use (libjpeg 9, mozjpeg forks), --jpeg-levels allows for it.

    python compare_with_cv2.py --dump-rows build/release/tests/dump_rows [PATH...]

PATH is a picture or a folder; without any: tests/pictures and examples/digits. What cv2.imread
cannot read must be refused by Muster too. Muster also refuses JPEGs that lack pixels, which
cv2.imread fills with gray: those are named below, by file name.
"""

import argparse
import itertools
import pathlib
import subprocess
import sys

import cv2
import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUFFIXES = {".png", ".jpg", ".jpeg"}
# A JPEG that is cut off or damaged: cv2.imread gives a picture, Muster an error.
REFUSED_ON_PURPOSE = ("truncated", "cut", "corrupt", "damaged")

IMAGENET = dict(mean=(123.675, 116.28, 103.53), std=(0.229, 0.224, 0.225))
CONFIGURATIONS = [
    dict(color=color, layout=layout, type=type_, size=size, **numbers)
    for color, layout, type_, size, numbers in itertools.chain(
        itertools.product(("gray", "rgb", "bgr"), ("nchw", "nhwc"), ("fp32", "uint8"), (None,), ({},)),
        itertools.product(
            ("gray", "rgb", "bgr"),
            ("nchw", "nhwc"),
            ("fp32",),
            ((28, 28), (224, 224), (7, 300), (333, 5)),
            (IMAGENET, dict(mean=(127.5, 127.5, 127.5), scale=1 / 127.5)),
        ),
        itertools.product(
            ("gray", "rgb"), ("nchw",), ("uint8",), ((1, 1), (14, 14), (500, 400)), ({},)
        ),
    )
]


def expected_row(path, configuration):
    """The row by OpenCV, or None where it cannot read the picture."""
    gray = configuration["color"] == "gray"
    try:
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE if gray else cv2.IMREAD_COLOR)
    except cv2.error:  # over its limit of pixels
        return None
    if image is None:
        return None
    height, width = configuration["size"] or image.shape[:2]
    swap = configuration["color"] == "rgb"
    if configuration["type"] == "uint8":
        blob = cv2.dnn.blobFromImage(image, 1.0, (width, height), swapRB=swap, ddepth=cv2.CV_8U)
    else:
        mean = configuration.get("mean", (0, 0, 0))
        if gray:
            mean = (mean[0],) * 3
        scale = configuration.get("scale", 1 / 255)
        blob = cv2.dnn.blobFromImage(image, scale, (width, height), mean, swapRB=swap)
        std = numpy.array(configuration.get("std", (1, 1, 1))[: blob.shape[1]], dtype=numpy.float32)
        blob = blob / std.reshape(1, -1, 1, 1)
    if configuration["layout"] == "nhwc":
        blob = blob.transpose(0, 2, 3, 1)
    return numpy.ascontiguousarray(blob[0])


def rows_of(program, paths, configuration):
    """For each path the row by Muster as (shape, flat array), or its error message."""
    height, width = configuration["size"] or (0, 0)
    mean = configuration.get("mean", (0, 0, 0))
    std = configuration.get("std", (1, 1, 1))
    arguments = [configuration["color"], configuration["layout"], configuration["type"]]
    arguments += [str(height), str(width), repr(configuration.get("scale", 1 / 255))]
    arguments += [",".join(map(repr, numbers)) for numbers in (mean, std)]
    process = subprocess.Popen(
        [program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    element = numpy.float32 if configuration["type"] == "fp32" else numpy.uint8
    channels = 1 if configuration["color"] == "gray" else 3
    for path in paths:
        process.stdin.write(f"{path}\n".encode())
        process.stdin.flush()
        words = process.stdout.readline().decode().rstrip("\n").split(" ", 1)
        if words[0] == "error":
            yield words[1]
            continue
        if words[0] != "ok":
            raise RuntimeError(f"dump_rows stopped at {path}")
        height, width, size = map(int, words[1].split())
        row = numpy.frombuffer(process.stdout.read(size), dtype=element)
        chw = configuration["layout"] == "nchw"
        yield row.reshape((channels, height, width) if chw else (height, width, channels))
    process.stdin.close()
    if process.wait() != 0:
        raise RuntimeError(f"dump_rows ended with {process.returncode}")


def difference(path, configuration, expected, row, levels):
    """What is wrong with `row`, or None."""
    if expected is None or isinstance(row, str):
        if isinstance(row, str) and expected is not None:
            named = any(word in path.name.lower() for word in REFUSED_ON_PURPOSE)
            is_jpeg = path.suffix.lower() != ".png"
            return None if is_jpeg and named else f"refused ({row}), but cv2 reads it"
        return None if isinstance(row, str) else "accepted, but cv2 cannot read it"
    if row.shape != expected.shape:
        return f"shape {row.shape}, expected {expected.shape}"
    tolerance = 1e-6 if configuration["type"] == "fp32" else 0
    if path.suffix.lower() != ".png" and levels:
        scale = configuration.get("scale", 1 / 255) if configuration["type"] == "fp32" else 1
        tolerance += levels * scale / min(configuration.get("std", (1,)))
    apart = numpy.abs(row.astype(numpy.float64) - expected.astype(numpy.float64))
    if apart.max() <= tolerance:
        return None
    where = numpy.unravel_index(apart.argmax(), apart.shape)
    return (
        f"up to {apart.max():g} apart at {tuple(map(int, where))} ({row[where]} for "
        f"{expected[where]}), {(apart > tolerance).mean():.2%} over the tolerance of {tolerance:g}"
    )


def pictures_in(paths):
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
        else:
            yield path


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dump-rows", required=True, help="the program built from dump_rows.cc")
    parser.add_argument("--jpeg-levels", type=float, default=0, help="of 255, allowed in JPEGs")
    parser.add_argument("paths", nargs="*", help="pictures or folders")
    options = parser.parse_args()
    paths = options.paths or [ROOT / "tests" / "pictures", ROOT / "examples" / "digits"]
    pictures = list(pictures_in(paths))
    if not pictures:
        sys.exit(f"no pictures in {', '.join(map(str, paths))}")
    wrong = set()
    compared = equal = refused = 0
    for configuration in CONFIGURATIONS:
        for path, row in zip(pictures, rows_of(options.dump_rows, pictures, configuration)):
            expected = expected_row(path, configuration)
            fault = difference(path, configuration, expected, row, options.jpeg_levels)
            if fault:
                print(f"{path}: {configuration}: {fault}")
                wrong.add(path)
            elif isinstance(row, str):
                refused += 1
            else:
                compared += 1
                equal += bool((row == expected).all())
    print(
        f"{len(pictures)} pictures in {len(CONFIGURATIONS)} configurations: {compared} rows agree, "
        f"{equal} of them bit for bit; {refused} times refused as expected; "
        f"{len(wrong)} pictures differ"
    )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
