"""Classify pictures with a trained network: `python scripts/predict.py --help`."""

import sys

from mnist_np.cli.main import script

if __name__ == "__main__":
    sys.exit(script("predict"))
