"""Intervals of counts: how often they hold the truth, and where none can be stated."""

from __future__ import annotations

import numpy as np
import pytest

from napari_htcell import counting
from napari_htcell.config import DetectConfig
from napari_htcell.counting import CountError, Intervals
from napari_htcell.evaluate import Judgement

SETTINGS = DetectConfig(threshold=0.5)
NONE = np.empty(0)


def image(found: int, true: int, score: float = 0.9) -> Judgement:
    """Return what counts need to know of an image."""
    return Judgement(np.zeros((found, 2)), np.full(found, score), np.zeros((true, 2)), 1.0)


def draw(rng: np.random.Generator, n: int) -> list[Judgement]:
    """Return images of very different density, of whose cells a network finds about 90 %."""
    true = rng.integers(5, 300, n)
    quality = rng.normal(0.9, 0.05, n)
    return [image(rng.poisson(q * t), int(t)) for q, t in zip(quality, true, strict=True)]


@pytest.mark.parametrize("n", [9, 12, 40])
def test_intervals_hold_the_truth_as_often_as_they_say(n: int) -> None:
    rng, held = np.random.default_rng(n), []
    for _ in range(400):
        errors = counting.measure(draw(rng, n), SETTINGS, [0.5])
        assert errors is not None
        error = errors.at(SETTINGS)
        assert error is not None
        assert error.rate == pytest.approx(min(0.9, n / (n + 1)), abs=1e-3)
        for one in draw(rng, 5):
            low, high = error.interval(one.scores)
            held.append(low <= len(one.truth) <= high)
    assert 0.88 <= np.mean(held) <= 0.97


def test_few_images_state_a_lower_rate_and_two_none() -> None:
    images = [image(10, 12), image(20, 20), image(30, 31)]
    assert counting.measure(images[:2], SETTINGS, [0.5]) is None
    errors = counting.measure(images, SETTINGS, [0.5])
    assert errors is not None
    assert errors.rate == 0.75


def test_each_threshold_has_its_own_error() -> None:
    images = [image(10, 10, score=0.6)] * 9
    errors = counting.measure(images, SETTINGS, [0.5, 0.7])
    assert errors is not None
    low, high = (errors.at(DetectConfig(threshold=t)) for t in (0.52, 0.7))
    assert low is not None
    assert high is not None
    assert low.factor == 0
    assert high.interval(NONE)[1] >= 10


def test_where_the_network_is_of_two_minds_the_interval_is_wider() -> None:
    error = CountError(rate=0.9, factor=0.5)
    sure, torn = (error.interval(np.full(50, score)) for score in (0.95, 0.6))
    assert torn[0] < sure[0] < 50 < sure[1] < torn[1]


def test_no_interval_where_none_was_measured() -> None:
    errors = counting.measure([image(10, 10)] * 9, SETTINGS, [0.5])
    assert errors is not None
    assert errors.at(DetectConfig(threshold=0.8)) is None
    assert errors.at(DetectConfig(threshold=0.5, min_distance_um=30)) is None
    assert errors.at(DetectConfig(threshold=0.5, method="contours")) is None


def test_a_rate_that_what_was_seen_makes_unlikely_is_not_believed() -> None:
    held_of = ((0, 1), (0, 2), (1, 2), (1, 3), (8, 10), (6, 10))
    refuted = [Intervals(held, n, 0.9) for held, n in held_of]
    assert [one.is_refuted for one in refuted] == [False, True, False, True, False, True]
    assert "do not rely" in refuted[1].in_words
    assert "do not rely" not in refuted[4].in_words


def test_an_interval_is_of_whole_cells_and_not_below_none() -> None:
    error = CountError(rate=0.9, factor=1.0)
    assert error.interval(NONE) == (0, 1)
    low, high = error.interval(np.full(100, 0.75))
    assert low < 100 < high
    assert (100 - low) == (high - 100)
