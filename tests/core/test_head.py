"""Before a network meets other images, the scale of its scores is fitted to them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from spot_lesson import CELLS, lesson

from napari_htcell import head
from napari_htcell.course import Course
from napari_htcell.progress import run
from napari_htcell.training import Keeper, Lesson, train_network
from napari_htcell.unet import UNet

CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def learnt(spots: Callable[..., Any], tmp_path: Path) -> UNet:
    """Return a network that has learnt the spots."""
    torch.manual_seed(0)
    network = UNet(2, 2)
    one = lesson(spots, head_first=False, settles_first=False)
    run(train_network(network, one, torch.float32, Keeper(tmp_path / "state", "", 3600)))
    run(network.settle(one.images, CPU))
    return network


def loss(network: UNet, one: Lesson) -> float:
    image, target, weight = one.load(one.squares(0), CPU)
    with torch.no_grad():
        each, counts = one.stage.loss(network.eval()(image), target, weight)
    return float((each * counts).sum() / counts.sum())


def test_scores_made_probabilities_are_heights_of_spots_again(
    learnt: UNet, spots: Callable[..., Any]
) -> None:
    one = lesson(spots)
    before = loss(learnt, one)
    calibrated = copy.deepcopy(learnt)
    calibrated.rescale(0.5, 3.0)
    assert loss(calibrated, one) > 1.5 * before
    head.fit(calibrated, one)
    assert loss(calibrated, one) < 1.05 * before
    same = zip(calibrated.encoder.parameters(), learnt.encoder.parameters(), strict=True)
    assert all(torch.equal(mine, other) for mine, other in same)


@pytest.mark.parametrize("cells", [CELLS[:1], np.empty((0, 2))])
def test_a_single_cell_or_none_asks_for_nothing_absurd(
    learnt: UNet, spots: Callable[..., Any], cells: Any
) -> None:
    before = learnt.last.weight.detach().clone()
    head.fit(learnt, lesson(spots, cells))
    slopes = (learnt.last.weight / before).detach()
    assert 0.09 < float(slopes.min()) <= float(slopes.max()) < 11


def test_it_comes_before_the_first_step_alone(
    learnt: UNet, spots: Callable[..., Any], tmp_path: Path
) -> None:
    """A training that goes on where it was stopped does not fit again what it has learnt since."""
    whole, cut = copy.deepcopy(learnt), copy.deepcopy(learnt)
    one = lesson(spots)
    run(Course("whole", tmp_path, {"last": one}, 3600).train("last", whole, torch.float32))
    steps = Course("cut", tmp_path, {"last": one}, 3600).train("last", cut, torch.float32)
    for _ in range(20):
        next(steps)
    steps.close()
    again = copy.deepcopy(learnt)
    run(Course("cut", tmp_path, {"last": one}, 3600).train("last", again, torch.float32))
    for mine, other in zip(again.parameters(), whole.parameters(), strict=True):
        assert torch.equal(mine, other)
    without = copy.deepcopy(learnt)
    plain = lesson(spots, head_first=False)
    run(Course("plain", tmp_path, {"last": plain}, 3600).train("last", without, torch.float32))
    assert not torch.equal(without.last.weight, whole.last.weight)
