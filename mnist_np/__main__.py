"""`python -m mnist_np`: the command ``mnist-np``."""

import sys

from mnist_np.cli.main import main

if __name__ == "__main__":  # a sweep's workers import this file too
    sys.exit(main())
