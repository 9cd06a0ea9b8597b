"""What a run says of its time is all that was spent on it, in however many processes: a second of waiting is a second."""

import time

import pytest

from mnist_np.api import run
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.mlp import MLP
from mnist_np.storage.checkpoint import Checkpointer
from mnist_np.training.events import Observer

EPOCHS, STEPS = 4, 6


class Slow(Observer):
    """Takes its time after each step, and so stands for steps that take long."""

    observes_steps = True
    seconds = 0.02

    def on_step(self, event):
        time.sleep(self.seconds)


def experiment(processes=1):
    training = Training(epochs=EPOCHS, batch_size=50, processes=processes)
    return Experiment(model=MLP(hidden=[8]), data=Synthetic(examples=400, validation_size=112), training=training)


@pytest.mark.parametrize("stop_at", [1, 3, STEPS, STEPS + 2, 3 * STEPS + 5])
def test_an_interrupted_run_counts_what_came_before(stop_at, tmp_path):
    asked = iter(range(stop_at))
    before = run(experiment(), [Slow(), Checkpointer(tmp_path)], lambda: None if next(asked, None) is not None else "SIGTERM")
    assert before.status == "killed"
    time.sleep(0.3)  # in which nobody works on it
    result = run(experiment(), [Slow(), Checkpointer(tmp_path)], resume_from=tmp_path)
    epochs = [row["time/epoch_s"] for row in result.history]
    assert min(epochs) >= STEPS * Slow.seconds, "the interrupted epoch too"
    assert result.metrics["time/total_s"] >= max(sum(epochs), before.seconds)
    assert result.seconds >= EPOCHS * STEPS * Slow.seconds


def test_a_run_from_an_earlier_checkpoint_counts_what_the_checkpoint_knew(tmp_path):
    """As after SIGKILL: what came after the checkpoint is trained again and counted then."""
    asked = iter(range(STEPS + 3))
    before = run(
        experiment(),
        [Slow(), Checkpointer(tmp_path, every_steps=2)],
        lambda: None if next(asked, None) is not None else "SIGTERM",
    )
    max(tmp_path.glob("step-*")).unlink()
    result = run(experiment(), [Slow(), Checkpointer(tmp_path)], resume_from=tmp_path)
    epochs = [row["time/epoch_s"] for row in result.history]
    assert min(epochs) >= (STEPS - 1) * Slow.seconds, "but for what followed it within its own step"
    assert before.seconds < result.seconds
    assert sum(epochs) <= result.seconds


def test_the_time_between_two_processes_is_not_counted(tmp_path):
    asked = iter(range(3))
    run(experiment(), [Checkpointer(tmp_path)], lambda: None if next(asked, None) is not None else "SIGTERM")
    time.sleep(1.5)
    assert run(experiment(), [Checkpointer(tmp_path)], resume_from=tmp_path).seconds < 1.5


def test_an_uninterrupted_run_counts_all_of_it():
    began = time.perf_counter()
    result = run(experiment(), [Slow()])
    seconds = time.perf_counter() - began
    assert sum(row["time/epoch_s"] for row in result.history) <= result.seconds <= seconds
    assert result.seconds >= 0.7 * seconds
