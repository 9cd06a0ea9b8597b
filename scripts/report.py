"""A sweep as one file of HTML: `python scripts/report.py --help`."""

import sys

from mnist_np.cli.main import script

if __name__ == "__main__":
    sys.exit(script("report"))
