"""A record's recipe comes to the same by this project and, where they are installed, by the libraries."""

import argparse
import json
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from benchmark import accuracy
from benchmark.accuracy import Trained, accuracy_table, recipe_modes
from benchmark.cells import Cell
from benchmark.child import Images
from benchmark.children import Unmeasurable
from benchmark.cli import chosen, main
from benchmark.recipe import Recipe
from benchmark.saved_rows import SavedRows

from mnist_np.data.augment import Distort
from mnist_np.machine import cores

MODES = {mode.module: replace(mode, threads=1, processes=1) for mode in recipe_modes() if mode.name != "torch-compiled"}
SMALL = Distort(shift=1, rotation=5, shear=5, scale=0.05)


@pytest.fixture
def small(monkeypatch):
    """The recipe of the second record, made small, on 4,000 images."""
    what = Recipe("record_99").experiment
    what = replace(what, augment=SMALL, training=replace(what.training, epochs=3, batch_size=64))
    monkeypatch.setattr(Recipe, "experiment", replace(what, model=replace(what.model, hidden=[64])))
    return Images(4000)


def train(module, images):
    mode = MODES[module]
    if not mode.installed:
        pytest.skip(f"needs {', '.join(mode.needs)}")
    job = import_module(f"benchmark.{module}").job(mode, Cell("accuracy", "record_99", 0, "adam"), images)
    return job.run(3)


@pytest.mark.parametrize("module", MODES)
def test_it_is_the_same_recipe(module, small):
    ours, found = train("recipe", small), train(module, small)
    assert found["seconds"] > 0
    assert found["accuracy"] == pytest.approx(ours["accuracy"], abs=0.015)
    assert 0.9 < found["accuracy"] < 0.97


def test_what_all_share(small):
    recipe = Recipe("record_99")
    rates = recipe.rates(4000)
    assert rates.shape == (3, 63)
    assert rates.max() <= recipe.adam.lr
    assert rates[0, 0] < rates[1, 0] > rates[2, -1] > 0, "warm-up, then down to 0"
    first = recipe.weights(3)
    assert [W.shape for W, _ in first] == [(784, 64), (64, 10)]
    np.testing.assert_array_equal(first[0][0], recipe.weights(3)[0][0])
    assert not np.array_equal(first[0][0], recipe.weights(4)[0][0])


def test_what_is_not_compared_is_refused(monkeypatch):
    recipe = Recipe("keras_mnist_mlp")
    with pytest.raises(ValueError, match="keras_mnist_mlp: only ReLU, Adam"):
        _ = recipe.experiment
    with pytest.raises(SystemExit):
        main(["accuracy", "--recipes", "recrod_98"])


class Played:
    """A child that trains nothing; JAX cannot."""

    def __init__(self, mode):
        self.mode, self.process = mode, type("Process", (), {"pid": 1})

    def ask(self, request):
        if self.mode.name == "jax":
            raise Unmeasurable("no")
        return {"ms": 500.0, "kernel": "numpy 2"} | (
            {"seconds": 1.0 + request["seed"], "cpu_seconds": 1.5, "accuracy": 0.98} if "seed" in request else {}
        )

    def close(self):
        pass


def test_rows_are_kept_and_shown(tmp_path, monkeypatch):
    path = tmp_path / "rows.json"
    monkeypatch.setattr(accuracy, "Child", Played)
    modes = [mode for mode in recipe_modes() if mode.name in ("threads-1", "jax", "torch-eager")]
    found = accuracy.measure_accuracy(SavedRows(path, Trained), ["record_98"], modes, 2)
    assert [(row.mode, row.seed, row.seconds) for row in found] == [
        ("threads-1", 0, 1.0),
        ("torch-eager", 0, 1.0),
        ("threads-1", 1, 2.0),
        ("torch-eager", 1, 2.0),
    ]
    assert [Trained(**row) for row in json.loads(path.read_text())] == found
    again = accuracy.measure_accuracy(SavedRows(path, Trained), ["record_98"], modes, 3)
    assert again[:4] == found
    assert [(row.mode, row.seed) for row in again[4:]] == [("threads-1", 2), ("torch-eager", 2)]
    table = accuracy_table(again)
    assert "| PyTorch eager | 3 | 2.00 (1.00 to 3.00) | 1.00 | 1.50 | 98.00 ± 0.00 % | 0.5 |" in table
    assert "JAX" not in table
    assert accuracy_table([]) == "Nothing was measured."
    with pytest.raises(SystemExit, match=r"rows\.json: holds no rows of this task; give --json another file"):
        main(["train", "--json", str(path)])


def test_two_processes_are_among_the_modes():
    modes = {mode.name: mode for mode in recipe_modes() if not mode.needs}
    assert chosen(argparse.Namespace(task="accuracy", modes=[]), modes, argparse.ArgumentParser()) == list(modes.values())
    assert ("processes-2" in modes) == (cores() > 1)
