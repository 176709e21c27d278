"""Whether all images of a project were searched alike, without which counts do not compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from napari_htcell.words import count

NAMED = 3
"""Models that are named at most."""


@dataclass(frozen=True)
class Searched:
    """How an image was searched.

    Parameters
    ----------
    image : str
    is_complete : bool
        Whether a person has said that every cell is annotated: then the count is theirs alone.
    model : str
        Empty if none was run.
    threshold : float or None
    """

    image: str
    is_complete: bool = False
    model: str = ""
    threshold: float | None = None


def uneven_text(images: Iterable[Searched]) -> str:
    """Return in one line what makes the images' counts hard to compare; empty if nothing does.

    Complete images count what a person has clicked, however they were searched.
    """
    open_ones = [one for one in images if not one.is_complete]
    searched = [one for one in open_ones if one.model]
    missing = [one.image for one in open_ones if not one.model]
    said = []
    if missing:
        more = "" if len(missing) == 1 else ", …"
        said.append(f"nothing was detected in {count(len(missing), 'image')} ({missing[0]}{more})")
    models = Counter(one.model for one in searched)
    if len(models) > 1:
        named = [f"{name} in {number}" for name, number in models.most_common(NAMED)]
        rest = len(models) - NAMED
        named += [f"{rest} others"] if rest > 0 else []
        said.append(f"different models were run ({', '.join(named)})")
    thresholds = sorted({round(one.threshold, 2) for one in searched if one.threshold is not None})
    if len(thresholds) > 1:
        said.append(f"thresholds differ ({thresholds[0]:.2f} to {thresholds[-1]:.2f})")
    return f"{'; '.join(said)}: these counts do not compare" if said else ""
