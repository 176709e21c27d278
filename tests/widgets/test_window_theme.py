"""Colours that can be read on a dark ground and on a light one."""

from __future__ import annotations

import pytest
from qtpy.QtGui import QColor, QPalette

from napari_htcell.widgets import image_table, loss_curve, plots
from napari_htcell.widgets.theme import readable

COLOURS = {
    plots.PRECISION_COLOUR,
    plots.RECALL_COLOUR,
    loss_curve.HELD_OUT_COLOUR,
    *image_table.COLOURS.values(),
}
GROUNDS = {"white": "#262930", "black": "#efebe9"}
"""Napari's, dark and light, by the colour of the text on it."""


def luminance(colour: QColor) -> float:
    parts = (colour.redF(), colour.greenF(), colour.blueF())
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("colour", sorted(COLOURS))
@pytest.mark.parametrize("text", GROUNDS)
def test_lines_and_signs_have_the_contrast_that_is_asked_for(text, colour, qapp):
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.WindowText, QColor(text))
    first, second = luminance(readable(colour, palette)), luminance(QColor(GROUNDS[text]))
    # WCAG 2.1, of graphics
    assert (max(first, second) + 0.05) / (min(first, second) + 0.05) >= 3
