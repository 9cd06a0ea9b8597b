"""``logspace(a,b,n)`` in the values of an override: n numbers from a to b, each by the same factor more than the last.

Hydra's grammar has no such range and cannot be extended, so it is written out before Hydra sees it.
"""

from __future__ import annotations

import math
import re

from mnist_np.component import ConfigError

CALL = re.compile(r"\blogspace\(([^()]*)\)")

FORM = "must be logspace(a,b,n): n numbers from a to b, both above 0, such as logspace(1e-4,1,9)"

DIGITS = 3
"""Significant digits of a number between the ends, unless more are needed to tell it from the next."""

MOST = 10_000


def expand(override: str) -> str:
    """The override with each ``logspace(...)`` of its value written out as ``0.0001,0.000316,0.001``. Raises ConfigError."""
    key, equals, value = override.partition("=")
    if not equals or value[:1] in ("'", '"') or "logspace" not in value:
        return override
    return f"{key}={CALL.sub(lambda call: ','.join(numbers(key, call)), value)}"


def numbers(key: str, call: re.Match[str]) -> list[str]:
    """What one ``logspace(...)`` stands for. Raises ConfigError."""
    words = [word.strip() for word in call[1].split(",")]
    try:
        low, high, n = float(words[0]), float(words[1]), int(words[2])
    except (ValueError, IndexError):
        raise ConfigError(key, call[0], FORM) from None
    if len(words) > 3 or not (0 < low < math.inf and 0 < high < math.inf and low != high):
        raise ConfigError(key, call[0], FORM)
    if not 2 <= n <= MOST:
        raise ConfigError(key, call[0], f"n must be from 2 to {MOST:,}")
    exact = [low * (high / low) ** (i / (n - 1)) for i in range(n)]
    if all(re.fullmatch(r"\+?\d+", word) for word in words[:2]):
        return list(dict.fromkeys(str(round(number)) for number in exact))  # whole numbers, as in range(1,9)
    for digits in range(DIGITS, 18):
        found = [low, *(float(f"{number:.{digits}g}") for number in exact[1:-1]), high]
        if len(set(found)) == n:
            return [repr(number) for number in found]
    raise ConfigError(key, call[0], f"there are not {n} different numbers between its ends")
