"""A training step as text: each part with its equation as the code has it, its shapes, and some of its numbers."""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table

from mnist_np.commands.explain.walk import EPSILON, Check, LayerPass, Walk
from mnist_np.nn.arrays import Array
from mnist_np.nn.layers import Activate, Dense
from mnist_np.nn.losses import CrossEntropy
from mnist_np.nn.norms import Norm
from mnist_np.registry import name_of

SHOWN = 6
"""Entries of a row that are shown, and terms of a sum."""

SHADES = " .:-=+*#%@"
"""From dark to bright."""

INDENT = 4


def explain(walk: Walk, console: Console) -> None:
    """Print the whole step."""
    for number, (title, part) in enumerate(PARTS.items(), start=1):
        console.print()
        console.rule(f"{number}. {title}", align="left", style="dim")
        part(walk, console)


def batch(walk: Walk, console: Console) -> None:
    introduce_batch(walk, console)
    height, width = walk.data.image_shape
    fit = max(1, (console.width - INDENT) // (width + 2))
    images = [drawn(walk.data.pixels.inverse(x).reshape(height, width)) for x in walk.X[:fit]]
    captions = [f"{i}: class {walk.data.class_names[k]}"[:width].ljust(width) for i, k in enumerate(walk.labels[:fit])]
    lines = ["  ".join(captions)] + ["  ".join(rows) for rows in zip(*images, strict=True)]
    console.print(Padding("\n".join(lines), (1, 0, 0, INDENT), expand=False), markup=False, highlight=False)


def introduce_batch(walk: Walk, console: Console) -> None:
    """What the batch is, without its images."""
    m = len(walk.X)
    console.print(
        f"The first {m} of {len(walk.data.train):,} training images, one a row: X {shape(walk.X)}; their classes one-hot: "
        f"Y {shape(walk.Y)}.\n[ ] stands for an entry, counted from 0; everything is in float64."
    )


def forward(walk: Walk, console: Console) -> None:
    console.print(f"{walk.network!r}, weights drawn by init={name_of(walk.experiment.init)} with seed {walk.experiment.seed}.")
    for layer in walk.passes:
        heading(console, layer, "forward")
        show(console, f"X {shape(layer.X)} -> {shape(layer.Y)}")
        if isinstance(layer.layer, Dense):
            i, j = strongest(layer.Y[:1])
            W, b = layer.layer.params["W"], layer.layer.params["b"]
            terms = summed(layer.X[i], W[:, j])
            show(
                console, f"Z[{i}, {j}] = sum_k X[{i}, k] W[k, {j}] + b[{j}] = {terms} + {number(b[j])} = {number(layer.Y[i, j])}"
            )
        elif isinstance(layer.layer, Activate):
            show(console, f"{np.mean(layer.Y == 0):.0%} of the outputs are 0, their mean is {number(layer.Y.mean())}")
        else:
            show(console, f"mean {number(layer.Y.mean())}, standard deviation {number(layer.Y.std())}")
        show(console, f"of image 0: {row(layer.Y[0])}")


def loss(walk: Walk, console: Console) -> None:
    console.print(first_sentence(walk.experiment.loss), markup=False)
    code(console, type(walk.experiment.loss).__call__)
    labels = [walk.data.class_names[k] for k in walk.labels]
    table = columns("image 0", *walk.data.class_names)
    n = walk.logits.shape[1]
    for name, values in (
        ("logit z", walk.logits[0]),
        ("probability a", walk.A[0]),
        ("target y", walk.Y[0, :n]),
        ("dJ/dz", walk.dZ[0]),
    ):
        table.add_row(name, *map(number, values))
    console.print(Padding(table, (1, 0, 1, INDENT), expand=False))
    each = ", ".join(f"{number(value)} (class {name})" for value, name in zip(walk.losses, labels, strict=True))
    show(console, f"the loss of each image: {each}")
    show(console, f"J = their mean = {number(walk.J)}")
    if len(walk.losses) and n > 1 and walk.experiment.loss == CrossEntropy():
        show(console, f"a network that guesses, each class with probability 1/{n}, has -log(1/{n}) = {number(math.log(n))}")


def backward(walk: Walk, console: Console) -> None:
    console.print(
        "From the loss back to the input, by the chain rule. d stands for the derivative of J by what follows it; each layer "
        "gets that by its output and gives that by its input."
    )
    for layer in reversed(walk.passes):
        heading(console, layer, "backward")
        show(console, f"dY {shape(layer.dY)} -> dX {shape(layer.dX)}")
        for name, gradient in layer.grads.items():
            show(console, f"d{name} {shape(gradient)}, its length {number(float(np.linalg.norm(gradient)))}")
        if isinstance(layer.layer, Dense):
            i, j = strongest(layer.grads["W"])
            terms = summed(layer.X[:, i], layer.dY[:, j])
            show(console, f"dW[{i}, {j}] = sum_k X[k, {i}] dZ[k, {j}] = {terms} = {number(layer.grads['W'][i, j])}")
        show(console, f"dX of image 0: {row(layer.dX[0])}")


def check(walk: Walk, console: Console) -> None:
    console.print(
        f"Each derivative again without backpropagation: move one parameter p by e = {EPSILON:g} up and down, and compute J both "
        "times: (J(p + e) - J(p - e)) / 2e. The largest entries of each gradient:"
    )
    table = columns("parameter", "by backpropagation", "by differences", "relative difference")
    for entry in walk.shown:
        table.add_row(
            entry_name(entry), f"{entry.exact:.8f}", f"{entry.numeric:.8f}", "kink" if entry.kink else f"{entry.difference:.0e}"
        )
    console.print(Padding(table, (1, 0, 1, INDENT), expand=False))
    show(console, f"the largest relative difference of {walk.checked} entries, most of them drawn at random: {walk.worst:.0e}")
    if walk.kinks:
        show(console, f"kink: at {walk.kinks} of them J has another slope to the left than to the right, as max(0, z) at z = 0")


def update(walk: Walk, console: Console) -> None:
    optimizer, training = walk.experiment.optimizer, walk.experiment.training
    console.print(first_sentence(optimizer), markup=False)
    added = {"l1": training.l1, "l2": training.l2, "weight_decay": optimizer.weight_decay}
    added |= {"clip_value": training.clip_value or 0.0, "clip_norm": training.clip_norm or 0.0}
    settings = ", ".join(f"{name} = {value:g}" for name, value in ({"lr": walk.lr} | added).items() if value)
    show(console, f"in the first step: {settings or 'lr = 0'}")
    if training.vat:
        show(console, "without the gradient of virtual adversarial training, which training.vat adds")
    if training.mixup:
        show(console, "of the images as they are: training.mixup would mix each with another one")
    table = columns("parameter", "before", "gradient", "update", "after")
    for entry in walk.shown:
        before, step = (float(entry.spec.view(vector)[entry.index]) for vector in (walk.network.params, walk.step))
        table.add_row(entry_name(entry), *(f"{value:.6f}" for value in (before, entry.exact, step, before + step)))
    console.print(Padding(table, (1, 0, 1, INDENT), expand=False))
    show(console, f"J of the same images: {number(walk.J)} before, {number(walk.J_after)} after")


PARTS: dict[str, Callable[[Walk, Console], None]] = {
    "The batch": batch,
    "Forward": forward,
    "The loss": loss,
    "Backward": backward,
    "The gradients, checked": check,
    "The update": update,
}


def heading(console: Console, layer: LayerPass, method: str) -> None:
    """The layer's name and the code of its forward or backward, with that of what it calls."""
    console.print(f"\n[bold]{layer.name}[/bold]")
    code(console, getattr(type(layer.layer), method))
    if isinstance(layer.layer, Activate):
        code(console, getattr(type(layer.layer.activation), "g" if method == "forward" else "g_prime"))
    if isinstance(layer.layer, Norm) and method == "forward":
        code(console, Norm.normalize)


def code(console: Console, function: Callable[..., object]) -> None:
    """The lines of a function, without its head and docstring, and where they stand."""
    lines, start = inspect.getsourcelines(function)
    text = textwrap.dedent("".join(lines))
    body = ast.parse(text).body[0]
    assert isinstance(body, ast.FunctionDef)
    first = body.body[1] if ast.get_docstring(body) and len(body.body) > 1 else body.body[0]
    shown = textwrap.dedent("".join(text.splitlines(keepends=True)[first.lineno - 1 :])).rstrip()
    file = inspect.getsourcefile(function) or ""
    place = f"{'/'.join(Path(file).parts[-2:])}:{start + first.lineno - 1}"
    console.print(Padding(f"# {function.__qualname__}, {place}", (0, 0, 0, INDENT), expand=False), style="dim", highlight=False)
    syntax = Syntax(shown, "python", theme="ansi_light", background_color="default", word_wrap=True)
    console.print(Padding(syntax, (0, 0, 0, INDENT), expand=False))


def show(console: Console, line: str) -> None:
    console.print(Padding(line, (0, 0, 0, INDENT), expand=False), markup=False)


def columns(first: str, *others: str) -> Table:
    table = Table(escape(first), box=None, pad_edge=False)
    for name in others:
        table.add_column(escape(name), justify="right")
    return table


def first_sentence(component: object) -> str:
    """The formula of a component: the first paragraph of its docstring."""
    return " ".join((inspect.getdoc(component) or "").split("\n\n")[0].split())


def entry_name(entry: Check) -> str:
    return f"{entry.spec.name}[{', '.join(map(str, entry.index))}]"


def strongest(array: Array) -> tuple[int, int]:
    """Where the entry of the largest magnitude is."""
    i, j = np.unravel_index(np.argmax(np.abs(array)), array.shape)
    return int(i), int(j)


def summed(a: Array, b: Array) -> str:
    """The sum over a_k b_k written out: its largest terms, and how many others are not 0."""
    terms = np.argsort(-np.abs(a * b), kind="stable")
    terms = terms[np.abs(a * b)[terms] > 0]
    text = " + ".join(f"{number(a[k])} * {number(b[k])}" for k in terms[:SHOWN])
    rest = len(terms) - SHOWN
    return (text or "0") + (f" + ... ({rest} more terms)" if rest > 0 else "")


def row(values: Array) -> str:
    """The first entries of a row."""
    return "  ".join(number(value) for value in values[:SHOWN]) + ("  ..." if len(values) > SHOWN else "")


def shape(array: Array) -> str:
    return str(array.shape)


def number(value: float) -> str:
    """Four digits: ``0.3142``, ``-12.3``, ``2.1e-05``."""
    return f"{value + 0.0:.4g}"  # -0 is 0


def drawn(image: Array) -> list[str]:
    """An image (height, width) in [0, 1] as text, a line for two rows of pixels."""
    height = len(image) // 2 * 2
    pairs = image[:height].reshape(-1, 2, image.shape[1]).mean(axis=1)
    levels = np.clip(pairs * len(SHADES), 0, len(SHADES) - 1).astype(int)
    return ["".join(SHADES[level] for level in line) for line in levels]
