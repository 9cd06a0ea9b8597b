"""Made-up sweeps: children with plausible learning curves, for tests of what is told about them."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from mnist_np.sweep.children import Child


def child(overrides: dict[str, str], level: float, status: str = "finished", epochs: int = 8, seed: int = 0) -> Child:
    """A run whose error falls towards ``1 - level``; one that is not finished has half of its epochs."""
    rng = np.random.default_rng([seed, *map(ord, "".join(overrides.values()))])
    n = epochs if status == "finished" else 0 if status in ("failed", "queued") else epochs // 2
    history = []
    for epoch in range(1, n + 1):
        error = (1 - level) * (1 + 2.5 * np.exp(-epoch / 2) + 0.04 * rng.normal())
        error = float(np.clip(error, 0.0, 0.9))
        history.append(
            {"epoch": float(epoch), "train/loss": 3 * error, "val/loss": 3.4 * error, "val/accuracy": 1 - error, "lr": 0.1}
        )
    metrics = {}
    if history:
        best = max(row["val/accuracy"] for row in history)
        metrics = {"best/val_accuracy": best, "test/accuracy": best - 0.002, "test/error": 1.002 - best}
    name = "-".join(f"{k}={v}" for k, v in overrides.items())
    group = "-".join(f"{k}={v}" for k, v in overrides.items() if k != "seed")
    return Child(overrides, Path("/nowhere") / name, group, status, "", f"id-{name}", metrics, history, name)


def grid(levels: dict[str, dict[str, float]], seeds: int = 3, epochs: int = 8, base: float = 0.97) -> list[Child]:
    """All combinations of ``{param: {value: effect on the error, as a factor's logarithm}}`` times ``seeds`` seeds."""
    children = []
    for values in itertools.product(*levels.values()):
        factor = np.exp(sum(effects[value] for effects, value in zip(levels.values(), values, strict=True)))
        level = float(np.clip(1 - (1 - base) * factor, 0.1, 0.9995))
        for seed in range(seeds):
            overrides = dict(zip(levels, values, strict=True)) | ({"seed": str(seed)} if seeds > 1 else {})
            children.append(child(overrides, level, epochs=epochs, seed=seed))
    return children
