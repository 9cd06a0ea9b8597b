"""The rows of a benchmark in a file, so that it can be stopped and taken up again."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


class SavedRows(list[T]):
    """The rows so far, dataclass instances of one ``kind``, beginning with those that the file at ``path`` holds.

    Raises SystemExit where the file holds something else.
    """

    def __init__(self, path: Path | None, kind: type[T]) -> None:
        super().__init__()
        self.path = path
        if path and path.exists():
            try:
                self += [kind(**row) for row in json.loads(path.read_text(encoding="utf-8"))]
            except (TypeError, ValueError):
                raise SystemExit(f"{path}: holds no rows of this task; give --json another file") from None

    def save(self) -> None:
        """Write all rows as JSON, one a line, if there is a file to write to."""
        if self.path:
            rows: list[Any] = list(self)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            partial = self.path.with_suffix(".partial")
            partial.write_text("[\n" + ",\n".join(json.dumps(asdict(row)) for row in rows) + "\n]\n", encoding="utf-8")
            partial.replace(self.path)
