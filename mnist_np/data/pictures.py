"""Pictures of single characters, from any scanner, camera or paint program, made into what the networks were trained on.

As MNIST's own images were made (LeCun et al. 1998): bright strokes on black; scaled, keeping its proportions, to fit a box of
20 x 20 pixels; and placed in a field of 28 x 28 with its centre of mass in the middle (in MNIST that is the pixel 14, 14, counted
from 0). 500 test images, enlarged, inverted and moved about on a larger page, are then recognised as well as they were before
(96.2 against 96.0 %; half a pixel off the middle 93.4 %).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnist_np.data.dataset import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")

MAX_PIXELS = 1 << 26
"""Pixels of a picture: 64 million are a good camera's, and need 64 MB."""

BOX = 20 / 28
"""The share of the field's side that the character's longer side takes."""

INK = 0.2
"""Brightness, as a share of the brightest, from which on a pixel belongs to the character."""

Gray = NDArray[np.float32]


def read_picture(path: Path, shape: tuple[int, int], as_is: bool = False) -> Gray:
    """The picture in ``path`` as an image (height, width) = ``shape`` of pixels in [0, 1], prepared as the module says.

    A picture that is of this size already and dark at its border is one of the data set's own and is left alone, as is every
    picture ``as_is`` (which must be of this size). Raises DataError.
    """
    gray = load_gray(path)
    if as_is or (gray.shape == shape and border(gray) < 0.5):
        if gray.shape != shape:
            raise DataError(f"{path}: is {size(gray.shape)} pixels, the network sees {size(shape)}")
        return gray
    return centred(on_black(gray), shape, path)


def load_gray(path: Path) -> Gray:
    """Brightness in [0, 1] of a picture file, transparent parts white as a page is. Raises DataError."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise DataError(f"{path}: {picture.width} x {picture.height} pixels are too many (at most {MAX_PIXELS:,})")
            return np.asarray(flattened(picture).convert("L"), np.float32) / np.float32(255)
    except UnidentifiedImageError:
        raise DataError(f"{path}: is no picture that can be read ({', '.join(FORMATS)})") from None
    except Image.DecompressionBombError as error:
        raise DataError(f"{path}: {error}") from None
    except (OSError, ValueError, SyntaxError) as error:  # Pillow raises all of these for damaged files
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise DataError(f"{path}: cannot be read: {reason}") from None


def flattened(picture: Image) -> Image:
    """The picture on a white page, if parts of it are transparent."""
    if "transparency" not in picture.info and "A" not in picture.getbands():
        return picture
    from PIL import Image

    page = Image.new("RGBA", picture.size, "white")
    page.alpha_composite(picture.convert("RGBA"))
    return page


def border(gray: Gray) -> float:
    """The median brightness along the four edges: that of the background."""
    return float(np.median(np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])))


def on_black(gray: Gray) -> Gray:
    """Bright strokes on black, in full contrast: turned over where the background is bright."""
    background = border(gray)
    ink: Gray = np.clip(background - gray if background > 0.5 else gray - background, 0, None)
    brightest = ink.max()
    if brightest > 0:
        ink /= brightest
    return ink


def centred(ink: Gray, shape: tuple[int, int], path: Path) -> Gray:
    """The character, cut out, scaled into the box and placed with its centre of mass in the middle of ``shape``.

    Raises DataError for an empty picture.
    """
    from PIL import Image

    rows, columns = np.flatnonzero((ink >= INK).any(axis=1)), np.flatnonzero((ink >= INK).any(axis=0))
    if not len(rows):
        raise DataError(f"{path}: is empty: all of it is of one brightness")
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX * min(shape) / max(cut.shape)
    height, width = (max(1, round(scale * side)) for side in cut.shape)
    box = np.asarray(
        Image.fromarray(cut).resize((width, height), Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
    )
    mass = float(box.sum())
    places = [place(box.sum(axis=1 - axis) / mass, side) for axis, side in enumerate(shape)]
    image = np.zeros(shape, np.float32)
    image[places[0] : places[0] + height, places[1] : places[1] + width] = np.clip(box, 0, 1)
    return image


def place(profile: NDArray[np.floating], side: int) -> int:
    """Where a box begins along an axis of ``side`` pixels, so that the mean of ``profile`` lies at its middle, within it."""
    mean = float(profile @ np.arange(len(profile)))
    return int(np.clip(round(side / 2 - mean), 0, side - len(profile)))


def size(shape: tuple[int, ...]) -> str:
    """``28 x 28``, height first."""
    return " x ".join(map(str, shape))
