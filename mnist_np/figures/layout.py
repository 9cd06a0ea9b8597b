"""The page of a run's figures: a title, what was trained, and axes, texts and images at places in inches.

The places are given, because finding them (``layout="constrained"``) takes four times as long as the drawing itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from mnist_np.figures.style import DPI, INK, SECONDARY
from mnist_np.registry import name_of

if TYPE_CHECKING:
    from mnist_np.training.result import Result

HEAD = 0.75
"""Inches at the top for the two lines of the title."""

MARGIN = 0.2
"""Inches at the left and the right."""

NARROWEST = 6.5
"""Inches that the title needs."""


class Place(NamedTuple):
    """A rectangle on the page, in inches from the lower left corner."""

    left: float
    bottom: float
    width: float
    height: float


class Pixels(Artist):
    """Pixels (h, w, 4) with their lower left corner at (x, y), in fractions of the figure.

    ``figimage`` resamples them, which takes a fifth of the time of all figures of a run.
    """

    def __init__(self, pixels: NDArray[np.uint8], x: float, y: float) -> None:
        super().__init__()
        self.pixels, self.x, self.y = np.ascontiguousarray(pixels[::-1]), x, y

    def draw(self, renderer: RendererBase) -> None:
        if self.figure is not None:
            x, y = self.figure.transSubfigure.transform((self.x, self.y))
            renderer.draw_image(renderer.new_gc(), round(x), round(y), self.pixels)


class Page:
    """A figure of ``width`` x ``height`` inches below a title. All places are in inches from its lower left corner.

    Attributes:
        figure: the figure.
        width, height: its size, with the title.
        top: the upper end of what is below the title.
    """

    def __init__(self, result: Result, title: str, width: float, height: float, legend: str = "") -> None:
        self.width, self.height, self.top = max(width, NARROWEST), height + HEAD, height
        self.figure = Figure(figsize=(self.width, self.height), dpi=DPI, facecolor="white")
        self.text(MARGIN, self.height - 0.32, title, size=13, weight="bold")
        about = description(result) + (f"      {legend}" if legend else "")
        self.text(MARGIN, self.height - 0.56, about, size=9, color=SECONDARY)

    def axes(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Empty axes, with the label of the x axis at a fixed distance below."""
        axes = self.figure.add_axes((left / self.width, bottom / self.height, width / self.width, height / self.height))
        axes.xaxis.set_label_coords(0.5, -0.28 / height)
        return axes

    def text(self, x: float, y: float, text: str, size: float, color: str = INK, **keywords: Any) -> None:
        """Write ``text`` at (x, y), with matplotlib's ``keywords`` (ha, va, weight, rotation)."""
        self.figure.text(x / self.width, y / self.height, text, size=size, color=color, **keywords)

    def caption(self, place: Place, text: str, color: str = INK, weight: str = "normal") -> None:
        """Write ``text`` below an image."""
        x, y = place.left + place.width / 2, place.bottom - 0.05
        self.text(x, y, text, 9, color, weight=weight, ha="center", va="top", linespacing=1.1)

    def image(
        self, values: NDArray[np.floating], left: float, bottom: float, pixel: int, colours: str, low: float, high: float
    ) -> None:
        """Draw ``values`` (h, w) in the colour map ``colours`` from ``low`` to ``high``, NaN transparent.

        Each is a square of ``pixel`` pixels of the page.
        """
        self.pixels(mpl.colormaps[colours]((values - low) / (high - low), bytes=True), left, bottom, pixel)

    def pixels(self, rgba: NDArray[np.uint8], left: float, bottom: float, pixel: int) -> None:
        """Draw an image (h, w, 4), enlarged ``pixel`` times."""
        enlarged = np.repeat(np.repeat(rgba, pixel, axis=0), pixel, axis=1)
        self.figure.add_artist(Pixels(enlarged, left / self.width, bottom / self.height))

    def line(self, x: float, y: float, end: float, colour: str, style: str, width: float) -> None:
        """A horizontal line from x to ``end``."""
        xs, ys = (x / self.width, end / self.width), (y / self.height,) * 2
        self.figure.add_artist(Line2D(xs, ys, color=colour, ls=style, lw=width))

    def frame(self, place: Place, colour: str) -> None:
        """A frame around an image."""
        corner = place.left / self.width, place.bottom / self.height
        size = place.width / self.width, place.height / self.height
        self.figure.add_artist(Rectangle(corner, *size, fill=False, color=colour, lw=1.6))

    def message(self, text: str) -> Figure:
        """The figure with ``text`` in place of a drawing."""
        self.text(MARGIN, self.top - 0.3, text, size=10.5)
        return self.figure


def description(result: Result) -> str:
    """``mnist  ·  784-128-64-10 relu  ·  sgd, lr 0.1  ·  seed 0``."""
    experiment = result.experiment
    hidden = experiment.model.hidden
    sizes = "-".join(
        map(str, [result.network.n_in, *(hidden if len(hidden) <= 6 else [*hidden[:5], "..."]), result.network.n_out])
    )
    activation = f" {name_of(experiment.activation)}" if hidden else ""
    optimizer = f"{name_of(experiment.optimizer)}, lr {experiment.optimizer.lr:g}"
    parts = [result.data.name, sizes + activation, optimizer, f"seed {experiment.seed}"]
    return "  ·  ".join([*parts, result.status] if result.status != "finished" else parts)


class Grid:
    """The places of n images (h, w) on a page, in rows of ``columns``, each about ``side`` inches long, with captions below.

    A pixel of an image is a whole number of pixels of the page, so that nothing is interpolated.
    """

    def __init__(self, n: int, shape: tuple[int, int], columns: int, side: float, gap: float, caption: float) -> None:
        self.n, self.columns = n, columns
        self.skip = -(-max(shape) // int(side * DPI))  # large images are subsampled
        self.h, self.w = -(-shape[0] // self.skip), -(-shape[1] // self.skip)
        self.pixel = max(1, round(side * DPI / max(self.h, self.w)))
        inch = self.pixel / DPI
        self.across, self.down = self.w + max(1, round(gap / inch)), self.h + round((gap / 2 + caption) / inch)
        self.rows = -(-n // columns)
        self.width, self.height = columns * self.across * inch, self.rows * self.down * inch

    def corner(self, i: int) -> tuple[int, int]:
        """Row and column of the first pixel of image i."""
        return i // self.columns * self.down, i % self.columns * self.across + (self.across - self.w) // 2

    def draw(self, page: Page, images: NDArray[np.floating], colours: str, low: float, high: float) -> list[Place]:
        """Draw the images (n, h, w) and return their places."""
        whole = np.full((self.rows * self.down, self.columns * self.across), np.nan, np.float32)
        for i, image in enumerate(images):
            y, x = self.corner(i)
            whole[y : y + self.h, x : x + self.w] = image[:: self.skip, :: self.skip]
        page.image(whole, MARGIN, page.top - self.height, self.pixel, colours, low, high)
        inch = self.pixel / DPI
        corners = (self.corner(i) for i in range(self.n))
        return [Place(MARGIN + x * inch, page.top - (y + self.h) * inch, self.w * inch, self.h * inch) for y, x in corners]
