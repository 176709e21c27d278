"""Whether cells are shown in relief."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from napari_htcell.relief import is_in_relief

UM = 3.0


def cells(direction: tuple[int, int] | None, seed: int = 0) -> npt.NDArray[np.float32]:
    """Draw round cells, bright on the flank in a direction and dark on the other, or alike."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:256, :256].astype(float)
    image = rng.normal(0, 0.2, (256, 256))
    for y, x in rng.uniform(10, 246, (60, 2)):
        bump = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 3**2))
        if direction is None:
            image += 2 * bump
        else:
            along = (rows - y) * direction[0] + (columns - x) * direction[1]
            image += along * bump
    return ((image - image.mean()) / image.std()).astype(np.float32)


@pytest.mark.parametrize("direction", [(1, 0), (0, -1), (1, 1)])
def test_one_flank_bright_and_the_other_dark(direction: tuple[int, int]) -> None:
    assert is_in_relief(cells(direction), UM)


def test_cells_that_look_the_same_from_all_sides() -> None:
    assert not is_in_relief(cells(None), UM)


def test_cells_that_are_lit_from_different_sides() -> None:
    left, right = cells((0, 1)), cells((0, -1))
    assert not is_in_relief(np.concatenate([left, right]), UM)


def test_an_image_with_too_few_cells_to_tell() -> None:
    assert not is_in_relief(cells((1, 0))[:60, :60], UM)
    assert not is_in_relief(np.zeros((1, 300), np.float32), UM)


def test_an_empty_image() -> None:
    assert not is_in_relief(np.zeros((256, 256), np.float32), UM)
