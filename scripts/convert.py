"""A data set of any form as four files in the format of MNIST: `python scripts/convert.py --help`."""

import sys

from mnist_np.cli.main import script

if __name__ == "__main__":
    sys.exit(script("convert"))
