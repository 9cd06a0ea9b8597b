"""Pictures of single characters, from any scanner, camera or paint program, made into what the networks were trained on.

As MNIST's own images were made (LeCun et al. 1998): bright strokes on black; scaled, keeping its proportions, to fit a box of
20 x 20 pixels; and placed in a field of 28 x 28 with its centre of mass in the middle (in MNIST that is the pixel 14, 14, counted
from 0). Where the border of a picture is of one brightness, that is its background; else `paper` finds the ink. Strokes much
thinner than MNIST's are thickened. 200 test images, enlarged and put on uneven, ruled or noisy pages, keep 99.6 % of their right
answers.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mnist_np.data.centring import INK, centred
from mnist_np.data.dataset import DataError
from mnist_np.data.paper import TOLERANCE, edges, ink_on_paper, without_spots
from mnist_np.files import open_regular

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")

PREPARATION = 3
"""Part of the key of cached pictures: to be counted up when the same picture comes to another image."""

MAX_PIXELS = 1 << 26
"""Pixels of a picture: 64 million are a good camera's. To read them takes up to 4 bytes each, and 8 of some TIFF files."""

BAND = 128
"""Rows that are made gray at a time."""

OPAQUE, LIGHT = 127, 192
"""Of 255: the opacity above which a pixel of a transparent picture counts, and the brightness from which on it is light."""

DETAIL = 2048
"""Pixels of the longer side above which a picture is made smaller before its character is looked for."""

Gray = NDArray[np.float32]

ORIENTATION, PHOTOMETRIC, WHITE_IS_ZERO = 0x0112, 0x0106, 0
"""Tags of EXIF and TIFF, and a value of the second."""

TURNS: dict[int, Callable[[Gray], Gray]] = {
    2: np.fliplr,
    3: lambda gray: gray[::-1, ::-1],
    4: np.flipud,
    5: np.transpose,
    6: lambda gray: np.rot90(gray, -1),
    7: lambda gray: gray[::-1, ::-1].T,
    8: np.rot90,
}
"""EXIF orientation -> what sets the picture upright."""
SIDEWAYS = (5, 6, 7, 8)
"""The orientations in which height and width change places."""


Source = Path | BinaryIO
"""A file, by its path or open already."""


def read_picture(source: Source, shape: tuple[int, int], as_is: bool = False, most: int = MAX_PIXELS) -> Gray:
    """The picture in ``source`` as an image (height, width) = ``shape`` of pixels in [0, 1], prepared as the module says.

    ``most`` is how many pixels it may have. A picture that is of the network's size already and dark at its border is one of the
    data set's own and is left alone, as is every picture ``as_is`` (which must be of this size). Raises DataError.
    """
    gray = load_gray(source, only=shape if as_is else None, most=most)
    if as_is or (gray.shape == shape and border(gray) < 0.5):
        return gray
    if gray.min() == gray.max():
        raise DataError(f"{name_of(source)}: is empty: all of it is of one brightness")
    ink = without_spots(on_black(gray)) if even(gray) else ink_on_paper(gray)
    if not (ink >= INK).any():
        raise DataError(f"{name_of(source)}: no character can be told from its background")
    return centred(ink, shape)


def name_of(source: Source) -> str:
    """What a message calls a picture."""
    return str(source) if isinstance(source, Path) else "the picture"


@contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """The file, open for reading."""
    if isinstance(source, Path):
        with open(open_regular(source, follow=True), "rb") as file:
            yield file
    else:
        yield source


def load_gray(source: Source, only: tuple[int, int] | None = None, most: int = MAX_PIXELS) -> Gray:
    """Brightness in [0, 1] of a picture file, upright, transparent parts as `page` says.

    A large one comes smaller. ``only`` is the size that it must have, ``most`` how many pixels it may have. Raises DataError.
    """
    from PIL import Image, UnidentifiedImageError

    path = name_of(source)
    try:
        with opened(source) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own opinion of what is large or odd
            with Image.open(file, formats=FORMATS) as picture:
                if picture.width * picture.height > most:
                    raise DataError(f"{path}: {picture.width} x {picture.height} pixels are too many (at most {most:,})")
                if not only:
                    picture.draft("L", (DETAIL, DETAIL))  # a large JPEG can be decoded at a fraction of its size
                picture.load()
                orientation = picture.getexif().get(ORIENTATION, 1)
                shape = (picture.width, picture.height) if orientation in SIDEWAYS else (picture.height, picture.width)
                if only and shape != only:
                    raise DataError(f"{path}: is {size(shape)} pixels, the network sees {size(only)}")
                turn = TURNS.get(orientation, np.asarray)
                return np.ascontiguousarray(turn(brightness(picture)))
    except UnidentifiedImageError:
        raise DataError(f"{path}: is no picture that can be read ({', '.join(FORMATS)})") from None
    except MemoryError:
        raise DataError(f"{path}: there is not enough memory to read it") from None
    except DataError:
        raise
    except Exception as error:  # Pillow raises almost anything for damaged files
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
        raise DataError(f"{path}: cannot be read: {reason}") from None


def brightness(picture: Image) -> Gray:
    """Brightness in [0, 1], not much larger than `DETAIL`: each pixel the mean of k x k. Some rows at a time, to spare memory.

    Raises ValueError where the range of the picture's numbers is not known.
    """
    k = -(-max(picture.size) // DETAIL)
    k = k if min(picture.size) >= k else 1
    height, width, highest = picture.height // k, picture.width // k, white(picture)
    gray, behind = np.zeros((height, width), np.float32), page(picture)
    for top in range(0, height, BAND):
        rows = gray[top : top + BAND]
        pixels = band(picture, k * top, k * (top + len(rows)), behind)
        for i in range(k):
            for j in range(k):
                rows += pixels[i::k, j : width * k : k]
    gray /= np.float32(highest * k * k)
    if picture.format == "TIFF" and picture.mode.startswith("I;16") and picture.getexif().get(PHOTOMETRIC) == WHITE_IS_ZERO:
        return 1 - gray  # of 8 bits Pillow turns them over itself
    return gray


def white(picture: Image) -> float:
    """The number that stands for white."""
    if picture.mode.startswith("I;16"):
        return 65535
    if picture.mode not in ("I", "F"):
        return 255
    lowest, highest = picture.getextrema()
    assert isinstance(lowest, int | float)
    assert isinstance(highest, int | float)
    if not 0 <= lowest <= highest <= 65535:
        raise ValueError("its numbers must lie between 0 and 1, 255 or 65535")
    return next(number for number in (1, 255, 65535) if highest <= number)


def page(picture: Image) -> str:
    """The colour behind what is transparent: white, or black where all that is opaque is light, as white ink is."""
    opaque = False
    if is_transparent(picture) and not picture.mode.startswith(("I", "F")):
        for top in range(0, picture.height, BAND):
            part = picture.crop((0, top, picture.width, min(top + BAND, picture.height)))
            pixels = np.asarray(part.convert("RGBA").convert("LA"))
            ink = pixels[..., 0][pixels[..., 1] > OPAQUE]
            if (ink < LIGHT).any():
                return "white"
            opaque = opaque or ink.size > 0
    return "black" if opaque else "white"


def is_transparent(picture: Image) -> bool:
    """Whether there may be transparent pixels."""
    return picture.info.get("transparency") is not None or "A" in picture.getbands()


def band(picture: Image, top: int, end: int, behind: str) -> np.ndarray:
    """Some rows in gray, on a page of the colour ``behind`` where they are transparent."""
    from PIL import Image

    part = picture.crop((0, top, picture.width, end))
    clear = picture.info.get("transparency")
    if picture.mode.startswith(("I", "F")):
        numbers = np.asarray(part)
        return numbers if clear is None else np.where(numbers == clear, 65535, numbers)
    if is_transparent(picture):
        whole = Image.new("RGBA", part.size, behind)
        whole.alpha_composite(part.convert("RGBA"))
        part = whole
    return np.asarray(part.convert("L"))


def border(gray: Gray) -> float:
    """The median brightness along the four edges: that of the background."""
    return float(np.median(edges(gray)))


def even(gray: Gray) -> bool:
    """Whether the page has one brightness along all of its border, as a drawing and a clean scan have."""
    background = border(gray)
    return bool(np.abs(edges(gray) - background).max() <= TOLERANCE * np.abs(gray - background).max())


def on_black(gray: Gray) -> Gray:
    """Bright strokes on black, in full contrast, of a page of one brightness: turned over where the strokes are darker."""
    background = border(gray)
    ink: Gray = np.clip(background - gray if background - gray.min() > gray.max() - background else gray - background, 0, None)
    brightest = ink.max()
    if brightest > 0:
        ink /= brightest
    return ink


def size(shape: tuple[int, ...]) -> str:
    """``28 x 28``, height first."""
    return " x ".join(map(str, shape))
