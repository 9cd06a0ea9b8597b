"""What digits are written on, and how it is photographed: pages as gray values in 0..1, made by a random generator."""

import numpy as np
from handwriting import curves
from PIL import Image, ImageDraw

FINE = 3
"""Pixels drawn for each pixel of the page, along a side."""


def ink(strokes, rng, shape, width=None, turn=0.0):
    """How much ink there is at each pixel, 0..1: the strokes, somewhat changed, somewhere on a page of ``shape``."""
    height = rng.uniform(0.4, 0.75) * min(shape)
    width = rng.uniform(0.06, 0.12) if width is None else width
    slant, narrow, turn = rng.uniform(-0.1, 0.15), rng.uniform(0.85, 1.1), turn + np.radians(rng.uniform(-4, 4))
    shear = np.array([[narrow, 0], [-slant, 1]]) @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    margin = 0.55 * height
    middle = [rng.uniform(margin, side - margin) if side > 2 * margin else side / 2 for side in (shape[1], shape[0])]
    image = Image.new("L", (shape[1] * FINE, shape[0] * FINE))
    draw, radius = ImageDraw.Draw(image), width * height * FINE / 2
    for curve in curves(strokes):
        way = (((curve - 0.5) @ shear) * height + middle) * FINE
        draw.line([tuple(point) for point in way], 255, round(2 * radius))
        for x, y in way:
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), 255)
    return np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.BOX), float) / 255


def plane(rng, shape, change):
    """Brightness that rises by ``change`` across the page, in some direction: from -change / 2 to change / 2."""
    y, x = np.mgrid[-0.5 : 0.5 : shape[0] * 1j, -0.5 : 0.5 : shape[1] * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    found = x * np.cos(angle) + y * np.sin(angle)
    return found / np.ptp(found) * change


def clouds(rng, shape, cells):
    """Smooth random values between -1 and 1, ``cells`` waves along a side."""
    coarse = Image.fromarray(rng.uniform(-1, 1, (cells + 1, cells + 1)).astype(np.float32))
    return np.asarray(coarse.resize((shape[1], shape[0]), Image.Resampling.BICUBIC), float)


def lines(shape, pitch, width, turn, offset):
    """1 on parallel lines, nearly horizontal, and 0 between them."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    away = (y * np.cos(turn) + x * np.sin(turn) + offset) % pitch
    return np.clip(width / 2 + 0.5 - np.minimum(away, pitch - away), 0, 1)


def white_paper(mark, rng):
    return rng.uniform(0.9, 1.0) - rng.uniform(0.7, 0.9) * mark


def black_board(mark, rng):
    return rng.uniform(0.0, 0.15) + rng.uniform(0.7, 0.85) * mark


def gradient(mark, rng):
    """Bright on the one side, dark gray on the other, with dark ink."""
    paper = 0.62 + plane(rng, mark.shape, rng.uniform(0.4, 0.7))
    return paper * (1 - 0.85 * mark)


def dark_gradient(mark, rng):
    """A dark board, brighter on the one side, with chalk."""
    board = 0.3 + plane(rng, mark.shape, rng.uniform(0.3, 0.5))
    return board + (0.95 - board) * 0.9 * mark


def vignette(mark, rng):
    """Corners and edges much darker than the middle."""
    y, x = np.mgrid[-1 : 1 : mark.shape[0] * 1j, -1 : 1 : mark.shape[1] * 1j]
    far = (x - rng.uniform(-0.2, 0.2)) ** 2 + (y - rng.uniform(-0.2, 0.2)) ** 2
    return 0.9 * (1 - rng.uniform(0.25, 0.38) * far).clip(0.1) * (1 - 0.8 * mark)


def ruled(mark, rng):
    side = min(mark.shape)
    line = lines(
        mark.shape, side * rng.uniform(0.12, 0.3), side * rng.uniform(0.006, 0.014), rng.normal(0, 0.03), rng.uniform(0, side)
    )
    return 0.95 - np.maximum(rng.uniform(0.3, 0.6) * line, rng.uniform(0.7, 0.85) * mark)


def squared(mark, rng):
    side = min(mark.shape)
    pitch, width, turn = side * rng.uniform(0.09, 0.2), side * rng.uniform(0.006, 0.011), rng.normal(0, 0.03)
    grid = [lines(mark.shape, pitch, width, angle, rng.uniform(0, side)) for angle in (turn, turn + np.pi / 2)]
    return 0.95 - np.maximum(rng.uniform(0.25, 0.5) * np.maximum(*grid), rng.uniform(0.7, 0.85) * mark)


def photograph(mark, rng):
    """Paper in uneven light, with the edge of a shadow, out of focus, and grainy."""
    light = 0.72 + plane(rng, mark.shape, 0.25) + 0.06 * clouds(rng, mark.shape, 3)
    edge = plane(rng, mark.shape, 1.0) + rng.uniform(-0.25, 0.25)
    light *= 1 - rng.uniform(0.2, 0.4) / (1 + np.exp(-edge * rng.uniform(15, 60)))
    seen = light * (1 - rng.uniform(0.6, 0.85) * mark)
    for axis in (0, 1):
        seen = (np.roll(seen, 1, axis) + 2 * seen + np.roll(seen, -1, axis)) / 4
    return seen + rng.normal(0, rng.uniform(0.02, 0.05), mark.shape)


def low_contrast(mark, rng):
    """Gray on gray, the ink darker or brighter by a tenth."""
    paper, change = rng.uniform(0.3, 0.7), rng.uniform(0.08, 0.14) * rng.choice([-1, 1])
    return paper + change * mark + rng.normal(0, 0.008, mark.shape)


def noisy(mark, rng):
    """The grain of a camera in the dark, and some dead pixels."""
    seen = 0.8 - 0.55 * mark + rng.normal(0, 0.1, mark.shape)
    dead = rng.random(mark.shape) < 0.005
    return np.where(dead, rng.random(mark.shape).round(), seen)


PLAIN = {"white paper": white_paper, "black board": black_board, "transparent": None}
HARD = {
    "gradient": gradient,
    "dark gradient": dark_gradient,
    "vignette": vignette,
    "ruled": ruled,
    "squared": squared,
    "photograph": photograph,
    "low contrast": low_contrast,
    "noisy": noisy,
    "thin": white_paper,
    "thick": white_paper,
    "turned": white_paper,
}
WIDTHS, TURNS = {"thin": 0.015, "thick": 0.2}, {"turned": 0.22}
"""Strokes of these shares of the digit's height, and turned by these radians to either side."""


def page(strokes, kind, rng):
    """A picture of the digit on a page of this kind: gray, or RGBA for what is transparent."""
    shape = tuple(rng.integers(150, 330, 2)) if kind != "transparent" else (200, 200)
    mark = ink(strokes, rng, shape, WIDTHS.get(kind), TURNS.get(kind, 0.0) * rng.choice([-1, 1]))
    if kind == "transparent":
        pixels = np.zeros((*shape, 4))
        pixels[..., 3] = mark
        return Image.fromarray((pixels * 255).round().astype(np.uint8))
    return Image.fromarray(((PLAIN | HARD)[kind](mark, rng).clip(0, 1) * 255).round().astype(np.uint8))
