"""Folding batch norm into the weights: in inference it is affine, Y = X * scale + shift, and so is the Dense layer beside it."""

from __future__ import annotations

from mnist_np.nn.arrays import Array
from mnist_np.nn.layers import Dense, Layer
from mnist_np.nn.network import Network
from mnist_np.nn.norms import BatchNorm


def folded(network: Network) -> Network:
    """A network of its own that infers the same as ``network`` without batch norm. For inference only.

    After a Dense layer X W + b it becomes W * scale and b * scale + shift, before one scale^T * W and b + shift W.
    """
    layers = [layer for layer in network.layers if not layer.stochastic]
    kept: list[Layer] = []
    arrays: list[dict[str, Array]] = []
    affine: tuple[Array, Array] | None = None  # of a batch norm, on its way into the next Dense layer
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        own = layer.params | layer.state
        if isinstance(layer, BatchNorm) and kept and isinstance(kept[-1], Dense):
            scale, shift = layer.as_affine()
            arrays[-1] = {"W": arrays[-1]["W"] * scale, "b": arrays[-1]["b"] * scale + shift}
            continue
        if isinstance(layer, BatchNorm) and isinstance(following, Dense):
            affine = layer.as_affine()
            continue
        if affine is not None:
            scale, shift = affine
            own, affine = {"W": scale[:, None] * own["W"], "b": own["b"] + shift @ own["W"]}, None
        kept.append(layer.unbound())
        arrays.append(own)
    other = Network(kept, None, network.dtype)
    other.probabilities = network.probabilities
    for layer, own in zip(other.layers, arrays, strict=True):
        for name, array in own.items():
            (layer.params if name in layer.params else layer.state)[name][:] = array
    return other
