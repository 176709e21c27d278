"""How long a model learns from how much, and what of it may be kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_htcell.calibrate import LEAST_CELLS
from napari_htcell.config import DetectConfig
from napari_htcell.dosage import MANY_CELLS, MANY_IMAGES, Dosage, dosage
from napari_htcell.evaluate import Judgement
from napari_htcell.versions import Version, get_version

E = get_version("E")
CELLS = np.stack(np.meshgrid(np.arange(5), np.arange(6)), axis=-1).reshape(-1, 2) * 40.0
USUAL = E.fine_tuning.most_steps
IF_MANY, IF_UNKNOWN = E.fine_tuning.steps_if_many, E.fine_tuning.steps_if_unknown
MANY = [1 + MANY_CELLS // MANY_IMAGES] * MANY_IMAGES


def found(points: Any, truth: Any = CELLS) -> list[Judgement]:
    scores = np.linspace(0.3, 0.9, len(points))
    return [Judgement(np.asarray(points), scores, np.asarray(truth), 1.0)]


def dose(before: list[Judgement], cells: Sequence[int] = (30,), version: Version = E) -> Dosage:
    return dosage(version, cells, before, DetectConfig())


def n_steps(*args: Any, **kwargs: Any) -> int | None:
    stage = dose(*args, **kwargs).stage
    assert stage.min_steps == stage.most_steps
    return stage.most_steps


@pytest.mark.parametrize(
    ("n_found", "steps"), [(30, USUAL), (20, USUAL), (15, IF_UNKNOWN), (0, IF_UNKNOWN)]
)
def test_what_is_hardly_found_is_learnt_for_longer(n_found: int, steps: int) -> None:
    assert n_steps(found(CELLS[:n_found])) == steps


def test_a_threshold_that_is_off_is_no_unknown_kind() -> None:
    low = [replace(one, scores=one.scores / 4) for one in found(CELLS)]
    assert n_steps(low) == USUAL


def test_of_a_few_cells_nobody_can_tell() -> None:
    assert n_steps(found(CELLS[:0], CELLS[:10])) == USUAL
    assert n_steps([]) == USUAL


def test_of_a_few_images_half_is_kept_and_of_too_few_cells_nothing() -> None:
    assert dose(found(CELLS), [LEAST_CELLS]).preferred == (0.5,)
    assert dose(found(CELLS), [LEAST_CELLS]).shares == (0.0, 0.5, 1.0)
    assert dose(found(CELLS), [LEAST_CELLS - 1]).shares == (0.0,)


def test_many_images_are_learnt_for_longer_and_all_of_it_is_kept_rather_than_half() -> None:
    assert n_steps(found(CELLS), MANY) == IF_MANY
    assert dose(found(CELLS), MANY).preferred == (1.0, 0.5)
    # Unknown ones, and many of them: what takes longest.
    assert n_steps(found(CELLS[:0]), MANY) == IF_UNKNOWN


@pytest.mark.parametrize("cells", [MANY[1:], [10 * MANY_CELLS], [1, *MANY[1:]], [5] * MANY_IMAGES])
def test_fewer_images_or_hardly_a_cell_in_them_are_not_many(cells: list[int]) -> None:
    assert n_steps(found(CELLS), cells) == USUAL
    assert dose(found(CELLS), cells).preferred == (0.5,)


def test_versions_that_do_not_ask_for_more_take_as_many_as_ever() -> None:
    tuning = replace(E.fine_tuning, steps_if_many=None, steps_if_unknown=None)
    plain = replace(E, tuning=tuning)
    assert n_steps(found(CELLS[:0]), MANY, plain) == USUAL
