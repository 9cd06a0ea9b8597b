"""Configurable experiments with fully connected networks written from scratch in NumPy, on MNIST."""

__version__ = "0.1.0"
