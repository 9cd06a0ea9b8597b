"""An HTTP server of trained networks: JSON and pictures in, probabilities out; and a page to draw digits on."""
