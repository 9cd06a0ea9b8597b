"""Mistakes in the command of a search are one line before the first run."""

import pytest

optuna = pytest.importorskip("optuna")

from searches import LR, search  # noqa: E402

pytestmark = pytest.mark.usefixtures("no_sweep_figures")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["seed=range(3)"], "seed=range(3): a search that chooses the seed finds the luckiest run"),
        (["optimizer.lr=interval(0.5,0.05)"], "must begin with its lower end: interval(0.05,0.5)"),
        (["optimizer.lr=tag(log,interval(0,1))"], "must begin above 0"),
        (["activation=glob(x*)"], "activation=glob(x*): matches no option; there are"),
        ([LR, "sweep.metric=best/val_acc"], "sweep.metric=best/val_acc: no such metric; did you mean 'best/val_accuracy'?"),
        (
            [LR, "sweep.metric=best/val_top3"],
            "sweep.metric=best/val_top3: is measured only where it is asked for: training.metrics=[top3]",
        ),
        (
            [LR, "data.validation_size=0"],
            "sweep.metric=best/val_accuracy: needs validation examples: data.validation_size must be > 0",
        ),
        (
            [LR, "sweep.search.metrics=[model/params]"],
            "sweep.search.metrics=model/params: no such metric; did you mean",
        ),
        ([LR, "sweep.search.sampler=tep"], "sweep.search.sampler=tep: did you mean 'tpe'?"),
        ([LR, "sweep.search.pruner=medain"], "sweep.search.pruner=medain: did you mean 'median'?"),
        ([LR, "sweep.search.sampler=grid"], "sweep.search.sampler=grid: optimizer.lr is an interval without end of values"),
        ([LR, "sweep.search.trials=0"], "sweep.search.trials=0: must be >= 1"),
        (
            [LR, "sweep.search.parallel=2"],
            "sweep.search.parallel=2: needs a launcher of several runs, such as hydra/launcher=local",
        ),
        ([LR, "sweep.search.metrics=[best/val_accuracy]"], "best/val_accuracy is an objective already"),
        ([LR, "sweep.search.sampler=cmaes", "sweep.search.metrics=[time/total_s]"], "looks for one objective only"),
        (
            [LR, "sweep.search.storage=postgresql+psycopg://me:geheim@h/db"],
            "=postgresql+psycopg://me:***@h/db: must have no password",
        ),
        ([LR, "sweep.search.storage='postgresql+psycopg://h/db?password=geheim'"], "=postgresql+psycopg://h/db: must have no"),
        ([LR, "sweep.search.storage=mysql://h/db"], "must be postgresql+psycopg://USER@HOST/DATABASE or sqlite:////FOLDER/FILE"),
        ([LR, "sweep.search.storage=sqlite:////nowhere/a.db"], "there is no folder /nowhere"),
        ([LR, "sweep.search.trials=2,3"], "sweep.search.trials=2,3: takes one value"),
        (["optimizer=sgd,adam", "optimizer.beta1=0.8,0.9"], "optimizer.beta1"),
        (["optimizer.lr=0.1,-1"], "optimizer.lr=-1.0: must be > 0 (in the combination optimizer.lr=-1)"),
        (["seed=3"], "hydra/sweeper=search: has nothing to vary"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_before_the_first_run(arguments, said, tmp_path, capsys):
    assert search(tmp_path / "outputs", *arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert "geheim" not in error
    assert not list(tmp_path.iterdir())
