"""``explain``: one training step with its numbers: forward, loss, backward, the gradients checked, the update."""
