"""The panels that are open in a window: found, opened, brought to the front."""

from __future__ import annotations

from typing import Any, TypeVar

from qtpy.QtWidgets import QDockWidget, QWidget

from napari_htcell.widgets.htcell import HTCellPanel
from napari_htcell.widgets.layers import bare
from napari_htcell.widgets.panel import Panel

NAME = "HTCell (HTCell)"
"""Of the dock, as napari's menus name it: they then show and hide this one."""

PanelT = TypeVar("PanelT", bound=Panel)


def panels(viewer: Any) -> list[Panel]:
    """Return all panels of a viewer's window, those within others too; the HTCell dock's first.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """
    docked = [bare(one) for one in viewer.window.dock_widgets.values()]
    ours = [one for one in docked if isinstance(one, Panel)]
    ours.sort(key=lambda one: not isinstance(one, HTCellPanel))
    return [panel for one in ours for panel in (one, *one.findChildren(Panel))]


def show(viewer: Any, kind: type[PanelT]) -> PanelT:
    """Bring a panel to the front, and return it; the HTCell dock is opened where there is none."""
    panel = _first(viewer, kind)
    if panel is None:
        viewer.window.add_dock_widget(HTCellPanel(viewer), name=NAME)
        panel = _first(viewer, kind)
    if panel is None:
        raise TypeError(f"the HTCell dock has no {kind.__name__}")
    above: QWidget | None = panel
    while above is not None:
        if isinstance(above, HTCellPanel):
            above.turn_to(panel)
        if isinstance(above, QDockWidget):
            above.show()
            above.raise_()
            break
        above = above.parentWidget()
    return panel


def _first(viewer: Any, kind: type[PanelT]) -> PanelT | None:
    return next((one for one in panels(viewer) if isinstance(one, kind)), None)
