"""The names of metrics that are known before a run are those that it has; and which of them have values per epoch."""

import pytest

from mnist_np.api import run
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.metrics import METRICS
from mnist_np.nn.mlp import MLP
from mnist_np.training.metric_names import best_name, epoch_metric, is_fraction, less_is_better, run_metrics, validation


@pytest.mark.parametrize("names", [[], ["top3", "ece"], list(METRICS), ["nll", "nll"]], ids=str)
@pytest.mark.parametrize("validation_size", [16, 0])
def test_the_names_known_before_are_those_of_the_run(names, validation_size):
    data = Synthetic(examples=80, validation_size=validation_size)
    training = Training(epochs=1, metrics=names)
    result = run(Experiment(model=MLP(hidden=[4]), data=data, training=training))
    assert set(result.metrics) == set(run_metrics(training, validation_size > 0))
    for name in result.metrics:
        if per_epoch := epoch_metric(name):
            assert result.metrics[name] == result.history[result.best_epoch - 1][per_epoch]


@pytest.mark.parametrize(
    ("metric", "per_epoch"),
    [
        ("best/val_accuracy", "val/accuracy"),
        ("best/val_loss", "val/loss"),
        ("best/val_macro_f1", "val/macro_f1"),
        ("best/epoch", None),
        ("test/accuracy", None),
        ("time/total_s", None),
        ("model/parameters", None),
    ],
)
def test_only_the_metrics_of_the_best_epoch_have_values_per_epoch(metric, per_epoch):
    assert epoch_metric(metric) == per_epoch


def test_every_validation_metric_is_found_again():
    assert [epoch_metric(best_name(name)) for name in validation()] == validation()


def test_each_metric_has_its_direction():
    names = run_metrics(Training(metrics=list(METRICS)), True)
    least = {name for name in names if less_is_better(name)}
    assert least == {
        *("best/val_loss", "best/val_nll", "best/val_brier", "best/val_ece", "best/epoch"),
        *("test/loss", "test/error", "test/nll", "test/brier", "test/ece", "time/total_s", "model/parameters"),
    }
    assert less_is_better("val/loss")
    assert less_is_better("time/epoch_s")
    assert not less_is_better("val/accuracy")


def test_fractions_are_those_that_no_run_can_bring_out_of_0_to_1():
    unbounded = {name for name in [*run_metrics(Training(metrics=list(METRICS)), True), *validation()] if not is_fraction(name)}
    losses = {f"{split}{name}" for split in ("best/val_", "test/", "val/") for name in ("loss", "nll", "brier")}
    assert unbounded == losses | {"best/epoch", "time/total_s", "model/parameters"}


def test_of_a_plugin_s_metric_nothing_is_known_though_it_be_not_loaded():
    assert not any(map(is_fraction, ("best/val_wrong", "val/wrong", "test/wrong", "test/mean_error")))
