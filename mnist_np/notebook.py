"""Notebooks: whether this is one, and the pieces of HTML that it shows for a value instead of its text."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from html import escape
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from mnist_np import html_page


def in_notebook() -> bool:
    """Whether this is code in a Jupyter notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return type(shell).__name__ == "ZMQInteractiveShell"


def table(title: str, rows: Mapping[str, str]) -> str:
    """A table of two columns under a title."""
    cells = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th><td style="text-align:left">{escape(text)}</td></tr>'
        for name, text in rows.items()
    )
    return f"<div><strong>{escape(title)}</strong><table>{cells}</table></div>"


def picture(image: NDArray[np.uint8], label: str, height: int = 56) -> str:
    """A grey image (height, width), 0 black, with a text under it; ``height`` is that on the screen, in pixels."""
    shape = f"height:{height}px;image-rendering:pixelated"
    return html_page.picture(png(image), label, "display:inline-block;margin:2px;text-align:center", shape)


def png(image: NDArray[np.uint8]) -> bytes:
    """A grey image (height, width) as a PNG file."""
    from PIL import Image

    file = BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()
