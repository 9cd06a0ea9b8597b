"""Look at runs and sweeps in the MLflow UI: `python scripts/ui.py --help`."""

import sys

from mnist_np.commands.ui import main

if __name__ == "__main__":
    sys.exit(main())
