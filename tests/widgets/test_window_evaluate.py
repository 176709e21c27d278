"""Evaluate in a real viewer: the table, the errors in the image, the curve, the warning."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from napari_htcell import models
from napari_htcell.cards import TrainingImage
from napari_htcell.config import DEFAULT_MODEL, DetectConfig
from napari_htcell.counting import CountErrors
from napari_htcell.detections import Detections, Provenance
from napari_htcell.models import Model
from napari_htcell.widgets.errors import LEAST_UM, LOOKS, SYMBOL_UM, sizes
from napari_htcell.widgets.htcell import HTCellPanel, Step


@pytest.fixture
def viewer(make_napari_viewer_proxy, shipped_tiny_model):
    return make_napari_viewer_proxy(show=True)


@pytest.fixture
def until(qtbot):
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=30_000)


@pytest.fixture
def project(tiny_project):
    return tiny_project(n_images=3, n_complete=2)


@pytest.fixture
def dock(viewer, project, until):
    """Return the HTCell dock with a project of which two images are complete."""
    dock = HTCellPanel(viewer)
    viewer.window.add_dock_widget(dock, name="HTCell")
    dock.images.open_folder(project.path)
    until(lambda: dock.session.document is not None)
    return dock


@pytest.fixture
def evaluated(dock, until):
    """Return the dock with everything detected, in the step Evaluate, a complete image open."""
    dock.detect.run_all.button.click()
    until(lambda: not dock.detect.run_all.job.is_running)
    dock.images.show_image(complete(dock)[0])
    until(lambda: dock.session.document.name == complete(dock)[0])
    dock.show_step(Step.EVALUATE)
    until(lambda: texts(dock.evaluate.table))
    until(lambda: not dock.evaluate.job.is_running)
    return dock


def complete(dock):
    project = dock.session.project
    return [name for name in project.images if project.annotation(name).complete_frames]


def texts(table):
    rows = (table.topLevelItem(i) for i in range(table.topLevelItemCount()))
    return [[row.text(column) for column in range(table.columnCount())] for row in rows]


def errors_in(viewer):
    return [layer for layer in viewer.layers if layer.name == "errors"]


def test_without_complete_images_it_says_what_to_do(viewer, tiny_project, until):
    dock = HTCellPanel(viewer)
    viewer.window.add_dock_widget(dock)
    dock.show_step(Step.EVALUATE)
    panel = dock.evaluate
    assert "click every cell of an image" in panel.basis.text()
    assert panel.pages.isHidden()
    dock.images.open_folder(tiny_project().path)
    until(lambda: dock.session.document is not None)
    assert "click every cell of an image" in panel.basis.text()
    assert panel.run_row.isHidden()
    dock.session.document.mark_complete(True)
    dock.session.changed()
    until(lambda: "Nothing was detected yet" in panel.basis.text())
    assert not panel.pages.isHidden()


def test_a_row_for_each_image_and_one_for_all(evaluated):
    rows = texts(evaluated.evaluate.table)
    assert [row[0] for row in rows] == ["all 2", *complete(evaluated)]
    numbers = np.asarray([[int(text) for text in row[1:4]] for row in rows])
    assert (numbers[0] == numbers[1:].sum(axis=0)).all()
    tp, fp, fn = numbers[0]
    assert rows[0][4] == f"{2 * tp / (2 * tp + fp + fn):.2f}"
    annotation = evaluated.session.document.annotation
    assert numbers[1][0] + numbers[1][2] == len(annotation.points)
    assert evaluated.evaluate.warning.isHidden()


def test_how_often_the_interval_of_a_count_holds_the_true_one(dock, project, until):
    settings = DetectConfig()
    errors = CountErrors(
        rate=0.75, images=3, settings=settings, thresholds=(settings.threshold,), factors=(0.5,)
    )
    how = Provenance(DEFAULT_MODEL, settings, 1.61, False, "2026-01-01T00:00:00+00:00", "0")
    how = replace(how, count_errors=errors)
    for name, share in zip(complete(dock), (1, 0.2), strict=True):
        points = project.annotation(name).points
        points = points[: round(share * len(points))]
        project.save_detections(name, Detections(points, np.full(len(points), 0.9), how))
    dock.show_step(Step.EVALUATE)
    panel = dock.evaluate
    until(lambda: texts(panel.table))
    assert panel.intervals.text() == (
        "Counts: the true number is in the interval of 1 of 2 images (stated: 75%)."
    )
    tips = [panel.table.topLevelItem(row).toolTip(6) for row in (1, 2)]
    assert "; inside " in tips[0]
    assert "; ⚠ outside " in tips[1]


def test_outcomes_are_told_apart_by_colour_and_form(evaluated, viewer):
    (layer,) = errors_in(viewer)
    _, first = texts(evaluated.evaluate.table)[:2]
    kinds = list(layer.features["outcome"])
    counted = [kinds.count(kind) for kind in ("found", "false alarm", "missed")]
    assert counted == [int(text) for text in first[1:4]]
    looks = {
        (kind, str(symbol), tuple(np.round(colour, 3)))
        for kind, symbol, colour in zip(kinds, layer.symbol, layer.border_color, strict=True)
    }
    assert len(looks) == len(set(kinds)) == len({symbol for _, symbol, _ in looks})
    assert len({colour for colour, _ in LOOKS.values()}) == 3
    np.testing.assert_allclose(layer.scale, evaluated.desk.image.scale)
    assert viewer.layers.selection.active.name == "annotated"


def test_the_errors_leave_with_the_step_and_the_image(evaluated, viewer, until):
    evaluated.show_step(Step.CORRECT)
    assert not errors_in(viewer)
    evaluated.show_step(Step.EVALUATE)
    assert errors_in(viewer)
    partial = next(n for n in evaluated.session.project.images if n not in complete(evaluated))
    evaluated.images.show_image(partial)
    until(lambda: evaluated.session.document.name == partial)
    assert not errors_in(viewer)
    viewer.window.remove_dock_widget(evaluated)
    assert not errors_in(viewer)


def test_a_row_goes_to_its_image(evaluated, viewer, until):
    second = complete(evaluated)[1]
    panel = evaluated.evaluate
    panel.table.itemClicked.emit(panel.table.topLevelItem(2), 0)
    until(lambda: evaluated.session.document.name == second)
    counted = [len(errors_in(viewer)[0].data), sum(map(int, texts(panel.table)[2][1:4]))]
    assert counted[0] == counted[1]


def test_an_error_is_shown_near_enough_and_no_nearer_than_before(evaluated, viewer):
    camera, errors = viewer.scene.camera, evaluated.evaluate.errors
    whole = camera.zoom
    errors.step(1)
    near = camera.zoom
    assert near > 2 * whole
    camera.zoom = 3 * near
    errors.step(1)
    assert camera.zoom == 3 * near


def test_from_error_to_error(evaluated, viewer):
    errors = evaluated.evaluate.errors
    wrong = [one for one in evaluated.evaluate.here.outcomes if one.kind != "found"]
    assert len(errors) == len(wrong) > 1
    for expected in (wrong[0], wrong[1]):
        errors.next_button.click()
        place = evaluated.desk.image.data_to_world(expected.place)
        np.testing.assert_allclose(viewer.scene.camera.center[-2:], place)
    errors.previous_button.click()
    errors.previous_button.click()
    place = evaluated.desk.image.data_to_world(wrong[-1].place)
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], place)


def chosen_in(viewer):
    return [layer for layer in viewer.layers if layer.name == "chosen error"]


def test_the_chosen_error_has_a_ring_around_it(evaluated, viewer):
    errors = evaluated.evaluate.errors
    assert not chosen_in(viewer)
    errors.list.itemClicked.emit(errors.list.topLevelItem(1), 0)
    errors.list.setCurrentItem(errors.list.topLevelItem(1))
    (ring,) = chosen_in(viewer)
    wrong = [one for one in evaluated.evaluate.here.outcomes if one.kind != "found"]
    np.testing.assert_allclose(ring.data, [wrong[1].place] * 2)
    (layer,) = errors_in(viewer)
    assert ring.size.min() > 2 * layer.size.max()
    errors.next_button.click()
    np.testing.assert_allclose(chosen_in(viewer)[0].data[0], wrong[2 % len(wrong)].place)
    # It stays chosen while something else is corrected.
    evaluated.session.document.move(0, evaluated.session.document.annotation.points[0] + 0.1)
    evaluated.session.changed()
    assert len(chosen_in(viewer)) == 1
    evaluated.show_step(Step.CORRECT)
    assert not chosen_in(viewer)


def test_clicks_and_candidates_do_not_crowd_the_errors(evaluated, viewer):
    desk = evaluated.desk
    assert not desk.annotated.visible
    assert not desk.detected.visible
    evaluated.show_step(Step.CORRECT)
    assert desk.annotated.visible
    assert desk.detected.visible
    desk.detected.visible = False
    evaluated.show_step(Step.EVALUATE)
    evaluated.show_step(Step.CORRECT)
    # What the user has hidden stays so.
    assert not desk.detected.visible


def test_symbols_of_neighbours_stay_apart():
    places = np.array([[10.0, 10], [10, 22], [80, 80], [10, 10]])
    stack = np.column_stack([[0, 0, 0, 1], places])
    first, second, alone, other_frame = sizes(stack, 1.0)
    assert first + second < 2 * 12
    assert alone == other_frame == SYMBOL_UM
    assert sizes(places[:1], 2.0).tolist() == [SYMBOL_UM / 2]
    assert len(sizes(places[:0], 1.0)) == 0
    assert min(sizes(np.zeros((2, 2)), 1.0)) == LEAST_UM


def test_the_open_image_is_followed_at_once(evaluated, viewer):
    session, panel = evaluated.session, evaluated.evaluate
    before = [int(text) for text in texts(panel.table)[1][1:4]]
    wrong = next(one for one in panel.here.outcomes if one.kind == "false alarm")
    session.document.add(wrong.place)
    session.changed()
    tp, fp, fn = before
    after = [int(text) for text in texts(panel.table)[1][1:4]]
    assert after == [tp + 1, fp - 1, fn]
    assert len(errors_in(viewer)[0].data) == sum(after)
    session.undo()
    assert [int(text) for text in texts(panel.table)[1][1:4]] == before


def test_a_wider_cut_off_finds_no_less(evaluated, until):
    panel = evaluated.evaluate
    before = int(texts(panel.table)[0][1])
    panel.cutoff.setValue(2)
    assert int(texts(panel.table)[0][1]) < before
    assert panel.comparing.curve is None
    until(lambda: panel.comparing.curve is not None)


def test_the_best_threshold_is_used(evaluated, until):
    panel = evaluated.evaluate
    kept_from = panel.comparing.curve.thresholds[0]
    panel.run_row.button.click()
    assert panel.job.uses == {DEFAULT_MODEL}
    until(lambda: not panel.job.is_running)
    curve = panel.comparing.curve
    assert curve.thresholds[0] < kept_from
    panel.curve.use_button.click()
    best = curve.best_threshold
    assert evaluated.detect.threshold.value() == pytest.approx(best)
    assert texts(panel.table)[0][4] == f"{curve.f_score[curve.best]:.2f}"
    assert f"at threshold {best:.2f}" in panel.basis.text()


def test_images_that_the_model_knows_flatter_it(dock, project, tiny_model, until):
    name = complete(dock)[0]
    content = project.image_path(name).read_bytes()
    image = TrainingImage(
        name=name, sha256=hashlib.sha256(content).hexdigest(), status="complete", points=9
    )
    card = tiny_model.card.model_copy(update={"name": "ours", "earlier_images": (image,)})
    models.save_model(Model(card, tiny_model.network), project.models_folder)
    dock.session.refresh_models(choose="ours")
    dock.show_step(Step.EVALUATE)
    panel = dock.evaluate
    until(lambda: not panel.job.is_running)
    panel.run_row.button.click()
    until(lambda: not panel.warning.isHidden())
    assert "ours has learnt from 1 of these 2" in panel.warning.text()
    assert texts(panel.table)[1][0] == f"⚠ {name}"


def test_a_comparison_can_be_cancelled(evaluated, until, monkeypatch):
    panel = evaluated.evaluate
    before = panel.comparing.comparison
    panel.run_row.button.click()
    assert panel.run_row.button.text() == "Cancel"
    panel.run_row.button.click()
    until(lambda: not panel.job.is_running)
    assert panel.comparing.comparison is before
    assert panel.run_row.button.text() == f"Run {DEFAULT_MODEL} on these"
