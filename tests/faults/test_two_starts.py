"""Promise: two starts of one sweep, one after a kill of the other or both at once, do not get into each other's way."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from commands import finish, start, train
from small_sweeps import QUICK, SMALL, statuses

from tests.programs import wait_for

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A tracked sweep of two runs."""
    outputs = tmp_path_factory.mktemp("finished")
    finish(train(outputs, *SMALL))
    return outputs


WAITING = """
import os
import time
from dataclasses import dataclass
from pathlib import Path

from mnist_np.nn.activations import Identity
from mnist_np.registry import register

here = Path(__file__).parent
(here / f"loaded-{os.getpid()}").touch()

@register("activation", "waiting")
@dataclass
class Waiting(Identity):
    def forward(self, *given):
        self.wait()
        return super().forward(*given)

    def g(self, *given):
        self.wait()
        return super().g(*given)

    def wait(self):
        while not (here / "go").exists():
            time.sleep(0.05)
"""
"""A plugin whose runs stand still until there is a file ``go``; each process that loads it leaves a file."""


def test_a_worker_of_a_killed_start_stops_that_start_only(tmp_path):
    """It is in the middle of a step when its launcher is killed, and ends its run when a new start is at work already."""
    plugin, outputs = tmp_path / "waiting.py", tmp_path / "outputs"
    plugin.write_text(WAITING)
    sweep = [*QUICK, "model.hidden=[4]", "seed=0,1", "tracking=off", f"plugins=[{plugin}]", "activation=waiting"]
    sweep += ["hydra/launcher=local", "hydra.launcher.workers=1"]
    first = start(train(outputs, *sweep))
    wait_for(lambda: list(outputs.glob("sweeps/*/*/run.json")), seconds=60)
    worker = json.loads(next(outputs.glob("sweeps/*/*/run.json")).read_text())["pid"]
    first.kill()
    first.wait()
    loaded = len(list(tmp_path.glob("loaded-*")))
    second = subprocess.Popen(train(outputs, *sweep), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait_for(
        lambda: len(list(tmp_path.glob("loaded-*"))) == loaded + 2, seconds=60
    )  # its launcher, and its worker that has the job now
    (tmp_path / "go").touch()
    said, _ = second.communicate(timeout=120)
    assert second.returncode == 0, said
    assert statuses(outputs) == ["finished", "finished"]
    wait_for(lambda: has_ended(worker), seconds=60)


def has_ended(pid):
    """Whether the process is no more, or waits for a parent that asks for its exit code."""
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except ProcessLookupError:
        return True
    except FileNotFoundError:
        return Path("/proc/self").exists()  # it ended in between; where there is no /proc it is still there


def test_two_starts_of_one_sweep_do_not_get_into_each_others_way(tmp_path):
    sweep = [*QUICK, "model.hidden=[4]", "seed=range(4)", "training.epochs=30", "training.batch_size=4", "tracking=off"]
    first = start(train(tmp_path, *sweep))
    wait_for(lambda: list(tmp_path.glob("sweeps/*/*/run.json")), seconds=60)
    said = finish(train(tmp_path, *sweep), code=2)
    assert "another process is at work on this sweep" in said
    assert first.wait(60) == 0
    assert statuses(tmp_path) == ["finished"] * 4
