"""`python scripts/ui.py`: a real server on the project's store, for this machine only, and gone without a trace."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from mnist_np.api import run
from mnist_np.storage.run_folder import RunFolder
from mnist_np.tracking import server
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.journal import Ledger
from mnist_np.tracking.observer import MlflowObserver
from mnist_np.tracking.server import free_port, serving
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import store_of

pytestmark = pytest.mark.fault

SCRIPT = Path(__file__).parents[2] / "scripts" / "ui.py"


def ui(*arguments):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), "--no-browser", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def status(address, host=None):
    request = Request(address, headers={"Host": host} if host else {})
    try:
        with urlopen(request, timeout=10) as answer:
            return answer.status
    except HTTPError as error:
        return error.code


def test_the_ui_shows_the_latest_run_to_this_machine_only_and_ends_tidily(outputs, folder, experiment):
    run(experiment, [RunFolder(folder, figures=False), MlflowObserver(Tracking(), outputs, folder)])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = ui("--outputs", str(outputs), "--port", str(port))
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Ctrl-C"):
                break
        text = "".join(lines)
        address = f"http://127.0.0.1:{port}"
        run_id = Ledger.read(folder).run_id
        assert re.search(rf"latest run +{address}/#/experiments/\d+/runs/{run_id}", text), text
        assert re.search(
            rf"newest runs +{address}/#/experiments/\d+/runs\?workflowType=machine_learning&viewStateShareKey=runs", text
        )
        assert status(f"{address}/") == 200
        assert status(f"{address}/get-artifact?path=config.yaml&run_uuid={run_id}") == 200
        assert status(f"{address}/api/2.0/mlflow/experiments/search?max_results=1", host="evil.example") == 403
        tasks = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        children = tasks.read_text().split() if tasks.parent.exists() else []  # Linux says
        assert children or not tasks.parent.exists()
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in rest
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(int(child), 0)
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", port))


def test_without_runs_the_ui_says_how_to_make_one(tmp_path):
    process = ui("--outputs", str(tmp_path))
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert text == f"There are no runs in {tmp_path} yet. The first: {sys.executable} {SCRIPT.with_name('train.py')}\n"
    assert not list(tmp_path.iterdir())


def test_a_port_that_is_taken_is_named():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(TrackingError, match=f"port {port} is taken"):
            free_port(port)
    assert free_port(None) > 0


@pytest.mark.slow
def test_a_server_that_took_the_port_in_between_is_not_taken_for_ours(tmp_path, monkeypatch):
    """Two UIs of different stores started at once: both find the port free, one gets it; the other must not show its runs."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    stores = {name: store_of(Tracking(), tmp_path / name) for name in "ab"}
    for name, store in stores.items():
        store.experiment_id(f"of-{name}")
    with serving(stores["a"].uri, tmp_path / "a" / "artifacts", server.free_port(None), tmp_path / "a.log") as first:
        answers = iter([first.port])
        monkeypatch.setattr(server, "free_port", lambda wanted: next(answers, None) or free_port(wanted))
        with serving(stores["b"].uri, tmp_path / "b" / "artifacts", None, tmp_path / "b.log") as second:
            assert second.port != first.port
            for name, address in (("a", first.address), ("b", second.address)):
                with urlopen(f"{address}/api/2.0/mlflow/experiments/get-by-name?experiment_name=of-{name}", timeout=10) as answer:
                    assert answer.status == 200
        with pytest.raises(TrackingError, match="ended at once"):
            server.start(stores["b"].uri, tmp_path / "b" / "artifacts", first.port, tmp_path / "b.log")
