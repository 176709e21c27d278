"""Fine-tuning takes longer on images of a kind that the model does not know.

More steps than a kind of images needs do harm: of two images, a network learns these alone. Where
the model finds little of what a person has clicked, too few do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from napari_htcell.calibrate import best_f_score
from napari_htcell.config import DetectConfig
from napari_htcell.evaluate import Judgement
from napari_htcell.versions import Stage

UNKNOWN_BELOW = 0.7
"""F at its best threshold below which a model does not know a kind of images. Where it has learnt
from such images, or finds their cells as they are, it is 0.85 and more (docs/version_e.md)."""

LEAST_CELLS = 20
"""Fewer cells cannot tell: one that is missed would be a kind of its own."""


def adapted(stage: Stage, before: Sequence[Judgement], settings: DetectConfig) -> Stage:
    """Return a stage with the steps that it takes for a network which finds so much.

    Parameters
    ----------
    stage : Stage
        Returned as it is if it makes no difference.
    before : sequence of Judgement
        Of the network as it begins, on what it is to learn from.
    settings : DetectConfig
    """
    steps = stage.steps_if_unknown
    if steps is None or sum(len(one.truth) for one in before) < LEAST_CELLS:
        return stage
    if best_f_score(before, settings) >= UNKNOWN_BELOW:
        return stage
    return replace(stage, min_steps=steps, most_steps=steps)
