"""Early stopping, and what else the loop does at the end of an epoch: plateau schedules and momentum ramps."""

import pytest

from mnist_np.api import run
from mnist_np.component import ConfigError
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import LBFGS, SGD, Adam, Momentum
from mnist_np.optim.schedules import Constant, ReduceOnPlateau
from mnist_np.training.evaluation import evaluate
from mnist_np.training.events import Observer
from mnist_np.training.stopping import epochs_without_progress

DATA = Synthetic(examples=200, validation_size=40)


@pytest.mark.parametrize(
    ("values", "training", "waited"),
    [
        ([], {}, 0),
        ([0.5, 0.6, 0.6, 0.5], {}, 2),
        ([0.5, 0.4, 0.6], {}, 0),
        ([0.5, 0.509, 0.519, 0.52], {"min_delta": 0.01}, 1),
        ([0.5, 0.4, 0.41], {"select": "val/loss"}, 1),
    ],
)
def test_epochs_without_progress(values, training, waited):
    assert epochs_without_progress(values, Training(**training)) == waited


def experiment(**parts):
    return Experiment(**({"model": MLP(hidden=[8]), "data": DATA} | parts))


def test_stops_when_patience_has_run_out_and_keeps_the_best_weights():
    result = run(experiment(training=Training(epochs=100, patience=3), optimizer=Adam(lr=0.03)))
    assert result.status == "finished"
    assert result.reason == "stopped early: val/accuracy has not improved for 3 epochs"
    assert len(result.history) == result.best_epoch + 3 < 100
    assert result.best["val/accuracy"] == max(row["val/accuracy"] for row in result.history)


def test_without_patience_trains_to_the_end():
    result = run(experiment(training=Training(epochs=12), optimizer=SGD(lr=1e-6)))
    assert (len(result.history), result.reason) == (12, "")


def test_a_plateau_lowers_the_learning_rate_of_the_epochs_after_it():
    schedule = ReduceOnPlateau(metric="val/accuracy", gamma=0.5, patience=0, min_delta=0.2)
    result = run(experiment(training=Training(epochs=8), optimizer=Adam(lr=0.03), schedule=schedule))
    expected = [0.03 * schedule.after_epoch(result.history[:n]) for n in range(8)]
    assert [row["lr"] for row in result.history] == expected
    assert expected[-1] < 0.03


class Momenta(Observer):
    observes_steps = True

    def on_start(self, event):
        self.state, self.seen = event.progress.optimizer, []

    def on_step(self, event):
        self.seen.append(self.state["momentum"])


def test_the_momentum_ramp_reaches_the_optimizer():
    momenta = Momenta()
    parts = {"optimizer": Momentum(lr=0.01, momentum=0.3), "training": Training(epochs=2, batch_size=40)}
    run(experiment(schedule=Constant(momentum_from=0.5, momentum_to=0.9, momentum_epochs=1), **parts), [momenta])
    assert momenta.seen == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9, 0.9, 0.9, 0.9])
    run(experiment(**parts), [momenta])
    assert momenta.seen == [0.3] * 8


def test_lbfgs_takes_one_step_an_epoch_on_all_the_data_and_never_rises():
    class Lengths(Momenta):
        def on_step(self, event):
            self.seen.append(event.batch_length)

    lengths = Lengths()
    result = run(experiment(optimizer=LBFGS(iterations=3), training=Training(epochs=4, batch_size=16)), [lengths])
    assert lengths.seen == [160] * 4
    losses = [row["train/loss"] for row in result.history]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize("engine", ["fast", "textbook"])
@pytest.mark.parametrize("epochs", [1, 2, 40])
def test_the_training_metrics_of_lbfgs_are_those_after_its_updates(epochs, engine):
    training = Training(epochs=epochs, select="last", engine=engine, dtype="float64", l2=0.01)
    result = run(experiment(optimizer=LBFGS(iterations=5), training=training))
    after = evaluate(result.network, result.data.train, result.experiment.loss)
    assert result.history[-1]["train/loss"] == pytest.approx(after.loss, rel=1e-12)
    assert result.history[-1]["train/accuracy"] == after.accuracy


@pytest.mark.parametrize("lr", [1.0, 1e3, 1e20])
def test_points_that_the_line_search_of_lbfgs_rejects_leave_nothing_in_the_running_statistics(lr):
    optimizer = LBFGS(iterations=5, lr=lr, max_evaluations=200)
    model, training = MLP(hidden=[16], norm="batch", norm_momentum=0.0), Training(epochs=2, select="last")
    result = run(experiment(model=model, optimizer=optimizer, training=training))
    after = evaluate(result.network, result.data.train, result.experiment.loss)
    assert result.status == "finished"
    assert after.loss == pytest.approx(result.history[-1]["train/loss"], rel=0.05)  # the variance with m - 1 there


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"training": Training(patience=2)}, "training.patience = 2: needs a validation split"),
        ({"schedule": ReduceOnPlateau()}, "schedule.metric = 'val/loss': needs a validation split"),
    ],
)
def test_what_watches_validation_needs_one(parts, message):
    with pytest.raises(ConfigError, match=message):
        run(experiment(data=Synthetic(examples=200, validation_size=0), **parts))


def test_senseless_settings_are_refused():
    with pytest.raises(ConfigError, match="needs a metric to watch"):
        Training(patience=2, select="last")
    with pytest.raises(ConfigError, match="Adam has no momentum to ramp"):
        experiment(optimizer=Adam(), schedule=Constant(momentum_from=0.5))
