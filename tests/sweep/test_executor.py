"""The loop that gives a sweep's runs to whatever makes them: as many as there is room for, and again what was lost."""

import json

import pytest

from mnist_np import Experiment, Training, sweep
from mnist_np.component import RunFailed
from mnist_np.data.sources import Synthetic
from mnist_np.sweep.call import executor as usual_executor
from mnist_np.sweep.executor import TRIES, InProcess, Lost, run_all


class Made:
    """An executor of ``slots`` tasks, of which each `wait` ends the oldest."""

    def __init__(self, slots):
        self.slots, self.running, self.most, self.cancelled, self.closed = slots, [], 0, 0, False

    def submit(self, task):
        self.running.append(task)
        self.most = max(self.most, len(self.running))

    def wait(self):
        return [(self.running.pop(0), "")]

    def cancel(self):
        self.cancelled += 1

    def close(self):
        self.closed = True


def test_tasks_are_taken_when_there_is_room():
    executor, done, taken = Made(3), [], []

    def tasks():
        for i in range(10):
            assert len(executor.running) < 3
            taken.append(i)
            yield i

    run_all(executor, tasks(), lambda task, outcome: done.append(task))
    assert done == taken == list(range(10))
    assert executor.most == 3
    assert executor.closed


def test_after_a_stop_the_running_tasks_are_cancelled_and_no_other_begins():
    executor, done = Made(2), []
    run_all(executor, range(10), lambda task, outcome: done.append(task), lambda: bool(done))
    assert done == [0, 1]
    assert executor.cancelled == 1
    assert executor.closed


def test_an_error_here_closes_the_executor():
    executor = Made(1)
    with pytest.raises(ZeroDivisionError):
        run_all(executor, range(3), lambda task, outcome: 1 / 0)
    assert executor.closed


class Losing(InProcess):
    """Loses the run of seed 1 as often as it is told to, and leaves what a killed machine leaves."""

    def __init__(self, times):
        super().__init__(usual_executor(1).function)
        self.times = times

    def submit(self, task):
        if task.config["seed"] != 1 or not self.times:
            super().submit(task)
            return
        self.times -= 1
        self._done.append((task, Lost("its node is gone")))


def swept(folder, monkeypatch, losses):
    monkeypatch.setattr("mnist_np.sweep.call.executor", lambda workers: Losing(losses))
    experiment = Experiment(data=Synthetic(examples=160), training=Training(epochs=1))
    return sweep(experiment, {"seed": range(3)}, outputs=folder, tracking=False)


def statuses(folder):
    results = {path.parent.name[:6]: json.loads(path.read_text()) for path in folder.glob("sweeps/*/*/result.json")}
    return {name: (result["status"], result["reason"]) for name, result in results.items()}


def test_a_lost_run_is_made_again(tmp_path, monkeypatch, capsys):
    made = swept(tmp_path, monkeypatch, TRIES - 1)
    assert capsys.readouterr().out.count("interrupted: its node is gone; it goes on elsewhere: seed=1-") == TRIES - 1
    assert [run.status for run in made.runs] == ["finished"] * 3
    assert len(list(tmp_path.glob("sweeps/*/*/result.json"))) == 3


def test_a_run_that_is_always_lost_fails_and_the_others_do_not(tmp_path, monkeypatch, capsys):
    with pytest.raises(RunFailed, match="of 3 runs 1 failed"):
        swept(tmp_path, monkeypatch, TRIES)
    assert "failed: seed=1-" in capsys.readouterr().out
    assert statuses(tmp_path)["seed=1"] == ("killed", "its node is gone")
    assert statuses(tmp_path)["seed=2"] == ("finished", "")
    assert [run.status for run in swept(tmp_path, monkeypatch, 0).runs] == ["finished"] * 3
