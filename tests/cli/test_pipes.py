"""A reader of the output that leaves early: what was begun is finished, quietly, and the exit code is its own."""

import json
import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from mnist_np.invocation import command, with_outputs
from mnist_np.terminal import LastingStream, lasting_output

ROOT = Path(__file__).parents[2]
SMALL = "data=synthetic tracking=off tracking.figures=false training.epochs=3"
PYTHON = shlex.quote(sys.executable)


def shell(line, folder):
    """Exit codes of a pipeline's commands, and what they wrote to standard error."""
    done = subprocess.run(
        ["bash", "-c", f"{line}\necho ${{PIPESTATUS[@]}} >codes"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return [int(code) for code in (folder / "codes").read_text().split()], done.stderr


@pytest.mark.parametrize("start", [str(ROOT / "scripts" / "train.py"), "-m mnist_np train"])
@pytest.mark.parametrize("reader", ["head -3", "head -1", "true"])
def test_a_run_is_whole_though_its_reader_has_left(start, reader, tmp_path):
    codes, error = shell(f"{PYTHON} {start} {SMALL} | {reader}", tmp_path)
    assert (codes[0], error) == (0, "")
    (result,) = tmp_path.glob("outputs/runs/*/*/result.json")
    content = json.loads(result.read_text())
    assert (content["status"], content["epochs"]) == ("finished", 3)


def test_warnings_to_a_broken_pipe_do_not_end_the_run_either(tmp_path):
    codes, _ = shell(f"{PYTHON} -m mnist_np train {SMALL} loss=mean_squared_error optimizer.lr=1e30 2>&1 | true", tmp_path)
    assert codes[0] == 1  # the run's own: it diverged
    (result,) = tmp_path.glob("outputs/runs/*/*/result.json")
    assert json.loads(result.read_text())["status"] == "diverged"


def test_a_sweep_goes_on_too(tmp_path):
    codes, error = shell(f"{PYTHON} -m mnist_np train -m {SMALL} seed=1,2,3 | true", tmp_path)
    assert (codes[0], error) == (0, "")
    assert len(list(tmp_path.glob("outputs/sweeps/*/*/result.json"))) == 3


@pytest.mark.parametrize(
    "words", ["--help", "train --help", "train --cfg job", "train --cfg all", "compare --help", "-sc install=bash"]
)
def test_pages_may_be_cut_off(words, tmp_path):
    codes, error = shell(f"{PYTHON} -m mnist_np {words} | true", tmp_path)
    assert (codes[0], error) == (0, "")


@pytest.mark.parametrize("words", [[], ["-m", "seed=1,2"]], ids=["run", "sweep"])
def test_a_run_outlives_its_terminal(words, tmp_path):
    """As one that was started with nohup, or whose shell was told to disown it."""
    command = [sys.executable, "-m", "mnist_np", "train", *SMALL.split(), "training.epochs=60", *words]
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    os.close(slave)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("outputs/*/*/*/history.csv")) and time.monotonic() < deadline:
        if select.select([master], [], [], 0.05)[0]:
            os.read(master, 65536)
    os.close(master)
    assert process.wait(timeout=120) == 0
    results = [json.loads(path.read_text()) for path in tmp_path.glob("outputs/*/*/*/result.json")]
    assert [result["status"] for result in results] == ["finished"] * (len(words) or 1)


def test_a_full_disk_is_no_reader_that_left(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("needs Linux's /dev/full")
    full = open("/dev/full", "w")  # noqa: SIM115 (closing it would fail too)
    stream = LastingStream(full)
    stream.write("x")
    with pytest.raises(OSError, match="No space left"):
        stream.flush()
    with suppress(OSError):
        full.close()


def test_a_stream_is_what_it_was(capsys):
    with lasting_output():
        print("seen")
        print("too", file=sys.stderr)
        assert isinstance(sys.stdout, LastingStream)
        assert sys.stdout.encoding
        assert not sys.stdout.isatty()
    assert not isinstance(sys.stdout, LastingStream)
    assert capsys.readouterr() == ("seen\n", "too\n")


def test_interrupted_in_one_line(tmp_path):
    code = """
import sys
from mnist_np.cli import help, main
def interrupted(words): raise KeyboardInterrupt
help.train_page = interrupted
sys.argv = ["mnist-np", "train", "--help"]
sys.exit(main.main())
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


PRINT = "from mnist_np.invocation import command; print(command('ui', '--run', 'a b'))"


def test_another_command_is_named_as_this_one_was_called(tmp_path, monkeypatch):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "train.py").write_text(PRINT)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "mnist-np").write_text(f"#!{sys.executable}\n{PRINT}")
    (tmp_path / "bin" / "mnist-np").chmod(0o755)
    assert said(tmp_path, f"{PYTHON} scripts/train.py x=scripts/no.py") == f"{PYTHON} scripts/ui.py --run 'a b'"
    assert said(tmp_path, f"{PYTHON} -W error ./scripts/train.py") == f"{PYTHON} scripts/ui.py --run 'a b'"
    assert said(tmp_path / "bin", f"{PYTHON} {tmp_path}/scripts/train.py") == f"{PYTHON} {tmp_path}/scripts/ui.py --run 'a b'"
    assert said(tmp_path, "bin/mnist-np") == "bin/mnist-np ui --run 'a b'"
    assert said(tmp_path, f"PATH={tmp_path}/bin:$PATH; mnist-np") == "mnist-np ui --run 'a b'"
    assert said(tmp_path, f"{PYTHON} -c {shlex.quote(PRINT)}").endswith("-m mnist_np ui --run 'a b'")


def said(folder, line):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def test_the_outputs_are_named_where_they_are_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert with_outputs("ui", Path("outputs")) == with_outputs("ui", tmp_path / "outputs") == command("ui")
    assert with_outputs("ui", Path("my results")) == command("ui", "--outputs", "my results")
    monkeypatch.setenv("MNIST_NP_OUTPUTS", str(tmp_path / "there"))
    assert with_outputs("ui", Path("there")) == command("ui")
    assert with_outputs("ui", Path("outputs")) == command("ui", "--outputs", "outputs")
