"""Loss and accuracy of a trained network: `python scripts/evaluate.py --help`."""

import sys

from mnist_np.cli.main import script

if __name__ == "__main__":
    sys.exit(script("evaluate"))
