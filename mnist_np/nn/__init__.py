"""The mathematics: NumPy alone."""
