"""The losses by hand, and silence where the truth is not known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from napari_htcell.losses import (
    SPOT_WEIGHT,
    Loss,
    binary_cross_entropy,
    mean,
    mean_squared_error,
    spot_cross_entropy,
)

BOTH = pytest.mark.parametrize(
    "loss", [mean_squared_error, binary_cross_entropy, spot_cross_entropy]
)


def image(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[None, None, None]


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def test_mean_squared_error_by_hand() -> None:
    logits = image(logit(0.5), logit(0.9), logit(0.2))
    loss = mean(*mean_squared_error(logits, image(1, 0.6, 0), image(1, 1, 1)))
    assert loss.item() == pytest.approx((0.25 + 0.09 + 0.04) / 3)


def test_binary_cross_entropy_by_hand() -> None:
    logits = image(logit(0.5), logit(0.9), logit(0.2))
    loss = mean(*binary_cross_entropy(logits, image(1, 1, 0), image(1, 1, 1)))
    assert loss.item() == pytest.approx(-(math.log(0.5) + math.log(0.9) + math.log(0.8)) / 3)


def test_in_spot_cross_entropy_the_middle_of_a_spot_weighs_more() -> None:
    logits = image(logit(0.5), logit(0.9))
    loss = mean(*spot_cross_entropy(logits, image(1, 0), image(1, 1)))
    spot, ground = -math.log(0.5), -math.log(0.1)
    assert loss.item() == pytest.approx(((1 + SPOT_WEIGHT) * spot + ground) / (2 + SPOT_WEIGHT))


@BOTH
def test_the_unknown_has_neither_loss_nor_gradient(loss: Loss) -> None:
    logits = image(0.3, -1, 2).requires_grad_()
    value = mean(*loss(logits, image(1, 0, 0), image(1, 0, 1)))
    value.backward()
    assert logits.grad is not None
    assert logits.grad.flatten()[1] == 0
    assert (logits.grad.flatten()[[0, 2]] != 0).all()
    known = mean(*loss(image(0.3, 2), image(1, 0), image(1, 1)))
    assert value.item() == pytest.approx(known.item())


@BOTH
def test_nothing_known_is_no_loss_rather_than_no_number(loss: Loss) -> None:
    logits = image(0.3, -1).requires_grad_()
    value = mean(*loss(logits, image(1, 0), image(0, 0)))
    value.backward()
    assert value.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


@BOTH
def test_the_right_answer_costs_nothing_and_extremes_stay_finite(loss: Loss) -> None:
    right = mean(*loss(image(60, -60), image(1, 0), image(1, 1)))
    wrong = mean(*loss(image(-60, 60), image(1, 0), image(1, 1)))
    assert right.item() == pytest.approx(0, abs=1e-9)
    assert math.isfinite(wrong.item())
    assert wrong.item() >= 1 - 1e-9
