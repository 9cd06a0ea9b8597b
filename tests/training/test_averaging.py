"""Averaged weights: what is validated and kept, while the training itself goes on undisturbed."""

import numpy as np
import pytest

from mnist_np.api import run
from mnist_np.component import ConfigError
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.losses import CrossEntropy
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import LBFGS, SGD, ScheduleFreeAdamW, ScheduleFreeSGD
from mnist_np.sweep.run_config import RunConfig
from mnist_np.training.averaging import average_step, start_average
from mnist_np.training.evaluation import evaluate
from mnist_np.training.events import Observer

DATA = Synthetic(examples=200, validation_size=40)


class Weights(Observer):
    """What the network holds when the epochs end, and at the end the optimizer's state."""

    def __init__(self):
        self.params, self.state = [], []

    def on_epoch(self, event):
        self.params.append(event.network.params.copy())
        self.state.append(event.network.state.copy())
        self.progress = event.progress


def trained(optimizer=None, **training):
    seen = Weights()
    training = Training(**({"epochs": 5, "select": "last"} | training))
    parts = {"optimizer": optimizer} if optimizer else {}
    result = run(Experiment(model=MLP(hidden=[8], norm="batch"), data=DATA, training=training, **parts), [seen])
    assert result.status == "finished"
    return result, seen


def test_ema_by_hand():
    """d = min(0.5, 2/11), then min(0.5, 3/12), min(0.5, 4/13), and from t = 8 on 0.5."""
    network = MLP(hidden=[]).build(2, 2, np.random.default_rng(0), dtype=np.float64)
    average = start_average(Training(ema=0.5), network)
    expected = network.params.copy()
    for t, d in enumerate([2 / 11, 3 / 12, 4 / 13, 5 / 14, 6 / 15, 7 / 16, 8 / 17, 0.5, 0.5], start=1):
        network.params[:] = t
        average_step(average, network, 0.5)
        expected = d * expected + (1 - d) * t
        np.testing.assert_allclose(average["params"], expected)


@pytest.mark.parametrize("training", [{"ema": 0.95}, {"swa_start": 2}])
def test_the_average_is_kept_and_the_training_undisturbed(training):
    plain, before = trained()
    averaged, after = trained(**training)
    assert [row["train/loss"] for row in averaged.history] == [row["train/loss"] for row in plain.history]
    np.testing.assert_array_equal(after.params, before.params)
    kept = averaged.network.params
    np.testing.assert_array_equal(kept, after.progress.average["params"])
    assert not np.array_equal(kept, plain.network.params)
    again = evaluate(averaged.network, averaged.data.val, CrossEntropy())  # what was validated is what is kept
    assert averaged.history[-1]["val/loss"] == again.loss


def test_swa_is_the_mean_over_the_ends_of_epochs_with_its_running_statistics():
    result, seen = trained(swa_start=3, epochs=5)
    np.testing.assert_allclose(result.network.params, np.mean(seen.params[2:], axis=0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(result.network.state, np.mean(seen.state[2:], axis=0), rtol=1e-5, atol=1e-7)


def test_before_swa_starts_the_weights_are_the_networks_own():
    result, _ = trained(swa_start=5, epochs=5)
    plain, _ = trained(epochs=5)
    assert [row["val/loss"] for row in result.history[:4]] == [row["val/loss"] for row in plain.history[:4]]


def test_schedule_free_keeps_the_mean_and_goes_on_from_between():
    result, seen = trained(ScheduleFreeSGD())
    np.testing.assert_array_equal(result.network.params, seen.progress.optimizer["x"])
    assert not np.array_equal(seen.params[-1], result.network.params)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"training": Training(ema=0.9), "optimizer": ScheduleFreeAdamW()}, "training.ema = 0.9: .* averages the weights"),
        ({"training": Training(swa_start=2), "optimizer": ScheduleFreeSGD()}, "training.swa_start = 2: .* averages the weights"),
        ({"training": Training(clip_norm=1.0), "optimizer": LBFGS()}, "training.clip_norm = 1.0: .* needs the true gradient"),
    ],
)
def test_combinations_without_sense_are_refused(parts, message):
    with pytest.raises(ConfigError, match=message):
        Experiment(**parts)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"model": MLP(hidden=[4], max_norm=1.0), "optimizer": LBFGS()}, "model.max_norm = 1.0: must be null: LBFGS's updates"),
        ({"model": MLP(hidden=[4], max_norm=[None, 2]), "optimizer": ScheduleFreeSGD()}, "max_norm .*'s means are of"),
        ({"model": MLP(norm="batch"), "optimizer": LBFGS()}, "model.norm_momentum = 0.9: must be 0: LBFGS's passes"),
        ({"model": MLP(norm="batch"), "training": Training(batch_size=1)}, "training.batch_size = 1: must be >= 2"),
    ],
)
def test_norms_that_would_not_do_what_they_are_for_are_refused_in_training_alone(parts, message):
    """A network that was trained before they were refused can be used."""
    experiment = Experiment(data=DATA, **parts)
    for train in (lambda: run(experiment), lambda: RunConfig(data=DATA, **parts)):
        with pytest.raises(ConfigError, match=message):
            train()


def test_bounds_that_bind_nothing_and_batches_of_all_examples_are_no_reason_to_refuse():
    Experiment(model=MLP(hidden=[4], max_norm=[None, None]), optimizer=ScheduleFreeSGD()).check_norms()
    Experiment(model=MLP(norm="batch", norm_momentum=0.0), optimizer=LBFGS(), training=Training(batch_size=1)).check_norms()
    Experiment(model=MLP(norm="layer"), training=Training(batch_size=1)).check_norms()


@pytest.mark.parametrize("averaging", [{"optimizer": ScheduleFreeSGD()}, {"training": {"ema": 0.9}}], ids=["free", "ema"])
def test_a_run_stopped_in_its_first_epoch_has_the_averaged_weights(averaging):
    class Last(Observer):
        observes_steps = True

        def on_start(self, event):
            self.progress = event.progress

        def on_step(self, event):
            self.trained = event.network.params.copy()

    def stop():
        return None if next(steps, None) is not None else "as the test asks"

    last, steps = Last(), iter(range(5))
    training = Training(batch_size=16, **averaging.get("training", {}))
    optimizer = averaging.get("optimizer", SGD())
    result = run(Experiment(model=MLP(hidden=[8]), optimizer=optimizer, data=DATA, training=training), [last], stop)
    assert (result.status, result.history) == ("killed", [])
    averaged = last.progress.optimizer["x"] if optimizer.averages else last.progress.average["params"]
    np.testing.assert_array_equal(result.network.params, averaged)
    assert not np.array_equal(result.network.params, last.trained)
    assert result.test.loss == evaluate(result.network, result.data.test, CrossEntropy()).loss


def test_only_one_average_at_a_time():
    with pytest.raises(ConfigError, match="averaged one way"):
        Training(ema=0.9, swa_start=2)
    with pytest.raises(ConfigError, match="must be an epoch of the training's 10"):
        Training(swa_start=11)
