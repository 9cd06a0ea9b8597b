"""Configurable experiments with fully connected networks written from scratch in NumPy, on MNIST."""
