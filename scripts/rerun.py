"""Train an earlier run once more and compare the weights bit by bit: `python scripts/rerun.py --help`."""

import sys

from mnist_np.cli.main import script

if __name__ == "__main__":
    sys.exit(script("rerun"))
