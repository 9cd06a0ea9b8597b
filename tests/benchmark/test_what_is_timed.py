"""What belongs to a time that the benchmark states, and what does not. No times."""

from contextlib import nullcontext

from benchmark import serve
from benchmark.cells import Rows


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
