"""Sweeps: many runs seen as one experiment. What varies, how far each run is, and what the whole of them says."""
