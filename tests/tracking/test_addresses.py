"""Addresses of MLflow's UI: only those that are known to show this store, else the command that opens one."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from filelock import FileLock

from mnist_np.commands.ui import main
from mnist_np.invocation import command
from mnist_np.tracking.addresses import LOCK, NOTE, address_of, announced, ui_command, where_to_look
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import Store, store_of

PAGES = {"this sweep": "#/experiments/1/runs/abc", "all runs": "#/experiments/1/runs"}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A store in the folder of the test, which need not exist to be talked about."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outputs").mkdir()
    return store_of(Tracking(), tmp_path / "outputs")


def test_without_a_running_ui_its_command_is_told_and_no_port_is_guessed(own):
    with socket.socket() as other:  # another project's server
        with suppress(OSError):  # there is one already
            other.bind(("127.0.0.1", 5000))
        assert where_to_look(own, PAGES, "abc") == [f"in MLflow's UI: {command('ui')} --run abc"]


def test_a_running_ui_of_this_store_is_found_and_of_no_other(own, tmp_path):
    with announced(own, 5123):
        assert where_to_look(own, PAGES, "abc") == [
            "in MLflow's UI:",
            "  this sweep  http://127.0.0.1:5123/#/experiments/1/runs/abc",
            "  all runs    http://127.0.0.1:5123/#/experiments/1/runs",
        ]
        assert address_of(store_of(Tracking(), tmp_path / "others")) is None
        assert address_of(store_of(Tracking(uri="sqlite:////tmp/else.db"), tmp_path / "outputs")) is None
        with announced(own, 5124):  # a second one is served, but not told of
            assert address_of(own) == "http://127.0.0.1:5123/"
        assert address_of(own) == "http://127.0.0.1:5123/"
    assert address_of(own) is None
    assert not (tmp_path / "outputs" / NOTE).exists()


def test_a_ui_that_was_killed_is_not_running(own):
    code = """
import sys, time
from pathlib import Path
from mnist_np.tracking.addresses import announced
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import store_of
with announced(store_of(Tracking(), Path(sys.argv[1])), 5123):
    print("announced", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code, str(own.outputs)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "announced\n"
        assert address_of(own) == "http://127.0.0.1:5123/"
        process.kill()
    assert (own.outputs / NOTE).exists()
    assert address_of(own) is None


@pytest.mark.parametrize(
    "note",
    ["", "[]", "{}", "null", '{"port": "5000; rm"}', '{"port": 5000}', '{"port": 5000, "uri": "sqlite:///x", "host": "far"}'],
)
def test_a_note_that_lies_is_no_address(own, note):
    (own.outputs / NOTE).write_text(note)
    with FileLock(own.outputs / LOCK):
        assert address_of(own) is None


def test_the_note_is_of_this_machine_alone(own):
    with announced(own, 5123):
        note = json.loads((own.outputs / NOTE).read_text())
        (own.outputs / NOTE).write_text(json.dumps(note | {"host": "far"}))
        assert address_of(own) is None


def test_a_server_is_its_own_address(tmp_path):
    assert (
        address_of(Store("http://host:5000", tmp_path)) == address_of(Store("http://host:5000/", tmp_path)) == "http://host:5000/"
    )


def test_the_command_names_what_is_not_usual(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ui_command(store_of(Tracking(), tmp_path / "outputs")) == command("ui")
    assert ui_command(store_of(Tracking(), tmp_path / "my outputs"), "abc") == f"{command('ui')} --run abc --outputs 'my outputs'"
    elsewhere = store_of(Tracking(uri=f"sqlite:///{tmp_path}/my.db"), tmp_path / "outputs")
    assert ui_command(elsewhere) == f"{command('ui')} --database my.db"


@pytest.mark.fault
@pytest.mark.parametrize(
    ("outputs", "extra"),
    [
        pytest.param("outputs", [], marks=pytest.mark.slow),
        pytest.param("my results", ["tracking.uri=sqlite:///{folder}/own.db"], marks=pytest.mark.slow),
        pytest.param("my results", [], marks=pytest.mark.slow),
        pytest.param("outputs", ["tracking.uri=sqlite:///{folder}/own.db"], marks=pytest.mark.slow),
    ],
)
def test_what_a_sweep_prints_at_its_end_works_as_printed(outputs, extra, tmp_path):
    words = ["-m", "data=synthetic", "training.epochs=1", "tracking.figures=false", "seed=1,2", f"outputs='{outputs}'"]
    words += [word.format(folder=tmp_path) for word in extra]
    start = [sys.executable, "-m", "mnist_np", "train", *words]
    done = subprocess.run(start, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True)
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("in MLflow's UI: "))
    assert "http" not in done.stdout, "nothing runs, so nothing has an address"
    shown = line.removeprefix("in MLflow's UI: ")
    run_id = shown.partition("--run ")[2].split()[0]
    with subprocess.Popen(
        ["bash", "-c", f"exec {shown} --no-browser"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ,
    ) as ui:
        lines = []
        for text in ui.stdout:
            lines.append(text)
            if text.startswith("Ctrl-C"):
                break
        assert lines[1].startswith("this run"), lines
        assert run_id in lines[1]
        assert any("best runs" in text or "all runs" in text for text in lines)
        again = subprocess.run(start, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True).stdout
        address = lines[1].split()[-1].partition("#")[0]
        assert address in again, "its own running UI is found"
        second = subprocess.run(
            ["bash", "-c", f"{shown} --no-browser"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
        )
        assert "running already" in second.stdout
        assert address in second.stdout
        bad = subprocess.run(
            ["bash", "-c", f"{shown.replace(run_id, 'nonsense')} --no-browser"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (bad.returncode, bad.stderr.count("\n")) == (1, 1), bad.stderr
        ui.send_signal(signal.SIGINT)
        ui.communicate(timeout=30)
    time.sleep(0.1)
    assert not (tmp_path / outputs / NOTE).exists()


@pytest.mark.parametrize("port", ["0", "-1", "65536", "99999999", "abc", "1.5", "", "9" * 5000])
def test_a_port_that_cannot_be_is_refused(port, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ui", "--port", port])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "must be a whole number from 1 to 65535" in capsys.readouterr().err
