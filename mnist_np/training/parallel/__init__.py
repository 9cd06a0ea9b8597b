"""One network trained by two processes, each with one BLAS thread and half of the weights (``training.processes=2``).

Dense layers go in pairs. Of the first, each process has half of the columns, so it computes half of the units from all of X;
of the second it has the rows that belong to these units, so its product is one of two summands of Z:

    Z1_p = X W1[:, p] + b1[p],    A1_p = g(Z1_p),    Z2 = A1_0 W2[0, :] + A1_1 W2[1, :] + b2

The sum is the pair's only exchange forward (`exchange.py`), and the one of dX the only one backward. Weights, gradients and the
optimizer's memory never leave their process during an epoch (Shoeybi et al. 2019, "Megatron-LM", section 3). A last layer
without a partner is computed by both alike, and so is what follows a sum.

Between the two layers of a pair, activations, dropout, noise and batch norm treat each unit by itself, so each process has those
of its units; random numbers are drawn for all units by both, so that their streams stay one. Norms over what both have, of the
gradient or of a unit's incoming weights, are sums of two squares, exchanged like the layers' sums.

Each process runs the ordinary `Trainer` on an ordinary `Network` of its share (`shares.py`); before and after each epoch, and
where an observer wants to look at a step, the shares are dealt out and collected (`trainer.py`), so that all the rest of a run
knows only the whole network.
"""
