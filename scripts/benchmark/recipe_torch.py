"""A record's recipe in PyTorch: the loop of the tutorials, with the optimizer ``fused`` or the step ``compiled``."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmark.cells import Cell, Mode
from benchmark.child import Images, Job
from benchmark.recipe import Recipe, Trained, timed
from mnist_np.data.augment import Distort


def job(mode: Mode, cell: Cell, images: Images) -> Job:
    """The whole training, of any seed."""
    torch.set_num_threads(mode.threads)
    recipe = Recipe(cell.net)
    sizes = [784, *recipe.experiment.model.hidden]
    hidden = [layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.ReLU())]
    model = nn.Sequential(*hidden, nn.Linear(sizes[-1], 10))
    linear = [layer for layer in model if isinstance(layer, nn.Linear)]
    X, y = torch.tensor(images.X), torch.tensor(images.labels)
    test = images.dataset.test
    X_test, y_test = torch.tensor(np.ascontiguousarray(test.X)), torch.tensor(test.labels)
    criterion: Any = nn.CrossEntropyLoss(label_smoothing=recipe.smoothing)

    def loss_of(x: torch.Tensor, y: torch.Tensor) -> Any:
        return criterion(model(x if recipe.distort is None else distorted(x, recipe.distort)), y)

    step_loss = torch.compile(loss_of, dynamic=False) if mode.name == "torch-compiled" else loss_of

    def train(seed: int, epochs: int) -> None:
        torch.manual_seed(seed)
        with torch.no_grad():
            for layer, (W, b) in zip(linear, recipe.weights(seed), strict=True):
                layer.weight.copy_(torch.from_numpy(W.T))
                layer.bias.copy_(torch.from_numpy(b))
        adam, fused = recipe.adam, True if mode.name != "torch-eager" else None
        optimizer = torch.optim.Adam(model.parameters(), lr=adam.lr, betas=(adam.beta1, adam.beta2), eps=adam.eps, fused=fused)
        for rates in recipe.rates(len(X))[:epochs]:
            order: Any = torch.randperm(len(X))
            for indices, rate in zip(order.split(recipe.batch), rates.tolist(), strict=True):
                optimizer.param_groups[0]["lr"] = rate
                loss = step_loss(X[indices], y[indices])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    def accuracy() -> float:
        with torch.inference_mode():
            return float((model(X_test).argmax(1) == y_test).float().mean())

    def run(seed: int) -> Trained:
        return timed(lambda: train(seed, recipe.epochs), accuracy)

    return Job(run, f"torch {torch.__version__}", warm_up=lambda: train(0, 1))


def distorted(x: torch.Tensor, distort: Distort) -> torch.Tensor:
    """The images (m, 784), each shifted, turned, slanted and scaled at random: one bilinear look-up."""
    m, side = len(x), 28
    uniform = torch.rand(6, m) * 2 - 1
    shifts = 2 / side * distort.shift * uniform[:2]  # the image is 2 wide
    angle, slant = np.radians(distort.rotation) * uniform[2], np.tan(np.radians(distort.shear)) * uniform[3]
    c, s, by_x, by_y = angle.cos(), angle.sin(), 1 + distort.scale * uniform[4], 1 + distort.scale * uniform[5]
    rows = [  # R H S^-1 in the order x, y
        torch.stack([c / by_x, (s + c * slant) / by_y, shifts[0]]),
        torch.stack([-s / by_x, (c - s * slant) / by_y, shifts[1]]),
    ]
    grid = functional.affine_grid(torch.stack(rows).permute(2, 0, 1), [m, 1, side, side], align_corners=False)
    return functional.grid_sample(x.view(m, 1, side, side), grid, align_corners=False).view(m, -1)
