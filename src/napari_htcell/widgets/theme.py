"""Colours that can be read on napari's dark theme and on its light one."""

from __future__ import annotations

from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QTabWidget

DARKER = 160
"""On a light ground, per cent: orange and sky blue have a contrast of 4 to 1 then, instead of 2."""


def readable(colour: str, palette: QPalette) -> QColor:
    """Return a colour as it can be read in a widget; a darker one on a light ground.

    Parameters
    ----------
    colour : str
        Chosen for a dark ground.
    palette : QPalette
        Of the widget: napari's style sheets change its text alone.
    """
    is_on_light = palette.color(QPalette.ColorRole.WindowText).lightnessF() < 0.5
    return QColor(colour).darker(DARKER) if is_on_light else QColor(colour)


def plain_tabs(tabs: QTabWidget) -> None:
    """Draw no frame around tabs, and no line along them, which is white in napari's dark theme."""
    tabs.setDocumentMode(True)
    bar = tabs.tabBar()
    if bar is not None:
        bar.setDrawBase(False)
