"""Lion and the schedule-free optimizers, written out from their papers' pseudo-code with PyTorch's tensors."""

import torch


class Lion:
    """Chen et al. 2023, algorithm 2."""

    def __init__(self, params, lr, beta1, beta2, weight_decay):
        self.params, self.lr, self.beta1, self.beta2, self.weight_decay = params, lr, beta1, beta2, weight_decay
        self.m = [torch.zeros_like(p) for p in params]

    @torch.no_grad()
    def step(self, closure):
        closure()
        for i, p in enumerate(self.params):
            c = self.beta1 * self.m[i] + (1 - self.beta1) * p.grad
            decay = self.weight_decay * p if p.ndim == 2 else 0
            p -= self.lr * (torch.sign(c) + decay)
            self.m[i] = self.beta2 * self.m[i] + (1 - self.beta2) * p.grad


class ScheduleFree:
    """Defazio et al. 2024, algorithm 1 (AdamW) and equations 3 to 5 (SGD), with gamma^2 weights."""

    def __init__(self, params, lr, beta, weight_decay, beta2=None, eps=1e-8):
        self.params, self.lr, self.beta, self.weight_decay, self.beta2, self.eps = params, lr, beta, weight_decay, beta2, eps
        self.x, self.z = [p.detach().clone() for p in params], [p.detach().clone() for p in params]
        self.v = [torch.zeros_like(p) for p in params]
        self.t, self.total = 0, 0.0

    @torch.no_grad()
    def step(self, closure):
        closure()
        self.t += 1
        lr = self.lr * (1 - self.beta2**self.t) ** 0.5 if self.beta2 else self.lr
        self.total += lr**2
        c = lr**2 / self.total
        for i, y in enumerate(self.params):
            direction = y.grad
            if self.beta2:
                self.v[i] = self.beta2 * self.v[i] + (1 - self.beta2) * y.grad**2
                direction = y.grad / (self.v[i].sqrt() + self.eps)
            decay = self.weight_decay * y if y.ndim == 2 else 0
            self.z[i] = self.z[i] - lr * (direction + decay)
            self.x[i] = (1 - c) * self.x[i] + c * self.z[i]
            y.copy_((1 - self.beta) * self.z[i] + self.beta * self.x[i])
