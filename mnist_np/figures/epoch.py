"""Small pictures of the network after an epoch, to be looked at side by side over epochs and runs: MLflow's image grid.

They show the same units and the same examples each time, and have no titles: the grid shows them 256 pixels wide.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mnist_np.data.dataset import Dataset
from mnist_np.figures.confusion import NUMBERED, colours
from mnist_np.figures.style import ACCENT, COLOURS, INK, SECONDARY, shorten
from mnist_np.metrics import confusion_counts
from mnist_np.nn.layers import Activate
from mnist_np.nn.network import Network
from mnist_np.training.evaluation import logits_of

if TYPE_CHECKING:
    from mnist_np.training.diagnostics_record import DiagnosticsRecord, Histogram, LayerRecord

SIDE = 512
"""Pixels of a picture's longer side, about."""

UNITS = 64
"""The largest number of units shown, or of pieces of maxout units: the first ones, so that they keep their places."""

HARD = 16
"""How many of the hardest validation examples are shown."""

LAYERS = 8
"""The largest number of layers whose histograms are shown: of more, the first and the last ones."""

HISTOGRAMS = {"activations": "activations", "gradients": "gradients by Z", "weights": "weights"}
"""The histograms of a layer's record, and their titles."""

GAP = 2
"""Pixels between the units of the first layer, before they are enlarged."""


def pictures(
    network: Network, data: Dataset, hard: NDArray[np.intp], diagnostics: DiagnosticsRecord | None = None
) -> dict[str, Image.Image]:
    """The pictures by name. Without validation examples there are only those of the weights and of the diagnostics.

    Args:
        network: the network, with the weights that are validated.
        data: what it is trained on.
        hard: the validation examples to show, see `hardest`.
        diagnostics: what ``training.diagnostics`` recorded so far; its newest histograms are drawn.
    """
    found = {"first_layer": first_layer(network, data.image_shape)}
    if len(data.val):
        said = np.argmax(logits_of(network, data.val), axis=1)
        found["confusion"] = confusion(data, said)
        found["hardest"] = digits(data, hard, said[hard])
    if diagnostics is not None and diagnostics.pictures:  # none where the first look failed, for want of memory
        found["layers"] = layers(diagnostics.pictures[max(diagnostics.pictures)])
    return found


def hardest(data: Dataset) -> NDArray[np.intp]:
    """The validation examples that look least like their class: by how much farther their class's mean image of the training
    split is than the nearest mean of another class. They depend on the data alone, so that all runs show the same."""
    if not len(data.val):
        return np.empty(0, np.intp)
    train, val = data.train, data.val
    n = np.bincount(train.labels, minlength=train.n_classes).astype(np.float32)
    M = sum(part.Y.T @ part.X for part in train.pieces()) / np.maximum(n, 1)[:, None]
    products = np.concatenate([part.X @ M.T for part in val.pieces()])
    D = np.where(n > 0, (M**2).sum(axis=1) - 2 * products, np.inf)  # squared distances, but for |x|²
    own = np.take_along_axis(D, val.labels[:, None], axis=1)[:, 0]
    np.put_along_axis(D, val.labels[:, None], np.inf, axis=1)
    order: NDArray[np.intp] = np.argsort(D.min(axis=1) - own, kind="stable")
    return order[:HARD]


def first_layer(network: Network, shape: tuple[int, int]) -> Image.Image:
    """Each unit's weights at the places of their pixels, red if positive and blue if negative. The pieces of a maxout unit stand
    side by side."""
    W = np.nan_to_num(network.arrays()["W1"])
    pieces = next((layer.activation.pieces for layer in network.layers if isinstance(layer, Activate)), 1)
    n = W.shape[1] // pieces
    units = np.arange(min(n, max(1, UNITS // pieces)))
    W = W[:, (units[:, None] + n * np.arange(pieces)).ravel()[:UNITS]]
    limit = float(np.percentile(np.abs(W), 99.5)) or 1.0
    rgb = mpl.colormaps["RdBu_r"]((W.T.reshape(-1, *shape) / limit + 1) / 2, bytes=True)[..., :3]
    root = math.ceil(math.sqrt(len(rgb)))
    columns = min(pieces * math.ceil(root / pieces), 2 * root)
    h, w = shape[0] + GAP, shape[1] + GAP
    whole = np.full((-(-len(rgb) // columns) * h + GAP, columns * w + GAP, 3), 255, np.uint8)
    for i, unit in enumerate(rgb):
        y, x = i // columns * h + GAP, i % columns * w + GAP
        whole[y : y + shape[0], x : x + shape[1]] = unit
    return enlarged(whole, SIDE)


def confusion(data: Dataset, said: NDArray[np.intp]) -> Image.Image:
    """The confusion matrix of the validation split: true classes in the rows, ``said`` in the columns."""
    n = data.n_classes
    counts = confusion_counts(data.val.labels, said, n)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cell, margin = max(1, (SIDE - 32) // n), 32
    image = Image.new("RGB", (margin + n * cell,) * 2, "white")
    cells = Image.fromarray((255 * colours(shares)).astype(np.uint8))
    image.paste(cells.resize((n * cell,) * 2, Image.Resampling.NEAREST), (margin,) * 2)
    if n <= NUMBERED:
        draw = ImageDraw.Draw(image)
        for k, name in enumerate(data.class_names):
            place = margin + (k + 0.5) * cell
            write(draw, (margin / 2, place), shorten(name, 3), 20, SECONDARY)
            write(draw, (place, margin / 2), shorten(name, 3), 20, SECONDARY)
        for i, j in zip(*np.nonzero(counts), strict=True):
            colour = "white" if i == j and shares[i, j] > 0.5 else INK
            write(draw, (margin + (j + 0.5) * cell, margin + (i + 0.5) * cell), str(counts[i, j]), min(18, cell // 2.5), colour)
    return image


def digits(data: Dataset, shown: NDArray[np.intp], said: NDArray[np.intp]) -> Image.Image:
    """The validation examples ``shown`` with their class and, where it is another, what they are taken for."""
    columns, cell, caption = 4, SIDE // 4, 30
    room = cell - caption
    image = Image.new("RGB", (columns * cell, -(-len(shown) // columns) * cell), "white")
    draw = ImageDraw.Draw(image)
    for i, (example, taken) in enumerate(zip(shown, said, strict=True)):
        left, top = i % columns * cell, i // columns * cell
        p = np.clip(np.nan_to_num(data.pixels.inverse(data.val[example : example + 1].X)), 0, 1).reshape(data.image_shape)
        picture = enlarged(np.round(255 * (1 - p)).astype(np.uint8), room)
        image.paste(picture, (left + (cell - picture.width) // 2, top + (room - picture.height) // 2))
        true = int(data.val.labels[example])
        text, colour = name(data, true), COLOURS[0]
        if taken != true:
            text, colour = f"{text} → {name(data, int(taken))}", ACCENT
        write(draw, (left + cell / 2, top + cell - caption / 2), text, 22 if len(text) <= 5 else 13, colour)
    return image


def layers(records: list[LayerRecord]) -> Image.Image:
    """Histograms of each layer's activations, gradients and weights, their heights on a logarithmic scale up to all values.

    The horizontal axes end at 1, 2 or 5 times a power of ten, so that they seldom change from one epoch to the next.
    """
    n = len(records)
    shown = [*range(n)] if n <= LAYERS else [*range(LAYERS // 2), *range(n - LAYERS // 2, n)]
    left, head, foot, gap = 30, 30, 26, 14
    width, height = (SIDE - left) // 3 - gap, min(120, (SIDE - head) // len(shown) - foot)
    image = Image.new("RGB", (SIDE, head + len(shown) * (height + foot)), "white")
    draw = ImageDraw.Draw(image)
    for column, (kind, title) in enumerate(HISTOGRAMS.items()):
        x = left + column * (width + gap)
        write(draw, (x + width / 2, head / 2), title, 16, INK)
        for row, i in enumerate(shown):
            y = head + row * (height + foot)
            write(draw, (left / 2, y + height / 2), str(i + 1), 18, INK)
            bars(draw, getattr(records[i], kind), (x, y, width, height), COLOURS[column])
    return image


def bars(draw: ImageDraw.ImageDraw, values: Histogram, place: tuple[int, int, int, int], colour: str) -> None:
    """A histogram at ``place`` (left, top, width, height), with the ends of its horizontal axis and a line at zero below it."""
    left, top, width, height = place
    edges = values.edges.astype(float)
    high = rounded_up(float(np.abs(edges).max()))
    low = -high if edges[0] < 0 else 0.0
    bottom = top + height
    x = left + width * (edges - low) / (high - low)
    tall = height * np.log1p(values.counts) / np.log1p(max(values.counts.sum(), 1))
    for start, stop, bar in zip(x[:-1], x[1:], tall, strict=True):
        if bar:
            draw.rectangle((start, bottom - bar, max(stop - 1, start), bottom), fill=colour)
    draw.line((left, bottom, left + width, bottom), fill=SECONDARY)
    zero = left + width * (0 - low) / (high - low)
    draw.line((zero, bottom, zero, bottom + 4), fill=SECONDARY)
    for end, anchor in (low, "la"), (high, "ra"):
        draw.text((left if end == low else left + width, bottom + 4), f"{end:g}", SECONDARY, _font(13), anchor=anchor)


def rounded_up(value: float) -> float:
    """The next number that is 1, 2 or 5 times a power of ten."""
    if not 1e-30 < value < 1e30:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= value * (1 - 1e-12))


def name(data: Dataset, label: int) -> str:
    """A class name that leaves room for another one."""
    return shorten(data.class_names[label], 8)


def enlarged(pixels: NDArray[np.uint8], side: int) -> Image.Image:
    """Pixels (h, w) or (h, w, 3) as an image of about ``side`` pixels, each a square of a whole number of them; larger ones are
    made smaller."""
    image = Image.fromarray(pixels)
    factor = side // max(image.size)
    if factor:
        return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    image.thumbnail((side, side))
    return image


def write(draw: ImageDraw.ImageDraw, middle: tuple[float, float], text: str, size: float, colour: str) -> None:
    """Write ``text`` around ``middle``, in the font of the other figures."""
    draw.text(middle, text, colour, _font(size), anchor="mm")


def _font(size: float) -> ImageFont.FreeTypeFont:
    if size not in _fonts:
        _fonts[size] = ImageFont.truetype(Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)
    return _fonts[size]


_fonts: dict[float, ImageFont.FreeTypeFont] = {}
"""Loaded ones: loading takes as long as a hundred captions."""
