"""A training step as one file of HTML: the text, with the images of the batch and figures of the layers."""

from __future__ import annotations

import io
from collections.abc import Callable
from html import escape
from pathlib import Path

import numpy as np
from rich.console import Console

from mnist_np import notebook
from mnist_np.commands.explain.text import PARTS, introduce_batch
from mnist_np.commands.explain.walk import Walk
from mnist_np.files import write_atomically
from mnist_np.html_page import page, picture
from mnist_np.nn.layers import Dense

WIDTH = 110
"""Characters of a line."""


def write_page(walk: Walk, path: Path) -> None:
    """Write the page, which needs no other file, to ``path``. Raises OSError."""
    content = []
    parts = PARTS | {"The batch": introduce_batch}  # its images are figures here
    for number, (title, part) in enumerate(parts.items(), start=1):
        content += [f"<h2>{number}. {escape(title)}</h2>", FIGURES.get(title, lambda _: "")(walk), as_html(walk, part)]
    title = f"One training step: {walk.network!r}"
    write_atomically(path, page(title, content))


def as_html(walk: Walk, part: Callable[[Walk, Console], None]) -> str:
    """What a part prints, in colours."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), color_system="truecolor", force_terminal=True)
    part(walk, console)
    return console.export_html(inline_styles=True, code_format="<pre>{code}</pre>")


def batch(walk: Walk) -> str:
    """The images."""
    images = np.clip(walk.data.pixels.inverse(walk.X), 0, 1).reshape(-1, *walk.data.image_shape)
    grey = np.round(images * 255).astype(np.uint8)
    return "".join(notebook.picture(image, walk.data.class_names[k], 84) for image, k in zip(grey, walk.labels, strict=True))


def forward(walk: Walk) -> str:
    """What each layer gives."""
    from mnist_np.figures.step import heat_maps

    return picture(heat_maps({f"output of {layer.name}": layer.Y for layer in walk.passes}), "the layers' outputs")


def backward(walk: Walk) -> str:
    """The derivative by what each layer gives, and the gradient of the first layer's weights as images."""
    from mnist_np.figures.step import gradient_images, heat_maps

    outputs = {f"derivative of J by the output of {layer.name}": layer.dY for layer in reversed(walk.passes)}
    first = next(layer for layer in walk.passes if isinstance(layer.layer, Dense))
    images = gradient_images(first.grads["W"], walk.data.image_shape)
    return picture(heat_maps(outputs), "the derivatives by the layers' outputs") + picture(
        images, f"dW of {first.name}, as images"
    )


FIGURES = {"The batch": batch, "Forward": forward, "Backward": backward}
"""What stands above the text of a part."""
