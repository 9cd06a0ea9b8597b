"""How a training is computed is recorded with the run, and kept when it is continued or repeated."""

import dataclasses
import logging
from time import perf_counter

import pytest
from cores import ALONE, TOGETHER, two_processes, use

from mnist_np.api import run
from mnist_np.component import RunFailed
from mnist_np.data.sources import Synthetic
from mnist_np.experiment import Experiment, Training
from mnist_np.nn.mlp import MLP
from mnist_np.optim.optimizers import Adam
from mnist_np.storage.checkpoint import Checkpointer, describe, mode_in
from mnist_np.training import auto_mode
from mnist_np.training.mode import recorded


@pytest.fixture
def two_cores(monkeypatch):
    use(monkeypatch, 2)


@pytest.mark.parametrize("found", [None, 1, {}, {"processes": 3, "threads": 1}, {"processes": 2, "threads": 2}, {"processes": 1}])
def test_a_record_that_cannot_be_is_none(found):
    assert recorded(found) is None
    assert recorded(TOGETHER.record) == TOGETHER


EXPERIMENT = Experiment(
    model=MLP(hidden=[40, 20], dropout=0.2),
    optimizer=Adam(),
    data=Synthetic(examples=400, validation_size=112),
    training=Training(epochs=3, batch_size=50),
)


@pytest.fixture
def everything_pays(monkeypatch, two_cores):
    """Two processes are chosen for the smallest runs too."""
    monkeypatch.setattr(auto_mode, "pays", lambda *_: True)


def killed(folder, experiment=EXPERIMENT):
    left = iter(range(9))
    result = run(experiment, [Checkpointer(folder)], lambda: None if next(left, None) is not None else "as the test asks")
    assert result.status == "killed"
    return result


@two_processes
def test_a_continued_run_keeps_its_mode_and_bits_with_fewer_cores_too(everything_pays, monkeypatch, tmp_path, caplog):
    whole = run(EXPERIMENT)
    assert whole.mode == killed(tmp_path).mode == TOGETHER
    use(monkeypatch, 1)
    assert run(EXPERIMENT).mode == ALONE
    resumed = run(EXPERIMENT, resume_from=tmp_path)
    assert resumed.mode == TOGETHER
    assert resumed.network.params.tobytes() == whole.network.params.tobytes()
    assert not caplog.records


@two_processes
def test_a_continued_run_of_one_process_stays_one(monkeypatch, tmp_path, caplog):
    use(monkeypatch, 1)
    whole = run(EXPERIMENT)
    killed(tmp_path)
    use(monkeypatch, 2)
    monkeypatch.setattr(auto_mode, "pays", lambda *_: True)
    resumed = run(EXPERIMENT, resume_from=tmp_path)
    assert resumed.mode == ALONE
    assert resumed.network.params.tobytes() == whole.network.params.tobytes()
    assert not caplog.records


@two_processes
def test_another_mode_is_told_where_a_key_or_the_machine_asks_for_it(everything_pays, monkeypatch, tmp_path, caplog):
    killed(tmp_path)
    one = dataclasses.replace(EXPERIMENT, training=dataclasses.replace(EXPERIMENT.training, processes=1))
    assert run(one, resume_from=tmp_path).mode.processes == 1
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "the last bits may differ" in caplog.text
    assert "processes: 2 there, 1 here" in caplog.text
    caplog.clear()
    monkeypatch.setattr("mnist_np.training.parallel.limits.orders_writes", lambda: False)
    result = run(EXPERIMENT, resume_from=tmp_path)
    assert (result.status, result.mode.processes) == ("finished", 1)
    assert "computed by 2 processes, 1 BLAS thread each, which is not possible on this machine" in caplog.text


def test_checkpoints_of_before_say_their_mode(tmp_path):
    what = dataclasses.replace(EXPERIMENT, training=dataclasses.replace(EXPERIMENT.training, processes=2))
    for experiment, mode in ((EXPERIMENT, ALONE), (what, TOGETHER)):
        about = describe(experiment, experiment.load_data(), mode)
        assert mode_in(about).processes == mode.processes
        del about["numerics"]["processes"]
        assert mode_in(about).processes == mode.processes
    assert mode_in({"config": 1, "numerics": {}}) is mode_in({}) is None


@two_processes
def test_a_process_that_cannot_be_started_is_told_in_a_line(everything_pays, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: (_ for _ in ()).throw(BlockingIOError(11, "too many processes")))
    with pytest.raises(RunFailed, match=r"cannot be started \(too many processes\): training\.processes=1 needs none"):
        run(EXPERIMENT)


@two_processes
def test_an_exception_in_mid_epoch_ends_both_at_once(everything_pays):
    """As Ctrl-C in a notebook: the second process, which waits for this one, is not waited for."""
    steps = iter(range(9))

    def interrupt():
        if next(steps, None) is None:
            raise KeyboardInterrupt

    began = perf_counter()
    with pytest.raises(KeyboardInterrupt):
        run(EXPERIMENT, interrupted=interrupt)
    assert perf_counter() - began < 4  # it was 5 s after the interruption that the process was killed
