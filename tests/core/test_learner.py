"""A network's steps can be cut anywhere, and its weights be averaged."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from napari_htcell.learner import Learner
from napari_htcell.optimisers import PAPER_SGD, Optimiser, adamw, one_cycle
from napari_htcell.unet import UNet
from napari_htcell.versions import Stage, get_version

STEPS = 6
PLAIN = get_version("A").stages[0]
STAGES = {
    "the paper's": PLAIN,
    "AdamW, one cycle, averaged": replace(
        PLAIN,
        optimiser=Optimiser(learning_rate=0.01, algorithm=adamw, schedule=one_cycle),
        averaging=0.5,
    ),
}
IMAGES = torch.randn(STEPS, 1, 1, 16, 16, generator=torch.Generator().manual_seed(0))


def beginner(stage: Stage) -> Learner:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Learner(UNet(2, 1), stage, STEPS)


def taught(learner: Learner, steps: range) -> Learner:
    for number in steps:
        learner.step((learner.network(IMAGES[number]) - 1).square().mean(), number)
    return learner


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize("cut", range(STEPS + 1))
def test_one_that_goes_on_ends_where_the_uninterrupted_one_does(name: str, cut: int) -> None:
    whole = taught(beginner(STAGES[name]), range(STEPS))
    first = taught(beginner(STAGES[name]), range(cut))
    second = beginner(STAGES[name])
    second.load({key: value.clone() for key, value in first.tensors().items()})
    taught(second, range(cut, STEPS))
    for learner in (whole, second):
        learner.finish()
    mine, its = whole.tensors(), second.tensors()
    assert mine.keys() == its.keys()
    assert all(torch.equal(value, its[key]) for key, value in mine.items())


def test_the_network_ends_with_the_mean_of_its_weights() -> None:
    decay, weights = 0.5, []
    learner = beginner(replace(PLAIN, averaging=decay))
    for number in range(3):
        taught(learner, range(number, number + 1))
        weights.append(next(learner.network.parameters()).detach().clone())
    learner.finish()
    mean = weights[0]
    for later in weights[1:]:
        mean = decay * mean + (1 - decay) * later
    torch.testing.assert_close(next(learner.network.parameters()).detach(), mean)


@pytest.mark.parametrize("settles_first", [False, True])
def test_batch_normalisation_stays_as_it_settled_where_it_settles_first(
    settles_first: bool,
) -> None:
    learner = beginner(replace(PLAIN, settles_first=settles_first))

    def statistics() -> list[torch.Tensor]:
        return [value.clone() for name, value in learner.network.named_buffers() if "mean" in name]

    before = statistics()
    with torch.no_grad():
        seen = learner.network(IMAGES[0])
        together = learner.network(torch.cat([IMAGES[0], 5 + 3 * IMAGES[1]]))[:1]
    # An image looks the same whatever is beside it in the batch, as it will in detection.
    assert torch.allclose(seen, together, atol=1e-5) == settles_first
    taught(learner, range(STEPS))
    same = [torch.equal(a, b) for a, b in zip(before, statistics(), strict=True)]
    assert all(same) if settles_first else not any(same)


def test_the_pace_is_the_schedules() -> None:
    still = replace(PLAIN, optimiser=replace(PAPER_SGD, schedule=lambda share: float(share > 0)))
    learner = beginner(still)
    before = next(learner.network.parameters()).detach().clone()
    taught(learner, range(1))
    assert torch.equal(next(learner.network.parameters()), before)
    taught(learner, range(1, 2))
    assert not torch.equal(next(learner.network.parameters()), before)
