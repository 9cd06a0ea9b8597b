"""``explain``: one training step of a config, with its numbers, as text or as a page of HTML.

{command}                                     the default network on four images
{command} 'model.hidden=[3]' activation=tanh  any config that `train` takes
{command} --images 2 --html step.html         as a page with figures
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mnist_np.cli.one_config import experiment_of, parser
from mnist_np.cli.train import OK, guarded


def main() -> int:
    """Explain what ``sys.argv`` asks for. Gives the exit code."""
    made = parser("explain", __doc__, "[--images N] [--html FILE] [GROUP=OPTION ...] [KEY=VALUE ...]")
    made.add_argument("--images", type=int, default=4, metavar="N", help="how many training images the batch has (%(default)s)")
    made.add_argument("--html", type=Path, metavar="FILE", help="write a page of HTML with figures in place of the text")
    chosen, rest = made.parse_known_args()
    return guarded(lambda: explain(chosen, rest), rest)


def explain(chosen: argparse.Namespace, words: list[str]) -> int:
    """What `main` does, with exceptions for mistakes."""
    from rich.console import Console

    from mnist_np.commands.explain.text import explain as as_text
    from mnist_np.commands.explain.walk import walk
    from mnist_np.storage.teacher import load_data
    from mnist_np.training.evaluation import quiet

    experiment, outputs = experiment_of(words, "explain looks at one config")
    data = load_data(experiment, outputs)
    experiment.check_memory(data)
    with quiet():
        step = walk(experiment, data, chosen.images)
    if chosen.html:
        from mnist_np.commands.explain.page import write_page

        write_page(step, chosen.html)
        print(chosen.html)
    else:
        as_text(step, Console(width=None if sys.stdout.isatty() else 120))
    return OK
