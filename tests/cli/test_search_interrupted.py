"""Searches that are interrupted, killed, refused or started twice, and trials that fail."""

import random
import signal
import subprocess
import sys
import time

import pytest

optuna = pytest.importorskip("optuna")

from optuna.trial import TrialState  # noqa: E402
from searches import LAUNCHERS, LR, SMALL, begin, check_books, search, trials  # noqa: E402

from tests.programs import TRAIN, moody, results, wait_for  # noqa: E402

pytestmark = pytest.mark.usefixtures("no_sweep_figures")


@pytest.mark.fault
@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_search_that_was_cut_off_goes_on_with_the_same_trials(number, tmp_path):
    out = tmp_path / "outputs"
    arguments = [LR, "training.epochs=40", "training.batch_size=4", "sweep.search.trials=5", "sweep.search.pruner=none"]
    arguments += ["hydra/launcher=local", "hydra.launcher.workers=2"]
    program = begin(out, *arguments)
    wait_for(lambda: len(results(out)) >= 1 and len(list(out.glob("sweeps/*/*/history.csv"))) >= 3)
    program.send_signal(number)
    said, _ = program.communicate(timeout=60)
    assert program.returncode in (130, -9), said
    cut_off = {trial.number: trial.params for trial in trials(out) if trial.state == TrialState.RUNNING}
    assert cut_off
    program = begin(out, *arguments)
    said, _ = program.communicate(timeout=120)
    assert program.returncode == 0, said
    assert "Traceback" not in said
    made = [trial for trial in trials(out) if trial.params]
    assert len(results(out)) == len(made) == 5
    assert {trial.state for trial in made} == {TrialState.COMPLETE}
    # One that was cut off before it had a point, in a moment of milliseconds, has failed, and another is made in its place.
    assert {trial.state for trial in trials(out) if not trial.params} <= {TrialState.FAIL}
    assert {number: trials(out)[number].params for number in cut_off} == cut_off


@pytest.mark.slow
def test_forty_trials_on_four_workers_killed_twice_are_finished_once_each(tmp_path):
    """The journal is torn each time, as by a process that was killed within a line."""
    out = tmp_path / "outputs"
    arguments = [LR, "training.epochs=4", "training.batch_size=4", "sweep.search.trials=40", "sweep.search.pruner=none"]
    arguments += ["hydra/launcher=local", "hydra.launcher.workers=4"]
    for n in (8, 22):
        program = begin(out, *arguments)
        wait_for(lambda n=n: len(results(out)) >= n)
        program.kill()
        program.communicate(timeout=60)
        with next(out.glob("sweeps/*/study.journal")).open("ab") as journal:
            journal.write(b'{"op_code":4,"worker_id":"torn')
    program = begin(out, *arguments)
    said, _ = program.communicate(timeout=280)
    assert program.returncode == 0, said
    assert "Traceback" not in said
    assert "40 runs: 40 finished" in said
    assert len({result["fingerprint"] for result in results(out).values()}) == len(results(out)) == 40
    told = [trial for trial in trials(out) if trial.state == TrialState.COMPLETE]
    assert len({trial.params["optimizer.lr"] for trial in told}) == 40
    assert all(trial.state.is_finished() for trial in trials(out))
    assert not list(out.glob("sweeps/*/replaced"))


@pytest.mark.fault
@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_failing_trial_is_told_and_made_again_by_the_next_start(workers, tmp_path, capsys):
    command = [
        sys.executable,
        str(TRAIN),
        "hydra/sweeper=search",
        "-m",
        *SMALL,
        f"outputs={tmp_path / 'outputs'}",
        *moody(tmp_path),
    ]
    command += ["optimizer.lr=0.1,0.2", "sweep.search.trials=9"]
    command += ["hydra/launcher=local", f"hydra.launcher.workers={workers}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "of 4 runs 2 failed" in done.stderr
    assert "all 4 points of its space are known" in done.stdout
    (tmp_path / "mended").touch()
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 runs: 4 finished (2 of them earlier)" in done.stdout


@pytest.mark.fault
def test_a_refused_start_ends_its_workers(tmp_path):
    from filelock import FileLock

    out = tmp_path / "outputs"
    assert search(out, LR, trials=1) == 0
    with FileLock(next(out.glob("sweeps/*")) / ".sweep.lock"):
        program = begin(out, LR, *LAUNCHERS["local"])
        said, _ = program.communicate(timeout=60)
    assert program.returncode == 2
    assert said.startswith("error: another process is at work on this sweep")


def test_a_second_start_beside_the_first_is_refused(tmp_path):
    from filelock import FileLock

    out = tmp_path / "outputs"
    assert search(out, LR, trials=1) == 0
    with FileLock(next(out.glob("sweeps/*/study.journal")).parent / ".sweep.lock"):
        assert search(out, LR, trials=2) == 2
    assert search(out, LR, trials=2) == 0


SPACES = [
    ["activation=relu,tanh", "optimizer.lr=0.1,0.2"],
    ["optimizer.lr=0.2,0.1", "activation=tanh,relu"],
    ["activation=relu,tanh,gelu", "optimizer.lr=0.1,0.2"],
    ["activation=gelu,sigmoid", LR],
    ["optimizer.lr=interval(0.05,0.5)", "activation=glob(*elu)"],
]


@pytest.mark.fault
@pytest.mark.parametrize("seed", [0, *(pytest.param(s, marks=pytest.mark.slow) for s in (1, 2))])
def test_whatever_was_searched_and_killed_before_studies_tell_what_the_runs_say(seed, tmp_path):
    """Random starts of searches over the same keys: with other spaces, samplers, metrics and numbers of trials, some killed."""
    rng, out = random.Random(seed), tmp_path / "outputs"
    for _ in range(5):
        space, n = rng.choice(SPACES), rng.randint(2, 6)
        sampler = rng.choice(["tpe", "random", "qmc"])
        metric = rng.choice(["best/val_accuracy", "best/val_loss", "test/loss"])
        arguments = [*space, f"sweep.metric={metric}", f"sweep.search.sampler={sampler}", "sweep.search.startup_trials=1"]
        arguments += rng.choice(list(LAUNCHERS.values())[:2])
        if rng.random() < 0.4:
            program = begin(out, *arguments, f"sweep.search.trials={n}")
            before = len(results(out))
            end = time.monotonic() + 60
            while program.poll() is None and len(results(out)) == before and time.monotonic() < end:
                time.sleep(0.02)
            program.kill()
            program.communicate()
        assert search(out, *arguments, trials=n) == 0
        check_books(out, metric, space)
