"""Every optimizer against recorded trajectories of an independent implementation (tests/reference/record.py)."""

import json
from pathlib import Path

import numpy as np
import pytest

from mnist_np.nn.activations import Tanh
from mnist_np.nn.losses import CrossEntropy
from mnist_np.nn.mlp import MLP
from mnist_np.nn.params import ParamSpec
from mnist_np.optim.optimizers import OPTIMIZERS

REFERENCE = dict(np.load(Path(__file__).parents[1] / "reference" / "optimizers.npz"))
CASES = json.loads(str(REFERENCE["cases"]))
PROBLEMS = ["bowl", "rosenbrock", "network"]


class Bowl:
    """(w - c)^T A (w - c) / 2 for a 4x5 matrix of parameters."""

    def __init__(self, dtype):
        self.A, self.c = REFERENCE["bowl"].astype(dtype), REFERENCE["centre"].astype(dtype)
        self.params, self.grads = np.zeros(20, dtype), np.zeros(20, dtype)
        self.specs = [ParamSpec("W1", 0, 20, (4, 5))]

    def objective(self):
        d = self.params - self.c
        self.grads[:] = self.A @ d
        return float(d @ self.A @ d / 2)


class Rosenbrock:
    """(1 - w_0)^2 + 100 (w_1 - w_0^2)^2, a curved valley, for a vector of parameters."""

    def __init__(self, dtype):
        self.params, self.grads = np.zeros(2, dtype), np.zeros(2, dtype)
        self.specs = [ParamSpec("b1", 0, 2, (2,))]

    def objective(self):
        w0, w1 = self.params
        self.grads[:] = -2 * (1 - w0) - 400 * w0 * (w1 - w0**2), 200 * (w1 - w0**2)
        return float((1 - w0) ** 2 + 100 * (w1 - w0**2) ** 2)


class SmallNetwork:
    """Cross-entropy of a 5-4-3 tanh network on thirty examples, by the package's own backpropagation, with L2 / 2 |w|^2."""

    def __init__(self, dtype):
        self.network = MLP(hidden=[4]).build(5, 3, np.random.default_rng(0), Tanh(), dtype=dtype)
        self.params, self.grads, self.specs = self.network.params, self.network.grads, self.network.specs
        self.X, self.Y = REFERENCE["X"].astype(dtype), REFERENCE["Y"].astype(dtype)
        self.L2 = float(REFERENCE["L2"])

    def objective(self):
        J = self.network.loss_and_gradients(self.X, self.Y, CrossEntropy(), np.random.default_rng(0))
        self.grads += self.L2 * self.params
        return J + self.L2 / 2 * float(self.params @ self.params)


KINDS = {"bowl": Bowl, "rosenbrock": Rosenbrock, "network": SmallNetwork}


def trajectory(case, problem, dtype):
    """The parameters after each of the recorded steps, as `record.py` has them."""
    described = CASES[case]
    optimizer, p = OPTIMIZERS[described["optimizer"]](**described["values"]), KINDS[problem](dtype)
    p.params[:] = REFERENCE[f"start/{problem}"]
    state, points = optimizer.init(p.params, p.specs), []
    for step in range(1, REFERENCE["steps"][-1] + 1):
        p.objective()
        optimizer.step(state, p.params, p.grads, optimizer.lr, p.specs, p.objective)
        if step in REFERENCE["steps"]:
            points.append(p.params.astype(np.float64))
    return np.array(points)


def test_every_optimizer_has_a_reference():
    assert {case["optimizer"] for case in CASES.values()} == set(OPTIMIZERS)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("case", CASES)
def test_float64_follows_the_reference(case, problem):
    recorded = REFERENCE[f"{case}/{problem}"]
    assert np.abs(recorded[-1] - REFERENCE[f"start/{problem}"]).max() > 1e-3  # it went somewhere
    np.testing.assert_allclose(trajectory(case, problem, np.float64), recorded, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("case", CASES)
def test_float32_follows_the_reference(case, problem):
    recorded, ours = REFERENCE[f"{case}/{problem}"], trajectory(case, problem, np.float32)
    if case == "lbfgs":  # near the bottom its line search decides by differences of the objective, which float32 rounds away
        compared = REFERENCE["steps"] <= 10
        assert objective(problem, ours[-1]) == pytest.approx(objective(problem, recorded[-1]), abs=1e-5)
        recorded, ours = recorded[compared], ours[compared]
    np.testing.assert_allclose(ours, recorded, rtol=1e-5, atol=1e-5)


def objective(problem, params):
    p = KINDS[problem](np.float64)
    p.params[:] = params
    return p.objective()
