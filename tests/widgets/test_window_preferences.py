"""The page in napari's preferences: shown, kept, and followed by the window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from annotated_types import Ge, Le
from napari.settings import get_plugin_settings
from npe2 import PluginManifest
from qtpy.QtCore import QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDoubleSpinBox, QListWidget, QPushButton, QStackedWidget

import napari_htcell
from napari_htcell.config import DEFAULT_MODEL, DetectConfig, Preferences
from napari_htcell.models import Model, save_model
from napari_htcell.widgets import preferences
from napari_htcell.widgets.htcell import HTCellPanel
from napari_htcell.widgets.session import Session

MANIFEST = Path(napari_htcell.__file__).parent / "napari.yaml"


@pytest.fixture
def page(npe2pm, plugin_settings):
    """Return napari's page of the plugin, kept in the test's own folder."""
    npe2pm.register(PluginManifest.from_file(MANIFEST))
    return get_plugin_settings("napari-htcell").window


@pytest.fixture
def open_dock(page, make_napari_viewer_proxy, shipped_tiny_model):
    """Return a function that opens the dock on an image, as the page says."""

    def open_dock(**settings) -> HTCellPanel:
        for name, value in settings.items():
            setattr(page, name, value)
        viewer = make_napari_viewer_proxy(show=True)
        viewer.add_image(np.zeros((100, 120)), scale=(1.61, 1.61), units="um")
        dock = HTCellPanel(viewer)
        viewer.window.add_dock_widget(dock)
        return dock

    return open_dock


def test_the_manifest_says_what_the_defaults_are():
    (page,) = PluginManifest.from_file(MANIFEST).contributions.configurations.values()
    assert list(page.properties) == list(Preferences.model_fields)
    for name, field in Preferences.model_fields.items():
        shown = page.properties[name]
        bounds = {type(one): one for one in field.metadata}
        text = field.description
        assert (shown.default, shown.python_type) == (field.default, field.annotation)
        assert (shown.title, shown.description) == (field.title, text[:1].upper() + text[1:])
        assert shown.minimum == (bounds[Ge].ge if Ge in bounds else None)
        assert shown.maximum == (bounds[Le].le if Le in bounds else None)
    assert DEFAULT_MODEL in page.properties["model"].description


def test_without_the_page_everything_is_as_usual(npe2pm, plugin_settings):
    assert preferences.read() == Preferences()


def test_a_value_that_is_no_good_is_left_out(page):
    with page.events.blocker():
        object.__setattr__(page, "symbol_size", 99.0)
    assert preferences.read() == Preferences()


def test_set_in_naparis_dialog_and_kept(open_dock, page, qtbot):
    dock = open_dock()
    size = dock.desk.annotated.current_size
    window = dock.window()
    (action,) = [
        one
        for menu in window.menuBar().actions()
        for one in menu.menu().actions()
        if one.text() == "Preferences"
    ]
    action.trigger()
    (dialog,) = [
        one for one in QApplication.topLevelWidgets() if type(one).__name__ == "PreferencesDialog"
    ]
    pages = dialog.findChild(QListWidget)
    names = [pages.item(row).text() for row in range(pages.count())]
    pages.setCurrentRow(names.index("HTCell"))
    shown = dialog.findChild(QStackedWidget).currentWidget()
    tip = Preferences.model_fields["symbol_size"].description.lower()
    (box,) = [one for one in shown.findChildren(QDoubleSpinBox) if one.toolTip().lower() == tip]
    box.selectAll()
    QTest.keyClicks(box, "2")
    assert dock.desk.annotated.current_size == pytest.approx(2 * size)
    assert dock.session.preferences.symbol_size == 2
    (ok,) = [one for one in dialog.findChildren(QPushButton) if one.text() == "OK"]
    ok.click()
    assert preferences.read().symbol_size == 2
    assert "symbol_size: 2" in Path(get_plugin_settings("napari-htcell").config_path).read_text()


def test_settings_to_begin_with(open_dock):
    dock = open_dock(
        threshold=0.35,
        min_distance_um=9.0,
        cutoff_um=112.7,
        clicks_change_points=False,
        shows_scores=False,
    )
    assert dock.detect.settings.threshold == 0.35
    assert dock.detect.settings.min_distance_um == 9.0
    assert dock.evaluate.cutoff.value() == pytest.approx(112.7)
    assert not dock.correct.by_clicks.isChecked()
    assert not dock.detect.shown.scores.isChecked()


def test_nothing_set_takes_the_cards(open_dock, tiny_model):
    assert open_dock().detect.settings == tiny_model.card.detection


def test_zero_takes_the_cards_value():
    card = DetectConfig(threshold=0.3, min_distance_um=12.0, method="contours")
    assert Preferences().over(card) == card
    assert Preferences(threshold=0.6).over(card) == card.model_copy(update={"threshold": 0.6})


def test_the_preferred_model_goes_before_the_projects(tiny_model, user_models, shipped_tiny_model):
    card = tiny_model.card.model_copy(update={"name": "ours"})
    save_model(Model(card, tiny_model.network), user_models)
    assert Session().model == DEFAULT_MODEL
    assert Session(Preferences(model="ours")).model == "ours"
    assert Session(Preferences(model="gone")).model == DEFAULT_MODEL


def test_saving_waits_as_long_as_it_is_set(open_dock, tiny_project, qtbot):
    dock = open_dock(autosave_seconds=60.0)
    dock.images.open_folder(tiny_project(n_images=1).path)
    session = dock.session
    qtbot.waitUntil(
        lambda: session.document is not None and session.document.in_project, timeout=60_000
    )
    session.document.add([5, 5])
    session.changed()
    (waiting,) = [one for one in dock.desk.autosave.findChildren(QTimer) if one.isSingleShot()]
    assert waiting.remainingTime() > 50_000
    assert not session.is_saved
    assert dock.desk.autosave.save()
