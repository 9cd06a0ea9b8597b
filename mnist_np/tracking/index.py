"""The experiment's page in MLflow: a note that is an index of the sweeps and newest runs, and views of them all.

MLflow opens with pages for language models; an experiment's note stands above each of its pages, and its links lead to the
sweeps. Everything is read from the store, so that the last one written is right.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from time import time
from typing import TYPE_CHECKING

from mnist_np.fitted_table import markdown_table
from mnist_np.sweep.report import TEST
from mnist_np.sweep.tables import ROOM, shown
from mnist_np.tracking.configurations import ROLE
from mnist_np.tracking.links import run_page, view_page
from mnist_np.tracking.saved_views import LONGEST, View, save
from mnist_np.tracking.stale_runs import mark_stale_runs
from mnist_np.tracking.store import Store
from mnist_np.tracking.views import metric_column, page_state, param_column, saved_pages

if TYPE_CHECKING:
    from mlflow.entities import Run

SWEEPS, RUNS = "sweeps", "runs"
"""The keys of the experiment's own views."""

NAMES = {RUNS: "newest runs", SWEEPS: "all sweeps"}

N_SWEEPS, N_RUNS = 15, 10
"""How many of the newest the note lists."""

BASIC = ("optimizer", "optimizer.lr", "model.hidden", "activation")
"""Params shown of all runs, before those that the newest sweep varies."""

NOTE, KIND, WRITTEN = "mlflow.note.content", "mlflow.experimentKind", "index_sha256"


def look_after(store: Store, experiment_id: str) -> None:
    """Mark the runs whose processes were killed, and update the index, unless another process has the store."""
    if store.is_free(1.0):
        mark_stale_runs(store, [experiment_id])
        update_index(store, experiment_id)


def update_index(store: Store, experiment_id: str) -> None:
    """Bring the experiment's note and views up to date. A note that a user wrote or edited is left alone."""
    client = store.client

    def newest(role: str, n: int) -> Sequence[Run]:
        where = f"tags.sweep_role = '{role}'"
        found: Sequence[Run] = client.search_runs([experiment_id], where, 1, n, ["attributes.start_time DESC"])
        return found

    sweeps, runs = newest("parent", N_SWEEPS), newest("single", N_RUNS)
    save(store, experiment_id, index_views(sweeps), int(time() * 1000))
    tags = client.get_experiment(experiment_id).tags
    if KIND not in tags:
        client.set_experiment_tag(experiment_id, KIND, "custom_model_development")
    text, there = note(experiment_id, sweeps, runs, tags), tags.get(NOTE)
    if not there or digest(there) == tags.get(WRITTEN):
        client.set_experiment_tag(experiment_id, WRITTEN, digest(text))
        client.set_experiment_tag(experiment_id, NOTE, text)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def index_views(sweeps: Sequence[Run]) -> dict[str, View]:
    """The newest runs, those of a sweep under their parent; and the sweeps alone."""
    varied = sweeps[0].data.tags.get("varied", "").split() if sweeps else []
    metric = sweeps[0].data.tags.get("metric", "best/val_accuracy") if sweeps else "best/val_accuracy"
    metrics = [metric_column(key) for key in dict.fromkeys(("best/val_accuracy", metric, TEST))]
    params = [param_column(key) for key in dict.fromkeys([*BASIC, *varied, "seed"])]
    columns = ["tags.`status`", *metrics, *params]
    runs = page_state(f"tags.sweep_role != '{ROLE}'", "attributes.start_time", False, columns)
    columns = ["tags.`status`", "tags.`varied`", metric_column("n/finished"), *metrics[:-1]]
    parents = page_state("tags.sweep_role = 'parent'", "attributes.start_time", False, columns)
    return {RUNS: View(NAMES[RUNS], runs), SWEEPS: View(NAMES[SWEEPS], parents)}


def index_pages(experiment_id: str) -> dict[str, str]:
    """The pages of the experiment's own views, by name."""
    return {name: view_page(experiment_id, key, chart=False) for key, name in NAMES.items()}


def note(experiment_id: str, sweeps: Sequence[Run], runs: Sequence[Run], tags: Mapping[str, str]) -> str:
    """A first line that leads everywhere, since MLflow shows but that until the note is opened; then the sweeps and runs."""
    first = []
    if sweeps:
        views = [link(name, page) for name, page in sweep_pages(experiment_id, sweeps[0], tags).items()]
        first.append(f"Newest sweep: {run_link(experiment_id, sweeps[0])}: {', '.join(views)}")
    if runs:
        first.append(f"newest run: {run_link(experiment_id, runs[0])}")
    first += [link(name, page) for name, page in index_pages(experiment_id).items()]
    line = " · ".join(first)
    for n in range(max(len(sweeps), len(runs)), -1, -1):
        tables = [sweep_table(experiment_id, sweeps[:n], tags), run_table(experiment_id, runs[:n])]
        text = "\n\n".join([line[0].upper() + line[1:], *filter(None, tables)])
        if len(text) <= LONGEST:
            return text
    return ""


def sweep_table(experiment_id: str, sweeps: Sequence[Run], tags: Mapping[str, str]) -> str:
    """The newest sweeps with their views."""
    rows = []
    for run in sweeps:
        metric = run.data.tags.get("metric", "best/val_accuracy")
        best = f"{metric} {shown(run.data.metrics[metric])}" if metric in run.data.metrics else ""
        views = ", ".join(link(name, page) for name, page in sweep_pages(experiment_id, run, tags).items())
        n = f"{run.data.metrics.get('n/finished', 0):g}"
        rows.append([run_link(experiment_id, run), started(run), run.data.tags.get("status", ""), n, best, views])
    header = ["sweep", "started", "status", "finished runs", "best", "views"]
    return markdown_table(header, rows, ROOM) if rows else ""


def run_table(experiment_id: str, runs: Sequence[Run]) -> str:
    """The newest runs that belong to no sweep."""
    rows = []
    for run in runs:
        values = [shown(run.data.metrics[key]) if key in run.data.metrics else "" for key in ("best/val_accuracy", TEST)]
        rows.append([run_link(experiment_id, run), started(run), run.data.tags.get("status", ""), *values])
    return markdown_table(["run", "started", "status", "val/accuracy", TEST], rows, ROOM) if rows else ""


def sweep_pages(experiment_id: str, parent: Run, tags: Mapping[str, str]) -> dict[str, str]:
    return saved_pages(tags, experiment_id, parent.data.tags.get("sweep", ""))


def run_link(experiment_id: str, run: Run) -> str:
    return link(run.info.run_name, run_page(experiment_id, run.info.run_id))


def started(run: Run) -> str:
    return f"{datetime.fromtimestamp(run.info.start_time / 1000):%Y-%m-%d %H:%M}"


def link(text: str, page: str) -> str:
    """A link in markdown."""
    return f"[{escaped(text)}]({page})"


def escaped(text: str) -> str:
    """``text`` as markdown that shows just that."""
    return re.sub(r"([\\`*_{}\[\]()#|<>!~])", r"\\\1", " ".join(text.split()))
