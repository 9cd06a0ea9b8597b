"""What MLflow's runs page shows: the cells of its table and the numbers in its charts."""

from __future__ import annotations

from typing import Any

CELLS = """
() => {
    const rows = {};
    for (const cell of document.querySelectorAll('.ag-center-cols-container .ag-cell, .ag-pinned-left-cols-container .ag-cell')) {
        const index = cell.closest('.ag-row').getAttribute('row-index');
        (rows[index] ??= {})[cell.getAttribute('col-id')] = cell.innerText.trim();
    }
    return Object.entries(rows).sort((a, b) => a[0] - b[0]).map(([, row]) => row);
}
"""

CHARTS = """
() => [...document.querySelectorAll('.js-plotly-plot')].map(plot => plot.data.map(
    trace => ({type: trace.type, name: trace.name, x: [...(trace.x ?? [])], y: [...(trace.y ?? [])]})))
"""


def table(page: Any, n: int) -> list[dict[str, str]]:
    """The rows of the runs' table, of which there are to be ``n``, by the columns' ids. The window has to be large: rows and
    columns outside it are not there."""
    page.wait_for_function(f"document.querySelectorAll('.ag-pinned-left-cols-container .ag-row').length == {n}")
    page.wait_for_timeout(500)
    rows: list[dict[str, str]] = page.evaluate(CELLS)
    return rows


def charts(page: Any, kind: str) -> list[list[dict[str, Any]]]:
    """The traces of each chart that has some of this ``kind`` (``bar``, ``scatter`` for lines)."""
    found = page.evaluate(CHARTS)
    return [[trace for trace in traces if trace["type"] == kind] for traces in found if any(t["type"] == kind for t in traces)]
