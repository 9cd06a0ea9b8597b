"""Where ``conf/`` lies: beside the package in a checkout, inside it when installed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import mnist_np


@cache
def conf_folder() -> Path:
    """The folder with config.yaml, the checkout's first. Raises FileNotFoundError naming the places looked at."""
    package = Path(mnist_np.__file__).resolve().parent
    checkout = package.parent
    places = [checkout / "conf"] if (checkout / "pyproject.toml").is_file() else []
    places.append(package / "conf")
    for place in places:
        if (place / "config.yaml").is_file():
            return place
    raise FileNotFoundError(f"no config.yaml in {' or '.join(map(str, places))}: the installation is not complete")
