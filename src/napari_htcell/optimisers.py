"""How weights follow the gradient, and how the pace changes on the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import nn

Schedule: TypeAlias = Callable[[float], float]
"""Part of a stage that is done, 0 to 1, to the factor on the learning rate."""

WARM_UP = 0.25
"""Part of a stage in which the pace of `one_cycle` rises."""


def constant(share: float) -> float:
    """Return 1: the pace never changes, as in the paper."""
    return 1.0


def one_cycle(share: float) -> float:
    """Rise from nearly nothing, then fall to nothing, along cosines.

    Smith and Topin (2019), Super-convergence; Proc. SPIE 11006.
    """
    if share < WARM_UP:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * share / WARM_UP)) / 2
    return (1 + math.cos(math.pi * (share - WARM_UP) / (1 - WARM_UP))) / 2


def sgd(parameters: Iterable[nn.Parameter], chosen: Optimiser) -> torch.optim.Optimizer:
    """Return stochastic gradient descent with momentum (section 2.2)."""
    return torch.optim.SGD(
        parameters,
        lr=chosen.learning_rate,
        momentum=chosen.momentum,
        weight_decay=chosen.weight_decay,
    )


def adamw(parameters: Iterable[nn.Parameter], chosen: Optimiser) -> torch.optim.Optimizer:
    """Return Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019)."""
    return torch.optim.AdamW(
        parameters,
        lr=chosen.learning_rate,
        betas=(chosen.momentum, 0.999),
        weight_decay=chosen.weight_decay,
    )


@dataclass(frozen=True)
class Optimiser:
    """An algorithm with its settings; without any, the paper's (section 2.2).

    Parameters
    ----------
    learning_rate : float
        The highest.
    momentum : float
        Of the gradient; the first of Adam's two.
    weight_decay : float
    algorithm : callable
        (parameters, settings) to the algorithm itself.
    schedule : callable
        See `Schedule`.
    """

    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 0.0005
    algorithm: Callable[[Iterable[nn.Parameter], Optimiser], torch.optim.Optimizer] = sgd
    schedule: Schedule = constant

    def of(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the algorithm for some parameters, nothing remembered yet."""
        return self.algorithm(parameters, self)

    def rate(self, share: float) -> float:
        """Return the learning rate when a part of the stage, 0 to 1, is done."""
        return self.learning_rate * self.schedule(share)


PAPER_SGD = Optimiser()
"""The paper's settings (section 2.2)."""
