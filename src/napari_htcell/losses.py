"""The paper's losses per pixel (section 2.2), and ours, averaged where the truth is known."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

Costs = tuple[Tensor, Tensor]
"""What each pixel costs, and how much it counts; both of the same shape."""

Loss = Callable[[Tensor, Tensor, Tensor], Costs]
"""(logits, target, weight), each of shape (B, 1, Y, X), to each pixel's cost; see `mean`."""


def mean(each: Tensor, counts: Tensor) -> Tensor:
    """Return the mean of what pixels cost, a scalar; 0 where none counts."""
    # A square without any known pixel has no loss, and no gradient, rather than 0 / 0.
    return (each * counts).sum() / counts.sum().clamp(min=1)


def mean_squared_error(logits: Tensor, target: Tensor, weight: Tensor) -> Costs:
    """Return L2 between the network's sigmoid and the target (localisation).

    Parameters
    ----------
    logits, target, weight : Tensor of float, shape (B, 1, Y, X)
        Weight is 1 where the truth is known and 0 elsewhere.
    """
    return functional.mse_loss(logits.sigmoid(), target, reduction="none"), weight


def binary_cross_entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Costs:
    """Return -(y log p + (1 - y) log(1 - p)) with p the network's sigmoid (segmentation).

    Parameters
    ----------
    logits, target, weight : Tensor of float, shape (B, 1, Y, X)
        Weight is 1 where the truth is known and 0 elsewhere.
    """
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return each, weight


def spot_cross_entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Costs:
    """Return the binary cross-entropy, in which a spot's middle counts as many pixels of ground.

    Parameters
    ----------
    logits, target, weight : Tensor of float, shape (B, 1, Y, X)
        Weight is 1 where the truth is known and 0 elsewhere.
    """
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return each, weight * (1 + SPOT_WEIGHT * target)


SPOT_WEIGHT = 10.0
"""How many pixels of empty ground the middle of a spot counts for: spots cover a tenth or less."""


def centre_cross_entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Costs:
    """Return the cross-entropy of "there is a cell in the middle" (CNN-SW, section 3.3).

    Parameters
    ----------
    logits : Tensor of float, shape (B, 1, 1, 1)
    target, weight : Tensor of float, shape (B, 1, Y, X)
        A window with a cell has a spot's top, which is 1, in its middle; others have less there.
    """
    row, column = target.shape[-2] // 2, target.shape[-1] // 2
    middle = (..., slice(row, row + 1), slice(column, column + 1))
    label = (target[middle] > SPOT_TOP).to(logits.dtype)
    each = functional.binary_cross_entropy_with_logits(logits, label, reduction="none")
    return each, weight[middle]


SPOT_TOP = 0.5
"""A spot is above this within 1.2 standard deviations, which is more than half a pixel."""
