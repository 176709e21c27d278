"""The whole job on a sample project, where the truth is known, before and after fine-tuning.

Detect, complete some images as the truth says, fine-tune, detect again, export. The window's demo
does the same by clicking, and uses the same choices, scores and table.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_htcell.annotations import Annotation
from napari_htcell.config import DEFAULT_MODEL, EvaluateConfig
from napari_htcell.evaluate import Match, Totals, evaluate, total
from napari_htcell.export_files import export_counts, export_points
from napari_htcell.progress import Progress
from napari_htcell.project import Project
from napari_htcell.sample import copy_sample, read_truth

N_COMPLETED = 3
"""Number of images whose annotation is completed and learnt from."""

Scores = Mapping[str, Match]
"""Match of the detections with the truth, by the name of the image."""


@dataclass(frozen=True)
class DemoRow:
    """One image, counted by the shipped model (before) and by the fine-tuned one (after).

    Parameters
    ----------
    image : str
    is_learnt_from : bool
        Whether its annotation was completed; what it scores after proves nothing then.
    before, after : Match
        Detections against the truth.
    """

    image: str
    is_learnt_from: bool
    before: Match
    after: Match


@dataclass(frozen=True)
class DemoResult:
    """What a demo gave.

    Parameters
    ----------
    rows : tuple of DemoRow
        One per image.
    models : (str, str)
        Names of the models before and after.
    project, counts, points : Path
        The project's folder and the two tables.
    picture : Path or None
        Picture of the window, if there was one.
    kept : str
        What was kept of what was learnt, if not all of it.
    """

    rows: tuple[DemoRow, ...]
    models: tuple[str, str]
    project: Path
    counts: Path
    points: Path
    picture: Path | None = None
    kept: str = ""

    @property
    def unseen(self) -> tuple[DemoRow, ...]:
        """The images that were not learnt from: only these show how good a model is."""
        return tuple(row for row in self.rows if not row.is_learnt_from)

    @property
    def before(self) -> Totals:
        """The shipped model on the images not learnt from."""
        return total(row.before for row in self.unseen)

    @property
    def after(self) -> Totals:
        """The fine-tuned model on the images not learnt from."""
        return total(row.after for row in self.unseen)


@dataclass(frozen=True, eq=False)
class Correction:
    """What makes a partial annotation complete.

    Parameters
    ----------
    missing : ndarray of float, shape (N, 2)
        True cells to click, (y, x) in pixels.
    wrong : ndarray of int, shape (M,)
        Indices of annotated points that are no cell, to remove.
    """

    missing: npt.NDArray[np.float64]
    wrong: npt.NDArray[np.intp]


def choose_images(project: Project, count: int = N_COMPLETED) -> tuple[str, ...]:
    """Choose images to complete: spread evenly from few clicks to many, at least one left over.

    Raises
    ------
    ValueError
        If the project has too few images.
    """
    if not 0 < count < len(project.images):
        raise ValueError(
            f"cannot complete {count} of {len(project.images)} images and keep one to test on"
        )
    order = sorted(project.images, key=lambda name: len(project.annotation(name).points))
    places = np.linspace(0, len(order) - 1, count).round().astype(int)
    return tuple(order[place] for place in places)


def score(project: Project, name: str, points: npt.NDArray[np.float64]) -> Match:
    """Compare points, shape (N, 2), with the truth of a sample project at the usual cut-off."""
    return evaluate(
        points,
        read_truth(project, name),
        cutoff_um=EvaluateConfig().cutoff_um,
        pixel_size_um=project.read_image(name).pixel_size_um,
    )


def scores(project: Project) -> dict[str, Match]:
    """Compare the detections that are saved in a sample project with its truth, by image."""
    found = {name: project.detections(name) for name in project.images}
    return {
        name: score(project, name, np.empty((0, 2)) if one is None else one.points)
        for name, one in found.items()
    }


def correction(project: Project, name: str, annotation: Annotation) -> Correction:
    """Return what makes an image's annotation complete, as the truth of its project says."""
    match = score(project, name, annotation.points)
    return Correction(
        np.delete(read_truth(project, name), match.pairs[:, 1], axis=0),
        np.setdiff1d(np.arange(match.n_points), match.pairs[:, 0]),
    )


def complete_from_truth(project: Project, name: str) -> Annotation:
    """Complete an image's annotation as a person would who knows the truth, and save it."""
    annotation = project.annotation(name)
    change = correction(project, name, annotation)
    annotation = annotation.remove(change.wrong.tolist()).add(change.missing).mark_complete()
    project.save_annotation(name, annotation)
    return annotation


def export_tables(project: Project) -> tuple[Path, Path]:
    """Export counts and points into the project; return the two files."""
    counts, points = (project.exports_folder / name for name in ("counts.csv", "points.csv"))
    export_counts(project, counts)
    export_points(project, points)
    return counts, points


def rows(
    project: Project, learnt_from: Sequence[str], before: Scores, after: Scores
) -> tuple[DemoRow, ...]:
    """Put the scores of all images together."""
    return tuple(
        DemoRow(name, name in learnt_from, before[name], after[name]) for name in project.images
    )


def run_steps(
    folder: str | Path, model: str = DEFAULT_MODEL
) -> Generator[Progress, None, DemoResult]:
    """Do the whole job on a copy of the sample project, without a window.

    Parameters
    ----------
    folder : str or Path
        Where to copy the sample project; it must not be there yet.
    model : str, optional
        Model to start from.

    Yields
    ------
    Progress
        Of each part in turn.

    Returns
    -------
    DemoResult
    """
    project = copy_sample(folder)
    return (yield from project_steps(project, model))


def project_steps(
    project: Project, model: str = DEFAULT_MODEL
) -> Generator[Progress, None, DemoResult]:
    """Do what `run_steps` does in a sample project that is there already."""
    from napari_htcell.batch import detect_project
    from napari_htcell.learn import fine_tune_steps
    from napari_htcell.models import load_model

    shipped = load_model(model, project)
    yield from detect_project(project, shipped)
    before = scores(project)
    chosen = choose_images(project)
    for name in chosen:
        complete_from_truth(project, name)
    tuned = yield from fine_tune_steps(shipped, project)
    yield from detect_project(project, tuned)
    counts, points = export_tables(project)
    return DemoResult(
        rows(project, chosen, before, scores(project)),
        (shipped.name, tuned.name),
        project.path,
        counts,
        points,
        kept=tuned.card.kept_part,
    )


def table(result: DemoResult) -> str:
    """Return a demo's result as a short table to print."""
    names = [row.image + " *" * row.is_learnt_from for row in result.rows]
    width = max(map(len, [*names, "images without *"]))
    lines = [
        f"{'':<{width}}  {'true':>6}  {'counted':>15}  {'F':>15}",
        f"{'image':<{width}}  {'cells':>6}  {'before':>7} {'after':>7}  {'before':>7} {'after':>7}",
    ]
    lines += [
        _line(name, width, row.before.n_truth, row.before, row.after)
        for name, row in zip(names, result.rows, strict=True)
    ]
    before, after = result.before, result.after
    lines += [
        _line("images without *", width, before.tp + before.fn, before, after),
        "",
        f"before: model {result.models[0]}; after: {result.models[1]}, fine-tuned on the images "
        "with *",
        *([f"kept: {result.kept}"] if result.kept else []),
        f"F: a cell counts within {EvaluateConfig().cutoff_um:g} um; simulated images say little "
        "about real ones",
        "final, in the counts: clicks are cells there, and some of these lie on debris",
        f"counts: {result.counts}",
        f"points: {result.points}",
        f"picture: {result.picture}" if result.picture else f"project: {result.project}",
    ]
    return "\n".join(lines)


def _line(
    name: str, width: int, n_truth: int, before: Match | Totals, after: Match | Totals
) -> str:
    counted = (f"{one.tp + one.fp:>7}" for one in (before, after))
    measured = (f"{one.f_score:>7.3f}" for one in (before, after))
    return f"{name:<{width}}  {n_truth:>6}  {' '.join(counted)}  {' '.join(measured)}"
