"""What is annotated, rejected, or still open among detections; hand-made cases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_htcell.annotations import Annotation, Region
from napari_htcell.config import DetectConfig
from napari_htcell.detections import Detections, Provenance
from napari_htcell.pairing import not_rejected, pair

EMPTY = np.empty((0, 2))


def detected(*points: Any, pixel_size_um: float = 2.0) -> Detections:
    """Return detections; with 2 um per pixel, 16 um are 8 pixels and 8 um are 4."""
    how = Provenance("B", DetectConfig(), pixel_size_um, False, "2026-01-02T03:04:05+00:00", "0.1")
    return Detections(np.asarray(points, dtype=float), np.ones(len(points)), how)


def said(points: Any = (), rejected: Any = (), ndim: int = 2, **more: Any) -> Annotation:
    points, rejected = (np.asarray(one, float).reshape(-1, ndim) for one in (points, rejected))
    return Annotation(points, ("hand",) * len(points), rejected=rejected, **more)


def test_annotated_and_detected_rejected_and_open() -> None:
    annotation = said([(10, 10), (50, 50)], [(90, 90)])
    pairing = pair(annotation, detected((12, 10), (91, 92), (30, 30)))
    assert pairing.pairs.tolist() == [[0, 0]]
    assert pairing.is_detected.tolist() == [True, False]
    assert pairing.rejections.tolist() == [-1, 0, -1]
    assert pairing.is_candidate.tolist() == [False, False, True]


@pytest.mark.parametrize(("away", "is_rejected"), [(0, True), (4, True), (4.1, False)])
def test_a_rejection_reaches_half_as_far_as_a_click(away: float, is_rejected: bool) -> None:
    annotation, found = said(rejected=[(50, 50)]), detected((50, 50 + away))
    assert pair(annotation, found).is_rejected.tolist() == [is_rejected]
    assert len(not_rejected(annotation, found)) == (not is_rejected)


def test_a_rejection_hides_everything_on_it() -> None:
    pairing = pair(said(rejected=[(50, 50)]), detected((50, 51), (51, 50)))
    assert not pairing.is_candidate.any()


def test_a_cell_beside_rejected_debris_stays_a_cell() -> None:
    annotation = said([(50, 50)], [(50, 53)])
    pairing = pair(annotation, detected((50, 51), (50, 53)))
    assert pairing.is_detected.tolist() == [True]
    assert pairing.is_rejected.tolist() == [False, True]


def test_frames_do_not_mix() -> None:
    annotation = said([(0, 10, 10)], [(1, 50, 50)], ndim=3)
    found = detected((1, 10, 10), (0, 50, 50), (1, 50, 50))
    pairing = pair(annotation, found)
    assert pairing.is_candidate.tolist() == [True, True, False]
    assert not pairing.is_detected.any()


def test_nothing_is_open_where_everything_is_said() -> None:
    square = ((0.0, 0.0), (0.0, 20.0), (20.0, 20.0), (20.0, 0.0))
    region = said(regions=(Region(square),))
    assert pair(region, detected((10, 10), (30, 30))).is_candidate.tolist() == [False, True]
    complete = said(complete_frames=frozenset({1}), ndim=3)
    found = detected((0, 5, 5), (1, 5, 5))
    assert pair(complete, found).is_candidate.tolist() == [True, False]


def test_nothing_found_and_nothing_said() -> None:
    nothing = Detections(EMPTY, np.empty(0), detected((0, 0)).provenance)
    assert pair(said([(1, 1)], [(9, 9)]), nothing).is_detected.tolist() == [False]
    assert pair(said(), detected((1, 1))).is_candidate.tolist() == [True]
    # An untouched stack may be known as an empty image.
    assert pair(said(), detected((0, 1, 1))).is_candidate.tolist() == [True]
