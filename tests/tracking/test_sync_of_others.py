"""sync of a run's folder that somebody else has made: it sends that folder's own files, to this project's own store."""

import http.server
import json
import os
import shutil
import sys
import threading

import pytest

from mnist_np.api import run
from mnist_np.commands import sync
from mnist_np.storage.run_folder import RunFolder
from mnist_np.tracking import background
from mnist_np.tracking.addresses import sync_command
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.journal import Journal, Ledger
from mnist_np.tracking.observer import MlflowObserver
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import Store

SECRET = "nobody's business"


@pytest.fixture(scope="module")
def theirs(outputs, store, tmp_path_factory):
    """The folder of a run that another project tracked, nothing of which has been delivered here."""
    folder = outputs / "runs" / "theirs"
    from small_sweep import small

    run(small(), [RunFolder(folder, figures=False), MlflowObserver(Tracking(), outputs, folder)])
    ledger = Ledger.read(folder)
    ledger.uri, ledger.outputs = "sqlite:////elsewhere/outputs/mlflow.db", "/elsewhere/outputs"
    ledger.run_id, ledger.offset, ledger.asked = None, 0, False
    ledger.write(folder)
    return folder


@pytest.fixture
def other(theirs, outputs, tmp_path):
    """A copy of it, for this test alone."""
    folder = shutil.copytree(theirs, outputs / "runs" / "others" / tmp_path.name)
    ledger = Ledger.read(folder)
    ledger.key = tmp_path.name
    ledger.write(folder)
    (folder / "figures").mkdir()
    (folder / "figures" / "own.png").write_text("a figure")
    return folder


@pytest.fixture
def private(tmp_path):
    """A folder with what must not leave this machine."""
    folder = tmp_path / "private"
    folder.mkdir()
    (folder / "key").write_text(SECRET)
    return folder


def linked(folder, name, target):
    path = folder / name
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    path.symlink_to(target)


def with_paths(*paths):
    def deed(folder, private):
        Journal(folder).append("files", paths=[path.format(private=private) for path in paths])

    return deed


def pipe(folder, private):
    os.mkfifo(folder / "figures" / "pipe.png")


ESCAPES = {
    "figures are a link": lambda folder, private: linked(folder, "figures", private),
    "a figure is a link": lambda folder, private: linked(folder, "figures/own.png", private / "key"),
    "a folder among the figures is a link": lambda folder, private: linked(folder, "figures/more", private),
    "the config is a link": lambda folder, private: linked(folder, "config.yaml", private / "key"),
    "the weights are a link to a device": lambda folder, private: linked(folder, "weights.safetensors", "/dev/zero"),
    "a path leads out": with_paths("../../../../private/key"),
    "a path leads out and in again": with_paths("figures/../../../x"),
    "a path from the root": with_paths("{private}/key"),
    "a path of no name": with_paths(""),
    "a path with a null byte": with_paths("a\0b"),
    "a pipe among the figures": pipe,
}


@pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES)
def test_nothing_outside_the_folder_is_sent(escape, other, outputs, private):
    escape(other, private)
    with pytest.raises(TrackingError, match=r"is neither followed nor sent|is not sent|null byte"):
        sync.sync(other, outputs)
    assert not [
        path for path in (outputs / "artifacts").rglob("*") if path.is_file() and SECRET in path.read_text(errors="replace")
    ]


@pytest.mark.parametrize("name", ["journal.jsonl", "tracking.json", ".tracking.lock"])
def test_nothing_is_written_through_a_link(name, other, outputs, private):
    (private / "key").write_text((other / name).read_text() if (other / name).exists() else SECRET)
    before = (private / "key").read_text()
    linked(other, name, private / "key")
    with pytest.raises(TrackingError, match="is a link"):
        sync.sync(other, outputs)
    assert (private / "key").read_text() == before


def test_what_is_its_own_is_sent_to_ours(other, outputs, store):
    """A default store of another place stands for ours, as it does where the outputs were moved."""
    assert "records delivered" in sync.sync(other, outputs)
    sent = {file.path for file in store.client.list_artifacts(Ledger.read(other).run_id)}
    assert {"config.yaml", "figures", "weights.safetensors"} <= sent


class Listener(http.server.ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Refusal)
        self.asked = []


class Refusal(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.asked.append(self.path)
        self.send_error(403)

    do_GET = do_POST

    def log_message(self, *_):
        pass


@pytest.fixture
def listener():
    server = Listener()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_server_that_the_folder_names_is_not_spoken_to_unasked(other, outputs, listener, monkeypatch, capsys):
    monkeypatch.setattr(background, "LOCKED", 1)
    uri = f"http://127.0.0.1:{listener.server_port}"
    content = json.loads((other / "tracking.json").read_text())
    (other / "tracking.json").write_text(json.dumps(content | {"uri": uri}))
    monkeypatch.setattr(sys, "argv", ["sync", str(other), "--outputs", str(outputs)])
    assert sync.main() == 1
    assert f"was tracked at {uri}. To send it there, say so: --uri {uri}" in capsys.readouterr().err
    assert listener.asked == []
    monkeypatch.setattr(sys, "argv", ["sync", str(other), "--outputs", str(outputs), "--uri", uri])
    assert sync.main() == 1
    assert listener.asked, "it was named"


@pytest.mark.parametrize(
    "uri", ["sqlite:///{private}/database.db", "file://{private}", "postgresql://x@127.0.0.1:9/x", "databricks", ""]
)
def test_no_other_store_is_touched_unasked(uri, other, outputs, private):
    content = json.loads((other / "tracking.json").read_text())
    (other / "tracking.json").write_text(json.dumps(content | {"uri": uri.format(private=private), "outputs": str(private)}))
    with pytest.raises(TrackingError, match="To send it there, say so: --uri"):
        sync.sync(other, outputs)
    assert [path.name for path in private.iterdir()] == ["key"]


def test_a_run_elsewhere_needs_a_word(theirs, outputs, tmp_path):
    folder = shutil.copytree(theirs, tmp_path / "run")
    with pytest.raises(TrackingError, match=r"is not in .*outputs, the folder of all results: name it \(--outputs DIR\)"):
        sync.sync(folder, outputs)


def test_control_characters_of_a_folder_are_shown(other, outputs, capsys, monkeypatch):
    content = json.loads((other / "tracking.json").read_text())
    (other / "tracking.json").write_text(json.dumps(content | {"uri": "http://\x1b[2J"}))
    monkeypatch.setattr(sys, "argv", ["sync", str(other), "--outputs", str(outputs)])
    assert sync.main() == 1
    assert "\x1b" not in capsys.readouterr().err


def test_the_command_that_a_run_names_delivers_it(outputs, store, tmp_path, monkeypatch):
    monkeypatch.chdir(outputs.parent)
    inside = outputs / "runs" / "x"
    assert sync_command(store, inside).endswith("sync outputs/runs/x")
    assert sync_command(store, tmp_path / "x").endswith(f"sync {tmp_path}/x --uri {store.uri}")
    assert sync_command(Store("http://h", outputs), inside).endswith("sync outputs/runs/x --uri http://h")
    monkeypatch.chdir(tmp_path)
    assert f"--outputs {outputs}" in sync_command(store, inside)
