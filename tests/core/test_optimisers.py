"""The pace of learning, and by what it follows the gradient."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from napari_htcell.optimisers import PAPER_SGD, Optimiser, adamw, one_cycle


def test_the_papers_is_plain_sgd_at_one_pace() -> None:
    made = PAPER_SGD.of([nn.Parameter(torch.ones(1))])
    group = made.param_groups[0]
    assert isinstance(made, torch.optim.SGD)
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.1, 0.9, 0.0005)
    assert not group["nesterov"]
    assert {PAPER_SGD.rate(share / 10) for share in range(11)} == {0.1}


def test_one_cycle_rises_then_falls_to_nothing() -> None:
    rates = [Optimiser(learning_rate=2, schedule=one_cycle).rate(k / 100) for k in range(101)]
    top = rates.index(max(rates))
    assert rates[top] == pytest.approx(2)
    assert 0 < rates[0] < 0.1
    assert rates[-1] == pytest.approx(0)
    assert all(a < b for a, b in itertools.pairwise(rates[: top + 1]))
    assert all(a > b for a, b in itertools.pairwise(rates[top:]))


def test_adam_takes_the_settings() -> None:
    chosen = Optimiser(learning_rate=0.003, momentum=0.8, weight_decay=0.02, algorithm=adamw)
    made = chosen.of([nn.Parameter(torch.ones(1))])
    group = made.param_groups[0]
    assert isinstance(made, torch.optim.AdamW)
    assert (group["lr"], group["betas"][0], group["weight_decay"]) == (0.003, 0.8, 0.02)
