"""Hydra and the command line: the only place that imports hydra."""
