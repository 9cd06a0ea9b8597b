"""Measure the trainer beside its limit and beside other libraries: `python scripts/benchmark.py --help`."""

from benchmark.cli import main

main()
