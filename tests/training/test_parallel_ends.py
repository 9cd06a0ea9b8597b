"""Two processes, however they end: nothing is left of them, and no weights of two steps are kept."""

import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from two_processes import alive, children, experiment

from mnist_np.api import run
from mnist_np.component import RunFailed
from mnist_np.optim.optimizers import Adam
from mnist_np.storage.checkpoint import Checkpointer, CheckpointError
from mnist_np.storage.tensorfile import open_tensors, write_tensors
from mnist_np.training.events import Observer

pytestmark = [
    pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="needs x86's memory order"),
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in Linux's /proc"),
]


class Murderer(Observer):
    """Kills the other process after the first epoch."""

    def on_epoch(self, event):
        for child in children(os.getpid()):
            os.kill(child, signal.SIGKILL)


def test_the_other_process_dies():
    with pytest.raises(RunFailed, match="second training process was killed by SIGKILL"):
        run(experiment(2), [Murderer()])
    assert not children(os.getpid())


class StopsWhileTheOtherDies(Observer):
    """Kills the other process after the first epoch, and asks to stop at the next step, as a signal to both does."""

    asked = False

    def on_epoch(self, event):
        for child in children(os.getpid()):
            os.kill(child, signal.SIGKILL)
        self.asked = True

    def __call__(self):
        return "SIGTERM" if self.asked else None


def test_no_checkpoint_is_made_of_a_dead_process_s_share(tmp_path):
    stop = StopsWhileTheOtherDies()
    with pytest.raises(RunFailed, match="second training process was killed by SIGKILL"):
        run(experiment(2, optimizer=Adam()), [stop, Checkpointer(tmp_path, every_epochs=0)], stop)
    assert not list(tmp_path.glob("step-*"))


class TakesShareOf(Observer):
    """Says that the second process's share is of another step."""

    def on_epoch(self, event):
        assert event.progress.worker_steps == [event.progress.step] * 2
        event.progress.worker_steps[1] -= 1


def test_weights_of_two_steps_are_not_saved(tmp_path):
    result = run(experiment(2), [TakesShareOf(), Checkpointer(tmp_path)])
    assert "no checkpoint of step 6: the weights' shares are of steps 6, 5" in result.failures[0]
    assert not list(tmp_path.glob("step-*"))


def test_a_checkpoint_of_two_steps_is_refused(tmp_path):
    left = iter(range(9))
    run(experiment(2), [Checkpointer(tmp_path)], lambda: None if next(left, None) is not None else "as the test asks")
    newest = max(tmp_path.glob("step-*"))
    file = open_tensors(newest)
    arrays, about = file.arrays(), file.about
    about["progress"]["worker_steps"][1] += 1
    write_tensors(newest, about, arrays)
    with pytest.raises(CheckpointError, match=r"worker_steps: must all be 9: the weights are not of one step"):
        run(experiment(2), resume_from=tmp_path)


COMMAND = """
import json, sys, os
from mnist_np.api import run
from mnist_np.training.events import Observer
from mnist_np.training.parallel import trainer
sys.path.insert(0, {folder!r})
from two_processes import children, experiment
class Report(Observer):
    def on_epoch(self, event):
        print(json.dumps(children(os.getpid())), flush=True)
run(experiment(2, epochs=100_000), [Report()])
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_orphan_whatever_ends_the_command(number):
    command = [sys.executable, "-c", COMMAND.format(folder=str(Path(__file__).parent))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    (other,) = json.loads(process.stdout.readline())
    assert alive(other)
    process.send_signal(number)
    process.wait(timeout=30)
    process.stdout.close()
    for _ in range(300):
        if not alive(other):
            break
        time.sleep(0.1)
    assert not alive(other)


def test_no_process_is_left_after_a_run():
    run(experiment(2, 1))
    assert not children(os.getpid())
