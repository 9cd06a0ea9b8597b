"""An interrupted run that goes on ends as the uninterrupted run does: the same weights, statistics and history, to the bit."""

import dataclasses
import logging

import pytest

from mnist_np.api import run
from mnist_np.data.augment import Distort
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import OPTIMIZERS, SGD, Adam, Momentum
from mnist_np.optim.schedules import SCHEDULES
from mnist_np.storage import checkpoint
from mnist_np.storage.checkpoint import Checkpointer, CheckpointError, found
from mnist_np.training.result import Result

DATA = Synthetic(examples=400, validation_size=112)  # six batches of 48 an epoch


def everything_on(**changes):
    """An experiment in which all that remembers and all that is random takes part."""
    training = Training(epochs=4, batch_size=48, mixup=0.3, clip_norm=1.0, l2=1e-4, ema=0.9)
    model = MLP(hidden=[12, 8], dropout=0.2, input_dropout=0.1, noise=0.1, norm="batch")
    parts = {"model": model, "augment": Distort(shift=1.0, rotation=5.0), "training": training, "data": DATA, "seed": 3}
    return Experiment(**(parts | changes))


class After:
    """Asks to stop before step ``steps`` (from 0)."""

    def __init__(self, steps):
        self.left = steps

    def __call__(self):
        self.left -= 1
        return "as the test asks" if self.left < 0 else None


def outcome(result: Result):
    """All of a result but the time it took."""
    history = [{key: value for key, value in row.items() if key != "time/epoch_s"} for row in result.history]
    return result.network.params.tobytes(), result.network.state.tobytes(), history, result.best_epoch, result.test.loss


def interrupted_and_resumed(experiment, folder, *steps):
    """Stopped after each of ``steps`` more steps, then trained to the end."""
    resume_from = None
    for n in steps:
        killed = run(experiment, [Checkpointer(folder)], After(n), resume_from=resume_from)
        assert killed.status == "killed"
        resume_from = folder
    return run(experiment, [Checkpointer(folder)], resume_from=str(folder))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_to_the_bit_with_every_optimizer(name, tmp_path):
    optimizer, training, model = OPTIMIZERS[name](), everything_on().training, everything_on().model
    if optimizer.full_batch:
        training, model = dataclasses.replace(training, clip_norm=None), dataclasses.replace(model, norm_momentum=0.0)
    if optimizer.averages:
        training = dataclasses.replace(training, ema=None)
    experiment = everything_on(optimizer=optimizer, training=training, model=model)
    steps = (1, 2) if optimizer.full_batch else (8, 9)  # else in the midst of epochs 2 and 3
    whole = run(experiment)
    assert whole.status == "finished"
    assert outcome(interrupted_and_resumed(experiment, tmp_path, *steps)) == outcome(whole)


@dataclasses.dataclass
class Grown(SGD):
    """One of a user's own, whose state comes into being in its first step."""

    def update(self, state, params, grads, lr):
        state["largest"] = [*state.get("largest", []), float(abs(grads).max())]
        state["m"] = 0.9 * state.get("m", 0) + grads
        params -= lr * state["m"]


def test_to_the_bit_with_an_optimizer_whose_state_grows(monkeypatch, tmp_path):
    monkeypatch.setitem(OPTIMIZERS, "grown", Grown)
    experiment = everything_on(optimizer=Grown(lr=0.01))
    assert outcome(interrupted_and_resumed(experiment, tmp_path, 8, 9)) == outcome(run(experiment))


@pytest.mark.parametrize("name", SCHEDULES)
def test_to_the_bit_with_every_schedule(name, tmp_path):
    experiment = everything_on(schedule=SCHEDULES[name](warmup_steps=3, momentum_from=0.5), optimizer=Momentum(lr=0.05))
    assert outcome(interrupted_and_resumed(experiment, tmp_path, 10, 7)) == outcome(run(experiment))


VARIANTS = {
    "swa": Training(epochs=5, batch_size=48, swa_start=2),
    "early stopping": Training(epochs=12, batch_size=48, patience=1, select="val/loss"),
    "float64": Training(epochs=4, batch_size=48, dtype="float64"),
    "virtual adversarial": Training(epochs=4, batch_size=48, mixup=0.3, ema=0.9, vat=0.5),
    "last": Training(epochs=4, batch_size=48, select="last"),
}


@pytest.mark.parametrize("training", VARIANTS.values(), ids=list(VARIANTS))
@pytest.mark.parametrize("steps", [0, 6, 17])
def test_to_the_bit_with_other_trainings_at_other_moments(training, steps, tmp_path):
    experiment = everything_on(training=training, optimizer=Adam(lr=0.01))
    assert outcome(interrupted_and_resumed(experiment, tmp_path, steps)) == outcome(run(experiment))


def test_checkpoints_of_single_steps_are_gone_on_from_too(tmp_path):
    experiment = everything_on()
    with pytest.raises(RuntimeError, match="power cut"):
        run(experiment, [Checkpointer(tmp_path, every_epochs=0, every_steps=4)], PowerCut(15))
    assert [path.name for path in found(tmp_path)] == ["step-0000000012.safetensors", "step-0000000008.safetensors"]
    assert outcome(run(experiment, resume_from=tmp_path)) == outcome(run(experiment))


class PowerCut(After):
    def __call__(self):
        if super().__call__():
            raise RuntimeError("power cut")


def test_a_finished_run_needs_its_checkpoints_no_more(tmp_path):
    folder = tmp_path / "checkpoints"
    run(everything_on(), [Checkpointer(folder)])
    assert not folder.exists()


@pytest.fixture
def interrupted(tmp_path):
    run(everything_on(), [Checkpointer(tmp_path)], After(15))
    return tmp_path


DIFFERENT = {
    "optimizer.lr: 0.2 there, 0.05 here": everything_on(optimizer=SGD(lr=0.05)),
    "optimizer: sgd there, adam here": everything_on(optimizer=Adam()),
    "model.hidden: [12, 8] there, [12, 9] here": everything_on(model=dataclasses.replace(everything_on().model, hidden=[12, 9])),
    "seed: 3 there, 4 here": everything_on(seed=4),
    "the data's SHA-256: ": everything_on(data=Synthetic(examples=400, validation_size=112, side=9)),
}


@pytest.mark.parametrize(("message", "other"), DIFFERENT.items(), ids=list(DIFFERENT))
def test_another_experiment_is_refused_with_what_differs(message, other, interrupted):
    with pytest.raises(CheckpointError) as refused:
        run(other, resume_from=interrupted)
    assert message in str(refused.value)
    assert "step-0000000015.safetensors" in str(refused.value)


def test_what_does_not_affect_the_result_may_differ(interrupted):
    training = dataclasses.replace(everything_on().training, checkpoint_every_steps=5, resume="auto")
    assert outcome(run(everything_on(training=training), resume_from=interrupted)) == outcome(run(everything_on()))


def test_other_software_is_gone_on_with_but_said(interrupted, monkeypatch, caplog):
    monkeypatch.setattr(checkpoint, "versions", lambda: {"mnist-np": "0.1.0", "numpy": "3.0"})
    monkeypatch.setattr(checkpoint, "numeric_sha256", lambda: "0123abc")
    with caplog.at_level(logging.WARNING):
        run(everything_on(), resume_from=interrupted)
    assert "the last bits may differ from the uninterrupted run's: " in caplog.text
    assert " there, 3.0 here; the numeric code: " in caplog.text
    assert " there, 0123abc here" in caplog.text


def test_a_damaged_checkpoint_is_reported_and_the_one_before_it_taken(interrupted, caplog):
    newest, before = found(interrupted)
    newest.write_bytes(newest.read_bytes()[:-1])
    with caplog.at_level(logging.WARNING):
        result = run(everything_on(), resume_from=interrupted)
    assert str(newest) in caplog.text
    assert str(before) not in caplog.text
    assert outcome(result) == outcome(run(everything_on()))


def test_without_a_whole_checkpoint_there_is_nothing_to_go_on_from(interrupted):
    for path in found(interrupted):
        path.write_bytes(b"")
    with pytest.raises(CheckpointError, match="no checkpoint to go on from that is whole"):
        run(everything_on(), resume_from=interrupted)


def test_no_other_process_goes_on_with_a_run_at_the_same_time(interrupted):
    class Second(Checkpointer):
        def on_epoch(self, event):
            with pytest.raises(CheckpointError, match="another process is still at work on this run"):
                run(everything_on(), [Checkpointer(interrupted)], resume_from=interrupted)

    assert run(everything_on(), [Second(interrupted)], resume_from=interrupted).failures == []


def test_the_last_two_are_kept_and_half_written_ones_are_cleared_away(interrupted):
    (interrupted / ".step-0000000018.safetensors.4711.tmp").write_bytes(b"half")
    assert len(found(interrupted)) == 2
    run(everything_on(), [Checkpointer(interrupted)], After(3), resume_from=interrupted)
    assert sorted(path.name for path in interrupted.iterdir()) == [
        ".lock",
        "step-0000000015.safetensors",
        "step-0000000018.safetensors",
    ]
