"""Loss and accuracy of a trained network: `python scripts/evaluate.py --help`."""

import sys

from mnist_np.commands.evaluate import main

if __name__ == "__main__":
    sys.exit(main())
