"""What docs/ says of the window: labels, keys, and the script that takes its pictures."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from npe2 import PluginManifest
from PIL import Image
from qtpy.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QLabel,
    QLineEdit,
    QTabWidget,
    QTreeView,
)

from napari_htcell import sample
from napari_htcell.widgets import demo, keys

DOCS = Path(__file__).parents[2] / "docs"
TUTORIAL = (DOCS / "tutorial.md").read_text(encoding="utf-8")
MANIFEST = DOCS.parent / "src" / "napari_htcell" / "napari.yaml"
OF_NAPARI = {"File", "Open Sample", "Plugins"}
"""Menus in which ours are."""


@pytest.fixture
def script(monkeypatch):
    """Return the module docs/make_pictures.py."""
    monkeypatch.syspath_prepend(str(DOCS))
    return importlib.import_module("make_pictures")


@pytest.fixture
def window(monkeypatch, make_napari_viewer, tiny_project, shipped_tiny_model, quick_versions):
    """Have the script open a window of the tests, with small images and a small model."""
    monkeypatch.setattr(sample, "SAMPLE_FOLDER", tiny_project("shipped", n_images=6).path)
    monkeypatch.setattr(demo.napari, "Viewer", lambda **_: make_napari_viewer(show=True))


def numberless(text: str) -> str:
    return re.sub(r"[\d.]*\d", "#", text.replace("&", "")).strip()


def labels_of(widget) -> set[str]:
    """Return all texts that a window shows or can show, with # for each number."""
    texts = [one.text() for kind in (QAbstractButton, QLabel) for one in widget.findChildren(kind)]
    texts += [one.placeholderText() for one in widget.findChildren(QLineEdit)]
    for tabs in widget.findChildren(QTabWidget):
        texts += [tabs.tabText(i) for i in range(tabs.count())]
    for box in widget.findChildren(QComboBox):
        texts += [word for i in range(box.count()) for word in (box.itemText(i), box.itemData(i))]
    for view in widget.findChildren(QTreeView):
        model = view.model()
        horizontal = view.header().orientation()
        texts += [model.headerData(i, horizontal) for i in range(model.columnCount())]
    return {numberless(text) for text in texts if isinstance(text, str)}


def test_the_tutorial_names_what_the_window_shows(script, window, tmp_path):
    tour = script.Tour(tmp_path / "assay")
    known = labels_of(tour.dock)
    for picture in script.PICTURES:
        picture.do(tour)
        known |= labels_of(tour.dock)
    manifest = PluginManifest.from_file(MANIFEST)
    ours = (*manifest.contributions.widgets, *manifest.contributions.sample_data)
    known |= {one.display_name for one in ours} | {manifest.display_name} | OF_NAPARI
    bold = re.findall(r"\*\*(.+?)\*\*", TUTORIAL)
    assert len(bold) > 20
    said = {numberless(part) for label in bold for part in label.split(" > ")}
    assert said <= known, said - known


def test_the_script_takes_a_picture_in_both_themes(script, window, tmp_path):
    first = script.PICTURES[:2]
    script.take(first, tmp_path / "assay", tmp_path / "pictures")
    sizes, grounds = set(), {}
    for one in first:
        for theme in ("dark", "light"):
            with Image.open(tmp_path / "pictures" / f"{one.name}_{theme}.png") as picture:
                sizes.add(picture.size)
                grounds[theme] = picture.convert("L").getpixel((5, picture.height // 2))
    assert sizes == {demo.WINDOW_SIZE}
    assert grounds["dark"] < 80 < 180 < grounds["light"]


def test_the_script_makes_what_docs_show(script):
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"\]\(([\w/]+\.png)\)", TUTORIAL))
    shown |= {path.removeprefix("docs/") for path in re.findall(r"\((docs/[\w/]+\.png)\)", readme)}
    assert shown == {one.file for one in script.PICTURES if one.file}
    files = [DOCS / name for name in shown]
    assert all(file.is_file() for file in files)
    assert sum(file.stat().st_size for file in files) < 1_200_000


def test_the_page_of_keys_is_what_the_window_shows():
    written = (DOCS / "keys.md").read_text(encoding="utf-8")
    assert written == keys.markdown(), "run docs/make_keys.py"
    for key in keys.KEYS:
        assert f"| {key.shown} | {key.does} |" in written
