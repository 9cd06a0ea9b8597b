"""Runs side by side: `python scripts/compare.py --help`."""

import sys

from mnist_np.commands.compare import main

if __name__ == "__main__":
    sys.exit(main())
