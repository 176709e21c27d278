"""Form fields made from the parameters in `config`: value, bounds and meaning are stated there."""

from __future__ import annotations

from typing import Any, get_args

from pydantic_core import PydanticUndefined
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QSpinBox, QWidget
from superqt import QLabeledDoubleSlider

from napari_htcell.config import Settings

WIDEST = 1000
"""A number that fits into every box."""

EM_PER_LETTER, EM_BESIDE = 0.52, 3.2
"""Width of a letter, and of what napari's buttons cover of a box."""


def make_room(widget: QWidget, text: str) -> None:
    """Make a box wide enough for a text, in whatever size napari writes."""
    width = EM_PER_LETTER * len(text) + EM_BESIDE
    widget.setStyleSheet(f"QAbstractSpinBox {{ min-width: {width:.1f}em; }}")


def bounds(settings: type[Settings], name: str) -> tuple[float, float]:
    """Return the lowest and the highest value of a field; infinite where it has none."""
    low, high = float("-inf"), float("inf")
    for rule in settings.model_fields[name].metadata:
        low = max(low, *(getattr(rule, key, low) for key in ("ge", "gt")))
        high = min(high, *(getattr(rule, key, high) for key in ("le", "lt")))
    return low, high


def describe(widget: QWidget, settings: type[Settings], name: str) -> None:
    """Give a widget the field's meaning as its tooltip."""
    text = settings.model_fields[name].description or ""
    widget.setToolTip(f"<qt>{text[:1].upper()}{text[1:]}</qt>")


def slider(settings: type[Settings], name: str) -> QLabeledDoubleSlider:
    """Return a slider for a number between two bounds."""
    widget = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
    widget.setRange(*bounds(settings, name))
    widget.setSingleStep(0.01)  # type: ignore[arg-type]  # superqt states the type of QSlider
    widget.setDecimals(2)
    _finish(widget, settings, name)
    return widget


def spin_box(settings: type[Settings], name: str, unit: str, decimals: int = 1) -> QDoubleSpinBox:
    """Return a spin box for a number with a unit."""
    widget = QDoubleSpinBox()
    low, high = bounds(settings, name)
    widget.setDecimals(decimals)
    # A bound that is itself excluded: the least that can be typed.
    widget.setRange(max(low, 10.0**-decimals), high)
    widget.setSuffix(f" {unit}")
    make_room(widget, f"{WIDEST:.{decimals}f} {unit}")
    _finish(widget, settings, name)
    return widget


def whole_number(settings: type[Settings], name: str) -> QSpinBox:
    """Return a spin box for a whole number."""
    widget = QSpinBox()
    low, high = bounds(settings, name)
    widget.setRange(int(low), int(min(high, 2**31 - 1)))
    make_room(widget, str(WIDEST))
    _finish(widget, settings, name)
    return widget


def choice(settings: type[Settings], name: str) -> QComboBox:
    """Return a menu of the values that a field may take."""
    widget = QComboBox()
    widget.addItems(get_args(settings.model_fields[name].annotation))
    widget.setCurrentText(str(settings.model_fields[name].default))
    describe(widget, settings, name)
    return widget


def _finish(widget: Any, settings: type[Settings], name: str) -> None:
    default = settings.model_fields[name].default
    if default is not None and default is not PydanticUndefined:
        widget.setValue(default)
    describe(widget, settings, name)
