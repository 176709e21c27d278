"""What a point can be, and how it looks: one home for layers, legend and keys page.

Colours of Okabe and Ito, which are told apart by every kind of colour vision, on grey too; no two
states share a symbol, so that a print without colours shows the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from napari_htcell.colours import ANNOTATED_COLOUR, DETECTED_COLOUR

Form = Literal["disc", "ring", "diamond", "triangle_up", "cross", "square"]
"""What a symbol looks like."""


@dataclass(frozen=True)
class State:
    """A kind of point.

    Parameters
    ----------
    words : str
        What the user reads beside its number.
    symbol : str
        Napari's name of the symbol.
    colour : str
    um : float
        Diameter of the symbol in micrometres.
    tip : str
        What it means, in a sentence.
    """

    words: str
    symbol: Literal["disc", "diamond", "triangle_up"]
    colour: str
    um: float
    tip: str

    @property
    def form(self) -> Form:
        """What the symbol looks like as a whole."""
        return "ring" if self.is_ring else self.symbol

    @property
    def rgba(self) -> tuple[float, float, float, float]:
        """The colour in numbers, which a layer takes in a fraction of a name's time."""
        red, green, blue = (int(self.colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        return red, green, blue, 1.0

    @property
    def is_ring(self) -> bool:
        """Whether it goes around the cell, and leaves it visible."""
        return self is CANDIDATE


ANNOTATED = State(
    "annotated", "disc", ANNOTATED_COLOUR, 16.0, "A cell, by your word. No model was run here"
)
AGREED = State(
    "annotated and detected", "diamond", "#f0e442", 20.0, "A cell, by your word and the model's"
)
MISSED = State(
    "annotated, missed by the model",
    "triangle_up",
    "#d55e00",
    20.0,
    "A cell, by your word; the model with its present threshold does not find it",
)
CANDIDATE = State(
    "candidates (detected only)",
    "disc",
    DETECTED_COLOUR,
    32.0,
    "The model's word alone: click to accept it, right-click or Alt+click to reject it",
)
STATES = (ANNOTATED, AGREED, MISSED, CANDIDATE)
