"""A trained network behind an address: JSON and pictures in, probabilities out; and the page on which digits are drawn."""
