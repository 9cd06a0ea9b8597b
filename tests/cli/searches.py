"""Small searches by the command line, in this process or as a process of their own."""

import json

import pytest

optuna = pytest.importorskip("optuna")

from optuna.trial import TrialState  # noqa: E402

from mnist_np.cli.train import main  # noqa: E402
from mnist_np.sweep.settings import Search  # noqa: E402
from mnist_np.sweep.study_storage import StudyStorage  # noqa: E402
from tests import programs  # noqa: E402

SMALL = ["data=synthetic", "data.examples=160", "data.validation_size=32", "training.epochs=2", "model.hidden=[4]"]
SMALL += ["tracking=off", "tracking.figures=false"]
SAMPLERS = ["tpe", "random", "cmaes", "grid", "qmc"]
PRUNERS = ["none", "median", "halving", "hyperband"]
LAUNCHERS = {
    "basic": [],
    "local": ["hydra/launcher=local", "hydra.launcher.workers=2"],
    "slurm_local": ["hydra/launcher=slurm_local", "sweep.search.parallel=2"],
}
LR = "optimizer.lr=tag(log,interval(0.01,1))"


def search(outputs, *arguments, trials=4):
    return main(["hydra/sweeper=search", "-m", *SMALL, f"outputs={outputs}", f"sweep.search.trials={trials}", *arguments])


def begin(outputs, *arguments):
    return programs.begin(outputs.parent, "hydra/sweeper=search", "-m", *SMALL, f"outputs={outputs}", *arguments)


def studies(outputs):
    storage = StudyStorage.of(Search(), next(outputs.glob("sweeps/*"))).open()
    return [optuna.load_study(study_name=name, storage=storage) for name in optuna.get_all_study_names(storage)]


def trials(outputs):
    return studies(outputs)[-1].trials


def check_books(out, metric, space):
    """What the studies were told is what the runs' own files say, each run is there once, and the report has the space's runs."""
    by_fingerprint = {}
    for path in out.glob("sweeps/*/*/result.json"):
        result = json.loads(path.read_text())
        assert by_fingerprint.setdefault(result["fingerprint"], result) is result
    jobs = [json.loads(line) for line in next(out.glob("sweeps/*/jobs.jsonl")).read_text().splitlines()]
    assert len({job["fingerprint"] for job in jobs}) == len(jobs)
    wanted = {tuple(sorted(job["overrides"].items())): by_fingerprint[job["fingerprint"]] for job in jobs}
    keys = {argument.partition("=")[0] for argument in space}
    assert all({key for key, _ in point} == keys for point in wanted)
    sign = "MINIMIZE" if "loss" in metric else "MAXIMIZE"
    told = {}
    for study in studies(out):
        for trial in study.trials:
            assert trial.state != TrialState.RUNNING
            point = tuple(sorted((key, str(value)) for key, value in trial.params.items()))
            if study.direction.name == sign and point in wanted and trial.state == TrialState.COMPLETE:
                told.setdefault(point, set()).add(trial.value)
    finished = {point: result for point, result in wanted.items() if result["status"] == "finished"}
    assert set(told) == set(finished)
    assert all(result["metrics"][metric] in told[point] for point, result in finished.items())
    summary = json.loads(next(out.glob("sweeps/*/summary.json")).read_text())
    assert summary["metric"] == metric
