"""Edited plugins and retrained teachers through the real command line: nothing old passes for new, and nothing is mixed."""

import json
import sys

import pytest
from hydra.core.config_store import ConfigStore

from mnist_np.commands import rerun
from mnist_np.registry import REGISTRY

SMALL = ["data=synthetic", "model.hidden=[8]", "tracking=off", "tracking.figures=false"]
PLUGIN = """
import os, signal
from dataclasses import dataclass

from mnist_np.optim.schedules import Schedule
from mnist_np.registry import register


@register("schedule", "mine")
@dataclass
class Mine(Schedule):
    def factor(self, step, steps, steps_per_epoch):
        if step == 12 and os.path.exists("interrupt"):
            os.kill(os.getpid(), signal.SIGINT)
        return {factor}
"""
MINE = ["plugins=[parts.py]", "schedule=mine"]


def forget_plugin():
    """Let this process load the plugin anew, as another process would."""
    REGISTRY["schedule"].pop("mine", None)
    ConfigStore.instance().repo.get("schedule", {}).pop("mine.yaml", None)
    for name in [name for name in sys.modules if name.startswith("mnist_np_plugin_")]:
        del sys.modules[name]


@pytest.fixture
def call(train, monkeypatch, capsys):
    """``call(command, *arguments)`` in a folder of its own gives what is said."""

    def call(command, *arguments, code=0):
        forget_plugin()
        if command == "train":
            outcome = train(*arguments)
            exit_code, said = outcome.code, outcome.out + outcome.err
        else:
            monkeypatch.setattr(sys, "argv", [command, *arguments])
            exit_code = rerun.main()
            said = "".join(capsys.readouterr())
        said = " ".join(said.split())
        assert exit_code == code, said
        return said

    yield call
    forget_plugin()


def edit(folder, factor):
    (folder / "parts.py").write_text(PLUGIN.format(factor=factor))


def train_teacher(call, seed):
    call("train", *SMALL, "training.epochs=1", f"seed={seed}", "hydra.run.dir=teacher")


STUDENT = ["loss=distillation", "loss.teacher=teacher"]


@pytest.fixture
def interrupted(call, tmp_path):
    """A run with a plugin and a teacher that was interrupted in its second epoch."""
    edit(tmp_path, 1.0)
    train_teacher(call, 1)
    (tmp_path / "interrupt").touch()
    call("train", *SMALL, *MINE, *STUDENT, code=130)
    (tmp_path / "interrupt").unlink()
    (folder,) = (tmp_path / "outputs" / "runs").glob("*/*")
    return folder


CHANGES = {
    "plugin": (lambda call, path: edit(path, 0.5), "the source of schedule.Mine: "),
    "teacher": (lambda call, path: train_teacher(call, 2), "the SHA-256 of the teacher's weights: "),
}


@pytest.mark.parametrize(("change", "says"), CHANGES.values(), ids=CHANGES)
def test_an_interrupted_run_does_not_go_on_with_other_inputs(change, says, interrupted, call, tmp_path):
    change(call, tmp_path)
    refused = call("train", *SMALL, *MINE, *STUDENT, f"training.resume={interrupted}", code=2)
    assert "it is of another run: " + says in refused
    begun = call("train", *SMALL, *MINE, *STUDENT, "training.resume=auto")
    assert "has the same config, but cannot be continued, and a new run begins: " + says in begun
    assert list((interrupted / "checkpoints").glob("step-*"))
    assert len(list((tmp_path / "outputs" / "runs").glob("*/*"))) == 2


def test_an_interrupted_run_goes_on_with_the_same_inputs(interrupted, call, tmp_path):
    train_teacher(call, 1)  # the same bytes again
    assert "new run" not in call("train", *SMALL, *MINE, *STUDENT, "training.resume=auto")
    assert json.loads((interrupted / "result.json").read_text())["status"] == "finished"


@pytest.mark.parametrize(("change", "says"), CHANGES.values(), ids=CHANGES)
def test_a_rerun_says_which_input_changed(change, says, call, tmp_path):
    edit(tmp_path, 1.0)
    train_teacher(call, 1)
    call("train", *SMALL, *MINE, *STUDENT, "training.epochs=2", "hydra.run.dir=run")
    same = call("rerun", "run", "--plugin", "parts.py")
    assert "teacher, versions, processes and threads are those of the run" in same
    assert "identical to the bit" in same
    change(call, tmp_path)
    other = call("rerun", "run", "--plugin", "parts.py", code=1)
    assert says in other
    assert "the weights differ" in other


SWEEPS = {"plugin": (["schedule=mine,cosine"], 1), "teacher": ([*STUDENT, "seed=1,2"], 2)}


@pytest.mark.parametrize("changed", SWEEPS)
def test_a_sweep_runs_again_what_the_change_concerns(changed, call, tmp_path):
    edit(tmp_path, 1.0)
    train_teacher(call, 1)
    overrides, concerned = SWEEPS[changed]

    def sweep():
        call("train", "-m", "hydra/launcher=basic", *SMALL, "plugins=[parts.py]", "training.epochs=1", *overrides)
        found = (tmp_path / "outputs" / "sweeps").glob("*/*/result.json")
        return {json.loads(path.read_text())["fingerprint"]: path.stat().st_mtime_ns for path in found}

    before = sweep()
    assert sweep() == before
    CHANGES[changed][0](call, tmp_path)
    after = sweep()
    assert len(after.keys() - before.keys()) == concerned


def test_a_plugin_that_is_edited_during_a_sweep_is_not_mixed_with_the_old_one(train, tmp_path):
    """The file edits itself when it is loaded: the sweep's process knows the first version, its workers the second."""
    itself = "\nwith open(__file__, 'a') as file:\n    file.write('# edited\\n')\n"
    (tmp_path / "parts.py").write_text(PLUGIN.format(factor=1.0) + itself)
    outcome = train("-m", "hydra/launcher=local", "hydra.launcher.workers=1", *SMALL, *MINE, "training.epochs=1", "seed=1,2")
    forget_plugin()
    assert outcome.code == 1
    results = [json.loads(path.read_text()) for path in (tmp_path / "outputs" / "sweeps").glob("*/*/result.json")]
    assert [result["status"] for result in results] == ["failed", "failed"]
    assert all("have changed since the sweep began" in result["reason"] for result in results)
