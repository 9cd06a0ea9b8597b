"""What a trained network takes pictures for: `python scripts/predict.py --help`."""

import sys

from mnist_np.commands.predict import main

if __name__ == "__main__":
    sys.exit(main())
