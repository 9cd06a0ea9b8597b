"""How much each varied param matters: permutation importance (Breiman 2001) of a random forest fitted to the sweep's runs.

The forest learns the metric from the params; a param's importance is the R² that is lost when its values are shuffled
among the runs. How far the forest can be trusted is its R² on runs it was not fitted to (out of bag).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.values import ABSENT

FEWEST = 16
"""Fewer runs than this say nothing about importance."""


@dataclass(frozen=True)
class Importance:
    """Params from the most important on, with mean and standard deviation of the R² lost, and the forest's own R²."""

    keys: list[str]
    means: list[float]
    sds: list[float]
    r2: float


def importance(report: SweepReport) -> Importance | None:
    """None for fewer than `FEWEST` finished runs or than two varied params, or where the metric does not vary.

    The metric enters as its rank: a few runs that learned nothing shall not be all there is to explain.
    """
    params, children = report.params, report.ranked
    if len(params) < 2 or len(children) < FEWEST:
        return None
    y = np.array([report.value(child) for child in children], np.float64)
    if np.ptp(y) == 0:
        return None
    from sklearn.ensemble import RandomForestRegressor  # comes with MLflow; takes a second
    from sklearn.inspection import permutation_importance

    X = np.array([[param.position(child.overrides.get(param.key, ABSENT)) for param in params] for child in children])
    for j, param in enumerate(params):
        if param.scale == "log":
            X[:, j] = np.log10(X[:, j])
    ranks = np.unique(y, return_inverse=True)[1]
    forest = RandomForestRegressor(100, oob_score=True, min_samples_leaf=2, max_features=1.0, random_state=0).fit(X, ranks)
    lost = permutation_importance(forest, X, ranks, n_repeats=10, random_state=0)
    order = np.argsort(-lost.importances_mean)
    return Importance(
        [params[j].key for j in order],
        [max(0.0, float(lost.importances_mean[j])) for j in order],
        [float(lost.importances_std[j]) for j in order],
        float(forest.oob_score_) if math.isfinite(forest.oob_score_) else 0.0,
    )
