"""A trained network without this project: a folder that needs NumPy and safetensors, and that MLflow loads as a model."""
