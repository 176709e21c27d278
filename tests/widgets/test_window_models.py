"""The manager of models in a real window."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from qtpy.QtWidgets import QFileDialog, QInputDialog, QMessageBox

from napari_htcell.config import DEFAULT_MODEL
from napari_htcell.models import list_models
from napari_htcell.own_models import import_model
from napari_htcell.widgets.cards import card_html
from napari_htcell.widgets.detect import DetectPanel
from napari_htcell.widgets.worker import models_in_use


@pytest.fixture
def viewer(make_napari_viewer_proxy, shipped_tiny_model):
    return make_napari_viewer_proxy()


@pytest.fixture
def until(qtbot):
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=30_000)


@pytest.fixture
def dialog(viewer, tiny_model_folder):
    """Return the manager, with a model of the user's beside the shipped one."""
    import_model(tiny_model_folder, name="ours")
    panel = DetectPanel(viewer)
    viewer.window.add_dock_widget(panel)
    panel.model.models_button.click()
    return panel.model.models_dialog


def names():
    return [entry.card.name for entry in list_models()]


def answer(monkeypatch, kind, method, value):
    monkeypatch.setattr(kind, method, lambda *_, **__: value)


def test_models_and_what_they_are_worth(dialog):
    rows = [dialog.list.topLevelItem(i) for i in range(2)]
    assert [(row.text(0), row.text(1)) for row in rows] == [
        ("ours", "my models"),
        (DEFAULT_MODEL, "built in"),
    ]
    figure = dialog.session.entry(DEFAULT_MODEL).card.figures[0]
    assert rows[1].text(2) == f"{figure.f_score:.2f}"
    # The one in use is selected, and it came with the package.
    assert [entry.card.name for entry in dialog.selected] == [DEFAULT_MODEL]
    assert not dialog.delete_button.isEnabled()
    assert not dialog.rename_button.isEnabled()
    assert "Learnt from" in dialog.text.toPlainText()


def test_two_side_by_side(dialog):
    dialog.select("ours", DEFAULT_MODEL)
    html = dialog.text.toHtml()
    assert html.count("my models") == html.count("built in") == 1
    assert "version D" in html
    assert not dialog.use_button.isEnabled()


def test_of_two_cards_only_what_differs_is_bold(dialog):
    ours, shipped = (dialog.session.entry(name) for name in ("ours", DEFAULT_MODEL))
    figure = shipped.card.figures[0]
    other = figure.model_copy(update={"tp": figure.tp + 1})
    changed = shipped.card.model_copy(update={"name": "twin", "figures": (other,)})
    html = card_html(shipped, replace(ours, card=changed))
    bold = set(re.findall("<b>(.*?)</b>", html))
    assert {f"{figure.tp}", f"{other.tp}", "my models", "built in"} <= bold
    assert f"{figure.fn}" not in bold - {f"{figure.tp}", f"{other.tp}"}
    assert html.count("<b>") < 10
    assert "<b>" not in card_html(shipped)


def test_the_figure_on_test_images_comes_first(dialog):
    card = dialog.session.entry(DEFAULT_MODEL).card
    tested = card.figures[0].model_copy(update={"f_score": 0.125, "on": "the test images"})
    own = card.model_copy(update={"tested": (tested,)})
    assert [one.f_score for one in own.own_figures][:2] == [0.125, card.figures[0].f_score]
    assert own.headline.endswith("F 0.125 at 16 um on the test images")


def test_rename(dialog, monkeypatch):
    dialog.select("ours")
    dialog.use_button.click()
    assert dialog.session.model == "ours"
    answer(monkeypatch, QInputDialog, "getText", ("plate 3", True))
    dialog.rename_button.click()
    assert names() == ["plate 3", DEFAULT_MODEL]
    assert dialog.session.model == "plate 3"
    assert [entry.card.name for entry in dialog.selected] == ["plate 3"]
    assert "plate 3 now" in dialog.state.text()
    answer(monkeypatch, QInputDialog, "getText", (DEFAULT_MODEL, True))
    dialog.rename_button.click()
    assert dialog.state.text().startswith(f"⚠ there is a model '{DEFAULT_MODEL}' already")
    assert names() == ["plate 3", DEFAULT_MODEL]


def test_delete_asks(dialog, monkeypatch):
    dialog.select("ours")
    answer(monkeypatch, QMessageBox, "question", QMessageBox.StandardButton.No)
    dialog.delete_button.click()
    assert names() == ["ours", DEFAULT_MODEL]
    answer(monkeypatch, QMessageBox, "question", QMessageBox.StandardButton.Yes)
    dialog.delete_button.click()
    assert names() == [DEFAULT_MODEL]
    assert dialog.list.topLevelItemCount() == 1


def test_a_model_at_work_stays(dialog, viewer, monkeypatch, until, tiny_project):
    panel = dialog.parent()
    viewer.add_image(tiny_project().read_image("field_04.ome.tif").pixels, scale=(1.61, 1.61))
    panel.session.choose_model("ours")
    dialog.select("ours")
    panel.run.button.click()
    assert models_in_use() == {"ours"}
    asked = []
    monkeypatch.setattr(QMessageBox, "question", lambda *_: asked.append(1))
    dialog.delete_button.click()
    dialog.rename(dialog.selected[0], "other")
    assert "at work" in dialog.state.text()
    assert not asked
    until(lambda: not panel._job.is_running)
    assert not models_in_use()
    assert names() == ["ours", DEFAULT_MODEL]


def test_export_and_import(dialog, monkeypatch, until, tmp_path):
    dialog.select("ours")
    path = tmp_path / "handed_on.zip"
    answer(monkeypatch, QFileDialog, "getSaveFileName", (str(path), ""))
    dialog.export_button.click()
    until(lambda: "written to" in dialog.state.text())
    dialog.delete(dialog.selected[0])
    answer(monkeypatch, QFileDialog, "getOpenFileName", (str(path), ""))
    dialog.import_button.click()
    until(lambda: "among your models" in dialog.state.text())
    assert names() == ["ours", DEFAULT_MODEL]
    assert [entry.card.name for entry in dialog.selected] == ["ours"]


def test_what_is_no_model_is_refused_in_one_line(dialog, monkeypatch, until, tmp_path):
    monkeypatch.setattr("napari_htcell.widgets.worker.show_error", lambda _: None)
    (tmp_path / "x.zip").write_bytes(b"no")
    dialog.import_from(tmp_path / "x.zip")
    until(lambda: "is no model" in dialog.state.text())
    assert "\n" not in dialog.state.text()
    until(lambda: not dialog.import_job.is_running)
    assert names() == ["ours", DEFAULT_MODEL]
