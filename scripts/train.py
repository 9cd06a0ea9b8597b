"""Train a network: `python scripts/train.py --help`."""

import sys

from mnist_np.cli.train import main

if __name__ == "__main__":
    sys.exit(main())
