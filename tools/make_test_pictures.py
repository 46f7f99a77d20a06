#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/pictures and tests/pictures/hostile. Needs the PyPI packages numpy and pillow (for the JPEGs)."""

import argparse
import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
SIGNATURE = b"\x89PNG\r\n\x1a\n"
GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
MEGABYTE = 1 << 20


# PNG by hand: Pillow writes neither Adam7 nor 16-bit colour nor broken files.


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def header(width, height, kind, bits, interlaced=False) -> bytes:
    return SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, interlaced))


def pack_rows(samples: np.ndarray, bits: int) -> np.ndarray:
    """[height, width, channels] samples to [height, bytes of a row]."""
    flat = samples.reshape(len(samples), -1)
    if bits == 16:
        return flat.astype(">u2").view(np.uint8)
    if bits == 8:
        return flat.astype(np.uint8)
    digits = (flat[:, :, None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(digits.astype(np.uint8).reshape(len(flat), -1), axis=1)


def filter_rows(rows: np.ndarray, step: int, filters) -> bytes:
    padded = np.pad(rows.astype(int), ((1, 0), (step, 0)))
    now, left, up, corner = padded[1:, step:], padded[1:, :-step], padded[:-1, step:], padded[:-1, :-step]
    near = [np.abs(left + up - corner - side) for side in (left, up, corner)]
    paeth = np.where(
        (near[0] <= near[1]) & (near[0] <= near[2]), left, np.where(near[1] <= near[2], up, corner)
    )
    filtered = np.stack([now, now - left, now - up, now - (left + up) // 2, now - paeth]).astype(np.uint8)
    kinds = [filters[y % len(filters)] for y in range(len(rows))]
    return b"".join(bytes([kind]) + filtered[kind, y].tobytes() for y, kind in enumerate(kinds))


def png(samples, kind, bits=8, before=b"", interlaced=False, filters=(0, 1, 2, 3, 4)) -> bytes:
    """The rows take the filters in turn, so that every filter is decoded."""
    samples = samples.reshape(*samples.shape[:2], -1)
    step = max(1, samples.shape[2] * bits // 8)
    if interlaced:
        passes = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7]
    else:
        passes = [samples]
    raw = b"".join(filter_rows(pack_rows(part, bits), step, filters) for part in passes if part.size)
    start = header(samples.shape[1], samples.shape[0], kind, bits, interlaced)
    return start + before + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")


def jpeg(samples, mode=None, **options) -> bytes:
    buffer = io.BytesIO()
    picture = Image.frombytes(mode, samples.shape[1::-1], samples.tobytes()) if mode else Image.fromarray(samples)
    picture.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def scene(width, height, top=255) -> np.ndarray:
    """A colour gradient with a gray disc in it, [height, width, 3] in 0..top."""
    y, x = np.mgrid[0:height, 0:width]
    picture = np.stack([x * top // max(1, width - 1), y * top // max(1, height - 1), (x * 7 + y * 3) % (top + 1)], axis=2)
    disc = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(width, height) / 4) ** 2
    picture[disc] = (x * top // (2 * width))[disc, None]
    return picture


def orientation(value: int) -> bytes:
    return b"II" + struct.pack("<HIHHHIHHI", 42, 8, 1, 0x0112, 3, 1, value, 0, 0)


def pictures() -> dict[str, bytes]:
    color = scene(96, 64)
    color8 = color.astype(np.uint8)
    gray = color[:, :, 2:]
    alpha = np.broadcast_to((np.arange(96) * 255 // 95)[None, :, None], (64, 96, 1))
    color16 = scene(96, 64, top=65535)
    indices = (np.add.outer(np.arange(64) // 8, np.arange(96) // 8) % 16)[:, :, None]
    palette = chunk(b"PLTE", bytes((i * 37 + c * 61) % 256 for i in range(16) for c in range(3)))
    palette_alpha = chunk(b"tRNS", bytes(i * 17 for i in range(16)))
    gamma = chunk(b"gAMA", struct.pack(">I", 45455))
    srgb = chunk(b"sRGB", b"\0")
    cmyk = np.concatenate([color8, alpha.astype(np.uint8) // 2], axis=2)
    wide = np.kron(scene(125, 94)[:, :, :2], np.ones((32, 32, 1), int))[:3000, :4000]
    return {
        "rgb.png": png(color, RGB),
        "rgba.png": png(np.concatenate([color, alpha], axis=2), RGBA),
        "gray.png": png(gray, GRAY),
        "gray_alpha.png": png(np.concatenate([gray, alpha], axis=2), GRAY_ALPHA),
        "gray_1bit.png": png(gray // 128, GRAY, bits=1),
        "gray_4bit.png": png(gray // 16, GRAY, bits=4),
        "gray_16bit.png": png(color16[:, :, 2:], GRAY, bits=16),
        "rgb_16bit.png": png(color16, RGB, bits=16),
        "rgb_16bit_srgb.png": png(color16, RGB, bits=16, before=srgb),
        "palette.png": png(indices, PALETTE, bits=4, before=palette),
        "palette_trns.png": png(indices, PALETTE, bits=8, before=palette + palette_alpha),
        "rgb_interlaced.png": png(color, RGB, interlaced=True),
        "gray_interlaced.png": png(gray, GRAY, interlaced=True),
        "rgb_gama.png": png(color, RGB, before=gamma),
        "rgb_srgb.png": png(color, RGB, before=srgb),
        "rgb_exif6.png": png(color, RGB, before=chunk(b"eXIf", orientation(6))),
        "one_pixel.png": png(np.array([[[200, 100, 50]]]), RGB),
        "odd_37x53.png": png(scene(37, 53), RGB),
        "large_4000x3000.png": png(np.dstack([wide, wide[:, :, :1] // 2]), RGB, filters=(2,)),
        "color_420.jpg": jpeg(color8, quality=90, subsampling=2),
        "color_444.jpg": jpeg(color8, quality=90, subsampling=0),
        "gray.jpg": jpeg(color8[:, :, 1], quality=90),
        "progressive.jpg": jpeg(color8, quality=90, progressive=True),
        "exif6.jpg": jpeg(color8, quality=90, exif=b"Exif\0\0" + orientation(6)),
        "cmyk.jpg": jpeg(cmyk, mode="CMYK", quality=90),
    }


def zeros(size: int) -> bytes:
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(MEGABYTE)) for _ in range(size // MEGABYTE)]
    return b"".join([*parts, packer.compress(bytes(size % MEGABYTE)), packer.flush()])


def claim_size(file: bytes, width: int, height: int) -> bytes:
    """The JPEG with another size in its frame header."""
    frame = max(file.find(b"\xff\xc0"), file.find(b"\xff\xc2"))
    return file[: frame + 5] + struct.pack(">HH", height, width) + file[frame + 9 :]


def hostile() -> dict[str, bytes]:
    color = scene(96, 64)
    good_png = png(color, RGB)
    good_jpeg = jpeg(color.astype(np.uint8), quality=90, subsampling=2)
    end = chunk(b"IEND", b"")
    row = chunk(b"IDAT", zlib.compress(bytes(64)))
    idat_crc = len(good_png) - len(end) - 1
    side = 40000
    middle = len(good_jpeg) * 3 // 5
    return {
        "truncated.png": good_png[: len(good_png) // 2],
        "bad_crc.png": good_png[:idat_crc] + bytes([good_png[idat_crc] ^ 0xFF]) + good_png[idat_crc + 1 :],
        "claims_100000x100000.png": header(100000, 100000, RGB, 8) + row + end,
        "unpacks_to_gigabytes.png": header(side, side, GRAY, 1) + chunk(b"IDAT", zeros(side * (side // 8 + 1))) + end,
        "zero_width.png": header(0, 8, GRAY, 8) + row + end,
        "text.png": b"This is no picture.\n",
        "empty.png": b"",
        "no_idat.png": header(8, 8, GRAY, 8) + end,
        "no_plte.png": header(8, 8, PALETTE, 8) + chunk(b"IDAT", zlib.compress(bytes(72))) + end,
        "ztxt_bomb.png": png(color, RGB, before=chunk(b"zTXt", b"Comment\0\0" + zeros(64 * MEGABYTE))),
        "iccp_bomb.png": png(color, RGB, before=chunk(b"iCCP", b"profile\0\0" + zeros(64 * MEGABYTE))),
        "short_idat.png": header(96, 64, RGB, 8) + row + end,
        "truncated.jpg": good_jpeg[: len(good_jpeg) // 2],
        "claims_65500x65500.jpg": claim_size(good_jpeg, 65500, 65500),
        "claims_65500x65500_progressive.jpg": claim_size(
            jpeg(color.astype(np.uint8), quality=90, progressive=True), 65500, 65500
        ),
        "garbage_after_start.jpg": b"\xff\xd8" + bytes(i * 73 % 251 for i in range(600)),
        "corrupt_middle.jpg": good_jpeg[:middle] + bytes(i * 89 % 256 for i in range(64)) + good_jpeg[middle + 64 :],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "tests/pictures")
    folder = parser.parse_args().out
    (folder / "hostile").mkdir(parents=True, exist_ok=True)
    for name, content in pictures().items():
        (folder / name).write_bytes(content)
    for name, content in hostile().items():
        (folder / "hostile" / name).write_bytes(content)


if __name__ == "__main__":
    main()
