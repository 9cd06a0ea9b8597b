"""Conditions on a run's config, for ``sweep.exclude``: ``optimizer=sgd and optimizer.lr<0.01``. Nothing is evaluated as code.

condition  = all ("or" all)*
all        = one ("and" one)*
one        = "not" one | "(" condition ")" | KEY OPERATOR VALUE        with = == != < <= > >=
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mnist_np.component import ConfigError

TOKEN = re.compile(r"""\s*([()]|<=|>=|!=|==|=|<|>|"[^"]*"|'[^']*'|\[[^\]]*\]|[^\s()<>=!"'\[\]]+)""")

CONSTANT = re.compile(r"\b(true|false|null)\b", re.IGNORECASE)

OPERATORS = ("=", "==", "!=", "<", "<=", ">", ">=")

FORM = "a condition is KEY=VALUE with = != < <= > >=, joined by and, or, not and brackets: 'optimizer=sgd and optimizer.lr<0.01'"

Holds = Callable[[Mapping[str, str], bool], bool | None]
"""Whether a condition holds for values by key; None where that depends on a missing key, unless these are the ``whole``."""


@dataclass(frozen=True)
class Condition:
    """A condition as it was written, the keys that it names, and what decides it."""

    text: str
    keys: tuple[str, ...]
    holds: Holds

    @staticmethod
    def parse(text: str) -> Condition:
        """Raises ConfigError for what is no condition."""
        parser = _Parser(text)
        holds = parser.either()
        if parser.tokens:
            raise parser.error()
        return Condition(text, tuple(dict.fromkeys(parser.keys)), holds)


def as_written(value: object) -> str:
    """A value of a config as an override writes it: ``null``, ``true``, ``[64,32]``, ``0.1``."""
    if isinstance(value, list | tuple):
        return f"[{','.join(map(as_written, value))}]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


class _Parser:
    """Reads a condition from left to right. ``keys`` are those that were named so far."""

    def __init__(self, text: str) -> None:
        self.text, self.keys, self.tokens = text, list[str](), list[str]()
        position = 0
        while text[position:].strip():
            found = TOKEN.match(text, position)
            if not found:
                raise self.error(text[position:].strip())
            self.tokens.append(found[1])
            position = found.end()

    def error(self, at: str | None = None) -> ConfigError:
        where = at or (self.tokens[0] if self.tokens else "its end")
        return ConfigError("sweep.exclude", self.text, f"cannot be read at {where}: {FORM}")

    def next_is(self, word: str) -> bool:
        """Whether ``word`` comes next; then it is taken."""
        if self.tokens[:1] == [word]:
            self.tokens.pop(0)
            return True
        return False

    def either(self) -> Holds:
        parts = [self.every()]
        while self.next_is("or"):
            parts.append(self.every())
        return lambda values, whole: _any([part(values, whole) for part in parts])

    def every(self) -> Holds:
        parts = [self.one()]
        while self.next_is("and"):
            parts.append(self.one())
        return lambda values, whole: _not(_any([_not(part(values, whole)) for part in parts]))

    def one(self) -> Holds:
        if self.next_is("not"):
            part = self.one()
            return lambda values, whole: _not(part(values, whole))
        if self.next_is("("):
            inner = self.either()
            if not self.next_is(")"):
                raise self.error()
            return inner
        return self.comparison()

    def comparison(self) -> Holds:
        if len(self.tokens) < 3 or not re.match(r"[A-Za-z_]", self.tokens[0]) or self.tokens[1] not in OPERATORS:
            raise self.error()
        key, operator, value = self.tokens[:3]
        if value in (*OPERATORS, "(", ")"):
            raise self.error(value)
        del self.tokens[:3]
        value = plain(value)
        if operator[0] in "<>" and as_number(value) is None:
            raise ConfigError("sweep.exclude", self.text, f"{key}{operator}{value}: {operator} compares with a number")
        self.keys.append(key)

        def holds(values: Mapping[str, str], whole: bool) -> bool | None:
            if key in values:
                return compare(plain(values[key]), operator, value)
            return operator == "!=" if whole else None

        return holds


def compare(found: str, operator: str, value: str) -> bool:
    """Whether ``found operator value`` holds: numbers by value, all else by its text; a word is neither less nor more."""
    a, b = as_number(found), as_number(value)
    if operator in ("=", "==", "!="):
        equal = found == value if a is None or b is None else a == b
        return equal == (operator != "!=")
    if a is None or b is None:
        return False
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator]


def plain(text: str) -> str:
    """A value without its quotes and without spaces in lists: ``[64, 32]`` and ``[64,32]`` are the same.

    So are ``True`` and ``true``, also in lists: Hydra hands on the one where the other was typed.
    """
    if text[:1] in ("'", '"'):
        text = text[1:-1]
    elif text.startswith("["):
        text = re.sub(r"\s", "", text)
    return CONSTANT.sub(lambda found: found[0].lower(), text)


def as_number(text: str) -> float | None:
    """The number that ``text`` is; None if it is none."""
    try:
        return float(text)
    except ValueError:
        return None


def _any(parts: list[bool | None]) -> bool | None:
    """True where one is, None where none is but one is not known, else False."""
    return True if True in parts else None if None in parts else False


def _not(part: bool | None) -> bool | None:
    return None if part is None else not part
