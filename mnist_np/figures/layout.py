"""The page that the figures of a run share: a title, what was trained, and axes at fixed places.

Fixed, because finding places by trial (``layout="constrained"``) takes four times as long as the drawing itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from mnist_np.figures.labels import Label, Labels
from mnist_np.figures.style import INK
from mnist_np.registry import name_of

if TYPE_CHECKING:
    from mnist_np.training.result import Result

DPI = 110

HEAD = 0.75
"""Inches at the top for the two lines of the title."""

MARGIN = 0.2
"""Inches at the left and the right."""

NARROWEST = 6.3
"""Inches that the title needs."""

SECONDARY = "#5A6068"


class Place(NamedTuple):
    """A rectangle on the page, in inches from the lower left."""

    left: float
    bottom: float
    width: float
    height: float


class Picture(Artist):
    """RGBA pixels (h, w, 4) with their lower left corner at (x, y), which are shares of the figure's size."""

    def __init__(self, pixels: NDArray[np.uint8], x: float, y: float) -> None:
        super().__init__()
        self.pixels, self.x, self.y = np.ascontiguousarray(pixels[::-1]), x, y

    def draw(self, renderer: RendererBase) -> None:
        if self.figure is not None:
            x, y = self.figure.transSubfigure.transform((self.x, self.y))
            renderer.draw_image(renderer.new_gc(), round(x), round(y), self.pixels)


class Page:
    """A figure of ``width`` x ``height`` inches below a title. All places are inches from the lower left, up to ``top``."""

    def __init__(self, result: Result, title: str, width: float, height: float, legend: str = "") -> None:
        self.width, self.height, self.top = max(width, NARROWEST), height + HEAD, height
        self.figure = Figure(figsize=(self.width, self.height), dpi=DPI, facecolor="white")
        self.labels = Labels()
        self.figure.add_artist(self.labels)
        self.text(MARGIN, self.height - 0.32, title, size=13, bold=True)
        about = what_was_trained(result) + (f"      {legend}" if legend else "")
        self.text(MARGIN, self.height - 0.56, about, size=9, color=SECONDARY)

    def axes(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Empty axes there. The label below the x axis has its place too, which would else be searched for."""
        axes = self.figure.add_axes((left / self.width, bottom / self.height, width / self.width, height / self.height))
        axes.xaxis.set_label_coords(0.5, -0.28 / height)
        return axes

    def text(self, x: float, y: float, text: str, size: float, color: str = INK, bold: bool = False, anchor: str = "ls") -> None:
        """Write ``text`` so that its ``anchor`` (see `Label`) lies there."""
        self.labels.labels.append(Label(x / self.width, y / self.height, text, size, color, bold, anchor))

    def upright(self, x: float, y: float, text: str, size: float, color: str = INK, va: str = "center") -> None:
        """Write ``text`` from below to above."""
        self.figure.text(
            x / self.width,
            y / self.height,
            text,
            rotation=90,
            ha="center",
            va=va,
            size=size,
            color=color,
            rotation_mode="default",
        )

    def caption(self, place: Place, text: str, color: str = INK, bold: bool = False) -> None:
        """Write ``text`` below a picture."""
        self.text(place.left + place.width / 2, place.bottom - 0.05, text, 9, color, bold, anchor="ma")

    def image(
        self, values: NDArray[np.floating], left: float, bottom: float, pixel: int, colours: str, low: float, high: float
    ) -> None:
        """Draw ``values`` in the colour map ``colours`` from ``low`` to ``high``, NaN transparent, enlarged ``pixel`` times."""
        self.pixels(mpl.colormaps[colours]((values - low) / (high - low), bytes=True), left, bottom, pixel)

    def pixels(self, rgba: NDArray[np.uint8], left: float, bottom: float, pixel: int) -> None:
        """Draw pixels (h, w, 4), enlarged ``pixel`` times.

        Copied onto the page as they are, which takes a tenth of the time that axes and their resampling take.
        """
        enlarged = np.repeat(np.repeat(rgba, pixel, axis=0), pixel, axis=1)
        self.figure.add_artist(Picture(enlarged, left / self.width, bottom / self.height))

    def line(self, x: float, y: float, end: float, colour: str, style: str, width: float) -> None:
        """A level line from x to ``end``."""
        xs, ys = (x / self.width, end / self.width), (y / self.height,) * 2
        self.figure.add_artist(Line2D(xs, ys, color=colour, ls=style, lw=width))

    def frame(self, place: Place, colour: str) -> None:
        """A frame around a picture."""
        corner, size = (
            (place.left / self.width, place.bottom / self.height),
            (place.width / self.width, place.height / self.height),
        )
        self.figure.add_artist(Rectangle(corner, *size, fill=False, color=colour, lw=1.6))

    def say(self, text: str) -> Figure:
        """The figure with nothing but ``text``: there is nothing to draw."""
        self.text(MARGIN, self.top - 0.3, text, size=10.5)
        return self.figure


def what_was_trained(result: Result) -> str:
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
    """Where n pictures (h, w) lie on a page, in rows of ``columns``, each about ``side`` inches long, with a caption below.

    A pixel of a picture is a whole number of pixels of the page: all are equally wide, and nothing is interpolated.
    """

    def __init__(self, n: int, shape: tuple[int, int], columns: int, side: float, gap: float, caption: float) -> None:
        self.n, self.columns = n, columns
        self.skip = -(-max(shape) // int(side * DPI))  # of a large image every so many pixels
        self.h, self.w = -(-shape[0] // self.skip), -(-shape[1] // self.skip)
        self.pixel = max(1, round(side * DPI / max(self.h, self.w)))
        inch = self.pixel / DPI
        self.across, self.down = self.w + round(gap / inch), self.h + round((gap / 2 + caption) / inch)
        self.rows = -(-n // columns)
        self.width, self.height = columns * self.across * inch, self.rows * self.down * inch

    def corner(self, i: int) -> tuple[int, int]:
        """Row and column of the i-th picture's first pixel in the whole."""
        return i // self.columns * self.down, i % self.columns * self.across + (self.across - self.w) // 2

    def draw(self, page: Page, pictures: NDArray[np.floating], colours: str, low: float, high: float) -> list[Place]:
        """Draw all pictures (n, h, w) as one image and return where each came to lie."""
        whole = np.full((self.rows * self.down, self.columns * self.across), np.nan, np.float32)
        for i, picture in enumerate(pictures):
            y, x = self.corner(i)
            whole[y : y + self.h, x : x + self.w] = picture[:: self.skip, :: self.skip]
        page.image(whole, MARGIN, page.top - self.height, self.pixel, colours, low, high)
        inch = self.pixel / DPI
        corners = (self.corner(i) for i in range(self.n))
        return [Place(MARGIN + x * inch, page.top - (y + self.h) * inch, self.w * inch, self.h * inch) for y, x in corners]
