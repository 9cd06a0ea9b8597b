"""The lines of ruled and squared paper, taken out of the ink on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.float32]
Mask = NDArray[np.bool_]

LINE, BESIDE = 0.62, 0.5
"""The share of a straight way across the page from which on inked pixels along it are a line; and beside one, part of it."""

THICKEST = 0.05
"""A line takes at most this share of the page's height; a broader band is something else."""

STEEPEST = 10
"""A line rises by at most one pixel in so many."""

FAINT = 0.05
"""Ink from which on a pixel may belong to a line: a line of a brightness of 5 % less than its paper's can be seen."""


def without_lines(ink: Gray) -> Gray:
    """The ink without straight, nearly horizontal, parallel lines that go across the page.

    Where something is written across a line it stays: a line's pixels keep what ink there is above or below of it.
    """
    height, width = ink.shape
    strong = ink > max(FAINT, 3 * noise_of(ink))
    end = max(1, width // 8)
    if min(strong[:, :end].sum(), strong[:, -end:].sum()) < LINE * end:
        return ink  # as on most pages
    across = np.linspace(-0.5, 0.5, width)
    drops = range(-(width // STEEPEST), width // STEEPEST + 1)
    ways = [np.round(drop * across).astype(int) for drop in drops]
    shares = np.stack([along(strong, way) for way in ways])
    best = int((np.clip(shares - LINE, 0, None) ** 2).sum(axis=1).argmax())
    rows, columns, cleaned = ways[best] + np.arange(height)[:, None], np.arange(width), ink.copy()
    for top, end in bands(shares[best] > LINE, shares[best] > BESIDE):
        if end - top > max(4, THICKEST * height):
            continue
        top, end = top - 1, end + 1  # its blurred edges
        beside = np.zeros(width, np.float32)
        for row in (top - 1, end):
            if 0 <= row < height:
                beside = np.maximum(beside, cleaned[rows[row].clip(0, height - 1), columns])
        for row in range(max(top, 0), min(end, height)):
            there = (rows[row] >= 0) & (rows[row] < height)
            place = rows[row][there], columns[there]
            cleaned[place] = np.minimum(cleaned[place], beside[there])
    return cleaned


def noise_of(ink: Gray) -> float:
    """The standard deviation of the page's noise, from what lies below its median, 0."""
    return float(1.4826 * np.median(-ink[ink <= 0]))


def along(strong: Mask, way: NDArray[np.intp]) -> NDArray[np.float64]:
    """The share of pixels in ``strong`` on the ways across the page that run as ``way``, one from each row.

    It is the least of the shares in all of the way and in the eighths at its two ends: a stroke is no line of the paper.
    """
    height, width = strong.shape
    columns = np.arange(0, width, max(1, width // 128))  # enough of them
    rows = np.arange(height)[:, None] + way[columns]
    met = strong[np.clip(rows, 0, height - 1, out=rows), columns]
    end = max(1, len(columns) // 8)
    share: NDArray[np.float64] = np.minimum(met.mean(axis=1), np.minimum(met[:, :end].mean(axis=1), met[:, -end:].mean(axis=1)))
    return share


def bands(core: Mask, wide: Mask) -> list[tuple[int, int]]:
    """First row, and one after the last, of where ``wide`` holds without a gap, if ``core`` does in one of them."""
    changes = np.flatnonzero(np.diff(np.concatenate([[False], wide, [False]]).astype(int)))
    return [(int(a), int(b)) for a, b in zip(changes[::2], changes[1::2], strict=True) if core[a:b].any()]
