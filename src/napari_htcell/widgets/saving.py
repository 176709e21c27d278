"""Saves an image's changes beside what others have saved meanwhile. No Qt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from napari_htcell import merging
from napari_htcell.detections import Detections
from napari_htcell.merging import merge
from napari_htcell.project import Project
from napari_htcell.widgets.document import Document
from napari_htcell.words import count


def is_saved(document: Document) -> bool:
    """Return whether everything that can be kept of an image is in its project."""
    found = document.found
    return document.annotation is document.saved_annotation and (
        found is None or found is document.saved_detections
    )


def is_current(project: Project, document: Document) -> bool:
    """Return whether an image's files are still those that were read or saved last."""
    return document.stamps is None or document.stamps == project.stamps(document.name)


def save(project: Project, document: Document) -> list[str]:
    """Save what is not saved yet; what was saved elsewhere meanwhile is taken over, not replaced.

    Returns
    -------
    list of str
        What was changed elsewhere, in words for the user.

    Raises
    ------
    OSError
        If the disk is full or the folder cannot be written; the next call tries again.
    ValueError
        If a file was changed elsewhere and is damaged; it is left as it is.
    """
    with project.saving():
        return _save(project, document)


def save_all(
    project: Project, documents: Iterable[Document]
) -> tuple[list[tuple[Document, list[str]]], list[OSError | ValueError]]:
    """Save all images that are not saved yet; one that cannot be keeps no other from it.

    Returns
    -------
    saved : list of (Document, list of str)
        What was saved, with what was changed elsewhere.
    faults : list of Exception
        Of those that were not.
    """
    saved, faults = [], []
    for document in documents:
        if is_saved(document):
            continue
        try:
            saved.append((document, save(project, document)))
        except (OSError, ValueError) as error:
            faults.append(error)
    return saved, faults


def _save(project: Project, document: Document) -> list[str]:
    news = []
    document.stamps = document.stamps or project.stamps(document.name)
    if document.annotation is not document.saved_annotation:
        news += _merge_annotation(project, document)
        annotation = document.annotation
        project.save_annotation(document.name, annotation)
        document.saved_annotation = annotation
        stamps = project.stamps(document.name)
        document.stamps = replace(document.stamps, annotation=stamps.annotation)
    if not is_saved(document):
        news += _choose_detections(project, document)
    found = document.found
    if found is not None and found is not document.saved_detections:
        project.save_detections(document.name, found)
        document.saved_detections = found
        stamps = project.stamps(document.name)
        document.stamps = replace(document.stamps, detections=stamps.detections)
    return news


def on_fresh_pixels(known: Document, fresh: Document) -> tuple[Document, list[str]]:
    """Return an image that was open before with the pixels that were read now, and the news."""
    before, now = known.stamps, fresh.stamps
    is_other = before is not None and now is not None and before.image != now.image
    if not is_other or not fresh.picture.is_other_than(known.picture):
        known.picture = fresh.picture
        return known, []
    other = known.on(fresh.picture)
    return other, [_replaced_text(other)]


def _replaced_text(document: Document) -> str:
    """Return what to tell of an image whose file has other pixels than when it was opened."""
    clicks, found = len(document.annotation.points), document.found
    made = [count(clicks, "click")] * (clicks > 0)
    made += [] if found is None else [count(len(found), "detection")]
    text = f"{document.name} is another image now: its file was changed since it was opened here."
    if made:
        text += (
            f" {' and '.join(made)} made on the one before are kept: look whether they still fit; "
            "if not, put the old file back, or remove them."
        )
    return text


def take_over(known: Document, fresh: Document) -> list[str]:
    """Take over what an image's files say now; return the news.

    Where something could not be saved yet, saving takes over what others have changed.
    """
    if not is_saved(known):
        if known.stamps is not None and fresh.stamps is not None:
            known.stamps = replace(known.stamps, image=fresh.stamps.image)
        return []
    merged = merge(known.annotation, known.annotation, fresh.annotation, same_px(known))
    news = [merged.in_words] if merged.in_words else []
    if news:
        known.take_over(fresh.annotation)
        known.saved_annotation = known.annotation
    if _date(fresh.found) != _date(known.saved_detections):
        known.prediction, known.found, known.saved_detections = None, fresh.found, fresh.found
        news.append("detections" if fresh.found else "no detections")
    known.stamps = fresh.stamps
    return [f"{known.name} was changed elsewhere: {', '.join(news)}"] if news else []


def _merge_annotation(project: Project, document: Document) -> list[str]:
    now = project.stamps(document.name).annotation
    # Files that are gone say nothing: all of ours is saved again.
    if document.stamps is None or now == document.stamps.annotation or not any(now):
        return []
    theirs = project.annotation(document.name, document.picture.ndim)
    base = document.saved_annotation
    merged = merge(base, document.annotation, theirs, same_px(document))
    if not merged.in_words:
        return []
    document.take_over(merged.annotation)
    return [
        f"{document.name} was changed elsewhere too ({merged.in_words}): both are kept, and undo "
        "goes back to yours alone"
    ]


def _choose_detections(project: Project, document: Document) -> list[str]:
    """Take over detections that were made elsewhere, if they are newer."""
    now = project.stamps(document.name).detections
    if document.stamps is None or now == document.stamps.detections or not any(now):
        return []
    theirs = project.detections(document.name)
    if theirs is None or _date(theirs) == _date(document.saved_detections):
        return []
    document.stamps = replace(document.stamps, detections=now)
    what = f"{document.name} was searched elsewhere with {theirs.provenance.model}"
    if _date(theirs) <= _date(document.found):
        return [f"{what}; what was found here later takes its place"]
    document.prediction, document.found, document.saved_detections = None, theirs, theirs
    return [f"{what}; what it found is shown now"]


def _date(found: Detections | None) -> str:
    return "" if found is None else found.provenance.date


def same_px(document: Document) -> float:
    """Return the distance in pixels below which two clicks are on the same cell."""
    found = document.found
    known = document.picture.pixel_size_um or (found and found.provenance.pixel_size_um)
    return merging.same_px(known or None)
