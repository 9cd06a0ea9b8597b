"""Sweeps from Python: `sweep`, `load_sweep`, and the tables that they give."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import mnist_np
from mnist_np import SGD, Adam, Experiment, Synthetic, Training, load_run, load_sweep, sweep
from mnist_np.cli.train import main
from mnist_np.component import ConfigError
from mnist_np.nn.activations import ACTIVATIONS
from mnist_np.storage.saved_run import SavedRunError
from mnist_np.sweep.call import differences, text_of, with_values
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.saved_sweep import typed

pd = pytest.importorskip("pandas")


def small():
    experiment = Experiment(data=Synthetic(), training=Training(epochs=1))
    experiment.model.hidden = [8]
    return experiment


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    out = tmp_path_factory.mktemp("swept") / "outputs"
    vary = {"optimizer.lr": [0.1, 0.3], "seed": range(2), "model.hidden": [[8], (4, 4)]}
    return sweep(small(), vary, zip=[["optimizer.lr", "model.hidden"]], tracking=False, outputs=out, name="mine")


def test_a_sweep_and_its_tables(swept):
    frame, curves, table = swept.frame(), swept.curves(), swept.table()
    assert len(swept.runs) == len(frame) == 4
    assert frame["optimizer.lr"].dtype == float
    assert frame["seed"].dtype == int
    assert set(frame["model.hidden"]) == {"[8]", "[4,4]"}
    assert set(frame["status"]) == {"finished"}
    assert frame["best/val_accuracy"].max() == swept.best.metrics["best/val_accuracy"]
    assert len(curves) == 4
    assert curves["epoch"].dtype == int
    assert curves["optimizer.lr"].dtype == float
    assert "train/loss" in curves
    assert list(table["n"]) == [2, 2]
    assert table["optimizer.lr"].dtype == float
    assert table["p_wilcoxon"].dtype == float
    assert table["n"].dtype == int
    assert table["val/accuracy_mean"].is_monotonic_decreasing
    assert swept.best.experiment.optimizer.lr in (0.1, 0.3)
    assert swept.best.weights.network.n_out == 4
    assert "4 finished" in repr(swept)


def test_it_is_found_again_and_goes_on(swept):
    out = swept.outputs
    for name in (swept.folder, swept.folder.name, swept.folder.name.rpartition("-")[2], "mine", swept.report.name):
        assert load_sweep(name, out).folder == swept.folder
    spoken = sweep(small(), {"seed": [0]}, name="my lr/é", tracking=False, outputs=out)
    assert load_sweep("my lr/é", out).folder == spoken.folder
    with pytest.raises(SavedRunError, match="there are: mine-"):
        load_sweep("other", out)
    again = sweep(
        small(),
        {"seed": (0, 1, 2), "model.hidden": [[8], [4, 4]], "optimizer.lr": [0.1, 0.3]},
        zip=[["model.hidden", "optimizer.lr"]],
        tracking=False,
        outputs=out,
        name="mine",
    )
    assert again.folder == swept.folder
    ended = {run.folder.name: run.result["ended"] for run in swept.runs}
    assert len(again.runs) == 6
    assert all(run.result["ended"] == ended.get(run.folder.name, run.result["ended"]) for run in again.runs)


def test_a_path_with_dots_is_the_same_sweep(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    made = sweep(small(), {"seed": [0]}, name="mine", tracking=False, outputs="../there")
    folder = f"../there/sweeps/{made.folder.name}"
    for found in (made, load_sweep("mine", "../there"), load_sweep(folder), load_sweep(folder, "../there")):
        assert (found.folder, found.report.outdated) == (tmp_path / "there" / "sweeps" / made.folder.name, 0)


def test_it_takes_runs_of_the_command_line(tmp_path):
    words = ["data=synthetic", "training.epochs=1", "model.hidden=[8]", "tracking=off", f"outputs={tmp_path}"]
    assert main(["-m", *words, "optimizer.lr=0.1,0.2"]) == 0
    swept = sweep(small(), {"optimizer.lr": [0.2, 0.1, 0.3]}, tracking=False, outputs=tmp_path)
    assert len(swept.runs) == 3
    assert len(list(tmp_path.glob("sweeps/*/*/result.json"))) == 3


def test_a_metric_may_be_minimised(tmp_path):
    swept = sweep(
        small(), {"optimizer.lr": [1e-4, 0.3]}, metric="test/accuracy", direction="minimize", tracking=False, outputs=tmp_path
    )
    assert swept.best.experiment.optimizer.lr == 1e-4
    assert not load_sweep(swept.folder).report.maximize


def test_options_and_components(tmp_path):
    swept = sweep(small(), {"optimizer": ["sgd", Adam(lr=0.01)]}, tracking=False, outputs=tmp_path)
    assert set(swept.frame()["optimizer"]) == {"sgd", "adam(lr=0.01)"}
    assert {run.experiment.optimizer.lr for run in swept.runs} == {SGD().lr, 0.01}
    swept = sweep(
        small(),
        {"optimizer": ["sgd", "adam"], "optimizer.beta1": [0.8, 0.9]},
        exclude=["optimizer=sgd"],
        tracking=False,
        outputs=tmp_path,
    )
    assert len(swept.runs) == 2


def test_conditions_look_into_components(tmp_path):
    swept = sweep(
        small(),
        {"optimizer": [Adam(lr=0.01), Adam(lr=0.3), SGD(lr=0.3)]},
        exclude=["optimizer=adam and optimizer.lr>0.1"],
        tracking=False,
        outputs=tmp_path,
    )
    assert set(swept.frame()["optimizer"]) == {"adam(lr=0.01)", "sgd(lr=0.3)"}


@pytest.mark.parametrize(
    ("vary", "more", "said"),
    [
        ({"optimizer.lrr": [1]}, {}, "did you mean 'lr'"),
        ({"optimizer.lr": [-1.0, 0.1]}, {}, "optimizer.lr"),
        ({"optimizer.lr": []}, {}, "has no values"),
        ({"nothing.lr": [1]}, {}, "nothing has no keys"),
        ({"seed": [1, 2], "optimizer.lr": [0.1]}, {"zip": [["seed", "optimizer.lr"]]}, "seed has 2, optimizer.lr has 1"),
        ({"seed": [1]}, {"zip": [["model.hiden", "optimizer.lrr"]]}, "model.hiden does not vary"),
        ({"seed": [1]}, {"metric": "best/val_acuracy"}, "did you mean 'best/val_accuracy'"),
        ({"seed": [1]}, {"exclude": ["seed"]}, "cannot be read"),
        ({"seed": [1]}, {"workers": 0}, "workers = 0: must be a whole number from 1 on"),
        ({"seed": [1]}, {"workers": "2"}, "workers = '2'"),
        ({"seed": [1]}, {"direction": "down"}, "sweep.direction"),
    ],
)
def test_a_mistake_is_told_before_anything_runs(tmp_path, vary, more, said):
    with pytest.raises(ConfigError, match=said.replace("'", ".")):
        sweep(small(), vary, tracking=False, outputs=tmp_path / "outputs", **more)
    assert not list(tmp_path.iterdir())


def test_the_base_is_left_alone_and_named():
    base = RunConfig()
    assert with_values(base, {"optimizer": "adam", "optimizer.lr": 0.5}).optimizer == Adam(lr=0.5)
    assert base.optimizer == SGD()
    assert differences(Experiment()) == []
    assert differences(Experiment(seed=3)) == ["seed=3"]
    assert differences(Experiment(optimizer=SGD(lr=0.5), seed=7), ["optimizer", "seed"]) == []
    assert differences(Experiment(optimizer=SGD(lr=0.5)), ["opt", "seed"]) == ["optimizer.lr=0.5"]
    assert text_of(Adam()) == "adam"
    assert typed(["1", "2"]) == [1, 2]
    assert typed(["1e-3", None]) == [0.001, None]
    assert typed(["true", "false"]) == [True, False]
    assert typed(["a", "1"]) == ["a", "1"]


def test_a_run_of_a_relative_path_is_read_from_elsewhere_too(swept, monkeypatch, tmp_path):
    monkeypatch.chdir(swept.folder)
    run = load_run(swept.best.folder.name)
    monkeypatch.chdir(tmp_path)
    assert run.status == "finished"
    assert run.metrics == swept.best.metrics


def test_the_name_can_be_called_whatever_was_imported_before():
    assert callable(mnist_np.sweep)
    import mnist_np.sweep.plan as plan

    assert plan.LONGEST
    for first in ("from mnist_np import sweep", "import mnist_np.sweep.plan as p; from mnist_np import sweep"):
        code = f"{first}; import mnist_np.sweep.folder as f; assert callable(sweep) and f.JOBS"
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.fault
def test_two_workers_in_a_script(tmp_path):
    (tmp_path / "study.py").write_text(
        """
from mnist_np import Experiment, Synthetic, Training, sweep
if __name__ == "__main__":
    experiment = Experiment(data=Synthetic(), training=Training(epochs=1))
    print(len(sweep(experiment, {"seed": range(4)}, workers=2).frame()))
"""
    )
    done = subprocess.run([sys.executable, "study.py"], cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "4"
    assert (tmp_path / "outputs" / "mlflow.db").exists()


@pytest.mark.fault
def test_a_script_without_a_guard_says_what_it_needs(tmp_path):
    (tmp_path / "study.py").write_text(
        """
from mnist_np import Experiment, Synthetic, sweep
sweep(Experiment(data=Synthetic()), {"seed": range(2)}, workers=2, tracking=False)
"""
    )
    done = subprocess.run([sys.executable, "study.py"], cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 1
    first = done.stderr.splitlines()[0]
    assert first == 'error: a script that asks for several workers must call sweep() below if __name__ == "__main__":'


def test_components_without_a_choice_vary_too(tmp_path):
    """There is one `Training` only, so it has no name."""
    trainings = [Training(epochs=1), Training(epochs=1, batch_size=32)]
    vary = {"training": [*trainings, Training(epochs=2)]}
    made = sweep(small(), vary, exclude=["training.epochs>1"], tracking=False, outputs=tmp_path)
    assert [child.overrides["training"] for child in made.report.children] == [
        "training(epochs=1)",
        "training(epochs=1,batch_size=32)",
    ]
    assert [run.experiment.training for run in made.runs] == trainings


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"exclude": "seed=1"}, r"exclude = 'seed=1': must be a list of conditions: \['seed=1'\]"),
        ({"zip": ["seed", "optimizer.lr"]}, r"must be a list of lists of keys: \[\['seed', 'optimizer.lr'\]\]"),
    ],
)
def test_a_text_instead_of_a_list_is_refused(wrong, said, tmp_path):
    with pytest.raises(ConfigError, match=said):
        sweep(small(), {"seed": [0, 1], "optimizer.lr": [0.1, 0.2]}, tracking=False, outputs=tmp_path / "out", **wrong)


@pytest.mark.parametrize("wrong", [{"optimizer": Adam}, {"optimizer": "adam"}, {"activation": Adam()}, {"model": [16]}])
def test_what_is_no_component_of_its_group_is_refused(wrong):
    (group,) = wrong
    with pytest.raises(ConfigError, match=f"must be a component of the group {group}"):
        Experiment(**wrong)


def test_a_script_from_standard_input_has_one_worker(monkeypatch, tmp_path):
    """Those of several look for its file."""
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "<stdin>", raising=False)
    with pytest.raises(ConfigError, match="workers = 2: must be 1 for a script from standard input"):
        sweep(small(), {"seed": range(2)}, workers=2, tracking=False, outputs=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_cell_that_is_run_again_defines_its_component_anew(monkeypatch, tmp_path):
    """Edited, it is trained anew; not edited, it is not."""
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    cell = """
from dataclasses import dataclass
from mnist_np.nn.activations import ReLU
from mnist_np.registry import register

@register("activation", "mine")
@dataclass
class Mine(ReLU):
    def g(self, Z):
        return 1.0 * super().g(Z)
"""
    notebook = {"__name__": "__main__"}
    try:
        for text in (cell, cell, cell.replace("1.0", "0.5")):
            exec(text, notebook)
            made = sweep(small(), {"activation": ["mine"]}, tracking=False, outputs=tmp_path)
        old = replace(small(), activation=notebook["Mine"]())
        exec(cell, notebook)
        with pytest.raises(ConfigError, match="this class was defined anew since: make the component again"):
            sweep(old, {"seed": [0]}, tracking=False, outputs=tmp_path)
    finally:
        del ACTIVATIONS["mine"]
    assert len(list(made.folder.glob("*/result.json"))) == 2


def test_components_that_workers_cannot_import_are_refused(tmp_path):
    """As those of a notebook, which has no file either."""
    code = f"""
from dataclasses import dataclass
from mnist_np import Experiment, Synthetic, sweep
from mnist_np.nn.activations import ReLU
from mnist_np.registry import register

@register("activation", "mine")
@dataclass
class Mine(ReLU):
    pass

vary, out = {{"activation": ["relu", "mine"]}}, {str(tmp_path / "out")!r}
sweep(Experiment(data=Synthetic()), vary, workers=2, tracking=False, outputs=out)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200, check=False)
    last = done.stderr.splitlines()[-1]
    assert "activation = 'mine': is defined here, where workers cannot import it" in last
    assert not (tmp_path / "out").exists()


def test_components_of_imported_modules_and_of_plugins_are_known_to_workers(tmp_path):
    """Also where there is no script that workers could run, as in a notebook."""
    part = """
from dataclasses import dataclass
from mnist_np.nn.activations import ReLU
from mnist_np.registry import register

@register("activation", "{name}")
@dataclass
class Mine(ReLU):
    pass
"""
    (tmp_path / "my_parts.py").write_text(part.format(name="imported"))
    (tmp_path / "plugin.py").write_text(part.format(name="plugged"))
    code = """
import my_parts
from mnist_np import MLP, Experiment, Synthetic, Training, sweep
from mnist_np.plugins import load_plugins

load_plugins(["plugin.py"])
experiment = Experiment(model=MLP(hidden=[4]), data=Synthetic(), training=Training(epochs=1))
print(*sweep(experiment, {"activation": [my_parts.Mine(), "plugged"]}, workers=2, tracking=False).report.counts.values())
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("2 0 0")


def test_values_of_any_kind(tmp_path):
    """An array, a generator, a series, a tuple: each once, as plain numbers."""
    kinds = (np.logspace(-2, -1, 2), (x / 100 for x in (1, 10)), pd.Series([0.01, 0.1]), {0.01: "", 0.1: ""})
    expected = [{"optimizer.lr": lr, "seed": "0"} for lr in ("0.01", "0.1")]
    for number, values in enumerate(kinds):
        made = sweep(small(), {"optimizer.lr": values, "seed": np.arange(1)}, tracking=False, outputs=tmp_path / str(number))
        assert [child.overrides for child in made.report.children] == expected


@pytest.mark.parametrize(
    ("vary", "said"),
    [
        ({"optimizer.lr": 0.1}, r"optimizer.lr = 0.1: must be a list of values: \[0.1\]"),
        ({"optimizer": "sgd"}, r"must be a list of values: \['sgd'\]"),
        ({"optimiser.lr": [0.1]}, "optimiser has no keys; did you mean 'optimizer'"),
        ({"optimizer.lr": []}, "has no values"),
    ],
)
def test_what_is_no_list_of_values(vary, said, tmp_path):
    with pytest.raises(ConfigError, match=said):
        sweep(small(), vary, outputs=tmp_path)
