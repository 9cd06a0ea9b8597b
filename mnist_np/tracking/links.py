"""Addresses within MLflow's UI that open the right page in the right mode: its own start page shows neither runs nor curves.

All are fragments (``#/...``) to put behind the UI's address; in a note they work as they are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import quote, urlencode

MACHINE_LEARNING = {"workflowType": "machine_learning"}
"""Without it the UI opens an experiment in the mode for language models."""

SHOWN = 100
"""Runs that a comparison takes; an address has its limits."""


def runs_page(experiment_id: str, metric: str, maximize: bool = True, where: str = "", chart: bool = True) -> str:
    """The runs of an experiment, sorted by a metric and so as a flat table; ``where`` filters (MLflow's search syntax)."""
    order = {"orderByKey": f"metrics.`{metric}`", "orderByAsc": str(not maximize).lower()}
    mode = {"compareRunsMode": "CHART"} if chart else {}
    return _page(
        f"experiments/{experiment_id}/runs", MACHINE_LEARNING | mode | order | ({"searchFilter": where} if where else {})
    )


def view_page(experiment_id: str, key: str, chart: bool = True) -> str:
    """A view of an experiment's runs that was saved under ``key`` (see `saved_views`), as charts or as a table."""
    mode = {"compareRunsMode": "CHART"} if chart else {}
    return _page(f"experiments/{experiment_id}/runs", MACHINE_LEARNING | mode | {"viewStateShareKey": key})


def comparison_page(experiment_id: str, run_ids: Sequence[str]) -> str:
    """Runs side by side: MLflow's own comparison, with all their params and metrics in a table."""
    query = {"runs": json.dumps(list(run_ids[:SHOWN])), "experiments": json.dumps([experiment_id])}
    return _page("compare-runs", query | MACHINE_LEARNING)  # the page takes "?runs" for a name: it has to come first


def run_page(experiment_id: str, run_id: str, tab: str = "") -> str:
    """One run; ``tab`` may be ``model-metrics`` or ``artifacts/<path>``."""
    return _page(f"experiments/{experiment_id}/runs/{run_id}" + (f"/{quote(tab)}" if tab else ""), MACHINE_LEARNING)


def _page(path: str, query: dict[str, str]) -> str:
    return f"#/{path}?{urlencode(query, quote_via=quote)}"
