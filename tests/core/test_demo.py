"""The sample project and the job done on it."""

from __future__ import annotations

import numpy as np
import pytest

from napari_htcell import demo, sample
from napari_htcell.annotations import Annotation
from napari_htcell.config import DEFAULT_MODEL
from napari_htcell.imagefiles import ImageFile
from napari_htcell.progress import run
from napari_htcell.project import open_project


def test_sample_project_is_whole(tiny_project):
    project = tiny_project()
    cells = []
    for name in project.images:
        file = ImageFile.read(project.image_path(name))
        assert file.pixels.shape == (256, 320)
        assert file.pixels.dtype == np.uint8
        assert file.pixel_size_um == 1.61
        truth, masks = sample.read_truth(project, name), project.read_masks(name)
        assert len(np.unique(masks)) - 1 == len(truth)
        assert project.annotation(name).status() == "partial"
        cells.append(len(truth))
    # 0.4 to 3 times the density
    assert cells[-1] > 3 * cells[0] > 0
    assert "SIMULATED" in (project.path / "README.txt").read_text(encoding="utf-8")


def test_same_seed_same_files(tiny_project, tiny_images, tmp_path):
    first = tiny_project(n_images=1, seed=3)
    second = sample.make_project(tmp_path / "again", tiny_images, n_images=1, seed=3)
    for path in first.path.rglob("*.*"):
        assert (second.path / path.relative_to(first.path)).read_bytes() == path.read_bytes()


def test_so_many_are_complete_and_have_masks(tiny_project):
    project = tiny_project(n_images=3, n_complete=2, n_masks=1)
    states = [project.annotation(name).status() for name in project.images]
    assert states == ["complete", "partial", "complete"]
    assert [project.read_masks(name) is None for name in project.images] == [False, True, True]


def test_nothing_is_overwritten(tiny_project, monkeypatch, tmp_path):
    project = tiny_project()
    with pytest.raises(FileExistsError):
        sample.make_project(project.path, n_images=1)
    monkeypatch.setattr(sample, "SAMPLE_FOLDER", project.path)
    with pytest.raises(FileExistsError):
        sample.copy_sample(project.path)
    copied = sample.copy_sample(tmp_path / "copy")
    assert copied.images == project.images


def test_completing_removes_wrong_clicks_and_adds_missing_cells(tiny_project):
    project = tiny_project()
    name = project.images[0]
    truth = sample.read_truth(project, name)
    project.save_annotation(name, Annotation.of(np.vstack([truth[:2] + 1, [[0, 0]]])))
    annotation = demo.complete_from_truth(project, name)
    assert annotation.status() == "complete"
    assert len(annotation.points) == len(truth)
    np.testing.assert_allclose(annotation.points[:2], truth[:2] + 1)
    assert demo.score(project, name, annotation.points).f_score == 1


def test_chosen_images_span_the_clicks(tiny_project):
    project = tiny_project()
    for name, clicks in zip(project.images, (5, 2, 9, 7), strict=True):
        project.save_annotation(name, Annotation.of(np.full((clicks, 2), 50.0)))
    assert demo.choose_images(project, 2) == (project.images[1], project.images[2])
    assert len(set(demo.choose_images(project))) == 3
    with pytest.raises(ValueError, match="keep one to test on"):
        demo.choose_images(project, 4)


@pytest.mark.usefixtures("quick_versions", "shipped_tiny_model")
def test_the_whole_job(tiny_project, monkeypatch, tmp_path):
    monkeypatch.setattr(sample, "SAMPLE_FOLDER", tiny_project().path)
    result = run(demo.run_steps(tmp_path / "demo"))
    assert [row.is_learnt_from for row in result.rows].count(True) == 3
    assert len(result.unseen) == 1
    assert result.before.f_score > 0.5
    assert result.before.tp + result.before.fn == result.unseen[0].before.n_truth
    assert result.models[0] == DEFAULT_MODEL
    assert result.models[1].startswith("D-")  # the tiny model's own version
    assert result.counts.is_file()
    assert result.points.is_file()
    text = demo.table(result)
    assert text.count(".tif * ") == 3
    assert all(row.image in text for row in result.rows)
    assert len(text.splitlines()) < 20


def test_the_packaged_sample_is_what_it_says():
    project = open_project(sample.sample_folder())
    size = sum(path.stat().st_size for path in project.path.rglob("*") if path.is_file())
    assert size < 15e6
    assert len(project.images) > demo.N_COMPLETED
    for name in project.images:
        annotation, truth = project.annotation(name), sample.read_truth(project, name)
        assert annotation.status() == "partial"
        assert 0 < len(annotation.points) < len(truth)
    file = ImageFile.read(project.image_path(project.images[0]))
    assert (file.pixels.shape, file.pixel_size_um) == ((1532, 2048), 1.61)
