"""`python -m mnist_np`: the command ``mnist-np``."""

import sys

from mnist_np.cli.main import main

sys.exit(main())
