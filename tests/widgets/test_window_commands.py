"""The command palette of a real window: every action is found there, and acts or says why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from npe2 import PluginManifest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog, QLabel, QLineEdit

import napari_htcell
from napari_htcell.config import DEFAULT_MODEL
from napari_htcell.widgets import commands, docks, keys
from napari_htcell.widgets.correct import CorrectPanel
from napari_htcell.widgets.htcell import HTCellPanel, Step
from napari_htcell.widgets.layers import bare

MANIFEST = Path(napari_htcell.__file__).parent / "napari.yaml"


@pytest.fixture
def viewer(npe2pm, make_napari_viewer_proxy, shipped_tiny_model, qtbot):
    """Return a window that knows the plugin by its manifest alone."""
    npe2pm.register(PluginManifest.from_file(MANIFEST))
    viewer = make_napari_viewer_proxy(show=True)
    viewer.window.resize(1366, 740)
    return viewer


@pytest.fixture
def said(monkeypatch):
    """Return what the user was told."""
    texts = []
    monkeypatch.setattr(commands, "show_info", texts.append)
    return texts


@pytest.fixture
def until(qtbot):
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=60_000)


def palette():
    (found,) = [one for one in QApplication.allWidgets() if type(one).__name__ == "QCommandPalette"]
    return found


def in_menu(path):
    """Return an entry of the window's menus."""
    actions = palette().window().menuBar().actions()
    for part in path.split("/"):
        (action,) = [one for one in actions if one.text() == part]
        if action.menu() is not None:
            action.menu().aboutToShow.emit()
            actions = action.menu().actions()
    return action


def type_words(words):
    in_menu("&View/Command Palette").trigger()
    line = palette().findChild(QLineEdit)
    QTest.keyClicks(line, words)
    return line


def shown():
    """Return what the palette lists, from the top, and whether it can be chosen."""
    labels = [one for one in palette().findChildren(QLabel) if one.isVisible()]
    labels.sort(key=lambda one: one.mapToGlobal(QPoint()).y())
    return {one.command_text().split(" > ")[-1]: one.isEnabled() for one in labels}


def choose(title):
    """Type a title into the palette, go down to it and press Return."""
    line = type_words(title.rstrip("…"))
    # The order of what matches depends on whether rapidfuzz happens to be installed.
    for _ in range(list(shown()).index(f"{title} (HTCell)")):
        QTest.keyClick(line, Qt.Key.Key_Down)
    QTest.keyClick(line, Qt.Key.Key_Return)


def dock_of(viewer):
    return docks.show(viewer, HTCellPanel)


def open_folder(viewer, until, project):
    dock = dock_of(viewer)
    dock.images.open_folder(project.path)
    until(lambda: dock.session.document is not None)
    return dock


def test_the_manifest_has_exactly_these_commands():
    manifest = PluginManifest.from_file(MANIFEST)
    place = f"{commands.__name__}:"
    listed = [one for one in manifest.contributions.commands if one.python_name.startswith(place)]
    assert [(one.id, one.python_name, one.title) for one in listed] == [
        (f"napari-htcell.{one.name}", place + one.name, one.title) for one in commands.COMMANDS
    ]
    assert {one.name for one in keys.KEYS} < {one.name for one in commands.COMMANDS}


def test_commands_without_a_dock_open_it_and_say_what_is_missing(viewer, said):
    choose("Detect in this image")
    assert said == ["Open a folder, or an image in napari, to begin."]
    assert list(viewer.window.dock_widgets) == [docks.NAME]
    for command in commands.COMMANDS:
        if command.name not in ("open_folder", "manage_models", "model_card", "show_keys"):
            del said[:]
            choose(command.title)
            assert len(said) == 1, command.title
            assert "\n" not in said[0]
    assert len(viewer.window.dock_widgets) == 1


def test_the_menu_shows_and_hides_the_dock_that_a_command_opened(viewer, said):
    choose("Cancel what is running")
    choose("Show all keys and mouse gestures")
    (dock,) = map(bare, viewer.window.dock_widgets.values())
    assert dock.correct.keys_page.isVisible()
    dock.correct.keys_page.toggle()
    for menu in ("&Layers/Segment", "&Plugins/HTCell"):
        dock.show()
        in_menu(f"{menu}/{docks.NAME}").trigger()
        assert not dock.isVisible()
        in_menu(f"{menu}/{docks.NAME}").trigger()
        assert dock.isVisible()
    in_menu(f"&Plugins/HTCell/{docks.NAME}").trigger()
    choose("Go to the next image")
    assert dock.isVisible()
    assert len(viewer.window.dock_widgets) == 1


@pytest.mark.parametrize(
    ("menu", "widgets"),
    [
        ("&Layers/Segment", ("HTCell", "Detect cells", "Fine-tune")),
        ("&Layers/Annotate", ("Correct cells", "Import clicks")),
        ("&Layers/Measure", ("Evaluate", "Export cells")),
        ("&File/IO Utilities", ("Project images", "Import clicks", "Export cells")),
    ],
)
def test_panels_are_in_the_menus_where_one_looks_for_them(viewer, menu, widgets):
    for widget in widgets:
        assert in_menu(f"{menu}/{widget} (HTCell)").isEnabled()


def test_detect_accept_undo_reject_by_their_names(viewer, said, until, tiny_project, qtbot):
    dock = open_folder(viewer, until, tiny_project(n_images=2))
    session = dock.session
    before = len(session.document.annotation.points)
    dock.show_step(Step.EXPORT)
    choose("Detect in this image")
    assert dock.detect.isVisible()
    until(lambda: session.document.found is not None and not dock.detect.run.is_running)
    candidates = len(session.document.candidates)
    assert candidates > 0
    choose("Show the heat map, or hide it")
    assert dock.desk.heat_map.layer is not None
    choose("Show the heat map, or hide it")
    assert dock.desk.heat_map.layer is None
    choose("Take all candidates above the threshold")
    assert dock.correct.isVisible()
    assert len(session.document.annotation.points) == before + candidates
    choose("Undo the last change of the image")
    assert len(session.document.candidates) == candidates
    choose("Reject all candidates above the threshold")
    assert len(session.document.annotation.rejected) == candidates
    assert len(session.document.candidates) == 0
    choose("Undo the last change of the image")
    choose("Redo the change that was undone last")
    assert len(session.document.annotation.rejected) == candidates
    choose("Mark the image complete, or no longer so")
    assert dock.correct.complete.isChecked()
    name = session.document.name
    choose("Go to the next image")
    until(lambda: session.document.name != name)
    assert said == []


def test_a_running_job_is_not_started_twice_and_can_be_cancelled(
    viewer, said, until, tiny_project, monkeypatch
):
    dock = open_folder(viewer, until, tiny_project(n_images=2, n_complete=1))
    choose("Fine-tune the model with the complete images")
    assert dock.fine_tune.run.is_running
    choose("Fine-tune the model with the complete images")
    assert said == ["This is running already; cancel it to begin anew"]
    choose("Cancel what is running")
    assert dock.fine_tune.job.is_quitting
    until(lambda: not dock.fine_tune.run.is_running)
    assert dock.session.model == DEFAULT_MODEL
    asked = []
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *args: asked.append(args[1]) or ("", "")
    )
    choose("Export counts…")
    assert asked == ["Export"]


def test_a_panel_of_its_own_is_used_where_it_is_open(viewer, said):
    viewer.add_image(np.zeros((40, 50)))
    panel = CorrectPanel(viewer)
    viewer.window.add_dock_widget(panel, name="alone")
    choose("Mark the image complete, or no longer so")
    assert panel.complete.isChecked()
    assert len(viewer.window.dock_widgets) == 1


def test_points_are_read_and_saved_by_napari_and_not_by_hand(viewer):
    type_words("points of cells HTCell")
    assert shown()["Read points of cells (HTCell)"] is False
    assert shown()["Save points of cells (HTCell)"] is False
