"""Look at runs and sweeps in the MLflow UI: `python scripts/ui.py --help`."""

import sys

from mnist_np.cli.main import script

if __name__ == "__main__":
    sys.exit(script("ui"))
