"""Whatever a job ends in, the window goes on: its buttons come back, and the user is told once."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hand import Hand
from napari.layers import Points
from qtpy.QtWidgets import QDockWidget, QMessageBox, QPushButton

from napari_htcell.config import DEFAULT_MODEL
from napari_htcell.own_models import import_model
from napari_htcell.prediction import Prediction
from napari_htcell.progress import Progress
from napari_htcell.project import open_project
from napari_htcell.unet import UNet
from napari_htcell.widgets import jobs, reading
from napari_htcell.widgets.htcell import HTCellPanel, Step
from napari_htcell.widgets.panel import Panel


@pytest.fixture
def until(qtbot):
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=120_000)


@pytest.fixture
def viewer(make_napari_viewer_proxy, shipped_tiny_model):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.window.resize(1366, 740)
    return viewer


def open_dock(viewer, until, project):
    dock = HTCellPanel(viewer)
    viewer.window.add_dock_widget(dock, name="HTCell")
    dock.images.open_folder(project.path)
    until(lambda: dock.session.document is not None and dock.session.document.in_project)
    return dock


@pytest.fixture
def dock(viewer, tiny_project, until):
    """Return the dock with a project of which one image is complete."""
    return open_dock(viewer, until, tiny_project(n_images=3, n_complete=1))


@pytest.fixture
def errors(monkeypatch):
    shown = []
    for module in ("worker", "autosave", "detect_all"):
        monkeypatch.setattr(f"napari_htcell.widgets.{module}.show_error", shown.append)
    return shown


def running(dock):
    panels = [dock, *dock.findChildren(Panel)]
    return [job for panel in panels for job in panel._ties.jobs if job.is_running]


def buttons(dock):
    return [(one.text(), one.isEnabled()) for one in dock.findChildren(QPushButton)]


def same_buttons(dock, before):
    now = buttons(dock)
    assert [one for one in now if one not in before] == []
    assert len(now) == len(before)


def broken(*_, **__):
    yield Progress("working", 0, 0)
    raise RuntimeError("injected")


def read_one(world):
    world.dock.images.ahead.want(None, ())
    world.dock.images.show_image(world.dock.session.project.images[-1])


def fill(world):
    del world.dock.session.summaries[world.dock.session.project.images[-1]]
    world.dock.images.filling.fill()


def redraw(world):
    # As of a long stack, whose points are drawn in the background.
    world.monkeypatch.setattr(Prediction, "is_quick", lambda *_: False)
    world.dock.detect.threshold.setValue(0.9)
    world.until(lambda: world.errors)


def time_a_few_steps(world):
    world.dock.show_step(Step.FINE_TUNE)
    world.until(lambda: world.errors)
    world.dock.show_step(Step.DETECT)


def read_versions(world):
    world.dock.fine_tune.fold.expand()
    world.dock.fine_tune.fold.collapse()


def choose_models(world):
    dialog = world.dock.detect.model.models_dialog
    dialog.side_by_side.show_for(dialog._entries)


def compare_models(world):
    world.dock.detect.model.models_dialog.side_by_side.run_row.button.click()


def export_model(world):
    dialog = world.dock.detect.model.models_dialog
    dialog.export_to(dialog._entries[0], world.folder / "model.zip")


def import_points(world):
    world.dock.export.importer.import_from(world.table)


def detect(world):
    world.dock.detect.run.button.click()
    world.until(lambda: world.dock.session.document.found is not None)


def import_well(world):
    import_points(world)
    world.until(lambda: "imported" in world.dock.export.importer.state.text())


def import_into_a_loose_image(world):
    world.viewer.add_image(np.zeros((40, 50)), name="loose")
    import_points(world)


KINDS: dict[str, Callable[[SimpleNamespace], object]] = {
    "open_folder_steps": lambda world: world.dock.images.open_folder(world.folder),
    "fill_steps": fill,
    "usefulness_steps": lambda world: world.dock.images.useful_button.click(),
    "predict_steps": lambda world: world.dock.detect.run.button.click(),
    "draw_steps": redraw,
    "predict_all_steps": lambda world: world.dock.detect.run_all.button.click(),
    "forecast_steps": time_a_few_steps,
    "fine_tune_steps": lambda world: world.dock.fine_tune.run.button.click(),
    "versions_steps": read_versions,
    "compare_steps": lambda world: world.dock.evaluate.run_row.button.click(),
    "side_by_side_steps": compare_models,
    "import_model_steps": lambda world: world.dock.detect.model.models_dialog.import_from(
        world.folder / "model.zip"
    ),
    "export_model_steps": export_model,
    "kinds_steps": import_points,
    "plan_steps": import_points,
    "import_steps": import_points,
    "take_back_steps": lambda world: world.dock.export.importer.undo.click(),
    "plan_loose_steps": import_into_a_loose_image,
}
ELSEWHERE = {
    "napari_htcell.widgets.reading.read_steps": read_one,
    "napari_htcell.export_files.export_steps": lambda world: world.dock.export.export_counts(
        world.folder / "counts.csv"
    ),
    "napari_htcell.widgets.detect_all.summaries_steps": KINDS["predict_all_steps"],
}
BEFORE = {
    "draw_steps": detect,
    "summaries_steps": lambda world: world.dock.detect.run_all.button.click(),
    "side_by_side_steps": choose_models,
    "take_back_steps": import_well,
}
"""What has to have gone well before."""


def test_a_job_of_any_kind_that_raises_is_told_of_and_every_button_comes_back(
    dock, viewer, until, qtbot, errors, monkeypatch, tmp_path, tiny_model_folder
):
    import_model(tiny_model_folder, name="ours")
    dock.session.refresh_models()
    dock.detect.model.show_models()
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    table = folder / "clicks.csv"
    table.write_text(f"image,y,x\n{dock.session.project.images[1]},5,6\n", encoding="utf-8")
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    world = SimpleNamespace(
        dock=dock, viewer=viewer, until=until, errors=errors, folder=folder, table=table
    )
    kinds = {f"napari_htcell.widgets.jobs.{name}": do for name, do in KINDS.items()} | ELSEWHERE
    # The last for good, as it leaves the project's image.
    loose = "napari_htcell.widgets.jobs.plan_loose_steps"
    for name in sorted(kinds, key=lambda one: one == loose):
        until(lambda: not running(dock))
        if (prepare := BEFORE.get(name.rpartition(".")[2])) is not None:
            prepare(world)
            until(lambda: not running(dock))
        errors.clear()
        before = buttons(dock)
        with monkeypatch.context() as patch:
            world.monkeypatch = patch
            patch.setattr(name, broken)
            kinds[name](world)
            until(lambda: errors and not running(dock))
        assert errors == ["RuntimeError: injected"], name
        if name != loose:
            qtbot.waitUntil(lambda before=before: same_buttons(dock, before), timeout=60_000)
    document = dock.session.document
    document.add([7, 7])
    dock.session.changed()
    assert len(dock.desk.annotated.data) == 1


def test_no_kind_of_job_is_forgotten():
    made = {name for name in vars(jobs) if name.endswith("_steps")}
    # Opening is a part of opening a folder; what is refused has a test of its own.
    assert made - {"open_steps", "refusal_steps"} == set(KINDS)


def test_where_it_cannot_be_found_out_whether_a_model_can_be_tuned_it_can_be_tried(
    dock, until, errors, monkeypatch
):
    monkeypatch.setattr(jobs, "refusal_steps", broken)
    monkeypatch.setattr(jobs, "OFFERED_NETWORK", "another")
    dock.fine_tune._refresh()
    assert not dock.fine_tune.run.button.isEnabled()
    until(lambda: errors and not running(dock))
    assert dock.fine_tune.run.button.isEnabled()
    assert errors == ["RuntimeError: injected"]


@pytest.mark.parametrize("error", [MemoryError("no room"), RuntimeError("injected")])
def test_what_is_done_in_advance_fails_in_silence_and_once(
    viewer, tiny_project, until, errors, monkeypatch, error
):
    project, read, tried = tiny_project(n_images=3, n_complete=1), reading.read_steps, []

    def fail(project, name):
        if name == project.images[2]:
            tried.append(name)
            raise error
        return (yield from read(project, name))

    def no_thumbnail(*_):
        tried.append("thumbnail")
        raise error

    monkeypatch.setattr(reading, "read_steps", fail)
    monkeypatch.setattr("napari_htcell.widgets.thumbnails.thumbnail", no_thumbnail)
    dock = open_dock(viewer, until, project)
    until(lambda: len(tried) >= 4 and not running(dock))
    assert tried.count(project.images[2]) == 1
    assert tried.count("thumbnail") <= 2 * len(project.images)
    assert errors == []
    dock.images.show_image(project.images[2])
    until(lambda: errors and not running(dock))
    assert len(errors) == 1
    assert dock.session.document.name == project.images[1]


@pytest.fixture
def short_of_memory(monkeypatch):
    """Return a function after whose call a network has the memory for so many pixels."""
    forward, most = UNet.forward, [10**9]

    def short(self, image):
        if image.numel() > most[0]:
            torch.empty(2**60)  # torch's own error
        return forward(self, image)

    monkeypatch.setattr(UNet, "forward", short)
    return lambda pixels: most.__setitem__(0, pixels)


def test_detection_without_the_memory_for_large_tiles_finds_the_same(
    dock, viewer, until, errors, short_of_memory
):
    session = dock.session
    pixels = np.tile(session.document.picture.pixels, (5, 4))
    viewer.add_image(pixels, scale=(1.61, 1.61), units="um", name="large")
    document = session.document
    assert document.picture.shape == pixels.shape
    dock.detect.run.button.click()
    until(lambda: document.found is not None and not running(dock))
    expected = document.found.points
    assert len(expected) > 50
    document.found = None
    short_of_memory(200**2)  # of 320 x 320
    dock.detect.run.button.click()
    until(lambda: not running(dock))
    np.testing.assert_allclose(document.found.points, expected, atol=0.01)
    assert errors == []


def test_without_any_memory_the_window_says_so_and_goes_on(dock, until, errors, short_of_memory):
    session = dock.session
    short_of_memory(0)
    dock.detect.run.button.click()
    until(lambda: errors and not running(dock))
    assert errors == [
        "there is not enough memory to look for cells; close other programs, and try again"
    ]
    assert session.document.found is None
    assert dock.detect.run.button.text() == "Detect"
    session.document.add([5, 5])
    session.changed()
    dock.fine_tune.run.button.click()
    until(lambda: len(errors) == 2 and not running(dock))
    assert errors[1].startswith("There is not enough memory for this")
    assert dock.fine_tune.run.button.text() == "Fine-tune"
    assert "the old model is in use" in dock.fine_tune.state.text()
    assert session.project.annotation(session.document.name).points[-1].tolist() == [5, 5]
    short_of_memory(10**9)
    dock.detect.run.button.click()
    until(lambda: session.document.found is not None)


def test_detecting_while_a_training_runs(dock, until, errors, quick_versions):
    session, tune = dock.session, dock.fine_tune
    tune.run.button.click()
    dock.detect.run.button.click()
    dock.detect.run_all.button.click()
    assert tune.job.is_running
    until(lambda: not running(dock))
    assert errors == []
    assert session.model != DEFAULT_MODEL
    assert len(session.document.found) > 0
    # That of before the new model, which nobody has asked to detect with.
    assert session.document.found.provenance.model == DEFAULT_MODEL
    assert all(session.project.detections(name) for name in session.project.images)


def test_two_windows_train_on_one_project(
    viewer, make_napari_viewer_proxy, tiny_project, until, errors, quick_versions
):
    project = tiny_project(n_images=3, n_complete=1)
    docks = [
        open_dock(one, until, open_project(project.path))
        for one in (viewer, make_napari_viewer_proxy())
    ]
    for dock in docks:
        dock.fine_tune.run.button.click()
    assert all(dock.fine_tune.job.is_running for dock in docks)
    until(lambda: not any(map(running, docks)))
    assert errors == []
    chosen = {dock.session.model for dock in docks}
    assert len(chosen) == 2
    assert DEFAULT_MODEL not in chosen
    assert {path.name for path in project.models_folder.iterdir()} == chosen
    assert sorted(project.training_folder.iterdir()) == []


def test_a_viewer_closed_while_jobs_run(dock, viewer, until):
    project, document = dock.session.project, dock.session.document
    panels = [dock, *dock.findChildren(Panel)]
    jobs_of_it = [job for panel in panels for job in panel._ties.jobs]
    dock.fine_tune.run.button.click()
    dock.detect.run.button.click()
    dock.detect.run_all.button.click()
    document.add([9, 9])
    dock.session.changed()
    viewer.close()
    until(lambda: not any(job.is_running for job in jobs_of_it))
    assert project.annotation(document.name).points[-1].tolist() == [9, 9]
    assert not any(project.models_folder.glob("*"))


@pytest.fixture
def anew(monkeypatch):
    """Return a function that imports the plugin anew, as a session of development does."""

    def import_anew():
        for name in [one for one in sys.modules if one.partition(".")[0] == "napari_htcell"]:
            monkeypatch.delitem(sys.modules, name)
        return importlib.import_module("napari_htcell.widgets.htcell").HTCellPanel

    return import_anew


def close(widget):
    """Press the cross of a dock widget."""
    above = widget
    while not isinstance(above, QDockWidget):
        above = above.parentWidget()
    above.titleBarWidget().close_button.click()


def test_the_plugin_imported_anew_clicks_once_and_draws_once(
    viewer, until, tiny_project, anew, qtbot
):
    project = tiny_project(n_images=2)
    dock = open_dock(viewer, until, project)
    name = dock.session.document.name
    dock.session.document.add([5, 5])
    dock.session.changed()
    close(dock)
    panel = anew()
    assert panel is not HTCellPanel
    again = panel(viewer)
    viewer.window.add_dock_widget(again, name="HTCell")
    assert [one for one in viewer.layers if isinstance(one, Points)] == []
    again.images.open_folder(project.path)
    until(lambda: again.session.document is not None and again.session.document.in_project)
    assert again.session.others == ()
    again.images.show_image(name)
    until(lambda: again.session.document.name == name)
    before = again.session.document.annotation.points
    assert before[-1].tolist() == [5, 5]
    again.steps.setCurrentIndex(1)
    qtbot.wait(50)
    hand = Hand(viewer, again, qtbot)
    hand.click((200, 12))
    assert len(again.session.document.annotation.points) == len(before) + 1
    points = [one for one in viewer.layers if isinstance(one, Points)]
    assert len(points) == 2
    assert again.desk.autosave.save()
    assert len(project.annotation(name).points) == len(before) + 1


@pytest.fixture
def held(monkeypatch):
    """Return the files that another program has open, as Excel on Windows: nobody replaces them."""
    paths, replace = set(), Path.replace

    def refuse(self, target):
        if Path(target) in paths:
            raise PermissionError(13, "Access is denied", str(self), None, str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    return paths


def test_a_table_that_excel_has_open_is_written_beside(dock, until, errors, held, tmp_path):
    panel, table = dock.export, tmp_path / "counts.csv"
    panel.export_counts(table)
    until(lambda: "written to" in panel.state.text() and not running(dock))
    before = table.read_bytes()
    held.add(table)
    dock.session.document.add([9, 9])
    dock.session.changed()
    panel.export_counts(table)
    until(lambda: errors and not running(dock))
    (text,) = errors
    assert "is it open in another program, such as Excel?" in text
    assert "counts-2.csv" in text
    assert panel.state.text() == f"⚠ {text}"
    assert panel.counts_button.isEnabled()
    assert not panel.cancel_button.isVisibleTo(panel)
    assert table.read_bytes() == before
    beside = tmp_path / "counts-2.csv"
    assert beside.read_bytes() != before
    held.clear()
    panel.export_counts(table)
    until(lambda: table.read_bytes() == beside.read_bytes() and not running(dock))
    assert len(errors) == 1


def test_clicks_whose_table_excel_has_open_wait_until_it_is_closed(dock, until, errors, held):
    session, document = dock.session, dock.session.document
    held.add(session.project.path / "annotations" / f"{document.name}.csv")
    document.add([9, 9])
    session.changed()
    until(lambda: errors)
    assert "Not saved, and tried again in a while" in errors[0]
    assert "is it open in another program, such as Excel? Close it there" in errors[0]
    dock.images.next_button.click()
    until(lambda: session.document is not document)
    assert not session.is_saved
    held.clear()
    assert dock.desk.autosave.save()
    assert session.project.annotation(document.name).points[-1].tolist() == [9, 9]
