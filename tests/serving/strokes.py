"""Ten digits as a hand draws them: for each its strokes, points (x, y) from 0 to 100, y downwards."""

from math import cos, pi, sin


def arc(x, y, rx, ry, start, end, n=14):
    """Points of an ellipse around (x, y), angles in degrees, clockwise from the right."""
    angles = [pi / 180 * (start + (end - start) * i / n) for i in range(n + 1)]
    return [(x + rx * cos(a), y + ry * sin(a)) for a in angles]


DIGITS = {
    "0": [arc(50, 50, 22, 32, -80, 285)],
    "1": [[(54, 18), (50, 50), (46, 84)]],
    "2": [[*arc(48, 34, 20, 17, -170, 30), (52, 58), (30, 80), (44, 78), (74, 80)]],
    "3": [[*arc(46, 34, 19, 16, -150, 80), (44, 51), *arc(46, 67, 22, 18, -80, 150)]],
    "4": [[(34, 20), (28, 52), (46, 54), (70, 50)], [(66, 18), (62, 50), (58, 84)]],
    "5": [[(70, 20), (40, 22), (36, 46), *arc(48, 64, 21, 19, -100, 150)]],
    "6": [[(60, 16), (42, 36), (32, 60), *arc(48, 66, 18, 17, -190, 170)]],
    "7": [[(28, 24), (50, 24), (72, 22), (62, 48), (50, 84)]],
    "8": [[*arc(50, 34, 15, 15, -30, -300), (60, 56), *arc(50, 66, 18, 18, -40, 250), (42, 48), (60, 26)]],
    "9": [[*arc(50, 36, 18, 17, -20, -360), (68, 40), (64, 62), (56, 84)]],
}
