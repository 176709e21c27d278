"""What a stage learns from: which images, at which resolution, and where the truth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_htcell import targets
from napari_htcell.annotations import Annotation, Region
from napari_htcell.config import TrainConfig
from napari_htcell.dataset import (
    LearningImage,
    NothingToLearnError,
    check_lessons,
    learning_images,
)
from napari_htcell.imagefiles import PixelSizeAssumedWarning
from napari_htcell.progress import run
from napari_htcell.project import Project, ProjectSettings, open_project
from napari_htcell.versions import get_version

PARTIAL, COMPLETE = get_version("B").stages
MASKS = get_version("C").stages[0]
SOME = Annotation.of(np.asarray([[12.0, 15.0], [20.0, 48.0]]))
ALL = Annotation.of(np.asarray([[12.0, 15.0], [20.0, 48.0], [40.0, 30.0]]), complete=True)
CORNER = Region(((0.0, 0.0), (0.0, 31.0), (31.0, 31.0), (31.0, 0.0)))


def learnt(project: Project, stage: Any, **settings: Any) -> list[LearningImage]:
    return run(learning_images(project, stage, TrainConfig(**settings), 1.61))


def test_partial_and_complete_images_are_told_apart(
    make_project: Callable[..., Project],
) -> None:
    project = make_project(some=SOME, all=ALL, untouched=Annotation.empty())
    assert [one.card.name for one in learnt(project, PARTIAL)] == ["some.tif"]
    assert [one.card.name for one in learnt(project, COMPLETE)] == ["all.tif"]
    card = learnt(project, COMPLETE)[0].card
    assert (card.status, card.points, len(card.sha256)) == ("complete", 3, 64)


def test_all_that_is_annotated_is_learnt_from_and_told_apart(
    make_project: Callable[..., Project],
) -> None:
    region = Annotation(SOME.points, SOME.sources, regions=(CORNER,))
    project = make_project(some=SOME, all=ALL, region=region, untouched=Annotation.empty())
    found = {one.card.name: one for one in learnt(project, replace(COMPLETE, learn_from="all"))}
    finished = {name: one.is_finished for name, one in found.items()}
    assert finished == {"some.tif": False, "all.tif": True, "region.tif": True}
    assert found["some.tif"].known.all()
    assert not found["region.tif"].known.all()


def test_progress_per_image(make_project: Callable[..., Project]) -> None:
    project = make_project(a=SOME, b=SOME, c=Annotation.empty())
    reports = list(learning_images(project, PARTIAL, TrainConfig(), 1.61))
    assert [(report.done, report.total) for report in reports] == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("stage", "annotation", "message"),
    [
        (
            COMPLETE,
            SOME,
            r"lab 1 has no complete image or region: click every cell of one, then mark",
        ),
        (PARTIAL, ALL, r"lab 1 has no partially annotated image: click a few cells"),
        (PARTIAL, Annotation.empty(), r"lab 1 has no partially annotated image"),
        (replace(COMPLETE, learn_from="all"), SOME, r"lab 1 has no complete image or region"),
    ],
)
def test_nothing_to_learn_from(
    make_project: Callable[..., Project], stage: Any, annotation: Annotation, message: str
) -> None:
    project = make_project("lab 1", a=annotation)
    with pytest.raises(NothingToLearnError, match=message):
        learnt(project, stage)
    with pytest.raises(NothingToLearnError, match=message):
        check_lessons(project, [stage])


def test_resolution_and_target(make_project: Callable[..., Project]) -> None:
    project = make_project(a=ALL)
    project.save_settings(ProjectSettings(pixel_size_um=3.22))
    one = learnt(project, COMPLETE, spot_sigma_um=6.44)[0]
    assert one.image.shape == one.target.shape == one.known.shape == (32, 32)
    np.testing.assert_allclose(one.truth.points, (ALL.points + 0.5) / 2 - 0.5)
    np.testing.assert_array_equal(one.target, targets.gaussian_spots(one.truth, 1.0))
    assert one.image.mean() == pytest.approx(0, abs=1e-5)
    assert one.known.all()
    # The cells are bright where the target is.
    assert np.corrcoef(one.image.ravel(), one.target.ravel())[0, 1] > 0.4


def test_unknown_pixel_size_takes_the_usual_one(make_project: Callable[..., Project]) -> None:
    project = make_project(a=SOME)
    project.save_settings(ProjectSettings())
    with pytest.warns(PixelSizeAssumedWarning, match="1 of 1 image .* 1.61 um is assumed"):
        assert learnt(project, PARTIAL)[0].image.shape == (16, 16)


def test_known_is_the_region_and_the_clicked_cells(make_project: Callable[..., Project]) -> None:
    annotation = Annotation(SOME.points, SOME.sources, regions=(CORNER,))
    one = learnt(make_project(a=annotation), COMPLETE, spot_sigma_um=6.44 * 2)[0]
    rows, columns = np.ogrid[:64, :64]
    near = (rows - 20) ** 2 + (columns - 48) ** 2 < 4**2  # two sigma around the cell outside
    expected = (rows <= 31) & (columns <= 31) | near
    np.testing.assert_array_equal(one.known, expected)
    # Around it a click says where a cell is, but not that all are known: nothing is judged there.
    np.testing.assert_array_equal(one.complete, (rows <= 31) & (columns <= 31))
    assert one.n_known == len(SOME.points) > len(one.complete_points) > 0


def test_rejected_places_are_known_to_be_no_cells(make_project: Callable[..., Project]) -> None:
    annotation = Annotation(
        SOME.points[:1], ("hand",), regions=(CORNER,), rejected=np.asarray([[50.0, 50.0]])
    )
    one = learnt(make_project(a=annotation), COMPLETE, spot_sigma_um=6.44 * 2)[0]
    rows, columns = np.ogrid[:64, :64]
    near = (rows - 50) ** 2 + (columns - 50) ** 2 < 4**2
    np.testing.assert_array_equal(one.known, (rows <= 31) & (columns <= 31) | near)
    assert one.target[near].max() < 0.01
    assert len(one.truth.points) == 1


def test_unlabelled_cells_outside_a_region_do_not_count(
    make_project: Callable[..., Project],
) -> None:
    """Whatever lies where nothing is known, image and target there have no weight."""
    annotation = Annotation(SOME.points[:1], ("hand",), regions=(CORNER,))
    one = learnt(make_project(a=annotation), COMPLETE)[0]
    assert not one.known[40, 30]
    assert not one.known[52, 55]
    assert one.known[12, 15]


def test_frames_of_a_stack(tmp_path: Path, spots: Callable[..., Any]) -> None:
    stack = np.stack([spots([[10, 10 + 10 * t]], (64, 64)) for t in range(3)])
    tifffile.imwrite(tmp_path / "a.tif", stack.astype(np.float32), photometric="minisblack")
    project = open_project(tmp_path)
    points = np.asarray([[0, 10, 10], [2, 10, 30]])
    project.save_annotation("a.tif", Annotation.of(points).mark_complete(frame=2))
    project.save_settings(ProjectSettings(pixel_size_um=6.44))
    partial, complete = learnt(project, PARTIAL), learnt(project, COMPLETE)
    assert [(one.card.frame, one.card.status) for one in partial] == [(0, "partial")]
    assert [(one.card.frame, one.card.status) for one in complete] == [(2, "complete")]
    for one, place in ((partial[0], (10, 10)), (complete[0], (10, 30))):
        assert np.unravel_index(one.image.argmax(), (64, 64)) == place
        assert np.unravel_index(one.target.argmax(), (64, 64)) == place


def test_a_frame_that_is_not_there_is_one_clear_line(make_project: Callable[..., Project]) -> None:
    project = make_project(a=Annotation.of(np.asarray([[0, 1, 2], [7, 3, 4]])))
    with pytest.raises(ValueError, match=r"frame 7 is annotated, but a\.tif ends at frame 0"):
        learnt(project, PARTIAL)


def with_masks(project: Project, shape: tuple[int, int]) -> Project:
    labels = np.zeros(shape, np.uint16)
    labels[10:20, 20:30] = 3
    (project.path / "masks").mkdir()
    tifffile.imwrite(project.path / "masks" / "a.tif", labels)
    return project


def test_segmentation_learns_from_masks(make_project: Callable[..., Project]) -> None:
    project = with_masks(make_project(a=ALL), (64, 64))
    one = learnt(project, MASKS)[0]
    assert one.target.sum() == 100
    assert one.target[10:20, 20:30].all()


def test_missing_or_misfitting_masks_are_one_clear_line(
    make_project: Callable[..., Project],
) -> None:
    project = make_project(a=ALL, b=ALL)
    with pytest.raises(NothingToLearnError, match="no complete image with cell masks"):
        learnt(project, MASKS)
    with_masks(project, (30, 64))
    with pytest.raises(ValueError, match=r"masks of a\.tif have shape \(30, 64\), the image has"):
        learnt(project, MASKS)
    # Who learns from points does not look at them.
    assert [one.card.name for one in learnt(project, COMPLETE)] == ["a.tif", "b.tif"]


def test_images_without_masks_are_left_out_where_masks_are_learnt(
    make_project: Callable[..., Project],
) -> None:
    project = with_masks(make_project(a=ALL, b=ALL), (64, 64))
    assert [one.card.name for one in learnt(project, MASKS)] == ["a.tif"]


def test_digest_is_of_all_that_is_learnt_from(make_project: Callable[..., Project]) -> None:
    project = make_project(a=SOME)
    first = learnt(project, PARTIAL)[0].digest()
    assert learnt(project, PARTIAL)[0].digest() == first
    project.save_annotation("a.tif", SOME.add(np.asarray([[50.0, 50.0]])))
    assert learnt(project, PARTIAL)[0].digest() != first
