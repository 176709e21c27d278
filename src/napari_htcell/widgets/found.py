"""What was found in an image, in words, and in a time stack in numbers."""

from __future__ import annotations

import numpy as np

from napari_htcell.pairing import not_rejected
from napari_htcell.widgets.document import Document
from napari_htcell.words import count


def found_text(document: Document) -> str:
    """Return in words what was found in an image."""
    found, candidates = document.found, document.candidates
    if found is None or candidates is None:
        return "Nothing was detected in this image yet."
    found = not_rejected(document.annotation, found)
    cells, frames = count(len(found), "cell"), found.provenance.frames
    where = "" if frames is None else f" in {count(len(frames), 'frame')}"
    how = found.provenance
    text = f"{how.model} found {cells}{where} above {how.settings.threshold:.2f}; "
    text += f"{len(candidates)} not clicked yet."
    if not document.annotation.complete_frames and document.picture.ndim == 2:
        text += _interval_text(document, len(candidates))
    if document.annotation.complete_frames:
        text += " Where everything is marked complete, only your clicks count."
    return text


def _interval_text(document: Document, n_candidates: int) -> str:
    """Return in words how many cells there may be, where the model's errors are known."""
    found, annotated = document.found, len(document.annotation.points)
    error = None if found is None else found.provenance.count_error
    if found is None or error is None:
        return ""
    low, high = error.corrected(found.scores, annotated=annotated, final=annotated + n_candidates)
    return f" With your clicks {annotated + n_candidates}: {low} to {high} at {error.rate:.0%}."


def cells_over_time(document: Document) -> list[int | None]:
    """Return the cells of each frame, as they are exported; None of a frame not looked at."""
    found, annotation, candidates = document.found, document.annotation, document.candidates
    n_frames = document.picture.shape[0]
    counts = np.zeros(n_frames, dtype=int)
    for points in (annotation.points, *([] if candidates is None else [candidates.points])):
        frames = np.rint(points[:, 0]).astype(int)
        counts += np.bincount(frames[(frames >= 0) & (frames < n_frames)], minlength=n_frames)
    looked_at = [
        frame in annotation.complete_frames
        or (found is not None and found.provenance.looked_at(frame))
        for frame in range(n_frames)
    ]
    return [int(one) if known else None for one, known in zip(counts, looked_at, strict=True)]
