"""How long a model learns from images that it knows, or does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_htcell.config import DetectConfig
from napari_htcell.evaluate import Judgement
from napari_htcell.novelty import adapted
from napari_htcell.versions import QUICK_TUNING, Stage

CELLS = np.stack(np.meshgrid(np.arange(5), np.arange(6)), axis=-1).reshape(-1, 2) * 40.0
USUAL, MORE = QUICK_TUNING.most_steps, QUICK_TUNING.steps_if_unknown


def found(points: Any, truth: Any = CELLS) -> list[Judgement]:
    scores = np.linspace(0.3, 0.9, len(points))
    return [Judgement(np.asarray(points), scores, np.asarray(truth), 1.0)]


def n_steps(before: list[Judgement], stage: Stage = QUICK_TUNING) -> int | None:
    return adapted(stage, before, DetectConfig()).most_steps


@pytest.mark.parametrize(("n_found", "steps"), [(30, USUAL), (20, USUAL), (15, MORE), (0, MORE)])
def test_what_is_hardly_found_is_learnt_for_longer(n_found: int, steps: int) -> None:
    assert n_steps(found(CELLS[:n_found])) == steps


def test_a_threshold_that_is_off_is_no_unknown_kind() -> None:
    low = [replace(one, scores=one.scores / 4) for one in found(CELLS)]
    assert n_steps(low) == USUAL


def test_of_a_few_cells_nobody_can_tell() -> None:
    assert n_steps(found(CELLS[:0], CELLS[:10])) == USUAL
    assert n_steps([]) == USUAL


def test_stages_that_do_not_ask_for_more_take_as_many_as_ever() -> None:
    assert n_steps(found(CELLS[:0]), replace(QUICK_TUNING, steps_if_unknown=None)) == USUAL
