"""Points that mean another place than they say are told by what was found."""

from __future__ import annotations

import numpy as np
import pytest

from napari_htcell.misplaced import misplaced

CELLS = np.random.default_rng(0).uniform(0, 1000, (40, 2))
FOUND = CELLS[:30] + 2.0
UM = 0.5


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (CELLS[:, ::-1], "with y and x exchanged"),
        (CELLS * UM, "taken as micrometres, not pixels"),
    ],
)
def test_what_fits_far_better_another_way_is_said(points: np.ndarray, words: str) -> None:
    said = misplaced([(FOUND, points, UM)])
    assert f"far better {words} (F 0.86 instead of 0." in said
    frames = np.zeros((len(points), 1))
    found = np.hstack([frames[: len(FOUND)], FOUND])
    assert misplaced([(found, np.hstack([frames, points]), UM)]) == said


def test_nothing_is_said_of_points_that_fit_of_few_or_of_what_was_found_nowhere() -> None:
    assert misplaced([(FOUND, CELLS, UM)]) == ""
    assert misplaced([(FOUND, CELLS[:9, ::-1], UM)]) == ""
    elsewhere = np.random.default_rng(1).uniform(0, 1000, (40, 2))
    assert misplaced([(elsewhere, CELLS, UM)]) == ""
    assert misplaced([(np.empty((0, 2)), CELLS, UM), (FOUND, np.empty((0, 2)), UM)]) == ""
