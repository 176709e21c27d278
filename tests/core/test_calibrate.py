"""The threshold and figures on a card, from images whose cells are all known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_htcell import calibrate
from napari_htcell.calibrate import CUTOFFS_UM, choose_threshold, figures
from napari_htcell.cards import TrainingImage
from napari_htcell.config import DetectConfig
from napari_htcell.dataset import LearningImage
from napari_htcell.evaluate import Judgement
from napari_htcell.images import standardise
from napari_htcell.models import Model
from napari_htcell.reliability import Scaling
from napari_htcell.targets import Truth

BRIGHT = np.asarray([[12.0, 15.0], [20.0, 48.0], [40.0, 30.0]])
DEBRIS = np.asarray([[52.0, 55.0], [50.0, 10.0]])
UM = 6.44


@pytest.fixture
def image(spots: Callable[..., Any]) -> LearningImage:
    """Return three bright cells and two specks of a quarter of their brightness."""
    grey = np.maximum(spots(BRIGHT), 100 + 0.25 * (spots(DEBRIS) - 100)).astype(np.float32)
    return LearningImage(
        TrainingImage(name="a", sha256="", status="complete", points=3),
        standardise(grey),
        Truth(BRIGHT, None, (64, 64)),
        np.zeros((64, 64), np.float32),
        np.ones((64, 64), bool),
        np.ones((64, 64), bool),
        UM,
    )


def knowing(image: LearningImage, complete: Any, points: Any = BRIGHT) -> LearningImage:
    return replace(image, truth=Truth(points, None, (64, 64)), complete=complete)


def judged(model: Model, image: LearningImage, settings: DetectConfig) -> Any:
    return calibrate.judge(model.network, [image], settings, UM)


def test_the_threshold_leaves_the_debris_out(image: LearningImage, intensity_model: Model) -> None:
    found = judged(intensity_model, image, DetectConfig())
    before = figures(found, DetectConfig(threshold=0.5), "one image")
    assert [(f.tp, f.fp, f.fn) for f in before] == [(3, 2, 0)] * 2
    settings = choose_threshold(found, DetectConfig())
    assert settings.threshold > 0.8
    after = figures(found, settings, "one image")
    assert [(f.tp, f.fp, f.fn, f.f_score) for f in after] == [(3, 0, 0, 1.0)] * 2
    assert [f.cutoff_um for f in after] == [round(cutoff, 1) for cutoff in CUTOFFS_UM]
    assert after[0].mean_distance_um is not None
    assert after[0].mean_distance_um < 1
    assert after[0].settings == settings
    assert after[0].on == "one image"


def test_of_thresholds_as_good_as_the_best_the_lowest() -> None:
    truth = np.asarray([[10.0, 10.0], [30.0, 30.0]])
    points = np.concatenate([truth, [[50.0, 50.0]]])
    found = [Judgement(points, np.asarray([0.9, 0.7, 0.3]), truth, 1.0)]
    assert choose_threshold(found, DetectConfig()).threshold == 0.35
    # Three detections of two cells score 0.8.
    assert choose_threshold(found, DetectConfig(), tolerance=0.21).threshold == 0.1


def test_of_calibrated_scores_the_one_nearest_to_half_of_f() -> None:
    truth = np.asarray([[10.0, 10.0], [30.0, 30.0]])
    points = np.concatenate([truth, [[50.0, 50.0]]])
    image = Judgement(points, np.asarray([0.9, 0.7, 0.3]), truth, 1.0)
    high = DetectConfig(threshold=0.9)
    # F is 1 from 0.35 to 0.7.
    assert choose_threshold([image] * 10, high, preferred="expected").threshold == 0.5
    # Eight cells are too few to tell.
    assert choose_threshold([image] * 4, high, preferred="expected") == high


def test_one_cell_does_not_pull_the_threshold_away_from_there() -> None:
    truth = np.random.default_rng(0).uniform(0, 2000, (40, 2))
    scores = np.concatenate([np.full(39, 0.8), [0.15]])
    found = [Judgement(truth, scores, truth, 1.0)]
    high = DetectConfig(threshold=0.9)
    assert choose_threshold(found, high).threshold == 0.1
    assert choose_threshold(found, high, preferred="expected").threshold == 0.5


def test_no_threshold_below_which_nothing_was_looked_for() -> None:
    truth = np.asarray([[10.0, 10.0], [30.0, 30.0]])
    found = [Judgement(truth, np.asarray([0.9, 0.7]), truth, 1.0, lowest=0.42)]
    # All below 0.7 are as good here, but a network that is asked for less finds more.
    assert choose_threshold(found, DetectConfig()).threshold == 0.45


def test_scores_made_probabilities_move_what_was_looked_for_too() -> None:
    truth = np.asarray([[10.0, 10.0]])
    found = [Judgement(truth, np.asarray([0.1]), truth, 1.0, lowest=0.02)]
    (judged,) = Scaling(1.0, 4.0).judged(found)
    assert judged.scores[0] == pytest.approx(0.86, abs=0.01)
    assert judged.lowest == pytest.approx(0.53, abs=0.01)


def test_other_settings_are_kept(image: LearningImage, intensity_model: Model) -> None:
    settings = DetectConfig(min_distance_um=9)
    chosen = choose_threshold(judged(intensity_model, image, settings), settings)
    assert (chosen.method, chosen.min_distance_um) == ("peaks", 9)


def test_contours_keep_their_threshold(image: LearningImage, intensity_model: Model) -> None:
    contours = DetectConfig(method="contours", threshold=0.5)
    found = judged(intensity_model, image, contours)
    assert choose_threshold(found, contours) == contours
    assert [(f.tp, f.fp, f.fn) for f in figures(found, contours, "")] == [(3, 2, 0)] * 2


def test_outside_complete_regions_nothing_counts(
    image: LearningImage, intensity_model: Model
) -> None:
    complete = np.zeros((64, 64), bool)
    complete[:30] = True
    settings = DetectConfig(threshold=0.5)
    one = knowing(image, complete)
    counted = figures(judged(intensity_model, one, settings), settings, "")[0]
    assert (counted.tp, counted.fp, counted.fn) == (2, 0, 0)


def test_points_beyond_the_crop_do_not_count(image: LearningImage, intensity_model: Model) -> None:
    beyond = np.concatenate([BRIGHT, [[-20.0, 5.0], [63.4, 80.0]]])
    one = knowing(image, image.complete, beyond)
    counted = figures(judged(intensity_model, one, DetectConfig()), DetectConfig(), "")[0]
    assert counted.fn == 0


def test_no_cell_at_all(intensity_model: Model, image: LearningImage) -> None:
    settings = DetectConfig(threshold=0.35)
    found = judged(intensity_model, knowing(image, image.complete, np.empty((0, 2))), settings)
    assert len(found[0].points)
    for preferred in ("lowest", "expected"):
        assert choose_threshold(found, settings, preferred=preferred) == settings
    counted = figures(found, settings, "")[0]
    assert counted.tp == counted.fn == 0
    assert counted.mean_distance_um is None
