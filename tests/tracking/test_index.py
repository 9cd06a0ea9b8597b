"""The experiment's note and views in a real store: what they list, and that a note of the user's own is left alone."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from small_sweep import ID, NAME, run_sweep, small

from mnist_np.api import run
from mnist_np.storage.run_folder import RunFolder
from mnist_np.tracking import saved_views
from mnist_np.tracking.index import LONGEST, escaped, note, sweep_table, update_index
from mnist_np.tracking.journal import Ledger
from mnist_np.tracking.observer import MlflowObserver
from mnist_np.tracking.saved_views import PREFIX, saved_names, version_of
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import Store, store_of
from mnist_np.tracking.sweep import SweepParent


@pytest.fixture(scope="module")
def outputs(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("outputs")


@pytest.fixture(scope="module")
def parent(outputs) -> SweepParent:
    return run_sweep(outputs)


@pytest.fixture
def server_of():
    """A server that answers everything with a text."""

    @contextmanager
    def serve(text):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *arguments): ...

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()

    return serve


def tags(parent: SweepParent) -> dict[str, str]:
    return dict(parent.store.client.get_experiment(parent.experiment_id).tags)


def test_the_first_line_leads_to_the_newest_sweep_and_run(outputs, parent):
    folder = outputs / "runs" / "one"
    run(small(), [RunFolder(folder, figures=False), MlflowObserver(Tracking(), outputs, folder)])
    first, _, rest = tags(parent)["mlflow.note.content"].partition("\n")
    for text in (NAME, "means over seeds", "all runs", "best 8 runs", "sgd 8 s0", "newest runs", "all sweeps"):
        assert f"[{text}](#/" in first, text
    assert Ledger.read(folder).run_id in first
    assert parent.run_id in first
    assert "| sweep &emsp; |" in rest
    assert "| run &emsp; |" in rest
    assert tags(parent)["mlflow.experimentKind"] == "custom_model_development"


def test_the_views_menu_has_the_newest_first(parent):
    found = tags(parent)
    names = saved_names(found)
    assert (names["runs"], names["sweeps"]) == ("newest runs", "all sweeps")
    created = {key: json.loads(found[PREFIX + key])["createdAt"] for key in names}
    ordered = sorted(created, key=lambda key: -created[key])
    assert ordered[:2] == ["runs", "sweeps"]
    assert ordered[2:] == [f"sweep-{ID}-{view}" for view in ("means", "runs", "best")]


def test_columns_are_what_matters(parent):
    from test_links import unpacked

    state = unpacked(json.loads(tags(parent)[f"{PREFIX}runs"])["state"])
    columns = ["tags.`status`", "params.`optimizer`", "params.`model.hidden`", "params.`seed`"]
    assert set(columns) | {"metrics.`best/val_accuracy`", "metrics.`test/accuracy`"} <= set(state["selectedColumns"])
    assert state["orderByKey"] == "attributes.start_time", "so that children stand under their parent"


def test_a_note_of_the_users_own_is_left_alone(parent):
    client = parent.store.client
    client.set_experiment_tag(parent.experiment_id, "mlflow.note.content", "mine")
    update_index(parent.store, parent.experiment_id)
    assert tags(parent)["mlflow.note.content"] == "mine"
    client.set_experiment_tag(parent.experiment_id, "mlflow.note.content", "")
    update_index(parent.store, parent.experiment_id)
    assert "Newest sweep" in tags(parent)["mlflow.note.content"], "an empty one is none"


def test_many_sweeps_with_long_names_fit(parent):
    (one,) = parent.store.client.search_runs([parent.experiment_id], "tags.sweep_role = 'parent'")
    one.info._run_name = "[x](javascript:1) | *y* " * 40
    text = note(parent.experiment_id, [one] * 15, [one] * 10, tags(parent))
    assert len(text) <= LONGEST
    assert "](javascript" not in text.replace("\\]\\(javascript", "")


def test_names_are_shown_as_they_are():
    assert escaped("a_b [c](d) | <e>\nf") == r"a\_b \[c\]\(d\) \| \<e\> f"
    assert sweep_table("1", [], {}) == ""


def test_an_older_server_gets_the_state_alone(parent, monkeypatch):
    monkeypatch.setitem(saved_views._READS, parent.store.uri, False)
    update_index(parent.store, parent.experiment_id)
    assert tags(parent)[f"{PREFIX}runs"].startswith("deflate;")
    monkeypatch.undo()
    update_index(parent.store, parent.experiment_id)
    assert tags(parent)[f"{PREFIX}runs"].startswith("{")


@pytest.mark.parametrize("text", ["3.17.2", "2.9.1", "3.15.0rc1", "4.0.0.dev0", "<html>", ""])
def test_a_server_says_its_version(text, tmp_path, server_of):
    expected = {"3.17.2": (3, 17), "2.9.1": (2, 9), "3.15.0rc1": (3, 15), "4.0.0.dev0": (4, 0)}.get(text, (0,))
    with server_of(text) as address:
        assert version_of(Store(address, tmp_path)) == expected
    assert version_of(Store("http://127.0.0.1:9", tmp_path)) == (0,)


def test_the_installed_version_counts_for_a_file(outputs):
    import mlflow

    assert version_of(store_of(Tracking(), outputs)) == tuple(map(int, mlflow.__version__.split(".")[:2]))
