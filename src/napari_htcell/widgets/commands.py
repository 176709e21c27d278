"""What napari's command palette offers: everything that has a key, and the panels' buttons.

Napari reads names and titles in the manifest, which has to have exactly those of `COMMANDS`, and
asks this module for the function of that name. They are not given to napari's manager of shortcuts:
whoever changes any shortcut there would be warned of all of ours at every start, since napari looks
for them before it loads a plugin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import napari.viewer
from napari.utils.notifications import show_info
from qtpy.QtWidgets import QAbstractButton

from napari_htcell.widgets import docks, keys
from napari_htcell.widgets.actions import NO_IMAGE, Actions
from napari_htcell.widgets.correct import CorrectPanel
from napari_htcell.widgets.detect import DetectPanel
from napari_htcell.widgets.evaluate import EvaluatePanel
from napari_htcell.widgets.export import ExportPanel
from napari_htcell.widgets.fine_tune import FineTunePanel
from napari_htcell.widgets.images import ImagesPanel
from napari_htcell.widgets.import_points import ImportPanel
from napari_htcell.widgets.panel import JobRow, Panel

NO_FOLDER = "Open the folder with your images first"
RUN_FIRST = "Detect first in this image: only the points are kept on disk"

PanelT = TypeVar("PanelT", bound=Panel)
Run = Callable[[Any], str]
"""Does something in the window of a viewer; returns what is missing, in words for the user."""


@dataclass(frozen=True)
class Command:
    """Something that can be done by its name.

    Parameters
    ----------
    name : str
        The last part of its name in the manifest.
    does : str
        In the user's words.
    run : callable
    """

    name: str
    does: str
    run: Run

    @property
    def title(self) -> str:
        """What the palette shows."""
        return self.does[:1].upper() + self.does[1:]

    @property
    def function(self) -> Callable[[napari.viewer.Viewer], None]:
        """A plain function that does it, or tells the user what is missing."""

        # Napari reads what it takes, and gives it the viewer.
        def function(viewer: napari.viewer.Viewer) -> None:
            missing = self.run(viewer)
            if missing:
                show_info(missing)

        return function


def _act(action: Callable[[Actions], str], kind: type[Panel], viewer: Any) -> str:
    """Do to the image what a key does; a panel is shown first."""
    return action(docks.show(viewer, kind).desk.actions)


def _press(
    kind: type[PanelT],
    button: Callable[[PanelT], QAbstractButton],
    missing: str | Callable[[PanelT], str],
) -> Run:
    """Return what presses a panel's button, or says why that cannot be done."""

    def run(viewer: Any) -> str:
        panel = docks.show(viewer, kind)
        chosen = button(panel)
        if not chosen.isEnabled() or not chosen.isVisibleTo(panel):
            return missing if isinstance(missing, str) else missing(panel)
        chosen.click()
        return ""

    return run


def _start(
    kind: type[PanelT],
    row: Callable[[PanelT], JobRow],
    missing: str | Callable[[PanelT], str],
) -> Run:
    """Return what starts a job; its button would cancel one that runs."""
    press = _press(kind, lambda panel: row(panel).button, missing)

    def run(viewer: Any) -> str:
        is_running = row(docks.show(viewer, kind)).is_running
        return "This is running already; cancel it to begin anew" if is_running else press(viewer)

    return run


def _cancel(viewer: Any) -> str:
    stopped = [panel.cancel() for panel in docks.panels(viewer)]
    return "" if any(stopped) else "Nothing is running that could be cancelled"


def _call(kind: type[PanelT], method: Callable[[PanelT], Any]) -> Run:
    def run(viewer: Any) -> str:
        method(docks.show(viewer, kind))
        return ""

    return run


def _no_detection(panel: DetectPanel) -> str:
    return NO_IMAGE if panel.session.document is None else panel.figures.text()


def _no_evaluation(panel: EvaluatePanel) -> str:
    return NO_FOLDER if panel.session.project is None else panel.basis.text()


_EXPORT = partial(_press, ExportPanel, missing=lambda panel: panel.scope.text())

COMMANDS = (
    *(Command(key.name, key.does, partial(_act, key.action, CorrectPanel)) for key in keys.KEYS),
    Command(
        "open_folder",
        "open a folder with images…",
        _press(ImagesPanel, lambda panel: panel.open_button, "A folder is being opened"),
    ),
    Command(
        "next_most_useful",
        "go to the next most useful image",
        _press(ImagesPanel, lambda panel: panel.useful_button, NO_FOLDER),
    ),
    Command(
        "detect_image",
        "detect in this image",
        _start(DetectPanel, lambda panel: panel.run, _no_detection),
    ),
    Command(
        "detect_all",
        "detect in all images, or those selected",
        _start(DetectPanel, lambda panel: panel.run_all, NO_FOLDER),
    ),
    Command(
        "toggle_heat_map",
        "show the heat map, or hide it",
        _press(DetectPanel, lambda panel: panel.shown.heat_map, RUN_FIRST),
    ),
    Command(
        "toggle_masks",
        "show the outlines of whole cells, or hide them",
        _press(DetectPanel, lambda panel: panel.shown.masks, f"{RUN_FIRST}, by method masks"),
    ),
    Command(
        "manage_models",
        "compare, rename, import, export and delete models…",
        _call(DetectPanel, lambda panel: panel.model.show_models()),
    ),
    Command(
        "model_card",
        "show the card of the model",
        _press(DetectPanel, lambda panel: panel.model.card_button, _no_detection),
    ),
    Command(
        "draw_region",
        "draw a complete region, or stop drawing",
        _press(CorrectPanel, lambda panel: panel.region_button, NO_IMAGE),
    ),
    Command(
        "save_points",
        "save the points of an image that is in no project…",
        _press(
            CorrectPanel,
            lambda panel: panel.save_button,
            lambda panel: NO_IMAGE if panel.session.document is None else panel.saved.text(),
        ),
    ),
    Command(
        "show_keys",
        "show all keys and mouse gestures",
        _call(CorrectPanel, lambda panel: panel.keys_page.toggle()),
    ),
    Command(
        "learn",
        "fine-tune the model with the complete images",
        _start(FineTunePanel, lambda panel: panel.run, lambda panel: panel.basis.text()),
    ),
    Command(
        "run_on_complete",
        "run the model on the complete images, to evaluate it",
        _start(EvaluatePanel, lambda panel: panel.run_row, _no_evaluation),
    ),
    Command("export_counts", "export counts…", _EXPORT(lambda panel: panel.counts_button)),
    Command("export_points", "export points…", _EXPORT(lambda panel: panel.points_button)),
    Command(
        "export_summary", "export a summary page…", _EXPORT(lambda panel: panel.summary_button)
    ),
    Command(
        "import_clicks",
        "import clicks or masks made elsewhere…",
        _press(ImportPanel, lambda panel: panel.button, NO_IMAGE),
    ),
    Command("cancel", "cancel what is running", _cancel),
)

_BY_NAME = {command.name: command for command in COMMANDS}


def __getattr__(name: str) -> Callable[[napari.viewer.Viewer], None]:
    if name not in _BY_NAME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _BY_NAME[name].function
