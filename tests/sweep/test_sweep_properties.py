"""Whatever was run before, a sweep's table says what can be computed afresh from the runs' own config and result files, nothing
that has run is trained again, and MLflow's children are exactly those runs.

Random histories of commands: see `random_sweeps`.
"""

from __future__ import annotations

import random

import pytest
from random_sweeps import FIXED, World

from mnist_np.cli.arguments import parse
from mnist_np.cli.compose import compose, to_run_config, without_hydra
from mnist_np.cli.schemas import store_schemas
from mnist_np.experiment import Experiment


@pytest.fixture(scope="module")
def base() -> Experiment:
    """The experiment that the fixed overrides make, with one epoch."""
    store_schemas()
    return to_run_config(without_hydra(compose(parse([*FIXED[:-1], "training.epochs=1"])))).experiment


def live(world, steps):
    happenings = [world.grid] * 5 + [lambda: world.grid(interrupted=True), world.search, world.single, world.kill]
    happenings += [lambda: world.edit(3 - world.epochs)] * 2
    world.grid()
    for _ in range(steps):
        world.rng.choice(happenings)()
    world.grid()


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=[pytest.mark.slow] if seed > 2 else []) for seed in range(40)])
def test_the_table_is_what_the_runs_say(tmp_path, base, seed):
    live(World(tmp_path, base, random.Random(seed), tracked=False), steps=5)


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=[pytest.mark.slow] if seed > 100 else []) for seed in range(100, 115)])
def test_mlflow_shows_exactly_the_runs_of_the_table(tmp_path, base, seed):
    live(World(tmp_path, base, random.Random(seed), tracked=True), steps=4)
