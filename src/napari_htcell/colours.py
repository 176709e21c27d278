"""Colours of points, which colour-blind people can tell apart (Okabe and Ito)."""

from __future__ import annotations

from typing import Final

ANNOTATED_COLOUR: Final = "#e69f00"
"""Orange; cells that a person says are there."""

DETECTED_COLOUR: Final = "#56b4e9"
"""Sky blue; cells that a model found."""
