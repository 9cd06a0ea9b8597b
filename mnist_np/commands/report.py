"""The report of a sweep as one HTML file: its verdict, table, figures, configs and commands.

python scripts/report.py SWEEP
"""

from __future__ import annotations

from pathlib import Path

from mnist_np.commands.saved import basic_parser, reports_user_errors
from mnist_np.files import near, write_atomically
from mnist_np.sweep.saved_sweep import load_sweep


@reports_user_errors
def main() -> int:
    """Write the page of the sweep that ``sys.argv`` names. Gives the exit code."""
    made = basic_parser(__doc__)
    made.add_argument("sweep", metavar="SWEEP", help="a sweep's folder, the id at the end of its name, or its name")
    made.add_argument("--to", type=Path, metavar="FILE", help="where to write it (default: report.html in the sweep's folder)")
    chosen = made.parse_args()
    from mnist_np.figures.sweep.draw import draw
    from mnist_np.sweep.html_report import html_report

    sweep = load_sweep(chosen.sweep, chosen.outputs)
    path = chosen.to or sweep.folder / "report.html"
    write_atomically(path, html_report(sweep.report, draw(sweep.report), sweep.commands))
    print(near(path))
    return 0
