"""A page on which a digit is drawn and a network answers: `python scripts/draw.py --help`."""

import sys

from mnist_np.cli.main import script

if __name__ == "__main__":
    sys.exit(script("draw"))
