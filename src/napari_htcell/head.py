"""The scale of a network's scores is fitted first, before it learns images of another kind.

A calibrated network's scores are no heights of spots any more, and on other images they may be far
from both. The first steps of all layers would undo that everywhere, in the features too, at which
they were good: what is fine-tuned on three images then knows less than before. A slope and an
offset, fitted while all else stands still, leave the steps to what is new (Kumar et al., ICLR 2022,
"Fine-tuning can distort pretrained features and underperform out-of-distribution", who fit the
whole last layer).
"""

from __future__ import annotations

from itertools import chain, islice

import numpy as np
import torch
from scipy.optimize import minimize

from napari_htcell import losses
from napari_htcell.network import Network
from napari_htcell.training import Lesson

MOST_SQUARES = 60
"""Two numbers need no more."""

PULL = 1e-3
"""Of the belief that logits are right as they are: one cell alone would ask for infinite ones."""

BOUNDS = ((-np.log(10), np.log(10)), (-5, 5))
"""Of the slope's logarithm and the offset; a network that knows any cells is not further off."""


def fit(network: Network, lesson: Lesson) -> None:
    """Give a network's logits the slope and offset with which a lesson's loss is least, in place.

    Parameters
    ----------
    network : Network
        One that can `rescale`.
    lesson : Lesson
        Its first squares are looked at.
    """
    squares = list(islice(chain.from_iterable(lesson.batches(0)), MOST_SQUARES))
    image, target, weight = lesson.load(squares, network.device)
    network.eval()
    with torch.no_grad():
        logits = torch.cat([network(one[None]) for one in image])

    def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
        x = torch.tensor(line, dtype=logits.dtype, device=logits.device, requires_grad=True)
        # The slope's logarithm: a higher score must stay a higher one.
        scaled = x[0].exp() * logits + x[1]
        value = losses.mean(*lesson.stage.loss(scaled, target, weight)) + PULL * (x**2).sum()
        value.backward()  # type: ignore[no-untyped-call]
        assert x.grad is not None
        return value.item(), x.grad.cpu().numpy().astype(np.float64)

    slope, offset = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=BOUNDS).x
    network.rescale(float(np.exp(slope)), float(offset))
