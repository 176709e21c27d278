"""What the user has set in napari's preferences, on the page that the manifest describes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from napari.settings import get_plugin_settings
from pydantic import ValidationError

from napari_htcell.config import Preferences, first_fault

PLUGIN, PAGE = "napari-htcell", "window"
"""Names in the manifest."""

_log = logging.getLogger(__name__)


def read() -> Preferences:
    """Return what is set; the usual where napari does not know the page, or a value is no good."""
    page = _page()
    if page is None:
        return Preferences()
    try:
        return Preferences.model_validate(page.model_dump())
    except ValidationError as error:
        _log.warning("preferences left out: %s", first_fault(error))
        return Preferences()


def on_change(tell: Callable[[Any], None]) -> None:
    """Call a method when something is set; it is held weakly."""
    page = _page()
    if page is not None:
        page.events.connect(tell)


def _page() -> Any:
    """Return napari's page of the plugin; None where the plugin was not found by its manifest."""
    try:
        return getattr(get_plugin_settings(PLUGIN), PAGE, None)
    except KeyError:
        return None
