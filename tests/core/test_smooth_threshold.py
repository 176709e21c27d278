"""Smoothing and a threshold, as good as they can be made on one image, and then fixed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from napari_htcell.cards import TrainingImage
from napari_htcell.dataset import LearningImage
from napari_htcell.images import standardise
from napari_htcell.progress import run
from napari_htcell.smooth_threshold import SmoothThreshold
from napari_htcell.targets import Truth

CELLS = np.asarray([[12.0, 15.0], [20.0, 48.0], [40.0, 30.0], [52.0, 55.0], [50.0, 10.0]])
CPU = torch.device("cpu")


@pytest.fixture
def image(spots: Callable[..., Any]) -> LearningImage:
    noise = np.random.default_rng(0).normal(0, 25, (64, 64))
    return LearningImage(
        TrainingImage(name="a", sha256="", status="complete", points=5),
        standardise((spots(CELLS) + noise).astype(np.float32)),
        Truth(CELLS, None, (64, 64)),
        np.zeros((64, 64), np.float32),
        np.ones((64, 64), bool),
        np.ones((64, 64), bool),
        6.44,
    )


def test_it_is_tuned_on_the_first_image_alone(image: LearningImage) -> None:
    first, both = SmoothThreshold(), SmoothThreshold()
    before = float(first.sigma_px), float(first.level)
    run(first.settle([image], CPU))
    tuned = float(first.sigma_px), float(first.level)
    assert tuned != before
    run(both.settle([image, image], CPU))
    assert (float(both.sigma_px), float(both.level)) == tuned
    heat = first(torch.from_numpy(image.image)[None, None]).sigmoid()[0, 0].numpy()
    # Noise is smoothed away and every cell is above the threshold.
    assert all(heat[int(y), int(x)] > 0.5 for y, x in CELLS)
    assert (heat > 0.5).mean() < 0.1


def test_a_blur_keeps_the_mean_and_sees_no_further_than_said() -> None:
    network = SmoothThreshold()
    network.sigma_px.fill_(4.0)
    network.level.fill_(0.0)
    impulse = torch.zeros(1, 1, 101, 101)
    impulse[..., 50, 50] = 1
    blurred = network(impulse)[0, 0] / network(torch.ones(1, 1, 9, 9))[0, 0, 4, 4]
    assert float(blurred.sum()) == pytest.approx(1, abs=1e-5)
    seen = torch.nonzero(blurred)
    assert int((seen - 50).abs().max()) <= network.context_px
