"""The command line."""

from __future__ import annotations


def main() -> None:
    from mnist_np.cli.app import app

    app()
