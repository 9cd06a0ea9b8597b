"""The real command line in a process of its own, to be sent signals, and what it leaves."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

TRAIN = Path(__file__).parents[1] / "scripts" / "train.py"

LONG = ["data=synthetic", "data.examples=3000", "training.epochs=60", "training.batch_size=4", "tracking=off"]
"""Seconds, in which a run can be cut off."""


def begin(folder, *arguments, **environment):
    """The process of ``train.py`` with these arguments in ``folder``, all of whose output comes by one pipe."""
    command, surroundings = [sys.executable, str(TRAIN), *arguments], os.environ | environment
    return subprocess.Popen(command, cwd=folder, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(program, code=0, seconds=200):
    """What it said, when it has ended, which must be with this exit code."""
    said, _ = program.communicate(timeout=seconds)
    assert program.returncode == code, said
    assert "Traceback" not in said
    return said


def moody(folder):
    """Overrides for two runs: the first fails in training, until there is a file ``mended`` in ``folder``."""
    path, name = folder / "parts.py", f"moody_{folder.name}"
    path.write_text(
        "import os\n"
        "from dataclasses import dataclass\n"
        "from mnist_np.nn.activations import Identity\n"
        "from mnist_np.registry import register\n"
        f"@register('activation', '{name}')\n"
        "@dataclass\n"
        "class Moody(Identity):\n"
        "    breaks: bool = False\n"
        "    def g_prime(self, Z):\n"
        f"        if self.breaks and not os.path.exists({str(folder / 'mended')!r}):\n"
        "            raise RuntimeError('out of luck')\n"
        "        return super().g_prime(Z)\n"
    )
    return [f"plugins=[{path}]", f"activation={name}", "activation.breaks=true,false"]


def results(outputs):
    """What became of the runs of all sweeps, by the names of their folders."""
    return {path.parent.name: json.loads(path.read_text()) for path in outputs.glob("sweeps/*/*/result.json")}


def statuses(outputs):
    return sorted(result["status"] for result in results(outputs).values())


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
