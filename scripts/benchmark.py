"""Measure the trainer beside its limit and beside other libraries: `python scripts/benchmark.py --help`."""

from mnist_np.benchmark.cli import main

main()
