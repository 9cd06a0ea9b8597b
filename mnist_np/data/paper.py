"""The ink of one character on a page that is not of one brightness: uneven light, shadows, ruled or squared paper, noise.

The background under each pixel is estimated by a grey-scale morphological closing, whose window is wider than any stroke (its
difference from the picture is the top-hat transform; Serra 1982). It follows gradients and the straight edges of shadows.
Then the paper's own lines are taken out, noise is smoothed, and what is too small or too far off to be a stroke is left out.
"""

from __future__ import annotations

import numpy as np

from mnist_np.data.ruling import Gray, Mask, noise_of, without_lines

WORKING = 256
"""Pixels of the longer side at which a page is worked on: it bounds time and memory."""

WINDOW = 0.4
"""Side of the closing's window, as a share of the page's shorter side: wider than the thickest stroke."""

TOLERANCE, EVEN = 0.1, 0.8
"""A page has one brightness if more than the second share of its border differs from the border's median by less than the first
share of what the ink does: a character may touch the border."""

QUIET = 0.05
"""Noise (standard deviation), as a share of the ink's strength, above which it is smoothed."""

SPOT = 0.02
"""On a page of one brightness, a part of less weight than this share of the heaviest part's is a spot."""

PART, EDGE_PART = 0.06, 0.5
"""The weight that a part of the character has at least, as a share of its heaviest part; and if it touches the border."""


def ink_on_paper(gray: Gray) -> Gray:
    """The ink of the character on a page.

    Args:
        gray: brightness in [0, 1], (height, width).

    Returns:
        Ink in [0, 1], of all the page or a part of it, of the same size or smaller. Without any ink it is 0 everywhere.
    """
    page = without_specks(shrunk(gray, WORKING))
    ink, noise = smoothed(without_lines(without_lines(above_background(page)).T).T)
    strength = strength_of(ink, noise)
    mask = ink > max(0.35 * strength, 4 * noise)
    if strength <= 4 * noise or not mask.any():
        return np.zeros_like(ink)
    keep = parts(mask, ink)
    rows, columns = (np.flatnonzero((mask & keep).any(axis=axis)) for axis in (1, 0))
    side, k = max(np.ptp(rows), np.ptp(columns)) + 1, max(gray.shape) / max(page.shape)
    if k > 1 and 6 * side <= max(page.shape):  # small on a large page: once more, on what is around it
        top, left, bottom, right = (
            round(k * n) for n in (rows[0] - side, columns[0] - side, rows[-1] + side, columns[-1] + side)
        )
        return ink_on_paper(gray[max(0, top) : bottom, max(0, left) : right])
    full, none = float(np.percentile(ink[mask & keep], 75)), 2 * noise
    keep &= running_max(mask.astype(np.float32), 3) > 0  # with the strokes' soft edges
    return np.where(keep, np.clip((ink - none) / (full - none), 0, 1), 0).astype(np.float32)


def without_spots(ink: Gray) -> Gray:
    """The ink of a page of one brightness without dust; the same if there is none."""
    small = shrunk(ink, WORKING)
    keep = enlarged(parts(small > 0.1 * small.max(), small, SPOT).astype(np.float32), ink.shape) > 0
    return ink if keep[ink > 0.1].all() else np.where(keep, ink, np.float32(0))


def shrunk(gray: Gray, side: int) -> Gray:
    """The picture with at most ``side`` pixels along its longer side, each the mean of those that it covers."""
    from PIL import Image

    scale = side / max(gray.shape)
    if scale >= 1:
        return gray
    height, width = (max(1, round(scale * n)) for n in gray.shape)
    return np.asarray(Image.fromarray(gray).resize((width, height), Image.Resampling.BOX))


def enlarged(page: Gray, shape: tuple[int, ...]) -> Gray:
    """The page in another size, interpolated linearly."""
    from PIL import Image

    return np.asarray(Image.fromarray(page).resize((shape[1], shape[0]), Image.Resampling.BILINEAR))


def edges(gray: np.ndarray) -> np.ndarray:
    """The pixels along the four edges."""
    return np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])


def without_specks(page: Gray) -> Gray:
    """Each pixel within the range of its eight neighbours: dead pixels are gone, lines of one pixel stay."""
    height, width = page.shape
    wide = np.pad(page, 1, mode="reflect" if min(page.shape) > 1 else "edge")
    around = [wide[i : i + height, j : j + width] for i in range(3) for j in range(3) if (i, j) != (1, 1)]
    return np.clip(page, np.minimum.reduce(around), np.maximum.reduce(around))


def blurred(page: Gray) -> Gray:
    """Binomial smoothing over 3 x 3."""
    quarter, wide = np.float32(0.25), np.pad(page, 1, mode="edge")
    wide = quarter * (wide[:-2] + 2 * wide[1:-1] + wide[2:])
    smooth: Gray = quarter * (wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:])
    return smooth


def running_max(page: Gray, window: int) -> Gray:
    """The maximum over a square of ``window`` (odd) pixels a side around each pixel, as far as it lies on the page."""
    half = window // 2
    for _ in (0, 1):
        wide = np.full((len(page) + 2 * half, page.shape[1]), -np.inf, page.dtype)
        wide[half : half + len(page)] = page  # `np.pad` takes several times longer than all the rest
        reach = 1
        while reach < window:  # of up to twice as many pixels each time
            step = min(reach, window - reach)
            wide = np.maximum(wide[:-step], wide[step:])
            reach += step
        page = wide.T
    return page


def closing(page: Gray, window: int) -> Gray:
    """The page without what is darker than its surroundings and narrower than ``window``."""
    return -running_max(-running_max(page, window), window)


def above_background(page: Gray) -> Gray:
    """How much darker each pixel is than the background there, as a share of it; of bright ink, how much brighter."""
    small = blurred(shrunk(page, WORKING // 2))
    border = edges(small)
    usual = float(np.median(border))
    even = np.mean(np.abs(border - usual) < TOLERANCE * np.abs(small - usual).max()) > EVEN
    light = np.full_like(small, usual) if even else surface(small)
    inks: list[Gray] = []
    for pixels, coarse, background in ((page, small, light), (1 - page, 1 - small, 1 - light)):
        lowest = np.maximum(background, np.float32(0.1))
        under: Gray = np.maximum(enlarged(lowest if even else closed(coarse, lowest), page.shape), np.float32(0.05))
        inks.append(np.float32(1) - pixels / under)
    shares = [float(np.clip(edges(ink), 0, None).mean() / max(blurred(ink).max(), 1e-6)) for ink in inks]
    if even or max(shares) < 0.1 or 2 * min(shares) > max(shares):
        dark = ((small - light) ** 3).sum() < 0  # what differs most is darker
    else:
        dark = shares[0] < shares[1]  # there is little ink along the border
    ink = inks[0 if dark else 1]
    return ink - np.median(ink)


def closed(page: Gray, light: Gray) -> Gray:
    """The background of dark ink.

    Two closings: of the page, and of what is left of it without the smooth ``light``. The first is too bright where a vignette
    darkens the edge, the second along the edge of a shadow: the darker one is taken.
    """
    window = max(3, int(WINDOW * min(page.shape)) | 1)
    darker: Gray = np.minimum(closing(page, window), light * closing(page / light, window))
    return darker


def surface(page: Gray) -> Gray:
    """A smooth surface through the background: a polynomial by least squares.

    What lies far off counts little, and the border, where there is rarely ink, much.
    """
    coarse = shrunk(page, 48)
    y, x = (np.linspace(-1, 1, n) for n in coarse.shape)
    outside = 1 / (1.1 - np.maximum.outer(np.abs(y), np.abs(x)).ravel())
    terms = np.stack([np.outer(y**i, x**j).ravel() for i in range(5) for j in range(5 - i)], axis=1)
    values, weight = coarse.ravel().astype(float), outside
    for _ in range(10):
        weighted = terms * weight[:, None]
        fit = terms @ np.linalg.lstsq(weighted.T @ terms, weighted.T @ values, rcond=None)[0]
        away = np.abs(values - fit)
        weight = outside / (1 + (away / (2 * np.median(away) + 1e-3)) ** 2)
    return enlarged(fit.reshape(coarse.shape).astype(np.float32), page.shape)


def strength_of(ink: Gray, noise: float) -> float:
    """How strong the strokes are: the median of what is at least half as strong as the strongest, and more than noise."""
    inked = ink[ink > max(0.5 * float(blurred(ink).max()), 3 * noise)]
    return float(np.median(inked)) if inked.size else 0.0


def smoothed(ink: Gray) -> tuple[Gray, float]:
    """The ink, smoothed as often as its noise needs it, and the noise that is left."""
    for _ in range(8):
        noise = noise_of(ink)
        if noise <= QUIET * strength_of(ink, noise):
            break
        ink = blurred(ink)
        ink -= np.median(ink)
    return ink, noise_of(ink)


def parts(mask: Mask, ink: Gray, share: float = PART) -> Mask:
    """Where the character is: around connected pixels of enough weight, small gaps between them bridged.

    The weight is the geometric mean of the ink and of its squared slope: what is left of a shadow is blurred, of a line thin.
    """
    k = -(-max(mask.shape) // 96)
    height, width = (-(-n // k) for n in mask.shape)
    padding = [(0, height * k - mask.shape[0]), (0, width * k - mask.shape[1])]
    slopes = np.gradient(np.pad(ink, 1, mode="edge"))
    sharpness = (slopes[0] ** 2 + slopes[1] ** 2)[1:-1, 1:-1]
    blocks = [np.pad(array, padding).reshape(height, k, width, k) for array in (mask, np.where(mask, ink, 0), sharpness)]
    full, *amounts = blocks[0].any(axis=(1, 3)), blocks[1].sum(axis=(1, 3)), blocks[2].sum(axis=(1, 3))
    number = np.where(full, np.arange(1, full.size + 1).reshape(full.shape), 0).astype(np.float32)
    while True:  # each part takes the greatest number in it
        spread = np.where(full, running_max(number, 3), 0)
        if (spread == number).all():
            break
        number = spread
    label = number.astype(int)
    weight = np.sqrt(np.prod([np.bincount(label.ravel(), amount.ravel()) for amount in amounts], axis=0))
    weight[0] = 0
    at_edge = np.zeros(len(weight), bool)
    at_edge[edges(label)] = True
    heaviest = weight.argmax()
    least = np.where(at_edge & ~at_edge[heaviest], EDGE_PART, share) * weight[heaviest]
    kept = running_max((full & (weight >= least)[label]).astype(np.float32), 3) > 0
    return kept.repeat(k, axis=0).repeat(k, axis=1)[: mask.shape[0], : mask.shape[1]]
