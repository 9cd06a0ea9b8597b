"""The end of a journal whose process was killed before it wrote one; else MLflow would show the run as running for ever."""

from __future__ import annotations

from mnist_np.storage.records import numbers, read_json
from mnist_np.tracking.journal import FILES, STATUS, Journal


def conclude(journal: Journal, reason: str) -> None:
    """Write the end, unless there is one, or nothing at all.

    A run with a ``result.json`` has ended as that says; any other was killed, for ``reason``.
    """
    records = [record for record, _ in journal.read()]
    if not records or records[-1]["kind"] == "end":
        return
    then = {"time": records[-1].get("time", 0)}  # when it was last heard of
    result = read_json(journal.path.parent / "result.json")
    status, metrics = result.get("status"), result.get("metrics")
    if status in STATUS and isinstance(metrics, dict):
        journal.final_metrics(numbers(metrics), **then)
        journal.append("files", paths=list(FILES), **then)
        reason = str(result.get("reason") or "")
    else:
        status = "killed"
    journal.append("tags", tags={"status": status} | ({"reason": reason} if reason else {}), **then)
    journal.append("end", status=STATUS[status], **then)
