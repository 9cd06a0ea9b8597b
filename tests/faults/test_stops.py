"""Promise: a stop, however it is sent and whenever it comes, leaves no wrong weights, no process and no traceback."""

import json
import os
import platform
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from commands import finish, train
from groups import Group

pytestmark = [
    pytest.mark.fault,
    pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="two processes need x86's memory order"),
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in Linux's /proc"),
]

TWO_PROCESSES = [
    *("data=synthetic", "data.examples=6000", "data.side=12", "seed=5", "tracking=off", "tracking.figures=false"),
    *(
        "model.hidden=[96,32,16]",
        "model.dropout=0.1",
        "model.norm=batch",
        "optimizer=adam",
        "training.processes=2",
        "training.select=last",
        "training.batch_size=40",
    ),
    *("training.epochs=6", "training.resume=auto"),
]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The bytes of the uninterrupted run's weights file, and the seconds that its process lived."""
    outputs = tmp_path_factory.mktemp("uninterrupted")
    began = time.perf_counter()
    finish(train(outputs, *TWO_PROCESSES))
    (weights,) = outputs.glob("runs/*/*/weights.safetensors")
    return weights.read_bytes(), time.perf_counter() - began


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, *(pytest.param(s, marks=pytest.mark.slow) for s in (signal.SIGINT, signal.SIGHUP))]
)
@pytest.mark.parametrize("seed", [pytest.param(s, marks=[] if s < 1 else pytest.mark.slow) for s in range(10)])
def test_a_stop_of_the_group_at_random_moments_ends_in_the_same_weights(number, seed, uninterrupted, tmp_path):
    """Both processes get the signal, several times over, and the run goes on each time."""
    expected, seconds = uninterrupted
    rng = random.Random(1000 * seed + number)
    for _ in range(3):
        group = Group(train(tmp_path, *TWO_PROCESSES))
        group.wait_for_helper()
        time.sleep(rng.random() * seconds / 2)
        group.signal(number)
        code, output = group.end()
        assert code in (0, 128 + number, -number), output  # the last: while Python starts or ends
        assert "Traceback" not in output
    finish(train(tmp_path, *TWO_PROCESSES))
    weights = list(tmp_path.glob("runs/*/*/weights.safetensors"))
    assert weights
    assert all(path.read_bytes() == expected for path in weights)


@pytest.mark.parametrize("delay", [0.3, *(pytest.param(d, marks=pytest.mark.slow) for d in (0.0, 0.03, 0.1, 0.2, 0.5, 1.0))])
def test_sigkill_of_the_main_process_leaves_no_helper(delay, tmp_path):
    """From the helper's first instruction on, which is long before it can ask who its parent is."""
    group = Group(train(tmp_path, *TWO_PROCESSES, "training.epochs=1000"))
    group.wait_for_helper()
    time.sleep(delay)
    group.process.kill()
    code, output = group.end()
    assert code == -signal.SIGKILL
    assert "Traceback" not in output


@pytest.mark.parametrize("delay", [0.05, *(pytest.param(d, marks=pytest.mark.slow) for d in (0.0, 0.02, 0.1, 0.15))])
def test_ctrl_c_while_the_helper_starts(delay, tmp_path):
    group = Group(train(tmp_path, *TWO_PROCESSES, "training.epochs=1000"))
    group.wait_for_helper()
    time.sleep(delay)
    group.signal(signal.SIGINT)
    code, output = group.end()
    assert code == 130, output
    assert "Traceback" not in output
    (folder,) = tmp_path.glob("runs/*/*")
    assert json.loads((folder / "result.json").read_text())["status"] == "killed"


@pytest.mark.parametrize("delay", [0.5, *(pytest.param(d, marks=pytest.mark.slow) for d in (0.0, 0.1, 1.5))])
def test_a_killed_helper_is_told_in_one_line_and_the_run_goes_on_from_its_last_checkpoint(delay, uninterrupted, tmp_path):
    group = Group(train(tmp_path, *TWO_PROCESSES))
    helper = group.wait_for_helper()
    time.sleep(delay)
    with suppress(ProcessLookupError):
        os.kill(helper, signal.SIGKILL)
    code, output = group.end()
    assert code in (0, 1), output
    assert "Traceback" not in output
    if code == 1:
        assert "error: the second training process was killed by SIGKILL" in output
        finish(train(tmp_path, *TWO_PROCESSES))
    weights = max(tmp_path.glob("runs/*/*/weights.safetensors"))
    assert weights.read_bytes() == uninterrupted[0]
