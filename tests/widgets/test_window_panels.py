"""The dock widgets in a real viewer, behind the proxy that plugins get."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

from napari_htcell import networks, versions
from napari_htcell.annotations import Annotation
from napari_htcell.cards import LEFT_OUT, SAME_IMAGES, Card
from napari_htcell.config import DEFAULT_MODEL, DetectConfig, TrainConfig
from napari_htcell.models import SHIPPED_FOLDER, Model, read_card, save_model
from napari_htcell.own_models import import_model
from napari_htcell.project import open_project
from napari_htcell.widgets.correct import CorrectPanel
from napari_htcell.widgets.detect import DetectPanel
from napari_htcell.widgets.export import ExportPanel
from napari_htcell.widgets.fine_tune import TIMING, TOO_LITTLE, FineTunePanel
from napari_htcell.widgets.htcell import HTCellPanel, Step
from napari_htcell.widgets.image_table import NAME_ROLE, Column
from napari_htcell.widgets.images import ImagesPanel
from napari_htcell.widgets.learning_texts import learnt_text

WAIT_MS = 30_000


@pytest.fixture
def viewer(make_napari_viewer_proxy, shipped_tiny_model):
    return make_napari_viewer_proxy()


@pytest.fixture
def until(qtbot):
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=WAIT_MS)


@pytest.fixture
def dock(viewer, tiny_project, until):
    """Return the HTCell dock with a project of which one image is complete."""
    dock = HTCellPanel(viewer)
    viewer.window.add_dock_widget(dock, name="HTCell")
    dock.images.open_folder(tiny_project(n_images=3, n_complete=1).path)
    until(lambda: dock.session.document is not None)
    return dock


@pytest.fixture
def errors(monkeypatch):
    shown = []
    for module in ("worker", "autosave", "detect_all"):
        monkeypatch.setattr(f"napari_htcell.widgets.{module}.show_error", shown.append)
    return shown


def cell(dock, row, column):
    return dock.images.shown.index(row, column).data()


def test_panels_of_one_viewer_share_a_session(viewer):
    panels = [kind(viewer) for kind in (DetectPanel, CorrectPanel, ExportPanel, ImagesPanel)]
    for panel in panels:
        viewer.window.add_dock_widget(panel)
    assert len({id(panel.session) for panel in panels}) == 1


def test_list_shows_what_is_done(dock):
    project = dock.session.project
    assert [cell(dock, row, Column.STATE) for row in range(3)] == ["●", "◐", "◐"]
    clicked = len(project.annotation(project.images[1]).points)
    assert cell(dock, 1, Column.ANNOTATED) == str(clicked)
    # the first that is not complete
    assert dock.session.document.name == project.images[1]
    assert dock.images.list.currentIndex().row() == 1


def test_next_and_previous(dock, until):
    names = dock.session.project.images
    dock.images.next_button.click()
    until(lambda: dock.session.document.name == names[2])
    assert not dock.images.next_button.isEnabled()
    dock.images.previous_button.click()
    dock.images.previous_button.click()
    until(lambda: dock.session.document.name == names[0])
    assert not dock.images.previous_button.isEnabled()


def test_damaged_image_is_told_of_and_the_old_one_stays(dock, until, errors):
    project, shown = dock.session.project, dock.session.document
    project.image_path(project.images[2]).write_bytes(b"not an image")
    dock.images.show_image(project.images[2])
    until(lambda: errors)
    until(lambda: not dock.images._reading.is_running)
    assert "cannot be read as a" in errors[0]
    assert dock.session.document is shown
    assert dock.images.list.currentIndex().data(NAME_ROLE) == shown.name


def test_empty_folder_is_told_of(viewer, until, errors, tmp_path):
    panel = ImagesPanel(viewer)
    viewer.window.add_dock_widget(panel)
    panel.open_folder(tmp_path)
    until(lambda: errors)
    assert "has no images" in errors[0]
    until(panel.open_button.isEnabled)
    assert panel.session.project is None


def test_detect_says_where_the_pixel_size_is_from(viewer):
    panel = DetectPanel(viewer)
    viewer.window.add_dock_widget(panel)
    assert not panel.run.button.isEnabled()
    viewer.add_image(np.zeros((40, 50)))
    assert "Nobody states the pixel size" in panel.pixel_hint.text()
    assert panel.pixel_size.text() == "unknown"
    viewer.add_image(np.zeros((40, 50)), scale=(650, 650), units="nm")
    assert panel.pixel_size.value() == pytest.approx(0.65)
    assert panel.pixel_hint.text() == "From the image layer."
    panel.pixel_size.setValue(0.7)
    panel.pixel_size.editingFinished.emit()
    assert panel.session.document.picture.pixel_size_um == 0.7


def test_no_model(viewer, monkeypatch, tmp_path):
    monkeypatch.setattr("napari_htcell.models.SHIPPED_FOLDER", tmp_path)
    panel = DetectPanel(viewer)
    viewer.window.add_dock_widget(panel)
    viewer.add_image(np.zeros((40, 50)))
    assert not panel.run.button.isEnabled()
    assert "no model" in panel.figures.text()


def test_detect_without_a_project_writes_nothing(viewer, until, tiny_project, tmp_path):
    panel = DetectPanel(viewer)
    viewer.window.add_dock_widget(panel)
    pixels = tiny_project().read_image("field_04.ome.tif").pixels
    before = sorted(tmp_path.rglob("*"))
    viewer.add_image(np.stack([pixels] * 2), scale=(1, 1.61, 1.61), units=("pixel", "um", "um"))
    panel.run.button.click()
    until(lambda: panel.session.document.found is not None)
    found = panel.session.document.found
    assert len(found.in_frame(0)) == len(found.in_frame(1)) > 0
    assert sorted(tmp_path.rglob("*")) == before
    until(lambda: not panel._job.is_running)


def test_detect_in_all_leaves_out_what_is_damaged(dock, until, errors):
    project = dock.session.project
    project.image_path(project.images[2]).write_bytes(b"not an image")
    dock.detect.run_all.button.click()
    until(lambda: not dock.detect.run_all.job.is_running)
    assert "1 of 3 images" in errors[0]
    assert project.detections(project.images[0]) is not None
    until(lambda: cell(dock, 0, Column.DETECTED) != "–")
    assert len(dock.desk.detected.data) == len(dock.session.document.candidates)


def test_detections_come_back_with_their_image(dock, until):
    dock.detect.run.button.click()
    until(lambda: dock.session.document.found is not None)
    until(lambda: not dock.detect._job.is_running)
    dock.detect.threshold.setValue(0.3)
    until(lambda: dock.session.document.found.provenance.settings.threshold == 0.3)
    name, count = dock.session.document.name, len(dock.session.document.found)
    dock.images.next_button.click()
    until(lambda: dock.session.document.name != name)
    kept = open_project(dock.session.project.path).detections(name)
    assert len(kept) == count
    assert kept.provenance.settings.threshold == 0.3
    dock.images.previous_button.click()
    until(lambda: dock.session.document.name == name)
    assert dock.detect.threshold.value() == pytest.approx(0.3)


def test_accept_all_is_one_step_back(dock, until):
    dock.detect.run.button.click()
    until(lambda: dock.session.document.found is not None)
    before = len(dock.session.document.annotation.points)
    candidates = len(dock.session.document.candidates)
    assert candidates > 0
    dock.correct.accept_button.click()
    assert len(dock.session.document.annotation.points) == before + candidates
    assert not dock.correct.accept_button.isEnabled()
    dock.correct.undo_button.click()
    assert len(dock.session.document.annotation.points) == before
    until(lambda: not dock.detect._job.is_running)


def test_loose_points_are_saved_where_the_user_says(viewer, monkeypatch, tmp_path):
    panel = CorrectPanel(viewer)
    viewer.window.add_dock_widget(panel)
    viewer.add_image(np.zeros((40, 50)))
    panel.session.document.add([4, 5])
    panel.session.changed()
    assert "in no project" in panel.saved.text()
    path = tmp_path / "mine.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    panel.save_button.click()
    assert path.read_text(encoding="utf-8") == "y,x,source\n4.000,5.000,hand\n"
    assert "1 point" in panel.saved.text()


def test_complete_is_about_the_frame_shown(viewer):
    panel = CorrectPanel(viewer)
    viewer.window.add_dock_widget(panel)
    viewer.add_image(np.zeros((3, 40, 50)))
    viewer.dims.set_point(0, 1)
    panel.complete.click()
    assert panel.session.document.annotation.complete_frames == {1}
    viewer.dims.set_point(0, 2)
    assert not panel.complete.isChecked()
    assert "frame 2" in panel.complete.text()


def test_fine_tune_says_what_it_learns_from_or_what_to_do(viewer, tiny_project, until):
    panel, images = FineTunePanel(viewer), ImagesPanel(viewer)
    for one in (panel, images):
        viewer.window.add_dock_widget(one)
    assert "open the folder" in panel.basis.text()
    images.open_folder(tiny_project().path)
    until(lambda: panel.session.document is not None)
    assert "No image is complete yet" in panel.basis.text()
    assert not panel.run.button.isEnabled()
    panel.session.document.mark_complete(True)
    panel.session.changed()
    assert panel.basis.text().startswith("Learns from 1 complete image with ")
    assert panel.run.button.isEnabled()


@pytest.fixture
def baselines(monkeypatch, tmp_path):
    """Ship models of the two baselines, whose networks no U-Net's recipe can train."""
    for version in ("CNN-SW", "Imaris-like"):
        recipe = versions.VERSIONS[version]
        settings = TrainConfig(**recipe.settings)
        card = Card(
            name=version,
            version=version,
            architecture=recipe.architecture,
            training=settings,
            detection=DetectConfig(method=recipe.method),
        )
        network = networks.build(recipe.architecture, settings)
        save_model(Model(card, network.eval()), tmp_path / "shipped")
    monkeypatch.setattr("napari_htcell.models.SHIPPED_FOLDER", tmp_path / "shipped")


def test_a_model_that_cannot_be_fine_tuned_is_refused_before_the_button(
    dock, baselines, until, errors
):
    panel, session = dock.fine_tune, dock.session
    assert panel.run.button.isEnabled()
    session.refresh_models(choose="CNN-SW")
    assert not panel.run.button.isEnabled()
    until(lambda: "version B, which trains a U-Net" in panel.base.text())
    assert "this model is a sliding window" in panel.base.text()
    assert not panel.run.button.isEnabled()
    # Its own recipe learns from complete images too.
    session.choose_model("Imaris-like")
    until(lambda: panel.base.text() == "Starts from the model Imaris-like.")
    assert panel.run.button.isEnabled()
    panel.fold.expand()
    until(lambda: panel.version.count() > 1)
    panel.version.setCurrentIndex(panel.version.findData("D"))
    until(lambda: "version D, which trains a U-Net" in panel.base.text())
    assert not panel.run.button.isEnabled()
    panel.version.setCurrentIndex(0)
    assert panel.run.button.isEnabled()
    assert not errors


def test_fine_tune_with_a_name_and_versions_to_choose(dock, quick_versions, until):
    panel = dock.fine_tune
    panel.fold.expand()
    until(lambda: panel.version.count() > 1)
    assert panel.version.currentData() is None
    assert panel.version.findData("A") == -1
    panel.version.setCurrentIndex(panel.version.findData("D"))
    panel.name.setText("mine")
    panel.run.button.click()
    assert dock.steps.tabText(2).startswith("3 Fine-tune")
    until(lambda: not panel.job.is_running)
    assert panel.session.model == "mine"
    assert panel.session.entry().card.version == "D"
    assert f"That of {DEFAULT_MODEL} is" in panel.state.text()
    assert not panel.again.isHidden()
    panel.again.click()
    until(lambda: panel.session.document.found is not None)
    assert panel.session.document.found.provenance.model == "mine"


def test_fine_tune_says_how_long_it_takes_here(dock, quick_versions, until):
    panel = dock.fine_tune
    assert panel.duration.text() == ""
    dock.show_step(Step.FINE_TUNE)
    until(lambda: panel.duration.text().startswith("Takes about "))
    assert panel.duration.text().endswith(" on this computer.")
    document = dock.session.document
    document.mark_complete(True)
    dock.session.changed()
    until(lambda: panel.duration.text() == TIMING)
    until(lambda: panel.duration.text().startswith("Takes about "))
    panel.run.button.click()
    until(lambda: not panel.job.is_running)
    assert not panel.again.isHidden()
    assert panel.curve.loss.values
    assert panel.curve.held_out.values


def test_fine_tune_says_when_so_few_cells_would_change_nothing(
    viewer, tiny_project, quick_versions, until
):
    project = tiny_project(n_images=2, n_complete=0)
    first, _ = project.images
    four = Annotation.of(np.array([[20.0, 20], [20, 60], [60, 20], [60, 60]]), complete=True)
    project.save_annotation(first, four)
    dock = HTCellPanel(viewer)
    viewer.window.add_dock_widget(dock, name="HTCell")
    dock.images.open_folder(project.path)
    until(lambda: dock.session.document is not None)
    panel = dock.fine_tune
    panel.fold.expand()
    until(lambda: panel.version.count() > 1)
    panel.version.setCurrentIndex(panel.version.findData("E"))
    dock.show_step(Step.FINE_TUNE)
    until(lambda: panel.duration.text() == TOO_LITTLE)
    panel.run.button.click()
    until(lambda: not panel.job.is_running)
    assert "too few" in panel.state.text()


def test_last_clicks_are_saved_before_learning(dock, quick_versions, until):
    document = dock.session.document
    document.add([9, 9])
    document.mark_complete(True)
    dock.session.changed()
    dock.fine_tune.run.button.click()
    assert dock.session.is_saved
    until(lambda: not dock.fine_tune.job.is_running)
    learnt = {one.name: one.points for one in dock.session.entry().card.images}
    assert learnt[document.name] == len(document.annotation.points)


def test_failed_training_keeps_the_model_and_is_told(dock, until, errors, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("out of memory")
        yield

    monkeypatch.setattr("napari_htcell.learn.fine_tune_steps", fail)
    dock.fine_tune.run.button.click()
    until(lambda: not dock.fine_tune.job.is_running)
    assert "not enough memory" in errors[0]
    assert dock.session.model == DEFAULT_MODEL
    assert dock.fine_tune.run.button.text() == "Fine-tune"
    assert dock.fine_tune.run.button.isEnabled()


def test_closing_the_dock_stops_jobs_and_saves(dock, viewer, until):
    document = dock.session.document
    dock.fine_tune.run.button.click()
    document.add([9, 9])
    dock.session.changed()
    job = dock.fine_tune.job
    viewer.window.remove_dock_widget(dock)
    assert job.is_quitting or not job.is_running
    assert dock.session.is_saved
    until(lambda: not job.is_running)
    assert dock.session.project.annotation(document.name).points[-1].tolist() == [9, 9]


def test_saving_that_fails_is_told_and_tried_again(dock, until, errors, monkeypatch):
    document = dock.session.document

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("napari_htcell.project.save_annotation", full)
        document.add([9, 9])
        dock.session.changed()
        until(lambda: errors)
        dock.images.next_button.click()
        # No reason to stay: the click is kept.
        until(lambda: dock.session.document is not document)
    assert "No space left" in errors[0]
    assert dock.desk.autosave.save()
    assert dock.session.project.annotation(document.name).points[-1].tolist() == [9, 9]


def test_a_folder_deleted_underneath_ends_jobs_and_loses_no_click(dock, until, errors):
    session, project = dock.session, dock.session.project
    document = session.document
    away = project.path.rename(project.path.with_name("away"))
    document.add([9, 9])
    session.changed()
    dock.detect.run_all.button.click()
    dock.fine_tune.run.button.click()
    until(lambda: not dock.detect.run_all.job.is_running and not dock.fine_tune.job.is_running)
    until(lambda: dock.detect.run_all.button.text().startswith("Detect in all"))
    until(lambda: dock.fine_tune.run.button.text() == "Fine-tune")
    until(lambda: any("the folder is gone" in one for one in errors))
    assert not project.path.exists()
    away.rename(project.path)
    assert dock.desk.autosave.save()
    assert project.annotation(document.name).points[-1].tolist() == [9, 9]


def test_an_image_damaged_on_disk_is_told_of_and_the_others_are_detected(dock, until, errors):
    session, project = dock.session, dock.session.project
    project.image_path(project.images[2]).write_bytes(b"II*")
    dock.detect.run_all.button.click()
    until(lambda: not dock.detect.run_all.job.is_running)
    assert any("cannot be read as a TIFF image" in one for one in errors)
    assert all(project.detections(name) is not None for name in project.images[:2])
    dock.images.show_image(project.images[2])
    until(lambda: not dock.images._reading.is_running)
    assert session.document.name != project.images[2]


def test_export_of_the_project_and_of_a_loose_image(dock, viewer, until, monkeypatch, tmp_path):
    project = dock.session.project
    asked = []

    def choose(_parent, _title, start, _kinds):
        asked.append(start)
        return str(tmp_path / "chosen"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    dock.export.counts_button.click()
    until(lambda: "rows" in dock.export.state.text())
    assert asked == [str(project.exports_folder / "counts.csv")]
    lines = (tmp_path / "chosen.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + len(project.images)
    viewer.add_image(np.zeros((40, 50)), name="loose")
    dock.session.document.add([4, 5])
    dock.session.changed()
    assert "loose" in dock.export.scope.text()
    dock.export.export_points(tmp_path / "loose.csv")
    until(lambda: (tmp_path / "loose.csv").exists() and not dock.export.job.is_running)
    (row,) = (tmp_path / "loose.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert row.startswith("loose,0,4.0,5.0,")


def test_export_in_the_format_that_is_chosen(dock, until, monkeypatch, tmp_path):
    kinds = []

    def choose(_parent, _title, _start, filters):
        kinds.append(filters.split(";;"))
        return str(tmp_path / "field 1.5"), kinds[-1][-1]

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    names = [f"field 1.5{ending}" for ending in (".xlsx", ".zip", ".png")]
    for button, name in zip(
        (dock.export.counts_button, dock.export.points_button, dock.export.summary_button),
        names,
        strict=True,
    ):
        button.click()
        assert dock.export.cancel_button.isVisibleTo(dock.export)
        until(lambda name=name: name in dock.export.state.text())
        until(lambda: not dock.export.job.is_running)
        assert not dock.export.cancel_button.isVisibleTo(dock.export)
    assert sorted(one.name for one in tmp_path.glob("field*")) == sorted(names)
    assert "Fiji ROIs (*.zip)" in kinds[1]
    # The dialog asked about "field 1.5" only, so the file of the same name stays.
    before = (tmp_path / names[0]).read_bytes()
    dock.export.counts_button.click()
    until(lambda: (tmp_path / "field 1.5-2.xlsx").exists())
    assert (tmp_path / names[0]).read_bytes() == before
    until(lambda: not dock.export.job.is_running)


def test_a_summary_of_a_loose_image(viewer, until, tmp_path):
    panel = ExportPanel(viewer)
    viewer.window.add_dock_widget(panel)
    viewer.add_image(np.random.default_rng(0).random((2, 40, 50, 3)), rgb=True, name="colours")
    panel.session.document.add([1, 4, 5])
    panel.export_summary(tmp_path / "page.pdf")
    until(lambda: not panel.job.is_running)
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


def test_dock_fits_a_small_screen(dock, qtbot):
    for step in range(dock.steps.count()):
        dock.steps.setCurrentIndex(step)
        qtbot.wait(10)
        assert dock.minimumSizeHint().height() <= 640
        assert dock.minimumSizeHint().width() <= 420


def test_annotation_is_never_touched_by_detecting(dock, until):
    before = dock.session.document.annotation
    dock.detect.run.button.click()
    until(lambda: dock.session.document.found is not None)
    until(lambda: not dock.detect._job.is_running)
    assert dock.session.document.annotation is before
    assert isinstance(before, Annotation)


def test_detecting_anew_in_many_images_loses_nothing_that_was_decided(
    dock, until, tiny_model_folder
):
    detect, images, session = dock.detect, dock.images, dock.session
    detect.run_all.button.click()
    until(lambda: not detect.run_all.job.is_running)
    until(lambda: {cell(dock, row, Column.MODEL) for row in range(3)} == {DEFAULT_MODEL})
    name, document = session.document.name, session.document
    document.accept([0])
    document.reject([0, 1])
    document.add([9, 9])
    session.changed()
    rejected, decided = document.annotation.rejected, document.annotation
    images.next_button.click()
    until(lambda: session.document.name != name)
    session.document.reject([0])
    session.changed()
    other, decided_there = session.document, session.document.annotation

    import_model(tiny_model_folder, name="ours")
    session.refresh_models(choose="ours")
    session.select((name, other.name))
    detect.run_all.button.click()
    # While it runs.
    other.add([30, 30])
    session.changed()
    until(lambda: not detect.run_all.job.is_running)
    rows = [images.shown.row(one) for one in session.project.images]
    by = ["ours" if one in (name, other.name) else DEFAULT_MODEL for one in session.project.images]
    until(lambda: [cell(dock, row, Column.MODEL) for row in rows] == by)

    assert dock.desk.autosave.save()
    assert document.annotation is decided
    assert document.found.provenance.model == "ours"
    np.testing.assert_array_equal(other.annotation.points[:-1], decided_there.points)
    np.testing.assert_array_equal(other.annotation.points[-1], [30, 30])
    kept = open_project(session.project.path).annotation(name)
    np.testing.assert_allclose(kept.points, decided.points, atol=1e-3)
    assert kept.sources == decided.sources
    np.testing.assert_allclose(kept.rejected, rejected, atol=1e-3)
    # What was rejected is found again, and stays rejected.
    assert document.pairing.is_rejected.sum() >= 2
    open_ = document.candidates.points
    assert not (np.linalg.norm(open_[:, None] - rejected[None], axis=-1) < 1).any()


def test_what_a_new_model_is_worth_is_said_beside_the_one_before():
    shipped_card = read_card(SHIPPED_FOLDER / DEFAULT_MODEL)

    def card(before, after):
        figure = shipped_card.figures[0]
        return shipped_card.model_copy(
            update={
                "name": "ours",
                "base_model": DEFAULT_MODEL,
                "figures": (figure.model_copy(update={"f_score": after, "on": LEFT_OUT}),),
                "base_figures": (figure.model_copy(update={"f_score": before, "on": SAME_IMAGES}),),
            }
        )

    better = learnt_text(card(0.61, 0.82))
    assert "is 0.82 on its complete images, each by a network that had not learnt" in better
    assert f"That of {DEFAULT_MODEL} is 0.61 on the same images." in better
    assert "no better" not in better
    assert f"it may be no better: {DEFAULT_MODEL} knew such images" in learnt_text(card(0.82, 0.81))


def test_export_says_where_the_file_is_in_the_project(dock, until, tmp_path):
    panel, project = dock.export, dock.session.project
    panel.export_counts(project.exports_folder / "counts.csv")
    until(lambda: panel.state.text())
    name = project.path.name
    assert panel.state.text() == f"✓ 3 rows written to {Path(name, 'exports', 'counts.csv')}"
    assert str(project.exports_folder) in panel.state.toolTip()
    until(lambda: not panel.job.is_running)
    panel.export_counts(tmp_path / "elsewhere.csv")
    until(lambda: not panel.job.is_running)
    assert panel.state.text().endswith(str(tmp_path / "elsewhere.csv"))


def test_export_says_what_does_not_compare(dock, until, tmp_path, found):
    panel, session = dock.export, dock.session
    dock.show_step(Step.EXPORT)
    assert "Nothing was detected in 2 images" in panel.uneven.text()
    assert not panel.uneven.isHidden()
    panel.export_counts(tmp_path / "counts.csv")
    until(lambda: panel.state.text())
    assert "written to" in panel.state.text()
    assert "Nothing was detected in 2 images" in panel.state.text()
    until(lambda: not panel.job.is_running)
    dock.detect.run_all.button.click()
    until(lambda: not dock.detect.run_all.job.is_running)
    until(lambda: panel.uneven.isHidden())
    dock.show_step(Step.EXPORT)
    session.document.found = found([[9.0, 9]], [0.9], model="another")
    session.found_changed.emit()
    session.changed()
    assert "ifferent models were run" in panel.uneven.text()
    assert not panel.uneven.isHidden()
