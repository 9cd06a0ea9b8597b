"""Pictures of every kind come to the same image, whatever the depth, orientation and transparency of their pixels."""

import os

import numpy as np
import pytest
from peak_memory import answer
from PIL import Image

from mnist_np.data.dataset import DataError
from mnist_np.data.pictures import DETAIL, MAX_PIXELS, load_gray, read_picture

SEEN = np.random.default_rng(0).integers(0, 256, (30, 40)).astype(np.uint8)
"""Brightness of a picture in 8 bits."""


def saved(folder, image, name="picture.png", **options):
    image.save(folder / name, **options)
    return folder / name


def eight(folder):
    return load_gray(saved(folder, Image.fromarray(SEEN)))


SIXTEEN = SEEN.astype(np.uint16) * 257
DEEP = {
    "PNG of 16 bits": (SIXTEEN, "picture.png"),
    "TIFF of 16 bits": (SIXTEEN, "picture.tif"),
    "TIFF of 16 bits, big-endian": (SIXTEEN.astype(">u2"), "picture.tif"),
    "TIFF of 32 bits with 8-bit numbers": (SEEN.astype(np.int32), "picture.tif"),
    "TIFF of 32 bits with 16-bit numbers": (SIXTEEN.astype(np.int32), "picture.tif"),
    "TIFF of fractions": (SEEN.astype(np.float32) / 255, "picture.tif"),
    "TIFF of floats": (SEEN.astype(np.float32), "picture.tif"),
}


@pytest.mark.parametrize(("numbers", "name"), DEEP.values(), ids=DEEP)
def test_deep_pictures_are_scaled_by_their_range(numbers, name, tmp_path):
    np.testing.assert_allclose(load_gray(saved(tmp_path, Image.fromarray(numbers), name)), eight(tmp_path), atol=1e-6)


def test_a_digit_of_16_bits_is_the_digit_of_8_bits(tmp_path):
    page = np.full((60, 60), 240, np.uint8)
    page[20:40, 25:30] = 20
    shallow = read_picture(saved(tmp_path, Image.fromarray(page)), (28, 28))
    deep = read_picture(saved(tmp_path, Image.fromarray(page.astype(np.uint16) * 257), "deep.png"), (28, 28))
    np.testing.assert_allclose(deep, shallow, atol=1e-3)


def test_white_may_be_zero(tmp_path):
    path = saved(tmp_path, Image.fromarray(65535 - SIXTEEN), "picture.tif", tiffinfo={262: 0})
    np.testing.assert_allclose(load_gray(path), eight(tmp_path), atol=1e-6)


@pytest.mark.parametrize("numbers", [[-1.0, 0.5], [0, 1e9], [np.nan, 1.0], [np.inf, 0]])
def test_numbers_of_an_unknown_range_are_refused(numbers, tmp_path):
    path = saved(tmp_path, Image.fromarray(np.array([numbers], np.float32)), "picture.tif")
    with pytest.raises(DataError, match="its numbers must lie between"):
        load_gray(path)


TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@pytest.mark.parametrize("name", ["picture.png", "picture.tif", "picture.webp"])
@pytest.mark.parametrize("orientation", [1, *TRANSPOSES, 99])
def test_the_orientation_of_exif_is_applied(orientation, name, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(SEEN)
    path = saved(tmp_path, image, name, exif=exif, **({"lossless": True} if name.endswith("webp") else {}))
    upright = image.transpose(TRANSPOSES[orientation]) if orientation in TRANSPOSES else image
    expected = np.asarray(upright) / np.float32(255)
    np.testing.assert_allclose(load_gray(path, only=expected.shape), expected, atol=0.01)


TRANSPARENT = {
    "LA": Image.fromarray(np.dstack([SEEN, np.zeros_like(SEEN)])),
    "RGBA": Image.fromarray(np.dstack([SEEN, SEEN, SEEN, np.zeros_like(SEEN)])),
}


@pytest.mark.parametrize("image", TRANSPARENT.values(), ids=TRANSPARENT)
def test_what_is_transparent_is_white(image, tmp_path):
    assert load_gray(saved(tmp_path, image)).min() == 1


def test_white_ink_on_nothing_is_seen(tmp_path):
    ink = np.zeros((120, 120), np.uint8)
    ink[20:100, 50:66] = 255
    white, alpha = Image.new("L", (120, 120), 255), Image.fromarray(ink)
    expected = read_picture(saved(tmp_path, alpha), (28, 28))
    assert expected.max() > 0.9
    for clear in (Image.merge("LA", (white, alpha)), Image.merge("RGBA", (white, white, white, alpha))):
        np.testing.assert_allclose(read_picture(saved(tmp_path, clear), (28, 28)), expected, atol=0.01)
    gif = Image.fromarray(ink // 255).convert("P")
    gif.putpalette([9, 9, 9, 255, 255, 255])
    np.testing.assert_allclose(read_picture(saved(tmp_path, gif, "x.gif", transparency=0), (28, 28)), expected, atol=0.01)
    light = Image.fromarray(np.where(ink, np.uint8(150), np.uint8(255)))
    corner = Image.new("L", (120, 120), 255)
    corner.paste(0, (0, 0, 9, 9))
    assert load_gray(saved(tmp_path, Image.merge("LA", (light, corner))))[0, 0] == 1, "ink that is not white: a page is"


def test_one_number_may_stand_for_transparent(tmp_path):
    for image, clear in ((Image.fromarray(SEEN), 7), (Image.fromarray(SIXTEEN), 7 * 257)):
        gray = load_gray(saved(tmp_path, image, transparency=clear))
        np.testing.assert_allclose(gray, np.where(SEEN == 7, 255, SEEN) / np.float32(255), atol=1e-6)


def test_a_large_picture_keeps_its_brightness(tmp_path):
    stripes = np.repeat(np.arange(4, dtype=np.uint8) * 80, DETAIL)[None, :].repeat(40, axis=0)
    gray = load_gray(saved(tmp_path, Image.fromarray(stripes)))
    assert gray.shape == (10, DETAIL)
    np.testing.assert_allclose(gray[5, [10, DETAIL // 2 - 10, DETAIL - 10]], np.array([0, 80, 240]) / 255, atol=1e-6)
    with pytest.raises(DataError, match=f"is 40 x {4 * DETAIL} pixels, the network sees 28 x 28"):
        read_picture(tmp_path / "picture.png", (28, 28), as_is=True)
    line = saved(tmp_path, Image.fromarray(stripes[:1]), "line.png")
    assert load_gray(line).shape == (1, 4 * DETAIL), "too thin to be made smaller"


@pytest.mark.parametrize("mode", ["1", *(pytest.param(mode, marks=pytest.mark.slow) for mode in ("RGBA", "I;16", "F"))])
def test_memory_is_bounded_whatever_a_small_file_claims(mode, tmp_path):
    """At most 8 bytes for each of 64 million pixels, and what Python, NumPy and Pillow take."""
    side = int(MAX_PIXELS**0.5)
    if mode in ("1", "F"):
        path = saved(
            tmp_path, Image.new(mode, (side, side)), "picture.tif" if mode == "F" else "picture.png", compression="tiff_lzw"
        )
    else:
        path = saved(tmp_path, Image.new(mode, (side, side)))
    program = (
        "import sys; from pathlib import Path; from mnist_np.data.pictures import load_gray\n"
        "load_gray(Path(sys.argv[1])); print(peak())"
    )
    (taken,) = answer(program, path)
    assert taken < 8 * MAX_PIXELS + 150e6


def test_more_pixels_are_refused(tmp_path):
    path = saved(tmp_path, Image.new("1", (9000, 9000)))
    with pytest.raises(DataError, match="9000 x 9000 pixels are too many"):
        load_gray(path)


def test_what_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for name, message in {"pipe": "device or pipe", "folder": "is a folder", "zero": "device or pipe", "no": "No such"}.items():
        with pytest.raises(DataError, match=message):
            load_gray(tmp_path / f"{name}.png")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.tif", "a.bmp", "a.webp"])
def test_any_damage_is_one_error(name, tmp_path):
    whole = saved(tmp_path, Image.fromarray(SEEN), name).read_bytes()
    rng = np.random.default_rng(1)
    for trial in range(150):
        content = bytearray(whole[: rng.integers(1, len(whole))] if trial % 3 == 0 else whole)
        for place in rng.integers(0, len(content), 3):
            content[place] = rng.integers(0, 256)
        (tmp_path / name).write_bytes(content)
        try:
            load_gray(tmp_path / name)
        except DataError:
            continue
