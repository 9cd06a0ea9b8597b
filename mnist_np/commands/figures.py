"""The figures of runs that drew none, such as those of a sweep: into each run's folder, and to MLflow.

python scripts/figures.py RUN ...
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mnist_np.commands.saved import exit_code_of, plugins
from mnist_np.files import near
from mnist_np.invocation import default_outputs
from mnist_np.storage.interrupted import folder_of
from mnist_np.storage.saved_run import SavedRun, SavedRunError
from mnist_np.tracking.later_figures import draw_figures


def main() -> int:
    """Draw the figures of the runs that ``sys.argv`` names. Gives the exit code."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("runs", nargs="+", metavar="RUN", help="a run's folder, or its MLflow run id")
    made.add_argument("--outputs", type=Path, default=Path(default_outputs()), help="the folder of all results (%(default)s)")
    made.add_argument("--plugin", action="append", default=[], metavar="FILE", help="a Python file with components of your own")
    chosen = made.parse_args()

    def command() -> int:
        plugins(chosen)
        for name in chosen.runs:
            folder = folder_of(name, chosen.outputs)
            if folder is None:
                raise SavedRunError(f"{name}: no run's folder, and no MLflow run id of a run under {chosen.outputs}")
            for path in draw_figures(SavedRun(name, folder), chosen.outputs):
                print(near(path))
        return 0

    return exit_code_of(command)


if __name__ == "__main__":
    sys.exit(main())
