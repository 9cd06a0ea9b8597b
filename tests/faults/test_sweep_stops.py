"""Promise: a sweep on local workers that is stopped, whichever of its processes get whatever signal and whenever, goes on with
the same command and ends in the same weights; no process, no traceback and no job is lost."""

import json
import os
import random
import signal
import time
from contextlib import suppress

import pytest
from commands import finish, train
from groups import Group

pytestmark = pytest.mark.fault

SWEEP = [
    *("-m", "seed=range(4)", "hydra/launcher=local", "hydra.launcher.workers=2", "data=synthetic", "data.examples=3000"),
    *("data.side=12", "model.hidden=[64]", "optimizer=adam", "training.epochs=8", "training.batch_size=50"),
    *("tracking=off", "tracking.figures=false"),
]


def weights(outputs):
    """seed -> the bytes of its weights."""
    found = {}
    for path in outputs.glob("sweeps/*/*/weights.safetensors"):
        found[json.loads((path.parent / "result.json").read_text())["seed"]] = path.read_bytes()
    return found


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The weights of the uninterrupted sweep, and the seconds that it took."""
    outputs = tmp_path_factory.mktemp("uninterrupted")
    began = time.perf_counter()
    finish(train(outputs, *SWEEP))
    assert len(weights(outputs)) == 4
    return weights(outputs), time.perf_counter() - began


def one(group, number, rng):
    """To one of the processes that the command has started: a worker, or what workers descend from."""
    if others := group.helpers():
        with suppress(ProcessLookupError):
            os.kill(rng.choice(others), number)


WHO = {
    "group": lambda group, number, rng: group.signal(number),
    "all": lambda group, number, rng: group.signal_all(number),
    "main": lambda group, number, rng: group.process.send_signal(number),
    "one": one,
}
CASES = [(who, number) for who in WHO for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL)]
QUICK = [("all", signal.SIGTERM), ("main", signal.SIGKILL)]


@pytest.mark.parametrize(
    ("who", "number"),
    [pytest.param(*case, marks=[] if case in QUICK else pytest.mark.slow, id=f"{case[1].name} to {case[0]}") for case in CASES],
)
def test_stopped_at_random_moments(who, number, uninterrupted, tmp_path):
    expected, seconds = uninterrupted
    rng = random.Random(f"{who} {number}")
    for _ in range(2):
        group = Group(train(tmp_path, *SWEEP))
        time.sleep(rng.uniform(0.2, 0.9) * seconds)
        WHO[who](group, number, rng)
        code, output = group.end(afterwards=15)
        assert "Traceback" not in output, output
        assert code in (0, 1, 130, 128 + number, -number), output
    finish(train(tmp_path, *SWEEP))
    assert weights(tmp_path) == expected
