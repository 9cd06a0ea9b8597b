"""Metrics and observers of one's own, by plugin."""

import json
import os
import signal

import pytest

from mnist_np.machine import orders_writes
from mnist_np.storage.records import read_history
from mnist_np.storage.run_folder import RunFolder

PARTS = """
from dataclasses import dataclass
from mnist_np.metrics import Predictions, recall
from mnist_np.nn.activations import Tanh
from mnist_np.registry import register
from mnist_np.training.events import Observer

@register("activation", "my_tanh")
@dataclass
class MyTanh(Tanh):
    pass

@register("metric", "worst_recall")
def worst_recall(predictions: Predictions) -> float:
    return recall(predictions).min()

@register("metric", "broken")
def broken(predictions):
    raise ZeroDivisionError("no examples")

@register("observer", "diary")
@dataclass
class Diary(Observer):
    every: int = 1

    def __post_init__(self):
        if self.every < 1:
            raise ValueError("every must be >= 1")

    def on_epoch(self, event):
        if event.epoch % self.every == 0:
            with open(self.run_folder / "diary.txt", "a") as file:
                print(event.epoch, event.metrics.get("val/worst_recall"), file=file)
"""


@pytest.fixture
def parts(tmp_path):
    """A plugin whose names are this test's own, since each process runs a plugin once."""
    path = tmp_path / "parts.py"
    path.write_text(PARTS)
    yield f"plugins=[{path}]"
    from mnist_np.registry import PLUGGED

    for group, names in (("activation", ("my_tanh",)), ("metric", ("worst_recall", "broken")), ("observer", ("diary",))):
        for name in names:
            PLUGGED[group].pop(name, None)


TINY = ["data=synthetic", "data.examples=160", "data.validation_size=32", "model.hidden=[4]", "training.epochs=4", "tracking=off"]


def results(outputs):
    return [json.loads(path.read_text()) for path in sorted(outputs.glob("*/*/*/result.json"))]


def test_a_run_measures_and_is_observed(train, parts, tmp_path):
    words = [*TINY, parts, "training.metrics=[worst_recall]", "observers=[{name: diary, every: 2}]"]
    assert train(*words).code == 0
    (result,) = results(tmp_path / "outputs")
    assert {"best/val_worst_recall", "test/worst_recall", "test/ece"} <= result["metrics"].keys()
    assert "test/broken" not in result["metrics"], "only what is named is measured"
    (diary,) = (tmp_path / "outputs").rglob("diary.txt")
    assert [line.split()[0] for line in diary.read_text().splitlines()] == ["2", "4"]


@pytest.mark.skipif(not orders_writes(), reason="needs x86's memory order")
def test_two_processes_have_a_component_of_ones_own(train, parts, tmp_path):
    assert train(*TINY, parts, "activation=my_tanh", "training.processes=2").code == 0
    assert train(*TINY, parts, "activation=tanh", "training.processes=2").code == 0
    assert len({result["metrics"]["test/loss"] for result in results(tmp_path / "outputs")}) == 1


def test_observers_leave_a_run_what_it_is_and_metrics_make_it_another(train, parts, tmp_path):
    for extra in ([], ["observers=[diary]"], ["training.metrics=[ece]"], ["training.metrics=[worst_recall]"]):
        assert train(*TINY, parts, *extra).code == 0
    found = [result["fingerprint"] for result in results(tmp_path / "outputs")]
    assert found[0] == found[1] == found[2] != found[3]


def test_a_sweep_ranks_by_a_metric_of_ones_own(train, parts, tmp_path):
    words = [*TINY, parts, "training.metrics=[worst_recall]", "sweep.metric=best/val_worst_recall", "optimizer.lr=0.01,0.3"]
    outcome = train("-m", *words, "observers=[diary]")
    assert outcome.code == 0
    assert "val/worst_recall" in outcome.out
    assert len(list((tmp_path / "outputs").rglob("diary.txt"))) == 2
    best = max(results(tmp_path / "outputs"), key=lambda result: result["metrics"]["best/val_worst_recall"])
    assert f"best/val_worst_recall {best['metrics']['best/val_worst_recall']:.4f}" in outcome.out


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("observers=[diry]", "'diry'? did you mean 'diary'? must be one of diary"),
        ("observers=[{name: diary, evry: 2}]", "no such key: evry; did you mean 'every'? known keys: every"),
        ("observers=[{name: diary, every: 0}]", "ValueError: every must be >= 1"),
        ("observers=[{name: diary, every: x}]", "every must be of type int"),
        ("observers=[{name: diary, every: true}]", "every must be of type int"),
        ("observers=[{name: diary, every: null}]", "every must be of type int"),
        ("observers=[3]", "each must be a name, or {name: NAME, KEY: VALUE}"),
        ("training.metrics=[worst_recal]", "did you mean 'worst_recall'?"),
        ("training.metrics=[broken]", "training.metrics=broken: this metric failed: ZeroDivisionError: no examples"),
    ],
)
def test_a_mistake_is_one_line(typed, says, train, parts):
    outcome = train(*TINY, parts, typed)
    assert outcome.code == 2
    assert says in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_without_plugins_there_are_no_observers(train):
    assert "'diary'? there are none: they come from plugins" in train(*TINY, "observers=[diary]").err


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ('@register("metric", "ece")\ndef f(p): return 0', "this name is taken already"),
        ('@register("metric", "x")\nclass A: pass', "must be a function"),
        ('@register("observer", "x")\ndef f(event): pass', "must be a subclass of mnist_np.training.events.Observer"),
        ('@register("metrics", "x")\ndef f(p): return 0', "did you mean 'metric'?"),
    ],
)
def test_what_is_not_of_its_group_is_refused(code, says, train, tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text(f"from mnist_np.registry import register\n{code}\n")
    outcome = train(*TINY, f"plugins=[{path}]")
    assert outcome.code == 2
    assert says in outcome.err


def test_an_observer_of_another_kind_is_refused_where_it_is_named(train, tmp_path):
    from mnist_np.registry import OBSERVERS

    path = tmp_path / "wrong.py"
    path.write_text('from mnist_np.registry import register\n@register("observer", "x")\nclass A: pass\n')
    try:
        outcome = train(*TINY, f"plugins=[{path}]", "observers=[x]")
    finally:
        OBSERVERS.pop("x", None)
    assert outcome.code == 2
    assert "observers=x: A must be a subclass of mnist_np.training.events.Observer" in outcome.err


def test_the_weights_can_be_used_without_the_plugin(train, parts, tmp_path):
    from mnist_np.registry import PLUGGED
    from mnist_np.storage.weights import load_weights

    assert train(*TINY, parts, "training.metrics=[worst_recall]").code == 0
    del PLUGGED["metric"]["worst_recall"]
    (path,) = (tmp_path / "outputs").rglob("weights.safetensors")
    assert load_weights(path).network.n_out == 4


def test_finished_runs_that_did_not_measure_what_is_ranked_by_are_made_anew(train, tmp_path):
    """Once: runs whose own metric the sweep goes by are taken, those without it are not."""
    words = ["-m", *TINY, "optimizer.lr=0.1,0.2"]
    ranked = [*words, "training.metrics=[ece]", "sweep.metric=best/val_ece"]
    assert train(*words).code == 0
    assert "2 jobs: 0 finished, 0 resumable, 2 new" in train(*ranked, "sweep.dry_run=true").out
    assert "2 runs: 2 finished\n" in train(*ranked).out
    assert "2 runs: 2 finished (2 of them earlier)" in train(*ranked).out
    assert "2 runs: 2 finished (2 of them earlier)" in train(*words).out, "what they rank by is there"
    assert all("best/val_ece" in result["metrics"] for result in results(tmp_path / "outputs"))


RANKED = ["training.metrics=[ece]", "sweep.metric=best/val_ece"]


def test_an_interrupted_run_that_did_not_measure_what_is_ranked_by_begins_anew(train, tmp_path, monkeypatch):
    words = ["-m", *TINY, "seed=0,1"]
    on_epoch = RunFolder.on_epoch

    def interrupted(folder, event):
        on_epoch(folder, event)
        os.kill(os.getpid(), signal.SIGTERM)

    def epochs():
        return [len(read_history(path)) for path in (tmp_path / "outputs").glob("sweeps/*/seed=0-*/history.csv")]

    with monkeypatch.context() as patched:
        patched.setattr(RunFolder, "on_epoch", interrupted)
        for further, n in ([], 1), ([], 2), (RANKED, 1), (RANKED, 2):
            assert train(*words, *further).code == 130
            assert epochs() == [n]
    assert train(*words, *RANKED).code == 0
    assert epochs() == [4]
    (path,) = (tmp_path / "outputs").glob("sweeps/*/seed=0-*/history.csv")
    assert all("val/ece" in row for row in read_history(path))


def test_a_finished_run_that_measured_what_is_ranked_by_in_some_epochs_is_made_anew(train, tmp_path):
    words = ["-m", *TINY, *RANKED, "seed=0,1"]
    assert train(*words).code == 0
    path, _ = sorted((tmp_path / "outputs").glob("sweeps/*/*/history.csv"))
    header, first, *others = path.read_text().splitlines()
    column = header.split(",").index("val/ece")
    for cell, n in ("nan", 2), ("", 1):
        cells = first.split(",")
        cells[column] = cell
        path.write_text("\n".join([header, ",".join(cells), *others, ""]))
        assert f"2 jobs: {n} finished" in train(*words, "sweep.dry_run=true").out
    assert train(*words).code == 0
    assert all("val/ece" in row for row in read_history(path))
