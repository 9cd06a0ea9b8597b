"""What belongs to a time that the benchmark states, and what does not. No times."""

from contextlib import nullcontext

from benchmark import serve
from benchmark.cells import Rows
from benchmark.profile import PARTS

from mnist_np.console import ConsoleReporter
from mnist_np.storage.checkpoint import Checkpointer
from mnist_np.storage.run_folder import RunFolder
from mnist_np.tracking.observer import MlflowObserver


def test_the_requests_are_made_before_the_servers_are_timed(monkeypatch):
    done = []
    monkeypatch.setattr(serve, "commands", lambda folder: {name: [] for name in serve.SERVERS})
    monkeypatch.setattr(serve, "images", lambda n: done.append("request") or b"")
    monkeypatch.setattr(serve, "running", lambda command: done.append("server") or nullcontext(0))
    monkeypatch.setattr(serve, "answer", lambda port, body: b"")
    monkeypatch.setattr(serve, "check_same", lambda ports, body: None)
    monkeypatch.setattr(serve, "asked", lambda *arguments: (1.0, 1.0, 1.0))
    serve.measure_servers(Rows(None), 1)
    assert done == ["request"] * len(serve.BATCHES) + ["server"] * len(serve.SERVERS)


def test_the_parts_of_a_run_are_named_as_its_observers():
    observers = {kind.__name__ for kind in (ConsoleReporter, Checkpointer, RunFolder, MlflowObserver)}
    assert {name for name in PARTS if name[0].isupper()} == observers
