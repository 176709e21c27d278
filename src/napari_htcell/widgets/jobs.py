"""What the widgets have done in the background, as generators that yield progress. No Qt.

Modules that load torch are imported inside: it takes seconds, and the window is to open at once.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_htcell import importing, kept_imports, rescue
from napari_htcell.annotations import Annotation
from napari_htcell.cards import Architecture, Card
from napari_htcell.config import DetectConfig
from napari_htcell.kept_imports import KeptImport
from napari_htcell.progress import Progress
from napari_htcell.project import Project, open_project
from napari_htcell.summaries import Summary, read_summary, summarise_fully
from napari_htcell.widgets.document import Document
from napari_htcell.widgets.picture import Picture
from napari_htcell.words import count

if TYPE_CHECKING:
    from napari_htcell.batch import FileResult
    from napari_htcell.comparison import Comparison
    from napari_htcell.curve import Curve
    from napari_htcell.detections import Detections
    from napari_htcell.forecast import Forecast
    from napari_htcell.models import Model, ModelEntry
    from napari_htcell.prediction import Prediction
    from napari_htcell.side_by_side import SideBySide
    from napari_htcell.widgets.open_documents import State

OPENING_SECONDS = 0.3
"""Time for reading annotations before a project is shown; the rest is read while it is."""

OFFERED_NETWORK: Architecture = "U-Net"
"""The network of the versions that fine-tuning offers: models of it can start any of them."""

LOADING = Progress("getting ready", 0, 0)
"""Before the first result: loading the library that computes takes a few seconds."""


def open_steps(
    path: str | Path,
) -> Generator[Progress, None, tuple[Project, dict[str, Summary]]]:
    """Open a project and read what is known about its images, as far as that takes no time."""
    yield Progress("opening", 0, 0)
    project = open_project(path)
    summaries, start = {}, time.monotonic()
    for name in project.images:
        summaries[name] = read_summary(project, name)
        if time.monotonic() - start > OPENING_SECONDS:
            break
    return project, summaries


def open_folder_steps(
    path: str | Path,
) -> Generator[Progress, None, tuple[Project, dict[str, Summary], list[str]]]:
    """Open a project with what could not be saved there last time.

    Returns
    -------
    project : Project
    summaries : dict of str to Summary
    news : list of str
        What to tell of those clicks, and of files that cannot be read.
    """
    yield Progress("opening", 0, 0)
    news = []
    try:
        names = rescue.bring_back(open_project(path))
        if names:
            news.append(f"{', '.join(names)}: saved now, with clicks that could not be before")
    except (OSError, ValueError) as error:
        # What is wrong with the folder itself is said by those who open it.
        news.append(f"Clicks that could not be saved before still cannot be: {error}")
    project, summaries = yield from open_steps(path)
    if left_out := project.left_out:
        news.append(left_out)
    return project, summaries, news


def fill_steps(
    project: Project, names: Sequence[str], found: deque[tuple[str, Summary]]
) -> Generator[Progress, None, None]:
    """Read what is known about images of a project, putting each into `found` at once."""
    for done, name in enumerate(names, start=1):
        found.append((name, read_summary(project, name)))
        yield Progress("reading annotations", done, len(names))


def usefulness_steps(
    states: Mapping[str, State],
) -> Generator[Progress, None, dict[str, Summary]]:
    """Return what images that were changed meanwhile would teach, with all else about them."""
    yield Progress("comparing images", 0, 0)
    return {name: summarise_fully(*state) for name, state in states.items()}


def predict_steps(
    picture: Picture,
    model_name: str,
    project: Project | None,
    frames: Collection[int] | None = None,
    settings: DetectConfig | None = None,
) -> Generator[Progress, None, Prediction]:
    """Run a model over an image, or some frames of a stack, and draw points with settings."""
    yield LOADING
    from napari_htcell.detect import predict_steps as steps

    model = _load(model_name, project)
    prediction = yield from steps(
        picture.pixels,
        model,
        pixel_size_um=picture.pixel_size_um,
        is_rgb=picture.is_rgb,
        frames=frames,
    )
    # Here, not in the window's thread, which finds them drawn.
    yield from prediction.draw_steps(settings or model.card.detection)
    return prediction


def draw_steps(
    prediction: Prediction, settings: DetectConfig
) -> Generator[Progress, None, Prediction]:
    """Draw points with other settings; the prediction keeps them."""
    yield from prediction.draw_steps(settings)
    return prediction


def predict_all_steps(
    project: Project, model_name: str, settings: DetectConfig, names: Sequence[str] | None = None
) -> Generator[Progress, None, list[FileResult]]:
    """Run a model over all images of a project, or some, and keep what it finds there."""
    yield LOADING
    from napari_htcell import batch

    model = _load(model_name, project)
    return (yield from batch.detect_project(project, model, names=names, settings=settings))


def compare_steps(
    project: Project, model_name: str, found: Mapping[str, Detections], cutoff_um: float
) -> Generator[Progress, None, tuple[Comparison, Curve | None]]:
    """Compare detections with the complete images of a project, and draw the curve.

    `model_name` is run now; without one, what was found before is compared, `found` before what is
    kept in the project.
    """
    from napari_htcell.comparison import evaluate_project_steps
    from napari_htcell.curve import precision_recall_steps

    model = None
    if model_name:
        yield LOADING
        model = _load(model_name, project)
    comparison = yield from evaluate_project_steps(project, model, found)
    curve = None
    if comparison.has_curve:
        curve = yield from precision_recall_steps(comparison.judgements, cutoff_um=cutoff_um)
    return comparison, curve


def side_by_side_steps(
    project: Project, names: Sequence[str]
) -> Generator[Progress, None, SideBySide]:
    """Run several models on the complete images of a project."""
    yield LOADING
    from napari_htcell.side_by_side import compare_models_steps

    return (yield from compare_models_steps(project, names))


def import_model_steps(path: Path) -> Generator[Progress, None, ModelEntry]:
    """Take a model into the user's own; it is loaded once to see whether it can be."""
    yield LOADING
    from napari_htcell.own_models import import_model

    return import_model(path)


def export_model_steps(entry: ModelEntry, path: Path) -> Generator[Progress, None, Path]:
    """Write a model as one file."""
    yield Progress("exporting", 0, 0)
    from napari_htcell.own_models import export_model

    return export_model(entry, path)


def fine_tune_steps(
    model_name: str, project: Project, version: str | None, name: str | None, seed: int
) -> Generator[Progress, None, Model]:
    """Improve a model with the complete images of a project; return the new one."""
    yield LOADING
    from napari_htcell import learn
    from napari_htcell.device import leave_a_core

    leave_a_core()
    model = _load(model_name, project)
    return (yield from learn.fine_tune_steps(model, project, version, name=name, seed=seed))


def forecast_steps(
    model_name: str, project: Project, version: str | None
) -> Generator[Progress, None, Forecast]:
    """Find out how long fine-tuning would take here."""
    yield LOADING
    from napari_htcell import forecast
    from napari_htcell.device import leave_a_core

    leave_a_core()
    return (yield from forecast.forecast_steps(_load(model_name, project), project, version))


def refusal_steps(card: Card, version: str | None) -> Generator[Progress, None, str]:
    """Return why a version cannot fine-tune a model, empty if it can."""
    yield LOADING
    from napari_htcell.recipes import recipe_for

    try:
        recipe_for(card, version)
    except ValueError as error:
        return str(error)
    return ""


def versions_steps() -> Generator[Progress, None, list[tuple[str, str]]]:
    """Return name and summary of the versions that can fine-tune with complete images."""
    yield LOADING
    from napari_htcell.versions import VERSIONS

    return [
        (version.name, version.summary)
        for version in VERSIONS.values()
        if version.fine_tuning.learn_from == "complete" and version.architecture == OFFERED_NETWORK
    ]


def kinds_steps(path: Path) -> Generator[Progress, None, dict[str, str]]:
    """Return the kinds of points that a file has, with what to call each; none of a folder."""
    yield Progress(f"reading {path.name}", 0, 0)
    if path.is_dir():
        return {}
    sets = importing.chosen(importing.read_point_sets(path))
    return {
        one.kind: f"{one.title or one.kind} ({count(len(one.points), 'point')})"
        for one in sets
        if one.kind
    }


def plan_steps(
    project: Project, path: Path, kinds: Collection[str]
) -> Generator[Progress, None, tuple[dict[str, Annotation], list[str]]]:
    """Read what is to be imported, and which images would lose clicks that they have."""
    plan = yield from importing.plan_steps(project, path, kinds=kinds)
    return plan, kept_imports.annotated_already(project, plan)


def plan_loose_steps(
    document: Document, path: Path, kinds: Collection[str]
) -> Generator[Progress, None, tuple[dict[str, Annotation], list[str]]]:
    """Do the same for an image that is in no project."""
    yield Progress(f"reading {path.name}", 0, 0)
    picture, name = document.picture, document.name
    target = importing.Target(name if picture.path is None else picture.path.name, picture.shape)
    annotation = importing.for_one_image(path, target, kinds=kinds)
    return {name: annotation}, [name] if document.annotation.frames else []


def import_steps(
    project: Project, plan: Mapping[str, Annotation], known: Mapping[str, Annotation]
) -> Generator[Progress, None, dict[str, Summary]]:
    """Keep what was imported; return a line about each image."""
    yield from kept_imports.keep_steps(project, plan, known)
    return {name: read_summary(project, name) for name in plan}


def take_back_steps(
    project: Project, kept: KeptImport, names: Collection[str]
) -> Generator[Progress, None, dict[str, Summary]]:
    """Take an import back from some of its images; return a line about each."""
    changed = yield from kept_imports.take_back_steps(project, kept, names)
    return {name: read_summary(project, name) for name in changed}


def _load(model_name: str, project: Project | None) -> Model:
    from napari_htcell.models import load_model

    return load_model(model_name, project)
