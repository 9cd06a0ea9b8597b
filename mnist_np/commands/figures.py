"""The figures of runs that drew none, such as those of a sweep: into each run's folder, and to MLflow.

python scripts/figures.py RUN ...
"""

from __future__ import annotations

import sys

from mnist_np.commands.saved import basic_parser, plugins, reports_user_errors
from mnist_np.files import near
from mnist_np.storage.interrupted import folder_of
from mnist_np.storage.saved_run import SavedRun, SavedRunError
from mnist_np.terminal import printable, without_passwords
from mnist_np.tracking.later_figures import draw_figures


@reports_user_errors
def main() -> int:
    """Draw the figures of the runs that ``sys.argv`` names. Gives the exit code."""
    made = basic_parser(__doc__)
    made.add_argument("runs", nargs="+", metavar="RUN", help="a run's folder, or its MLflow run id")
    made.add_argument("--plugin", action="append", default=[], metavar="FILE", help="a Python file with components of your own")
    chosen = made.parse_args()
    plugins(chosen)
    for name in chosen.runs:
        folder = folder_of(name, chosen.outputs)
        if folder is None:
            raise SavedRunError(f"{name}: no run's folder, and no MLflow run id of a run under {chosen.outputs}")
        paths, untold = draw_figures(SavedRun(name, folder), chosen.outputs)
        for path in paths:
            print(near(path))
        if untold:
            print(printable(without_passwords(untold)), file=sys.stderr)
    return 0
