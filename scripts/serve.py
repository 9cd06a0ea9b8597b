"""A trained network behind an address: `python scripts/serve.py --help`."""

import sys

from mnist_np.cli.main import script

if __name__ == "__main__":
    sys.exit(script("serve"))
