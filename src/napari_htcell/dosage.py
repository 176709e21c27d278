"""How long fine-tuning takes, and how much of what it changes is kept.

Of a few cells nothing is learnt. Of one or two images, more steps than they need do harm, and so
does all that has changed: a network learns these alone. Of many it is the other way round, and
where the model finds little of what a person has clicked, too few steps do harm
(docs/version_e.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from napari_htcell.calibrate import LEAST_CELLS, best_f_score
from napari_htcell.config import DetectConfig
from napari_htcell.evaluate import Judgement
from napari_htcell.versions import Stage, Version

UNKNOWN_BELOW = 0.7
"""F at its best threshold below which a model does not know a kind of images. Where it has learnt
from such images, or finds their cells as they are, it is 0.85 and more (docs/version_e.md)."""

TELLING_CELLS = 20
"""Fewer cells cannot tell what a model knows: one that is missed would be a kind of its own."""

MANY_IMAGES, MANY_CELLS = 3, 100
"""From so many on, both of them, what was learnt is true of other images too."""


@dataclass(frozen=True)
class Dosage:
    """What fine-tuning does.

    Parameters
    ----------
    stage : Stage
        With its number of steps.
    shares : tuple of float
        Parts of what it changes of which one is kept, see `mixing`.
    preferred : tuple of float
        Which of them, one before another, if nothing speaks against it.
    """

    stage: Stage
    shares: tuple[float, ...]
    preferred: tuple[float, ...]


def dosage(
    version: Version, cells: Sequence[int], before: Sequence[Judgement], settings: DetectConfig
) -> Dosage:
    """Return how a version is fine-tuned on images.

    Parameters
    ----------
    version : Version
    cells : sequence of int
        How many are known in what is complete of each image.
    before : sequence of Judgement
        Of the network as it begins, on those of the images that may judge it.
    settings : DetectConfig
        Of the network as it begins.
    """
    stage = version.fine_tuning
    if sum(cells) < LEAST_CELLS:
        return Dosage(stage, (0.0,), (0.0,))
    is_many = len(cells) >= MANY_IMAGES and sum(cells) >= MANY_CELLS
    wished = [
        stage.steps_if_many if is_many else None,
        stage.steps_if_unknown if _is_unknown(before, settings) else None,
    ]
    steps = max((one for one in wished if one is not None), default=None)
    if steps is not None:
        stage = replace(stage, min_steps=steps, most_steps=steps)
    careful = version.shares[len(version.shares) // 2]
    preferred = (version.shares[-1], careful) if is_many else (careful,)
    return Dosage(stage, version.shares, preferred)


def _is_unknown(before: Sequence[Judgement], settings: DetectConfig) -> bool:
    if sum(len(one.truth) for one in before) < TELLING_CELLS:
        return False
    return best_f_score(before, settings) < UNKNOWN_BELOW
