"""Random histories of commands: grids with repeated values and keys in any order, searches, single runs, an edited recipe, other
fixed overrides, interruptions by a real signal, and files as a kill leaves them.
"""

from __future__ import annotations

import csv
import itertools
import json
import random
import signal
import statistics
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import yaml

from mnist_np.cli.train import main
from mnist_np.experiment import Experiment
from mnist_np.serialize import to_dict
from mnist_np.storage.run_folder import RunFolder
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import store_of

FIXED = ["data=synthetic", "data.examples=200", "data.side=6", "tracking.figures=false", "experiment=recipe"]
AXES = {
    "optimizer.lr": ["0.1", "1e-1", "0.02"],
    "model.hidden": ["[4]", "[5]"],
    "training.l2": ["0.0", "0.001"],
    "seed": ["0", "1", "2"],
}
SAME = {"1e-1": "0.1"}
"""Other ways to write a value."""


@dataclass
class World:
    """An outputs folder, a recipe, and what may happen to them."""

    path: Path
    base: Experiment
    rng: random.Random
    tracked: bool
    epochs: int = 1
    story: list[str] = field(default_factory=list)
    fixed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        self.outputs, self.recipe = self.path / "outputs", self.path / "conf" / "experiment" / "recipe.yaml"
        self.recipe.parent.mkdir(parents=True)
        self.edit(1)

    def edit(self, epochs):
        self.epochs = epochs
        self.recipe.write_text(f"# @package _global_\ntraining: {{epochs: {epochs}}}\n")

    def config(self, values):
        """The config of the run that has these values, as text."""
        b = self.base
        made = replace(
            b,
            optimizer=replace(b.optimizer, lr=float(values.get("optimizer.lr", b.optimizer.lr))),
            model=replace(b.model, hidden=json.loads(values.get("model.hidden", json.dumps(b.model.hidden)))),
            training=replace(b.training, epochs=self.epochs, l2=float(values.get("training.l2", b.training.l2))),
            seed=int(values.get("seed", b.seed)),
        )
        return json.dumps(to_dict(made), sort_keys=True)

    def runs(self):
        """All run folders that were not replaced, with their configs."""
        folders = [path.parent for path in self.outputs.glob("[rs]*/*/*/config.yaml")]
        return {folder: json.dumps(yaml.safe_load((folder / "config.yaml").read_text()), sort_keys=True) for folder in folders}

    def finished(self):
        return {folder: config for folder, config in self.runs().items() if result(folder).get("status") == "finished"}

    def train(self, *arguments, code=0):
        tracking = f"tracking={'sqlite' if self.tracked else 'off'}"
        self.story.append(" ".join(arguments) + f" (epochs={self.epochs})")
        words = ["--config-dir", str(self.path / "conf"), *FIXED, tracking, f"outputs={self.outputs}", *arguments]
        assert main(words) in (code, 0), self.story

    def some_axes(self, least=1):
        keys = self.rng.sample(list(AXES), self.rng.randint(least, 3))
        return {key: self.rng.choices(AXES[key], k=self.rng.randint(1, 3)) for key in keys}

    def some_fixed(self, axes):
        return {"training.l2": "0.001"} if "training.l2" not in axes and self.rng.random() < 0.3 else {}

    # What may happen.

    def grid(self, interrupted=False):
        axes = self.some_axes()
        if max(map(len, axes.values())) == 1:  # nothing varies: Hydra has nothing to sweep
            axes["seed"] = ["0", "1"]
        fixed = self.some_fixed(axes)
        self.sweep(axes, fixed, interrupted)
        if interrupted or self.rng.random() < 0.3:  # the same again, in another order
            shuffled = {key: self.rng.sample(values, len(values)) for key, values in reversed(axes.items())}
            self.sweep(shuffled, fixed)

    def sweep(self, axes, fixed, interrupted=False):
        self.fixed = fixed | {key: values[0] for key, values in axes.items() if len(values) == 1}
        points = [dict(zip(axes, values, strict=True)) | fixed for values in itertools.product(*axes.values())]
        expected = {self.config(point) for point in points}
        before = self.finished()
        anew = self.rng.random() < 0.1
        words = [f"{key}={','.join(values)}" for key, values in axes.items()] + [f"{k}={v}" for k, v in fixed.items()]
        self.rng.shuffle(words)
        with interruption(self.rng.randint(1, 4) if interrupted else None):
            self.train("-m", *words, *(["sweep.skip_finished=false"] if anew else []), code=130 if interrupted else 0)
        told = self.check(expected if not interrupted else None)
        if not interrupted and not anew:
            trained = len(self.finished()) - len(before)
            assert trained == len(expected - set(before.values())), self.story
            assert told["skipped"] == len(expected & set(before.values())), self.story
        if not interrupted:
            own = [config for folder, config in self.runs().items() if folder.parent == self.latest()]
            assert told["outdated"] == sum(config not in expected for config in own), self.story

    def search(self):
        self.fixed = {}
        axes = {key: list(dict.fromkeys(SAME.get(v, v) for v in values)) for key, values in self.some_axes(2).items()}
        axes.pop("seed", None)  # the luckiest run would win
        words = [f"{key}=choice({','.join(values)})" for key, values in axes.items()]
        trials = self.rng.randint(2, 6)
        sampler = self.rng.choice(["random", "grid", "tpe"])
        extra = [f"sweep.search.sampler={sampler}", "sweep.search.pruner=none", f"sweep.search.trials={trials}"]
        before = set(self.finished().values())
        self.train("-m", "hydra/sweeper=search", *words, *extra)
        told = self.check(None)
        assert 1 <= len(told["children"]) <= max(trials, told["skipped"]), self.story
        after = list(self.finished().values())
        assert len(after) - len(set(after)) <= len(before), self.story

    def single(self):
        axes = self.some_axes()
        point = {key: values[0] for key, values in axes.items()}
        self.train(*(f"{key}={value}" for key, value in point.items()))

    def kill(self):
        """Leave a run of the last sweep as a SIGKILL does."""
        folders = sorted(self.outputs.glob("sweeps/*/*/result.json"))
        if folders:
            file = self.rng.choice(folders)
            self.story.append(f"killed: {file.parent.name}")
            file.unlink()
            for name in ("../jobs.jsonl", "../summary.json", "history.csv"):
                path = file.parent / name
                if self.rng.random() < 0.5 and path.exists():
                    path.write_bytes(path.read_bytes()[: self.rng.randint(0, path.stat().st_size)])

    # What must hold.

    def latest(self):
        return max(self.outputs.glob("sweeps/*/summary.json"), key=lambda path: path.stat().st_mtime_ns).parent

    def check(self, expected):
        folder = self.latest()
        told = json.loads((folder / "summary.json").read_text())
        runs, done = self.runs(), self.finished()
        of_children = {}
        for child in told["children"]:
            values = child["overrides"] | self.fixed
            path = Path(child["folder"])
            if child["status"] != "queued":
                assert runs[path] == self.config(values), self.story
            assert (child["status"] == "finished") == (path in done), self.story
            of_children[self.config(values)] = path
        assert len(of_children) == len(told["children"]), self.story
        if expected is not None:
            assert set(of_children) == expected, self.story
        self.check_table(folder, told, {config: path for config, path in of_children.items() if path in done})
        if self.tracked:
            self.check_mlflow(folder, told)
        return told

    def check_table(self, folder, told, finished):
        """The rows are the groups of the finished runs' own configs, with their own numbers."""
        groups = {}
        for config, path in finished.items():
            without_seed = json.dumps({key: value for key, value in json.loads(config).items() if key != "seed"})
            groups.setdefault(without_seed, []).append(result(path)["metrics"])
        rows = [row for row in csv.DictReader((folder / "configurations.csv").read_text().splitlines()) if row["n"] != "0"]
        keys = ("val/accuracy_mean", "val/accuracy_sd", "test/accuracy_mean")
        found = sorted([int(row["n"]), *(rounded(float(row[key] or 0)) for key in keys)] for row in rows)
        afresh = sorted([len(group), *map(rounded, spread(group))] for group in groups.values())
        assert found == afresh, self.story
        assert told["counts"]["finished"] == len(finished), self.story
        assert not told["counts"]["running"], self.story
        means = [float(row["val/accuracy_mean"]) for row in rows]
        assert means == sorted(means, reverse=True), self.story

    def check_mlflow(self, folder, told):
        store = store_of(Tracking(), self.outputs)
        experiments = [store.experiment_id("mnist-np")]
        sweep_id = folder.name[-8:]
        (parent,) = store.client.search_runs(experiments, f"tags.sweep = '{sweep_id}' and tags.sweep_role = 'parent'")
        where = f"tags.mlflow.parentRunId = '{parent.info.run_id}' and tags.sweep_role = 'child'"
        found = list(store.client.search_runs(experiments, where))
        begun = [child for child in told["children"] if child["status"] != "queued"]
        finished = {c["fingerprint"]: c["metrics"]["test/accuracy"] for c in begun if c["status"] == "finished"}
        there = {run.data.tags["fingerprint"]: run.data.metrics.get("test/accuracy") for run in found}
        assert len(there) == len(found), self.story
        assert set(there) == {child["fingerprint"] for child in begun}, self.story
        assert {key: there[key] for key in finished} == pytest.approx(finished), self.story
        names = [run.info.run_name for run in store.client.search_runs(experiments, "tags.sweep_role = 'parent'")]
        assert len(set(names)) == len(names), self.story


def spread(group):
    """Mean and standard deviation of the validation accuracy and mean of the test accuracy of some runs."""
    val, test = ([metrics[key] for metrics in group] for key in ("best/val_accuracy", "test/accuracy"))
    return statistics.fmean(val), statistics.stdev(val) if len(val) > 1 else 0.0, statistics.fmean(test)


def rounded(value):
    return round(value, 12)


def result(folder):
    path = folder / "result.json"
    return json.loads(path.read_text()) if path.exists() else {}


class interruption:  # noqa: N801 (a context)
    """Within it a real SIGINT comes at the end of the ``n``-th epoch."""

    def __init__(self, n):
        self.n = n

    def __enter__(self):
        self.original, left = RunFolder.on_epoch, itertools.count(self.n or 0, -1)

        def on_epoch(observer, event):
            self.original(observer, event)
            if next(left) == 1:
                signal.raise_signal(signal.SIGINT)

        RunFolder.on_epoch = on_epoch

    def __exit__(self, *exception):
        RunFolder.on_epoch = self.original
