"""A sweep's own views in MLflow's UI: the charts that matter, and just the params that vary.

By itself the UI shows every metric on a card of its own, and parallel coordinates of the first three params, by their names,
that differ at all. But it keeps a view that somebody shares as a tag of the experiment, and opens it by its key. We write
such tags: the page's state as the UI saves it (``ExperimentPageUIState`` and the search facets in MLflow's sources), deflated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mnist_np.sweep.report import TEST, SweepReport
from mnist_np.tracking.configurations import ROLE, has_means
from mnist_np.tracking.images import KEYS, last_steps
from mnist_np.tracking.links import view_page
from mnist_np.tracking.saved_views import View, saved_names

LOADED = 100
"""Runs that the page loads, in the view's order; more only when asked for."""

BEST = 10
"""How many of the best runs are compared."""

CURVES = 30
"""More curves than this are slow to draw and hard to read: the page then shows those of the first 20 runs of the table."""

FALLBACK = {"means": "means over seeds", "runs": "all runs", "best": "the best runs"}
"""What a saved view without a name is called."""

SECTION, IMAGES = "sweep", "images"
IMAGE_HEIGHT = 460
"""Pixels of a card with a row of images."""

RUN_NAME = "attributes.`Run Name`"

AS_IT_IS = {"xAxisKey": "step", "scaleType": "linear", "xAxisScaleType": "linear", "lineSmoothness": 0}
"""A line chart of the numbers themselves; left out, the page smooths them."""


def view_key(sweep_id: str, view: str) -> str:
    """The key of a sweep's ``means``, ``runs`` or ``best`` view."""
    return f"sweep-{sweep_id}-{view}"


def saved_pages(tags: Mapping[str, str], experiment_id: str, sweep_id: str) -> dict[str, str]:
    """The pages of a sweep's views that the experiment's ``tags`` hold, by name."""
    names = saved_names(tags)
    found = {view: names[key] for view in FALLBACK if (key := view_key(sweep_id, view)) in names}
    return {
        name.rpartition(": ")[2] or FALLBACK[view]: view_page(experiment_id, view_key(sweep_id, view))
        for view, name in found.items()
    }


def views(report: SweepReport, sweep_id: str, best: Sequence[str] = ()) -> dict[str, View]:
    """The views that there is something to see in, by ``means``, ``runs`` and ``best``; a name says where not all is shown.

    ``best`` are the ids of the best runs.
    """
    found = {}
    if has_means(report):
        n = sum(c.metric is not None for c in report.configurations)
        name = "means over seeds" + (f", best {LOADED} of {n}" if n > LOADED else "")
        found["means"] = View(f"{report.name}: {name}", means_state(report, sweep_id))
    n = len(report.children)
    name = f"best {LOADED} of {n} runs" if n > LOADED else "all runs"
    found["runs"] = View(f"{report.name}: {name}", runs_state(report, f"tags.sweep = '{sweep_id}' and tags.sweep_role = 'child'"))
    if len(best) > 1:
        listed = ", ".join(f"'{run_id}'" for run_id in best)
        name = f"best {len(best)} runs"
        found["best"] = View(f"{report.name}: {name}", runs_state(report, f"attributes.run_id IN ({listed})", compared=True))
    return found


def means_state(report: SweepReport, sweep_id: str) -> dict[str, object]:
    """The configurations, by the mean of the metric over their seeds (see `configurations`)."""
    keys = [param.key for param in report.params]
    mean = f"{report.column}_mean"
    columns = ["n", mean, f"{report.column}_sd", f"{report.column}_min", f"{report.column}_max", f"{TEST}_mean", f"{TEST}_sd"]
    where = f"tags.sweep = '{sweep_id}' and tags.sweep_role = '{ROLE}'"
    cards = [parallel(keys, mean), *curves(report), card("BAR", "mean", metricKey=mean)]
    n = len(report.configurations)
    return state(report, where, mean, [*map(param_column, keys), *map(metric_column, columns)], cards, n)


def runs_state(report: SweepReport, where: str, compared: bool = False) -> dict[str, object]:
    """The runs that ``where`` finds, best first; ``compared`` adds a table of their differences."""
    keys = [param.key for param in report.params]
    if any("seed" in child.overrides for child in report.children):
        keys.append("seed")
    cards = [parallel(keys, report.metric), *curves(report), card("BAR", "best", metricKey=report.metric)]
    steps: dict[str, int] = {}
    for child in report.ranked[:BEST]:
        steps |= {key: max(step, steps.get(key, 0)) for key, step in last_steps(child.folder).items()}
    for key in KEYS:
        if step := steps.get(key):
            settings = {"metricSectionId": IMAGES, "step": step, "showRunParams": False}
            cards.append(card("IMAGE", key, imageKeys=[key], **settings))
    if compared:
        groups = ["Parameters", "Model metrics"]
        settings = {"compareGroups": groups, "chartName": "differences", "showDifferencesOnly": True}
        cards.append(card("DIFFERENCE", "differences", **settings, showChangeFromBaseline=True, baselineColumnUuid=""))
    columns = ["tags.`status`", *map(param_column, keys), *map(metric_column, dict.fromkeys((report.metric, TEST)))]
    return state(report, where, report.metric, columns, cards, BEST if compared else len(report.children))


def param_column(key: str) -> str:
    return f"params.`{key}`"


def metric_column(key: str) -> str:
    return f"metrics.`{key}`"


def curves(report: SweepReport) -> list[dict[str, object]]:
    """Cards of the learning curves: on the validation data or, without them, on the training data."""
    split = "val" if any("val/accuracy" in row for child in report.children for row in child.history[:1]) else "train"
    cards = []
    for name, scale in ("accuracy", "linear"), ("loss", "log"):
        key = f"{split}/{name}"
        cards.append(card("LINE", name, metricKey=key, selectedMetricKeys=[key], **AS_IT_IS | {"scaleType": scale}))
    return cards


def parallel(keys: list[str], metric: str) -> dict[str, object]:
    """Parallel coordinates of what varies, and of nothing else."""
    return card("PARALLEL", "params", selectedParams=keys, selectedMetrics=[metric], showAllRuns=True)


def card(kind: str, uuid: str, **settings: object) -> dict[str, object]:
    """A card of the chart page."""
    common = {"type": kind, "uuid": uuid, "metricSectionId": SECTION, "runsCountToCompare": 20}
    return common | {"deleted": False, "isGenerated": False} | settings


def state(
    report: SweepReport, where: str, order_by: str, columns: list[str], cards: list[dict[str, object]], n_runs: int
) -> dict[str, object]:
    """The runs page with the runs that ``where`` finds, best first by the metric ``order_by``."""
    shown = {"display": True, "isReordered": True, "cardHeight": 380}
    sections = [{"uuid": SECTION, "name": report.name, "columns": 2} | shown]
    if any(card["metricSectionId"] == IMAGES for card in cards):  # wide, so that several runs stand side by side, each whole
        sections.append({"uuid": IMAGES, "name": IMAGES, "columns": 1} | shown | {"cardHeight": IMAGE_HEIGHT})
    return page_state(where, metric_column(order_by), not report.maximize, columns) | {
        "runsHiddenMode": "SHOW_ALL" if n_runs <= CURVES else "FIRST_20_RUNS",
        "compareRunCharts": cards,
        "compareRunSections": sections,
        "isAccordionReordered": True,
    }


def page_state(where: str, order_by: str, ascending: bool, columns: list[str]) -> dict[str, object]:
    """The runs page as a table: what it finds and sorts by, and its columns in order. It does not open parents by itself."""
    return {
        "searchFilter": where,
        "orderByKey": order_by,
        "orderByAsc": ascending,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": columns,
        "columnOrder": [RUN_NAME, "runDateAndNestInfo", *columns, "duration"],
        "columnWidths": {RUN_NAME: 240} | {column: 140 for column in columns if column.startswith("metrics")},
        "runsExpanded": {},
        "runsPinned": [],
        "runsHidden": [],
        "runsVisibilityMap": {},
        "runsHiddenMode": "FIRST_20_RUNS",
        "viewMaximized": False,
        "runListHidden": False,
        "groupBy": None,
        "groupsExpanded": {},
        "autoRefreshEnabled": True,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
        "isAccordionReordered": False,
    }
