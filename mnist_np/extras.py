"""Optional packages, which the extras of ``pyproject.toml`` install."""

from __future__ import annotations

from pathlib import Path

import mnist_np


def install_command(extra: str) -> str:
    """The command that installs an extra here: into a checkout from its folder, or beside the installed package."""
    checkout = (Path(mnist_np.__file__).resolve().parents[1] / "pyproject.toml").is_file()
    return f"python -m pip install {'-e ' if checkout else ''}'{'.' if checkout else 'mnist-np'}[{extra}]'"
