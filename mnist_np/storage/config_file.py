"""A run's ``config.yaml``, read as untrusted data."""

from __future__ import annotations

from pathlib import Path

import yaml

from mnist_np.files import read_regular

MAX_BYTES = 1 << 18
"""Bytes of a config: a real one has two thousand. The pure Python parser takes about 3 s for so many."""

MAX_DEPTH = 20
"""Levels within each other: a real config has four."""


class PlainLoader(yaml.SafeLoader):  # type: ignore[misc] # yaml has no types
    """Mappings, lists and scalars. No aliases, with which a few lines can stand for billions of values, and few levels."""

    depth = 0

    def compose_node(self, parent: object, index: object) -> object:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(f"line {self.peek_event().start_mark.line + 1}: aliases (*name) are not allowed")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise yaml.YAMLError(f"line {self.peek_event().start_mark.line + 1}: more than {MAX_DEPTH} levels")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def read_config(path: Path) -> dict[str, object]:
    """The mapping of keys in a YAML file.

    Args:
        path: A regular file of at most `MAX_BYTES`, no link.

    Raises:
        OSError: It cannot be read, or is something else.
        ValueError: It is no YAML, or is not a mapping of keys. The message is one line, without the path.
    """
    content = read_regular(path, MAX_BYTES)
    try:
        loader = PlainLoader(content.decode())
        try:
            values = loader.get_single_data()
        finally:
            loader.dispose()
    except (yaml.YAMLError, RecursionError, TypeError, OverflowError) as error:  # TypeError: a mapping as a key
        raise ValueError(" ".join(str(error).split())) from None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ValueError("it is not a mapping of keys")
    return values
