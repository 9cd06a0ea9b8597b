"""Figures of runs and sweeps: the only place that imports matplotlib, and only when something is drawn."""
