"""What needs a package that is not installed says so in one line, with the command that installs it."""

import subprocess
import sys

import pytest

BLOCKED = """
import sys
for name in {packages!r}:
    sys.modules[name] = None  # from now on importing it raises ImportError
from mnist_np.cli.train import main
sys.exit(main({arguments!r}))
"""
SMALL = ["data=synthetic", "training.epochs=1", "tracking=off"]


@pytest.mark.parametrize(
    ("packages", "arguments", "named", "extra"),
    [
        (["optuna"], ["hydra/sweeper=search", "-m", "optimizer.lr=0.1,0.2"], "hydra/sweeper=search", "search"),
        (["optuna"], ["sweep=search"], "hydra/sweeper=search", "search"),
        (["cmaes"], ["sweep=search", "sweep.search.sampler=cmaes"], "sweep.search.sampler=cmaes", "search"),
        (["scipy"], ["sweep=search", "sweep.search.sampler=qmc"], "sweep.search.sampler=qmc", "search"),
        (["submitit"], ["-m", "seed=0,1", "hydra/launcher=slurm"], "hydra/launcher=slurm", "slurm"),
        (["submitit"], ["sweep=seeds", "hydra/launcher=slurm_local"], "hydra/launcher=slurm_local", "slurm"),
        (["ray"], ["-m", "seed=0,1", "hydra/launcher=ray"], "hydra/launcher=ray", "ray"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_missing_extra_is_one_line_with_its_command(packages, arguments, named, extra, tmp_path):
    if packages[0] in ("cmaes", "scipy"):
        pytest.importorskip("optuna")
    code = BLOCKED.format(packages=packages, arguments=[*SMALL, *arguments])
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"error: {named}: needs ")
    assert done.stderr.endswith(f": python -m pip install -e '.[{extra}]'\n")
    assert done.stderr.count(named) == 1
    assert not list(tmp_path.iterdir())


def test_a_search_as_a_file_chooses_its_sweeper_itself(tmp_path, real_train):
    pytest.importorskip("optuna")
    done = real_train("sweep=search", "sweep.search.trials=1", "data.train_size=500", "training.epochs=1", "tracking=off")
    assert done.code == 0, done.err
    assert list(tmp_path.glob("outputs/sweeps/*/study.journal"))
    assert len(list(tmp_path.glob("outputs/sweeps/*/*/result.json"))) == 1
