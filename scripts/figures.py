"""The figures of runs that drew none: `python scripts/figures.py --help`."""

import sys

from mnist_np.cli.main import script

if __name__ == "__main__":
    sys.exit(script("figures"))
