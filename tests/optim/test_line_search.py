"""The strong Wolfe line search on lines whose shape is known."""

from math import cos, exp, inf, sin

import pytest

from mnist_np.optim.lbfgs import Point, inside, minimum_of_cubic, strong_wolfe

LINES = {
    "parabola": (lambda t: (t - 2) ** 2, lambda t: 2 * (t - 2)),
    "waves": (lambda t: 0.1 * t - sin(3 * t), lambda t: 0.1 - 3 * cos(3 * t)),
    "steep wall": (lambda t: exp(min(5 * t, 700)) - 50 * t, lambda t: 5 * exp(min(5 * t, 700)) - 50),
    "long slope": (lambda t: 1e-3 * (t - 500) ** 2, lambda t: 2e-3 * (t - 500)),
}


class Line:
    """A line that remembers where it was evaluated."""

    def __init__(self, name):
        self.f, self.df = LINES[name]
        self.tried = []

    def __call__(self, t):
        self.tried.append(t)
        return Point(t, self.f(t), self.df(t))


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("first", [1e-6, 0.1, 1.0, 30.0, 1e4])
def test_finds_a_point_with_both_conditions(name, first):
    line = Line(name)
    start = Point(0.0, line.f(0), line.df(0))
    found = strong_wolfe(line, start, first, evaluations=40)
    assert found.t > 0
    assert found.f <= start.f + 1e-4 * found.t * start.slope
    assert abs(found.slope) <= 0.9 * abs(start.slope)
    assert found == Point(found.t, line.f(found.t), line.df(found.t))
    growing = [(a, b) for a, b in zip(line.tried, line.tried[1:], strict=False) if b > max(line.tried[: line.tried.index(b)])]
    assert all(b <= 10 * a * (1 + 1e-12) for a, b in growing)


def test_gives_up_after_so_many_evaluations_with_the_lowest_point():
    line = Line("steep wall")
    start = Point(0.0, line.f(0), line.df(0))
    found = strong_wolfe(line, start, 1e4, evaluations=3)
    assert len(line.tried) == 4
    assert found.f <= start.f


def test_what_only_rises_leads_nowhere():
    start = Point(0.0, 0.0, -1e-9)  # said to fall, but does not
    assert strong_wolfe(lambda t: Point(t, t, 1.0), start, 1.0, evaluations=10) == start


@pytest.mark.parametrize("bad", [inf, float("nan")])
def test_comes_back_from_where_the_objective_is_not_finite(bad):
    def line(t):
        return Point(t, (t - 1) ** 2, 2 * (t - 1)) if t < 3 else Point(t, bad, bad)

    assert strong_wolfe(line, line(0.0), 100.0, evaluations=20).f < 1


def test_minimum_of_a_cubic_by_hand():
    """t^3 - 3t has its minimum -2 at 1."""
    left, right = Point(0.0, 0.0, -3.0), Point(2.0, 2.0, 9.0)
    assert minimum_of_cubic(left, right, 0.0, 2.0) == pytest.approx(1.0)
    assert minimum_of_cubic(left, right, 1.5, 2.0) == 1.5


@pytest.mark.parametrize("slope", [-1.0, 0.0, 1.0])
def test_a_straight_line_has_no_minimum_but_a_middle(slope):
    assert minimum_of_cubic(Point(0.0, 0.0, slope), Point(1.0, slope, slope), 1.0, 10.0) == 5.5


@pytest.mark.parametrize(
    ("t", "stuck", "expected"),
    [(0.5, True, (0.5, False)), (0.05, False, (0.05, True)), (0.05, True, (0.1, False)), (1.0, False, (0.9, False))],
)
def test_points_near_an_end_are_moved_inwards_the_second_time(t, stuck, expected):
    assert inside(t, 0.0, 1.0, stuck) == pytest.approx(expected)
