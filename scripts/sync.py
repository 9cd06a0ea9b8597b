"""Deliver to MLflow what a run could not deliver: `python scripts/sync.py --help`."""

import sys

from mnist_np.cli.main import script

if __name__ == "__main__":
    sys.exit(script("sync"))
