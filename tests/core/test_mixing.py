"""How much of a fine-tuning is kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_htcell.config import DetectConfig, TrainConfig
from napari_htcell.evaluate import Judgement
from napari_htcell.mixing import best_share, mixed
from napari_htcell.networks import build
from napari_htcell.progress import run

CPU = torch.device("cpu")


@pytest.fixture
def two():
    networks = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        networks.append(build("U-Net", TrainConfig(base_width=2, depth=1)).eval())
    return networks


def heat(network, image=None):
    image = torch.linspace(-1, 1, 32 * 32).reshape(1, 1, 32, 32) if image is None else image
    with torch.no_grad():
        return network.eval()(image)


def test_the_ends_are_the_networks_themselves(two):
    old, new = two
    for share, end in ((0.0, old), (1.0, new)):
        found = run(mixed(old, new, share, [], CPU))
        assert torch.equal(heat(found), heat(end))
        assert found is not end


def test_in_between_every_weight_is_between(two):
    old, new = two
    before = heat(old).clone()
    found = run(mixed(old, new, 0.25, [], CPU))
    for mine, a, b in zip(found.parameters(), old.parameters(), new.parameters(), strict=True):
        torch.testing.assert_close(mine, 0.75 * a + 0.25 * b)
    assert torch.equal(heat(old), before)


def judged(*scores_of_cells, scores_elsewhere=()):
    """Return a judgement of one image with a cell for each score, found right there."""
    cells = np.array([[100.0 * number, 0] for number in range(len(scores_of_cells))])
    elsewhere = np.array([[100.0 * number, 500] for number in range(len(scores_elsewhere))])
    points = np.concatenate([cells, elsewhere.reshape(-1, 2)])
    return Judgement(points, np.array([*scores_of_cells, *scores_elsewhere]), cells, 1.0)


HALF, RATHER_ALL = (0.5,), (1.0, 0.5)


def kept(judgements, preferred=HALF):
    return best_share(
        dict(zip((0.0, 0.5, 1.0), judgements, strict=True)), DetectConfig(), preferred
    )


def test_the_share_that_finds_most_is_kept():
    right, wrong = [judged(0.9, 0.8)], [judged(0.9, 0.3, scores_elsewhere=(0.8, 0.7))]
    assert kept([wrong, right, wrong]) == 0.5
    assert kept([right, wrong, wrong]) == 0.0


def test_each_is_read_at_its_own_best_threshold():
    alike = {0.0: [judged(0.9, 0.2)], 1.0: [judged(0.2, 0.2)]}
    assert best_share(alike, DetectConfig(), (1.0,)) == 1.0


@pytest.mark.parametrize("preferred", [HALF, RATHER_ALL])
def test_of_equals_the_preferred_is_kept_and_so_where_nobody_can_tell(preferred):
    assert kept([[judged(0.9)]] * 3, preferred) == preferred[0]
    assert kept([[]] * 3, preferred) == preferred[0]


def test_half_is_kept_until_something_else_is_better_beyond_chance():
    better, worse = [judged(*[0.9] * 40)], [judged(*[0.9] * 38, scores_elsewhere=[0.9, 0.9])]
    one_missed = [judged(*[0.9] * 39, 0.01)]
    assert kept([one_missed, one_missed, better]) == 0.5
    assert kept([better, one_missed, worse]) == 0.5
    many_missed = [judged(*[0.9] * 30, *[0.01] * 10)]
    assert kept([many_missed, many_missed, better]) == 1.0


def test_all_is_kept_until_something_is_better_beyond_chance_and_then_half_is_asked_next():
    better, one_missed = [judged(*[0.9] * 40)], [judged(*[0.9] * 39, 0.01)]
    many_missed = [judged(*[0.9] * 30, *[0.01] * 10)]
    assert kept([better, better, one_missed], RATHER_ALL) == 1.0
    assert kept([better, one_missed, many_missed], RATHER_ALL) == 0.5
    assert kept([better, many_missed, many_missed], RATHER_ALL) == 0.0
