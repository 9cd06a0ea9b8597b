"""One training step with its numbers, forward and backward: `python scripts/explain.py --help`."""

import sys

from mnist_np.cli.main import script

if __name__ == "__main__":
    sys.exit(script("explain"))
