"""A trained network as a folder that needs nothing of this project: `python scripts/export.py --help`."""

import sys

from mnist_np.cli.main import script

if __name__ == "__main__":
    sys.exit(script("export"))
