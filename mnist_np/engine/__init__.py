"""How the training is made fast."""
