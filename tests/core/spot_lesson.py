"""A lesson of five spots in one image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from napari_htcell import targets
from napari_htcell.cards import TrainingImage
from napari_htcell.config import TrainConfig
from napari_htcell.dataset import LearningImage
from napari_htcell.images import standardise
from napari_htcell.targets import Truth
from napari_htcell.training import Lesson
from napari_htcell.versions import QUICK_TUNING

CELLS = np.asarray([[12.0, 15.0], [20.0, 48.0], [40.0, 30.0], [52.0, 55.0], [50.0, 10.0]])


def lesson(spots: Callable[..., Any], cells: Any = CELLS, **changes: Any) -> Lesson:
    truth = Truth(np.asarray(cells), None, (64, 64))
    noise = np.random.default_rng(0).normal(0, 5, (64, 64))
    everywhere = np.ones((64, 64), bool)
    image = LearningImage(
        TrainingImage(name="a", sha256="", status="complete", points=len(truth.points)),
        standardise((spots(CELLS) + noise).astype(np.float32)),
        truth,
        targets.gaussian_spots(truth, 2.0),
        everywhere,
        everywhere,
        6.44,
    )
    stage = replace(QUICK_TUNING, min_steps=60, most_steps=60, **changes)
    return Lesson(0, stage, [image], TrainConfig(square_px=32))
