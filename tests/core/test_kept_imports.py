"""Imports are taken back without a loss."""

from __future__ import annotations

import numpy as np
import pytest

from napari_htcell.annotations import Annotation
from napari_htcell.kept_imports import keep_steps, last_import, take_back_steps
from napari_htcell.progress import run

ONE = np.asarray([(1.0, 2.0)])
NEW = np.asarray([(20.0, 30.0), (1.0, 2.0)])


@pytest.fixture
def project(make_project):
    """Return a project whose first image is complete but for a rejection, the second untouched."""
    return make_project(
        a=Annotation.of(ONE, "B", complete=True).reject([[5, 6]]), b=Annotation.empty()
    )


def test_what_was_there_is_there_again(project):
    before = project.annotation("a.tif")
    run(keep_steps(project, {"a.tif": Annotation.of(NEW), "b.tif": Annotation.of(NEW)}))
    assert project.annotation("a.tif").sources == ("hand", "hand")
    kept = last_import(project)
    assert kept.images == ("a.tif", "b.tif")
    assert run(take_back_steps(project, kept)) == ["a.tif", "b.tif"]
    after = project.annotation("a.tif")
    np.testing.assert_array_equal(after.points, before.points)
    np.testing.assert_array_equal(after.rejected, before.rejected)
    assert after.complete_frames == {0}
    assert project.annotation("b.tif").status() == "untouched"
    assert last_import(project) is None


def test_what_was_clicked_since_stays(project):
    run(keep_steps(project, {"b.tif": Annotation.of(NEW)}))
    since = project.annotation("b.tif").remove([0]).add([[40, 41]]).reject([[9, 9]])
    project.save_annotation("b.tif", since)
    run(take_back_steps(project, last_import(project)))
    after = project.annotation("b.tif")
    np.testing.assert_array_equal(after.points, [[40, 41]])
    np.testing.assert_array_equal(after.rejected, [[9, 9]])


def test_one_after_another(project):
    for points in (NEW, NEW[:1]):
        run(keep_steps(project, {"a.tif": Annotation.of(points)}))
    run(take_back_steps(project, last_import(project)))
    np.testing.assert_array_equal(project.annotation("a.tif").points, NEW)
    run(take_back_steps(project, last_import(project)))
    np.testing.assert_array_equal(project.annotation("a.tif").points, ONE)


def test_nothing_is_kept_in_place_of_a_project_that_is_gone(project):
    project.path.rename(project.path.with_name("away"))
    with pytest.raises(FileNotFoundError, match="the folder is gone"):
        run(keep_steps(project, {"b.tif": Annotation.of(NEW)}))
    assert not project.path.exists()


def test_an_import_that_was_stopped_is_taken_back(project):
    steps = keep_steps(project, {"a.tif": Annotation.of(NEW), "b.tif": Annotation.of(NEW)})
    while next(steps).what != "keeping b.tif":
        pass
    steps.close()
    assert len(project.annotation("a.tif").points) == 2
    run(take_back_steps(project, last_import(project)))
    np.testing.assert_array_equal(project.annotation("a.tif").points, ONE)
    assert project.annotation("b.tif").status() == "untouched"


def test_stopped_while_putting_aside_changes_nothing(project):
    steps = keep_steps(project, {"a.tif": Annotation.of(NEW)})
    next(steps)
    steps.close()
    np.testing.assert_array_equal(project.annotation("a.tif").points, ONE)
    assert last_import(project) is None
