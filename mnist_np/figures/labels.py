"""Texts on a page, all drawn at once: matplotlib's own take 0.2 ms a letter, which would be most of the time of a figure."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.backend_bases import RendererBase
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont


class Label(NamedTuple):
    """A text, which may have lines. x and y are shares of the figure; ``anchor`` says what of the text lies there: left,
    middle or right (``l``, ``m``, ``r``), and ascender, middle or baseline (``a``, ``m``, ``s``)."""

    x: float
    y: float
    text: str
    size: float
    colour: str
    bold: bool
    anchor: str


class Labels(Artist):
    """Draws labels in matplotlib's own font, one picture for each colour."""

    def __init__(self) -> None:
        super().__init__()
        self.labels: list[Label] = []
        self.set_zorder(5)

    def draw(self, renderer: RendererBase) -> None:
        if self.figure is None:
            return
        width, height = self.figure.bbox.size
        left, bottom = self.figure.transSubfigure.transform((0, 0))
        for colour in dict.fromkeys(label.colour for label in self.labels):
            mask = Image.new("L", (round(width), round(height)))
            pen = ImageDraw.Draw(mask)
            for label in self.labels:
                if label.colour == colour:
                    where = label.x * width, (1 - label.y) * height
                    look = font(round(label.size * self.figure.dpi / 72), label.bold)
                    pen.text(where, label.text, 255, look, label.anchor, spacing=2, align="center")
            pixels = np.empty((*mask.size[::-1], 4), np.uint8)
            pixels[..., :3] = np.multiply(to_rgb(colour), 255)
            pixels[..., 3] = np.asarray(mask)
            renderer.draw_image(renderer.new_gc(), round(left), round(bottom), pixels[::-1])


def texts_of(figure: Figure) -> list[str]:
    """What is written on a page, in the order of writing: its title first."""
    return [label.text for artist in figure.artists if isinstance(artist, Labels) for label in artist.labels]


@cache
def font(pixels: int, bold: bool) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, as it comes with matplotlib."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / name, pixels, layout_engine=ImageFont.Layout.BASIC)
