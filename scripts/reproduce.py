"""Published results, trained again: `python scripts/reproduce.py --help`."""

import sys

from mnist_np.cli.main import script

if __name__ == "__main__":
    sys.exit(script("reproduce"))
