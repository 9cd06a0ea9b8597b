"""Classify pictures with a trained network.

python scripts/predict.py RUN digit.png photo.jpg ...
python scripts/predict.py RUN t10k-images-idx3-ubyte.gz --limit 5

Pictures (PNG, JPEG, BMP, GIF, TIFF, WebP) may be of any size, dark on bright or bright on dark, one character each, also
photographs and ruled paper: the ink is told from the background around it, turned to bright on black, scaled to 20 of 28 pixels
and centred by its mass, as MNIST's was. One that has the network's own size and a dark border is taken as it is; ``--show``
draws what the network sees. Files in MNIST's format (IDX) are always taken as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mnist_np.commands.numbers import whole_number
from mnist_np.commands.saved import parser, plugins, reports_user_errors, saved_weights
from mnist_np.data.dataset import DataError
from mnist_np.data.idx import decode, read_file
from mnist_np.data.pictures import Gray, read_picture, size
from mnist_np.serving.answers import classify
from mnist_np.storage.saved_run import SavedRunError
from mnist_np.storage.weights import Weights
from mnist_np.terminal import print_error, printable

SHOWN = 3
"""Classes that are named, the most probable first."""


SHADES = " .:-=+*#%@"
"""Characters from black to white."""


@reports_user_errors
def main() -> int:
    """Print the table for the pictures that ``sys.argv`` names. Gives the exit code."""
    arguments = parser(__doc__, "a run's folder, its MLflow run id, or a weights file")
    arguments.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE", help="a picture, or images in MNIST's format")
    arguments.add_argument(
        "--limit", type=whole_number(), default=20, metavar="N", help="at most so many images of each IDX file (default: 20)"
    )
    arguments.add_argument("--as-is", action="store_true", help="take every picture as it is: it must have the network's size")
    arguments.add_argument("--show", action="store_true", help="draw each image as the network sees it")
    chosen = arguments.parse_args()
    plugins(chosen)
    with saved_weights(chosen.run, chosen.outputs, chosen.uri) as weights:
        found: list[tuple[str, Gray]] = []
        failed = 0
        for path in chosen.pictures:
            try:
                found += images(path, weights.image_shape, chosen.limit, chosen.as_is)
            except (DataError, SavedRunError) as error:  # of one file; the others are answered
                print_error(str(error))
                failed += 1
        if found:
            Console(highlight=False).print(table(weights, found))
        for name, image in found if chosen.show else []:
            print(f"\n{printable(name)}\n{drawn(image)}")
    return 2 if failed else 0


def images(path: Path, shape: tuple[int, int], limit: int, as_is: bool) -> Iterator[tuple[str, Gray]]:
    """The images of a file, pixels in [0, 1], each with its name. Raises DataError, SavedRunError."""
    if "idx3" not in path.name and path.suffix != ".gz":
        yield path.name, read_picture(path, shape, as_is)
        return
    array = decode(read_file(path), path, 3).array
    if array.shape[1:] != shape:
        raise SavedRunError(f"{path}: has images of {size(array.shape[1:])} pixels, the network sees {size(shape)}")
    for i, image in enumerate(array[:limit]):
        yield f"{path.name}[{i}]", image.astype(np.float32) / np.float32(255)


def drawn(image: Gray) -> str:
    """The image in characters, two of them for each pixel, since they are twice as high as wide; without empty rows around it."""
    rows = ["".join(2 * SHADES[round(float(pixel) * (len(SHADES) - 1))] for pixel in row).rstrip() for row in image]
    return "\n".join(rows).strip("\n")


def table(weights: Weights, found: list[tuple[str, Gray]]) -> Table:
    """A row for each image: what it is taken for, and the next guesses."""
    made = Table("picture", "class", "probability", "or else", box=None)
    made.columns[2].justify = "right"
    X = np.stack([image.reshape(-1) for _, image in found])
    for (name, _), p in zip(found, classify(weights, X), strict=True):
        first, *rest = np.argsort(-p, kind="stable")[:SHOWN]
        names = weights.class_names
        others = ", ".join(f"{names[k]} {p[k]:.1%}" for k in rest)
        made.add_row(*(escape(printable(text)) for text in (name, names[first], f"{p[first]:.1%}", others)))
    return made
