"""Clicks on some of the spots of an image, and a network that sees them all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from napari_htcell import targets
from napari_htcell.cards import TrainingImage
from napari_htcell.config import TrainConfig
from napari_htcell.dataset import LearningImage
from napari_htcell.models import Model
from napari_htcell.progress import run
from napari_htcell.second_look import second_look
from napari_htcell.targets import Truth, gaussian_spots
from napari_htcell.training import Lesson
from napari_htcell.versions import QUICK, QUICK_AGAIN, Stage

UM, SIGMA_UM = 3.22, 8.0
CLICKED = np.asarray([[12.0, 15.0], [20.0, 48.0]])
UNCLICKED = np.asarray([[52.0, 55.0], [50.0, 10.0], [40.0, 30.0]])
GROUND = np.asarray([[30.0, 10.0], [5.0, 30.0]])


def lesson(heights: list[float], stage: Stage = QUICK_AGAIN, clicked: Any = CLICKED) -> Lesson:
    """Return a lesson of one image: two clicked spots, then three that nobody clicked."""
    shape, sigma_px = (64, 64), SIGMA_UM / UM
    image = np.full(shape, -3.0, np.float32)
    for place, height in zip([*CLICKED, *UNCLICKED], heights, strict=True):
        spot = gaussian_spots(Truth(place[None], None, shape), sigma_px)
        image = np.maximum(image, (3 + height) * spot - 3)
    truth = Truth(clicked, None, shape)
    one = LearningImage(
        TrainingImage(name="a", sha256="", status="partial", points=len(clicked)),
        image,
        truth,
        targets.gaussian_spots(truth, sigma_px),
        np.ones(shape, bool),
        UM,
    )
    return Lesson(1, stage, [one], TrainConfig(pixel_size_um=UM, spot_sigma_um=SIGMA_UM))


def known_at(found: Lesson, points: Any) -> list[bool]:
    rows, columns = points.astype(int).T
    return list(map(bool, found.images[0].known[rows, columns]))


@pytest.fixture
def look(intensity_model: Model) -> Callable[[Lesson], Lesson]:
    """Return what takes a second look with a network that takes what is bright for cells."""
    network = intensity_model.network
    return lambda given: run(second_look(given, network, torch.device("cpu"), torch.float32))


def test_what_looks_like_a_clicked_cell_has_no_say(look: Callable[[Lesson], Lesson]) -> None:
    found = look(lesson([2, 2, 2, 2, 2]))
    assert known_at(found, UNCLICKED) == [False, False, False]
    assert known_at(found, CLICKED) == [True, True]
    assert known_at(found, GROUND) == [True, True]


def test_what_looks_like_none_of_them_stays_background(look: Callable[[Lesson], Lesson]) -> None:
    found = look(lesson([2, 2, 2, 2, -1], clicked=CLICKED[:1]))
    assert known_at(found, UNCLICKED) == [False, False, True]


def test_where_most_cells_are_clicked_all_else_is_background(
    look: Callable[[Lesson], Lesson],
) -> None:
    given = lesson([2, 2, 2, 2, 2], clicked=np.concatenate([CLICKED, UNCLICKED[:1]]))
    assert look(given) is given


def test_a_click_next_to_a_likely_cell_keeps_its_say(look: Callable[[Lesson], Lesson]) -> None:
    clicked = np.concatenate([CLICKED[:1], UNCLICKED[:1] - (0, 7)])
    found = look(lesson([2, 2, 2, 2, 2], clicked=clicked))
    assert known_at(found, UNCLICKED) == [False, False, False]
    assert known_at(found, clicked) == [True, True]


def test_only_stages_that_ask_for_it_look_again(look: Callable[[Lesson], Lesson]) -> None:
    given = lesson([2, 2, 2, 2, 2], QUICK)
    assert look(given) is given


def test_where_no_click_is_recognised_all_stays_as_it_is(
    look: Callable[[Lesson], Lesson],
) -> None:
    given = lesson([-3, -3, 2, 2, 2])
    assert look(given) is given
    given = lesson([2, 2, 2, 2, 2], clicked=np.empty((0, 2)))
    assert look(given) is given
