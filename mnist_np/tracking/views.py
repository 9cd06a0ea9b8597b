"""A sweep's own views in MLflow's UI: the charts that matter, and just the params that vary.

By itself the UI shows every metric on a card of its own, and parallel coordinates of the first three params, by their names,
that differ at all. But it keeps a view that somebody shares as a tag of the experiment, and opens it by its key. We write
such tags: the page's state as the UI saves it (``ExperimentPageUIState`` and the search facets in MLflow's sources), deflated.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from mnist_np.sweep.report import SweepReport
from mnist_np.tracking.links import view_page

PREFIX = "mlflow.sharedViewState."
"""Tags with this prefix are shared views; what follows is the key in the address."""

MOST = 20_000
"""Characters that MLflow takes as an experiment's tag."""

BEST = 10
"""How many of the best runs are compared."""

CURVES = 30
"""More curves than this are slow to draw and hard to read: the UI then shows those of the first 20 runs of the table."""

NAMES = {"all": "all runs", "means": "means over seeds", "best": "the best runs"}
"""The views, by what a person calls them."""

SECTION = "sweep"

AS_IT_IS = {"xAxisKey": "step", "scaleType": "linear", "xAxisScaleType": "linear", "lineSmoothness": 0}
"""A line chart of the numbers themselves; left out, the UI smooths them."""


def view_key(sweep_id: str, view: str) -> str:
    """The key of a sweep's ``all``, ``best`` or ``means`` view."""
    return f"sweep-{sweep_id}-{view}"


def saved_pages(tags: Mapping[str, str], experiment_id: str, sweep_id: str) -> dict[str, str]:
    """The pages of a sweep's views that the experiment's ``tags`` hold, by name."""
    keys = {name: view_key(sweep_id, view) for view, name in NAMES.items()}
    return {name: view_page(experiment_id, key) for name, key in keys.items() if PREFIX + key in tags}


def views(report: SweepReport, parent_run_id: str) -> dict[str, dict[str, Any]]:
    """The states of the views that there is something to see in."""
    found = {"all": state(report, f"tags.mlflow.parentRunId = '{parent_run_id}'")}
    best = best_runs(report)
    if len(best) > 1:
        listed = ", ".join(f"'{run_id}'" for run_id in best)
        found["best"] = state(report, f"attributes.run_id IN ({listed})")
    if any(c.metric and c.metric.n > 1 for c in report.configurations):
        found["means"] = state(report, f"tags.mlflow.parentRunId = '{parent_run_id}'", group_by=[p.key for p in report.params])
    return found


def best_runs(report: SweepReport) -> list[str]:
    """The ids of the `BEST` best children."""
    return [child.run_id for child in report.ranked[:BEST] if child.run_id]


def packed(state: dict[str, Any]) -> str:
    """A view's state as the UI stores it."""
    return "deflate;" + base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()


def state(report: SweepReport, where: str, group_by: Sequence[str] = ()) -> dict[str, Any]:
    """The runs page with the runs that ``where`` finds, best first, as means over those that share ``group_by`` if given."""
    keys = [param.key for param in report.params]
    if any("seed" in child.overrides for child in report.children):
        keys.append("seed")
    grouping = {"aggregateFunction": "average", "groupByKeys": [{"mode": "param", "groupByData": key} for key in group_by]}
    return {
        "searchFilter": where,
        "orderByKey": f"metrics.`{report.metric}`",
        "orderByAsc": not report.maximize,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": [f"params.`{key}`" for key in keys] + [f"metrics.`{m}`" for m in (report.metric, "test/accuracy")],
        "columnOrder": [],
        "columnWidths": {},
        "runsExpanded": {},
        "runsPinned": [],
        "runsHidden": [],
        "runsVisibilityMap": {},
        "runsHiddenMode": "SHOW_ALL" if len(report.children) <= CURVES else "FIRST_20_RUNS",
        "viewMaximized": False,
        "runListHidden": False,
        "groupBy": grouping if group_by else None,
        "groupsExpanded": {},
        "autoRefreshEnabled": True,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
        "compareRunCharts": charts(report, keys, grouped=bool(group_by)),
        "compareRunSections": [
            {"uuid": SECTION, "name": report.name, "display": True, "isReordered": True, "columns": 2, "cardHeight": 380}
        ],
        "isAccordionReordered": True,
    }


def charts(report: SweepReport, keys: list[str], grouped: bool) -> list[dict[str, Any]]:
    """The cards: learning curves, the metric as bars, and parallel coordinates of what varies (which groups do not have)."""
    cards = [
        card("LINE", "accuracy", metricKey="val/accuracy", selectedMetricKeys=["val/accuracy"], **AS_IT_IS),
        card("LINE", "loss", metricKey="val/loss", selectedMetricKeys=["val/loss"], **AS_IT_IS | {"scaleType": "log"}),
        card("BAR", "best", metricKey=report.metric),
    ]
    parallel = card("PARALLEL", "params", selectedParams=keys, selectedMetrics=[report.metric], showAllRuns=True)
    return cards if grouped else [parallel, *cards]


def card(kind: str, uuid: str, **settings: Any) -> dict[str, Any]:
    """A card of the chart page."""
    common = {"type": kind, "uuid": uuid, "metricSectionId": SECTION, "runsCountToCompare": 20}
    return common | {"deleted": False, "isGenerated": False} | settings
