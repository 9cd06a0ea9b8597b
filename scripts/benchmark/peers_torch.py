"""PyTorch on the processor: ``eager`` as the tutorials write it, ``fused`` optimizer, and ``compiled`` forward and backward."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from benchmark.cells import Cell, Mode
from benchmark.child import Images, Job
from benchmark.engines import ONE_IMAGE_REPEATS


def job(mode: Mode, cell: Cell, images: Images) -> Job:
    """One epoch, or inference."""
    torch.set_num_threads(mode.threads)
    torch.manual_seed(0)
    versions = f"torch {torch.__version__}"
    model, X = network(cell), torch.from_numpy(images.X)
    compiled = mode.name == "torch-compiled"
    if cell.task == "infer":
        model.eval()
        X = X[: cell.batch].clone()
        forward: Any = torch.compile(model, dynamic=False) if compiled else model
        repeats = ONE_IMAGE_REPEATS if cell.batch == 1 else 1

        def infer() -> None:
            with torch.inference_mode():
                for _ in range(repeats):
                    torch.softmax(forward(X), 1).numpy()

        return Job(infer, versions, repeats)

    Y = torch.from_numpy(images.labels)
    step_of = optimizer(cell.optimizer, model, fused=mode.name != "torch-eager")
    criterion = nn.CrossEntropyLoss()

    def loss_of(x: torch.Tensor, y: torch.Tensor) -> Any:
        return criterion(model(x), y)

    loss_of = torch.compile(loss_of, dynamic=False) if compiled else loss_of

    def epoch() -> float:
        total = torch.zeros(())
        order: Any = torch.randperm(len(X))
        for indices in order.split(cell.batch):
            loss = loss_of(X[indices], Y[indices])
            step_of.zero_grad()
            loss.backward()
            step_of.step()
            total += loss.detach() * len(indices)
        return float(total)

    return Job(epoch, versions)


def network(cell: Cell) -> nn.Sequential:
    """Linear, (batch norm,) ReLU and (dropout) layers."""
    layers: list[nn.Module] = []
    n_in = 784
    for n in cell.hidden:
        layers.append(nn.Linear(n_in, n))
        layers += [nn.BatchNorm1d(n)] if cell.extra == "batchnorm" else []
        layers.append(nn.ReLU())
        layers += [nn.Dropout(0.5)] if cell.extra == "dropout" else []
        n_in = n
    return nn.Sequential(*layers, nn.Linear(n_in, 10))


def optimizer(name: str, model: nn.Module, fused: bool) -> torch.optim.Optimizer:
    """``fused=None`` leaves PyTorch its own default."""
    choice = True if fused else None
    if name == "adam":
        return torch.optim.Adam(model.parameters(), lr=0.001, fused=choice)
    return torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9 if name == "momentum" else 0, fused=choice)
