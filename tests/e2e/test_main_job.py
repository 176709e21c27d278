"""The whole job by mouse in a real window: detect, correct, fine-tune, export."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import Qt, QTimer

from napari_htcell import sample, versions
from napari_htcell.config import DEFAULT_MODEL
from napari_htcell.evaluate import evaluate
from napari_htcell.project import open_project


def far_from(points, others, count, reach=14.0):
    """Return the first points that lie alone and not at the border."""
    chosen = []
    for point in points:
        apart = np.linalg.norm(np.concatenate([others, chosen or np.empty((0, 2))]) - point, axis=1)
        if (apart > reach).all() and (point > 12).all() and (point < (244, 308)).all():
            chosen.append(point)
    assert len(chosen) >= count
    return np.array(chosen[:count])


def open_folder(hand, project):
    hand.dock.images.open_folder(project.path)
    hand.until(lambda: hand.dock.session.document is not None)


def show(hand, name):
    hand.dock.images.show_image(name)
    hand.until(lambda: hand.dock.session.document.name == name)


@pytest.fixture
def slow_version(monkeypatch):
    """Make version D, which the tiny model is of, long enough to be cancelled."""
    stages = tuple(replace(one, epochs=1, min_steps=300) for one in versions.VERSIONS["D"].stages)
    monkeypatch.setitem(versions.VERSIONS, "D", replace(versions.VERSIONS["D"], stages=stages))


def test_detect_correct_fine_tune_export(hand, tiny_project, slow_version, qtbot):
    project = tiny_project(n_images=3, seed=2)
    dock, session = hand.dock, hand.dock.session
    open_folder(hand, project)
    name = project.images[1]
    show(hand, name)
    clicked = project.annotation(name).points
    assert len(clicked) > 3
    np.testing.assert_allclose(dock.desk.annotated.data, clicked)

    # Detect.
    hand.step(1)
    hand.press(dock.detect.run.button)
    hand.until(lambda: session.document.found is not None)
    hand.until(lambda: dock.detect.run.button.text() == "Detect")
    candidates = session.document.candidates.points
    np.testing.assert_allclose(dock.desk.detected.data, candidates)
    assert 0 < len(candidates) < len(session.document.found)
    hand.until(lambda: session.is_saved)
    assert len(project.detections(name)) == len(session.document.found)

    # Click three cells that are neither clicked nor found, accept one, reject one, remove one.
    hand.step(2)
    truth = sample.read_truth(project, name)
    empty = far_from(
        np.concatenate([truth, np.random.default_rng(0).uniform(20, 230, (200, 2))]),
        np.concatenate([clicked, candidates]),
        3,
        reach=24,
    )
    for place in empty:
        hand.click(place)
    assert len(dock.desk.annotated.data) == len(clicked) + 3
    np.testing.assert_allclose(dock.desk.annotated.data[-3:], empty, atol=1)
    assert list(dock.desk.annotated.features["source"][-3:]) == ["hand"] * 3
    (ring,) = far_from(candidates, session.document.annotation.points, 1)
    hand.click(ring)
    assert list(dock.desk.annotated.features["source"])[-1] == DEFAULT_MODEL
    np.testing.assert_allclose(dock.desk.annotated.data[-1], ring)
    assert len(dock.desk.detected.data) == len(candidates) - 1
    (other,) = far_from(dock.desk.detected.data, dock.desk.annotated.data, 1)
    hand.click(other, hand.RIGHT)
    assert len(dock.desk.detected.data) == len(candidates) - 2
    before = len(dock.desk.annotated.data)
    hand.click(empty[0], hand.RIGHT)
    assert len(dock.desk.annotated.data) == before - 1

    # Undo and redo, by keys.
    hand.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert len(dock.desk.annotated.data) == before
    hand.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert len(dock.desk.annotated.data) == before - 1

    # Complete, saved without being asked.
    hand.tick(dock.correct.complete)
    assert dock.correct.complete.isChecked()
    hand.until(lambda: dock.correct.saved.text() == "✓ Saved")
    kept = project.annotation(name)
    assert kept.status() == "complete"
    assert len(kept.points) == len(clicked) + 3

    # Fine-tune: cancel once, then to the end, while the window stays alive.
    hand.step(3)
    hand.press(dock.fine_tune.run.button)
    hand.until(lambda: len(dock.fine_tune.curve.loss.values) > 3)
    hand.press(dock.fine_tune.run.button)
    hand.until(lambda: dock.fine_tune.run.button.text() == "Fine-tune")
    assert not project.models_folder.exists()
    assert session.model == DEFAULT_MODEL
    assert list(project.training_folder.iterdir())
    beats = []
    heart = QTimer()
    heart.setInterval(20)
    heart.timeout.connect(lambda: beats.append(1))
    hand.press(dock.fine_tune.run.button)
    heart.start()
    hand.until(lambda: len(dock.fine_tune.curve.loss.values) > 1)
    hand.step(2)
    hand.tick(dock.correct.complete)
    assert dock.fine_tune.job.is_running
    (late,) = far_from(truth, session.document.annotation.points, 1)
    hand.click(late)
    assert len(dock.desk.annotated.data) == len(clicked) + 4
    hand.until(lambda: not dock.fine_tune.job.is_running)
    heart.stop()
    assert len(beats) > 10
    assert session.model.startswith("D-")
    assert session.model in dock.detect.model.menu.currentText()
    assert project.models_folder.joinpath(session.model, "card.json").exists()
    assert "by a network that had not learnt from it" in dock.fine_tune.state.text()

    # Detect with the new model, and export.
    hand.step(1)
    hand.press(dock.detect.run_all.button)
    hand.until(lambda: not dock.detect.run_all.job.is_running)
    found = {one: project.detections(one) for one in project.images}
    assert {one.provenance.model for one in found.values()} == {session.model}
    hand.step(4)
    table = project.exports_folder / "counts.csv"
    dock.export.export_counts(table)
    hand.until(lambda: table.exists() and not dock.export.job.is_running)
    with table.open(newline="") as file:
        rows = {row["image"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(project.images)
    row = rows[name]
    kept = project.annotation(name)
    assert len(kept.points) == len(clicked) + 4
    assert row["status"] == "partial"
    assert int(row["annotated"]) == len(kept.points)
    agreed = evaluate(found[name].points, kept.points, cutoff_um=16, pixel_size_um=1.61).tp
    assert int(row["final"]) == len(kept.points) + len(found[name]) - agreed
    assert row["model"] == session.model


def test_threshold_redraws_without_the_network(hand, tiny_project, monkeypatch):
    open_folder(hand, tiny_project())
    dock, session = hand.dock, hand.dock.session
    hand.press(dock.detect.run.button)
    hand.until(lambda: session.document.found is not None)
    hand.until(lambda: not dock.detect._job.is_running)
    monkeypatch.setattr("napari_htcell.widgets.jobs.predict_steps", None)
    many = len(session.document.found)
    dock.detect.threshold.setValue(0.95)
    hand.until(lambda: len(session.document.found) < many)
    assert len(dock.desk.detected.data) == len(session.document.candidates)
    dock.detect.threshold.setValue(0.05)
    hand.until(lambda: len(session.document.found) >= many)


def test_drag_moves_one_point_and_not_the_image(hand, tiny_project):
    project = tiny_project()
    open_folder(hand, project)
    hand.step(2)
    points = hand.dock.desk.annotated.data.copy()
    (start,) = far_from(points, np.empty((0, 2)), 1)
    index = int(np.flatnonzero((points == start).all(axis=1))[0])
    centre = hand.viewer.scene.camera.center
    target = start + np.array([9, -7])
    hand.drag(start, target)
    moved = hand.dock.desk.annotated.data
    np.testing.assert_allclose(moved[index], target, atol=1.5)
    np.testing.assert_allclose(np.delete(moved, index, 0), np.delete(points, index, 0))
    assert hand.viewer.scene.camera.center == centre
    hand.press(hand.dock.correct.undo_button)
    np.testing.assert_allclose(hand.dock.desk.annotated.data, points)


def test_drag_on_nothing_moves_the_image_and_adds_no_cell(hand, tiny_project):
    open_folder(hand, tiny_project())
    hand.step(2)
    points = hand.dock.desk.annotated.data.copy()
    (start,) = far_from(np.random.default_rng(1).uniform(30, 200, (200, 2)), points, 1, 30)
    centre = hand.viewer.scene.camera.center
    hand.drag(start, start + 25)
    assert len(hand.dock.desk.annotated.data) == len(points)
    assert hand.viewer.scene.camera.center != centre


def test_clicks_count_in_correct_only(hand, tiny_project):
    open_folder(hand, tiny_project())
    count = len(hand.dock.desk.annotated.data)
    (place,) = far_from(
        np.random.default_rng(1).uniform(30, 200, (200, 2)), hand.dock.desk.annotated.data, 1, 30
    )
    hand.step(1)
    hand.click(place)
    assert len(hand.dock.desk.annotated.data) == count
    hand.step(2)
    hand.tick(hand.dock.correct.by_clicks)
    hand.click(place)
    assert len(hand.dock.desk.annotated.data) == count
    hand.tick(hand.dock.correct.by_clicks)
    hand.click(place)
    assert len(hand.dock.desk.annotated.data) == count + 1


def test_selected_point_is_deleted_by_key(hand, tiny_project):
    project = tiny_project()
    open_folder(hand, project)
    hand.step(2)
    points = hand.dock.desk.annotated.data.copy()
    (place,) = far_from(points, np.empty((0, 2)), 1)
    hand.click(place)
    assert len(hand.dock.desk.annotated.data) == len(points)
    hand.key(Qt.Key.Key_Delete)
    assert len(hand.dock.desk.annotated.data) == len(points) - 1
    hand.until(lambda: hand.dock.session.is_saved)
    name = hand.dock.session.document.name
    assert len(open_project(project.path).annotation(name).points) == len(points) - 1
