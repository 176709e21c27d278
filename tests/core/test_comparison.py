"""A project's detections beside its complete images, drawn and counted by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import napari_htcell as htcell
from napari_htcell import models
from napari_htcell.annotations import Annotation, Region
from napari_htcell.cards import TrainingImage
from napari_htcell.comparison import compare_image, evaluate_project_steps
from napari_htcell.config import DetectConfig
from napari_htcell.counting import CountErrors
from napari_htcell.detections import Detections, Provenance
from napari_htcell.models import Model
from napari_htcell.progress import run
from napari_htcell.project import Project, ProjectError

CELLS = np.asarray([[12.0, 15.0], [20.0, 48.0], [40.0, 30.0], [52.0, 55.0], [50.0, 10.0]])
"""Those of `make_project`."""


def found(points: Any, scores: Any = None, threshold: float = 0.3, **how: Any) -> Detections:
    points = np.asarray(points, float)
    scores = np.full(len(points), 0.9) if scores is None else np.asarray(scores, float)
    settings = DetectConfig(threshold=threshold)
    made = Provenance("intensity", settings, 6.44, False, "2026-01-01", "1.0", **how)
    return Detections(points, scores, made)


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    """Return a project with a complete, a partial, and another complete image."""
    return make_project(
        a=Annotation.of(CELLS, complete=True),
        b=Annotation.of(CELLS[:2]),
        c=Annotation.of(CELLS, complete=True),
    )


def test_kept_detections_beside_complete_images(project: Project) -> None:
    project.save_detections("a.tif", found([*CELLS[:3], (30.0, 5.0)]))
    project.save_detections("b.tif", found(CELLS))
    comparison = htcell.evaluate_project(project)
    (a,) = comparison.images
    match = a.match(16)
    assert (a.image, match.tp, match.fp, match.fn) == ("a.tif", 3, 1, 2)
    assert comparison.not_detected == ("c.tif",)
    assert comparison.totals(16).count_error == pytest.approx(1 / 5)
    curve = htcell.precision_recall(comparison.judgements, cutoff_um=16)
    assert curve.thresholds[0] == 0.3


def test_what_is_open_goes_before_what_is_kept(project: Project) -> None:
    project.save_detections("a.tif", found(CELLS))
    nothing = found(np.empty((0, 2)))
    comparison = run(evaluate_project_steps(project, found={"a.tif": nothing}))
    assert comparison.totals(16).fn == len(CELLS)


def test_nothing_complete_says_what_to_do(make_project: Callable[..., Project]) -> None:
    with pytest.raises(ProjectError, match=r"no complete image or region.*mark it complete"):
        htcell.evaluate_project(make_project(a=Annotation.of(CELLS)))


def test_a_model_run_now_is_known_further_down(project: Project, intensity_model: Model) -> None:
    comparison = htcell.evaluate_project(project, intensity_model)
    assert [one.image for one in comparison.images] == ["a.tif", "c.tif"]
    assert comparison.totals(16).tp == 2 * len(CELLS)
    # Compared at the model's own threshold, whatever else was found.
    at_own = comparison.images[0].match(16)
    assert at_own.n_points == len(project_points(comparison.found["a.tif"], 0.5))
    curve = htcell.precision_recall(comparison.judgements, cutoff_um=16)
    assert curve.thresholds[0] == 0.05
    assert project.detections("a.tif") is None


def project_points(detections: Detections, threshold: float) -> Any:
    return detections.points[detections.scores >= threshold]


def test_images_that_a_model_has_learnt_from(project: Project, intensity_model: Model) -> None:
    import hashlib

    content = project.image_path("a.tif").read_bytes()
    image = TrainingImage(
        name="elsewhere.tif",
        sha256=hashlib.sha256(content).hexdigest(),
        status="complete",
        points=5,
    )
    card = intensity_model.card.model_copy(update={"earlier_images": (image,)})
    models.save_model(Model(card, intensity_model.network), project.models_folder)
    for name in ("a.tif", "c.tif"):
        project.save_detections(name, found(CELLS))
    learnt = {one.image: one.has_learnt for one in htcell.evaluate_project(project).images}
    assert learnt == {"a.tif": True, "c.tif": False}


def test_regions_count_what_lies_in_them() -> None:
    square = Region(((0, 0), (0, 40), (40, 40), (40, 0)))
    annotation = replace(Annotation.of([[10, 10], [30, 30], [60, 60]]), regions=(square,))
    (one,) = compare_image("a", annotation, found([[11, 10], [35, 5], [80, 80]]))
    match = one.match(16)
    assert (match.tp, match.fp, match.fn) == (1, 1, 1)


def test_whether_intervals_hold_the_true_number(project: Project) -> None:
    errors = CountErrors(
        rate=0.75,
        images=3,
        settings=DetectConfig(threshold=0.3),
        thresholds=(0.3,),
        factors=(0.5,),
    )
    # The reach is half of 1 + 0.1 n, scores being 0.9: 3 to 5, and 0 to 2.
    project.save_detections("a.tif", found(CELLS[:4], count_errors=errors))
    project.save_detections("c.tif", found(CELLS[:1], count_errors=errors))
    comparison = htcell.evaluate_project(project)
    assert [one.interval_holds for one in comparison.images] == [True, False]
    assert comparison.intervals is not None
    assert comparison.intervals.in_words == (
        "the true number is in the interval of 1 of 2 images (stated: 75%)"
    )
    project.save_detections("a.tif", found(CELLS))
    project.save_detections("c.tif", found(CELLS).above(0.5))
    assert htcell.evaluate_project(project).intervals is None


def test_frames_of_a_stack_apart_and_only_those_looked_at() -> None:
    annotation = Annotation.of([[0, 5, 5], [1, 5, 5], [2, 5, 5]], complete=True)
    stack = found([[0, 5, 5], [1, 50, 50]], frames=(0, 1))
    rows = [
        (one.frame, one.match(16).tp, one.match(16).fp)
        for one in compare_image("t", annotation, stack)
    ]
    assert rows == [(0, 1, 0), (1, 0, 1)]


def test_contours_have_no_curve() -> None:
    annotation = Annotation.of([[5, 5]], complete=True)
    contours = found([[5, 5]])
    settings = DetectConfig(method="contours")
    contours = replace(contours, provenance=replace(contours.provenance, settings=settings))
    (one,) = compare_image("a", annotation, contours)
    assert not htcell.Comparison((one,)).has_curve
    assert one.match(16).tp == 1
