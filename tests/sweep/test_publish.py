"""A sweep's story as files."""

from __future__ import annotations

import json

from made_up import grid

from mnist_np.sweep.children import read_child
from mnist_np.sweep.publish import FILES, publish
from mnist_np.sweep.report import SweepReport
from mnist_np.sweep.run_config import RunConfig
from mnist_np.sweep.runner import SweepRunner
from mnist_np.sweep.saved_sweep import load_sweep
from mnist_np.sweep.settings import Sweep
from mnist_np.tracking.settings import Tracking


def test_all_files_are_there_and_can_be_written_again(tmp_path):
    report = SweepReport("x", grid({"optimizer": {"sgd": 0.3, "adam": 0.0}}))
    for _ in range(2):
        publish(report, tmp_path, {"this sweep": "mnist-np train -m <x>"})
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    assert (tmp_path / "figures" / "learning_curves.png").stat().st_size > 10_000
    assert json.loads((tmp_path / "summary.json").read_text())["counts"]["finished"] == 6


def test_a_metric_that_was_not_finite_is_no_metric(tmp_path):
    result = {"status": "finished", "reason": "", "metrics": {"best/val_accuracy": None, "test/accuracy": 0.1}}
    (tmp_path / "result.json").write_text(json.dumps(result))
    child = read_child(tmp_path, {"optimizer.lr": "1"})
    assert child.metrics == {"test/accuracy": 0.1}
    assert SweepReport("x", [child]).best is None


def test_a_sweep_tells_by_what_it_ranks_from_its_start_on(tmp_path):
    config = RunConfig(sweep=Sweep(metric="best/val_loss"), tracking=Tracking(backend="off"), outputs=str(tmp_path))
    with SweepRunner(config, ["seed"], [], 1, argv=["-m", "seed=0,1"]) as runner:  # one that is killed now leaves no more
        begun = load_sweep(runner.folder.path)
        assert (begun.report.metric, begun.report.maximize) == ("best/val_loss", False)
        assert begun.report.name == "seed"
        assert begun.commands["this sweep"].endswith("-m seed=0,1")
