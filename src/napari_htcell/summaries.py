"""An image of a project in one line: how far it is, how many cells, and what it would teach."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace

from napari_htcell.annotations import Annotation, Status
from napari_htcell.detections import Detections
from napari_htcell.pairing import not_rejected
from napari_htcell.progress import Progress, run
from napari_htcell.project import Project
from napari_htcell.usefulness import Usefulness, ranked, usefulness


@dataclass(frozen=True)
class Summary:
    """An image of the project in one line.

    Parameters
    ----------
    status : {"untouched", "partial", "complete"}
        Complete if all annotated frames are.
    annotated : int
        Annotated points.
    complete_frames : int
    complete_points : int
        Points in complete frames and in frames with complete regions, which fine-tuning learns
        from.
    detected : int or None
        Detections that nobody rejected; None if no model was run.
    model : str
        Name of the model that was run last; empty if none was.
    threshold : float or None
        What it was run at.
    fault : str
        What is wrong with its files; empty if nothing.
    usefulness : Usefulness or None
        What finishing it would cost; None where that was not computed.
    """

    status: Status = "untouched"
    annotated: int = 0
    complete_frames: int = 0
    complete_points: int = 0
    regions: int = 0
    detected: int | None = None
    model: str = ""
    threshold: float | None = None
    fault: str = ""
    usefulness: Usefulness | None = None


def summarise(annotation: Annotation, detections: Detections | None) -> Summary:
    """Return one line about an image, without its usefulness, which takes longer."""
    states = {annotation.status(frame) for frame in annotation.frames} or {"untouched"}
    return Summary(
        status="complete"
        if states == {"complete"}
        else "partial"
        if annotation.frames
        else "untouched",
        annotated=len(annotation.points),
        complete_frames=len(annotation.complete_frames),
        complete_points=sum(
            len(annotation.in_frame(frame))
            for frame in annotation.complete_frames | {one.frame for one in annotation.regions}
        ),
        regions=len(annotation.regions),
        detected=None if detections is None else len(not_rejected(annotation, detections)),
        model="" if detections is None else detections.provenance.model,
        threshold=None if detections is None else detections.provenance.settings.threshold,
    )


def summarise_fully(annotation: Annotation, detections: Detections | None) -> Summary:
    """Return one line about an image with its usefulness."""
    return replace(summarise(annotation, detections), usefulness=usefulness(annotation, detections))


def read_summary(project: Project, name: str) -> Summary:
    """Read what is known about an image of a project; a damaged file is told of there."""
    try:
        detections = project.detections(name)
        ndim = 2 if detections is None else detections.points.shape[1]
        return summarise_fully(project.annotation(name, ndim), detections)
    except (ValueError, OSError) as error:
        fault = str(error)
        return Summary(fault=fault, usefulness=Usefulness("damaged", fault=fault))


def summaries_steps(
    project: Project, names: Iterable[str] | None = None
) -> Generator[Progress, None, dict[str, Summary]]:
    """Read what is known about images of a project, all without `names`."""
    wanted = project.images if names is None else tuple(names)
    found = {}
    for done, name in enumerate(wanted, start=1):
        found[name] = read_summary(project, name)
        yield Progress("reading annotations", done, len(wanted))
    return found


def rank_steps(project: Project) -> Generator[Progress, None, list[tuple[str, Usefulness]]]:
    """Do what `rank_images` does, reporting after each image."""
    found = yield from summaries_steps(project)
    return ranked((name, one.usefulness) for name, one in found.items() if one.usefulness)


def rank_images(project: Project) -> list[tuple[str, Usefulness]]:
    """Return all images of a project, first the one that teaches most for its clicks.

    Parameters
    ----------
    project : Project

    Returns
    -------
    list of (str, Usefulness)
        Name of each image, with the number of corrections to expect and why; `usefulness` has the
        formula. Nothing is read but annotations and detections.
    """
    return run(rank_steps(project))
