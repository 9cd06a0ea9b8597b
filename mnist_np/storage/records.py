"""The small files of a run, read without trust: one that is missing, half-written or of another shape counts as empty."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from mnist_np.component import JsonDict
from mnist_np.files import open_regular, read_regular

MAX_BYTES = 1 << 26
"""Bytes of a file: a hundred thousand epochs or jobs need a quarter of it."""

LARGEST = sys.float_info.max


def read_json(path: Path) -> JsonDict:
    """The object in a JSON file; an empty one where there is no such file, or none that can be read."""
    return parsed(text_of(path))


def read_json_lines(path: Path) -> Iterator[JsonDict]:
    """The objects in a file of one JSON object per line. Lines that hold none are passed over."""
    for line in text_of(path).splitlines():
        if found := parsed(line):
            yield found


def read_history(path: Path) -> list[dict[str, float]]:
    """The rows of a run's ``history.csv``, as far as they are whole: the last one may be being written at this moment."""
    try:
        rows = list(csv.reader(text_of(path).splitlines()))
    except csv.Error:
        return []
    history = []
    for row in rows[1:]:
        if len(row) == len(rows[0]):
            try:
                history.append({key: float(value) for key, value in zip(rows[0], row, strict=True) if value != ""})
            except ValueError:
                continue
    return history


def numbers(metrics: Mapping[str, object]) -> dict[str, float]:
    """The metrics that are finite numbers; None stands for one that was not."""
    found = {key: value for key, value in metrics.items() if isinstance(value, int | float) and not isinstance(value, bool)}
    return {key: float(value) for key, value in found.items() if -LARGEST <= value <= LARGEST}


def texts(found: object) -> dict[str, str]:
    """A mapping of texts as it was found in a file; an empty one where something else was."""
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def parsed(text: str) -> JsonDict:
    """The JSON object that ``text`` is, or an empty one; also where a number in it is not finite, which JSON does not know."""
    try:
        content = json.loads(text, parse_constant=finite, parse_float=finite)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def finite(text: str) -> float:
    """The number that ``text`` is. Raises ValueError for NaN and infinity."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no number of JSON")
    return value


def text_of(path: Path) -> str:
    """The text of a regular file; none where it cannot be read."""
    try:
        return read_regular(path, MAX_BYTES).decode()
    except (OSError, ValueError):
        return ""


def last_lines(path: Path, n: int, limit: int = 1 << 17) -> list[str]:
    """The last ``n`` whole lines of a file, as far as they lie within its last ``limit`` bytes; none where it has no end yet."""
    try:
        with open(open_regular(path), "rb") as file:
            file.seek(max(0, file.seek(0, 2) - limit))
            content = file.read(limit)
    except OSError:
        return []
    return content.decode(errors="replace").split("\n")[:-1][-n:] if content.endswith(b"\n") else []
