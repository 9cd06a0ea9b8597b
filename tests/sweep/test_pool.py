"""Worker processes: tasks are done side by side, a death loses one task, and nobody is left behind."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from mnist_np.sweep.pool import WorkerDied, WorkerPool, describe_exit
from tests.programs import wait_for

PROGRAM = textwrap.dedent("""
    import os, signal, sys, time
    from mnist_np.sweep.executor import run_all
    from mnist_np.sweep.pool import WorkerPool
    from pool_functions import {function} as function

    if __name__ == "__main__":
        run_all(WorkerPool(2, function), {tasks}, lambda task, outcome: print(task, repr(outcome), flush=True))
""")

FUNCTIONS = textwrap.dedent("""
    import os, signal, time

    def square(x):
        if x == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        if x == 4:
            raise ValueError("four")
        return x * x

    def threads(x):
        return os.environ["OPENBLAS_NUM_THREADS"]

    class Terminated(Exception):
        pass

    def patient(folder):
        def end(number, frame):
            raise Terminated
        signal.signal(signal.SIGTERM, end)
        open(f"{folder}/{os.getpid()}.begun", "w").close()
        try:
            time.sleep(60)
        except Terminated:
            open(f"{folder}/{os.getpid()}.ended", "w").close()
""")


def start(tmp_path, function, tasks):
    (tmp_path / "pool_functions.py").write_text(FUNCTIONS)
    (tmp_path / "program.py").write_text(PROGRAM.format(function=function, tasks=tasks))
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, str(tmp_path / "program.py")]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_killed_worker_loses_its_own_task_only(tmp_path):
    out, err = start(tmp_path, "square", [1, 2, 3, 4, 5]).communicate(timeout=60)
    lines = dict(line.split(" ", 1) for line in out.splitlines())
    assert (lines["1"], lines["2"], lines["5"]) == ("1", "4", "25"), err
    assert "SIGKILL" in lines["3"]
    assert lines["4"] == "ValueError('four')"


def test_workers_have_one_blas_thread(tmp_path):
    out, err = start(tmp_path, "threads", [1]).communicate(timeout=60)
    assert out == "1 '1'\n", err


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_tidily_when_the_launching_process_dies(tmp_path, number):
    program = start(tmp_path, "patient", [str(tmp_path)] * 2)
    wait_for(lambda: len(list(tmp_path.glob("*.begun"))) == 2, seconds=30)
    program.send_signal(number)
    program.communicate(timeout=30)
    wait_for(lambda: len(list(tmp_path.glob("*.ended"))) == 2, seconds=30)
    for path in tmp_path.glob("*.begun"):
        wait_for(lambda path=path: not alive(int(path.stem)), seconds=30)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_exit_codes_in_words():
    assert describe_exit(-9) == "signal SIGKILL"
    assert describe_exit(3) == "exit code 3"
    assert issubclass(WorkerDied, Exception)
    assert WorkerPool(1, len).n == 1
