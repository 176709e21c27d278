"""Several models compared from the manager of models, in a real window."""

from __future__ import annotations

import pytest

from napari_htcell.config import DEFAULT_MODEL
from napari_htcell.own_models import import_model
from napari_htcell.widgets import side_by_side
from napari_htcell.widgets.detect import DetectPanel
from napari_htcell.widgets.worker import models_in_use


@pytest.fixture
def until(qtbot):
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=60_000)


@pytest.fixture
def models(make_napari_viewer_proxy, shipped_tiny_model, tiny_model_folder, tiny_project, until):
    """Return the manager on a project with two complete images; models ours, twin and B."""
    viewer = make_napari_viewer_proxy()
    for name in ("ours", "twin"):
        import_model(tiny_model_folder, name=name)
    panel = DetectPanel(viewer)
    viewer.window.add_dock_widget(panel)
    panel.model.models_button.click()
    return panel.model.models_dialog


def open_project(models, project):
    from napari_htcell.progress import run
    from napari_htcell.widgets import jobs

    models.session.open(*run(jobs.open_steps(project.path)))


def texts(dialog, column):
    items = [dialog.table.topLevelItem(i) for i in range(dialog.table.topLevelItemCount())]
    return [item.text(column) for item in items]


def test_three_models_on_the_complete_images(models, tiny_project, until):
    project = tiny_project(n_complete=2)
    open_project(models, project)
    assert not models.compare_button.isEnabled()
    models.select("ours", "twin", DEFAULT_MODEL)
    models.compare_button.click()
    dialog = models.side_by_side
    assert dialog.isVisible()
    assert "3 models on 2 complete images" in dialog.basis.text()
    # At once: an empty table says nothing.
    assert models_in_use() == {"ours", "twin", DEFAULT_MODEL}
    assert dialog.run_row.button.text() == "Cancel"
    until(lambda: dialog.found is not None)
    assert texts(dialog, 0) == ["ours", "twin", DEFAULT_MODEL]
    f_scores = texts(dialog, 4)
    assert len(set(f_scores)) == 1
    assert float(f_scores[0]) > 0.5
    assert texts(dialog, side_by_side.LEARNT) == ["none"] * 3
    assert "none of these models has learnt" in dialog.state.text()
    found = texts(dialog, 1)
    until(lambda: not dialog.job.is_running)
    models.compare_button.click()
    assert not dialog.job.is_running
    assert dialog.run_row.button.text() == "Compare again"
    dialog.cutoff.setValue(1)
    assert [int(one) for one in texts(dialog, 1)] < [int(one) for one in found]
    assert project.detections(project.images[0]) is None


def test_a_comparison_is_cancelled(models, tiny_project, until):
    open_project(models, tiny_project(n_complete=2))
    models.select("ours", DEFAULT_MODEL)
    models.compare_button.click()
    dialog = models.side_by_side
    dialog.run_row.button.click()
    until(lambda: not dialog.job.is_running)
    assert dialog.found is None
    assert dialog.run_row.button.text() == "Compare"


def test_without_a_complete_image_it_says_what_to_do(models, tiny_project):
    open_project(models, tiny_project())
    models.select("ours", DEFAULT_MODEL)
    models.compare_button.click()
    dialog = models.side_by_side
    assert not dialog.run_row.button.isEnabled()
    assert "click every cell of an image" in dialog.basis.text()
