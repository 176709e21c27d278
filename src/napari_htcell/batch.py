"""Detection in many images, loose files and a project's alike: one bad file stops nothing."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from napari_htcell.annotations import Annotation
from napari_htcell.config import DetectConfig, DeviceChoice
from napari_htcell.detect import predict_steps
from napari_htcell.detections import Detections
from napari_htcell.export import ImageRecord
from napari_htcell.lazyfiles import is_zarr, open_image
from napari_htcell.models import Model
from napari_htcell.prediction import Prediction
from napari_htcell.progress import Clock, Progress
from napari_htcell.project import Project, open_project

UNITS = 1000
"""Units of progress per image, so that a bar moves within a large one."""

UNUSABLE = (ValueError, OSError, MemoryError, RuntimeError)
"""What an image that cannot be used raises; torch without the memory for one a RuntimeError, and
the next may be smaller."""


def _forget(found: Detections) -> None:
    """Keep detections nowhere but in the result."""


@dataclass(frozen=True)
class Item:
    """One image to detect in.

    Parameters
    ----------
    name : str
        What messages and tables call it.
    path : Path
        Its file.
    pixel_size_um : float, optional
        Micrometres per pixel that its project states; without it what the file says.
    keep : callable, optional
        Saves what was found in it.
    annotation : callable, optional
        Returns what a person says about it, for 2 dimensions or 3; nothing without.
    """

    name: str
    path: Path
    pixel_size_um: float | None = None
    keep: Callable[[Detections], None] = _forget
    annotation: Callable[[int], Annotation] = Annotation.empty


@dataclass(frozen=True, eq=False)
class FileResult:
    """What became of one image.

    Parameters
    ----------
    name : str
    record : ImageRecord or None
        What the tables say about it; None if it failed.
    error : str or None
        Why it failed, in one line.
    """

    name: str
    record: ImageRecord | None = None
    error: str | None = None

    @property
    def detections(self) -> Detections | None:
        """What was found; None if the image failed."""
        return None if self.record is None else self.record.detections


Steps = Generator[Progress, None, list[FileResult]]


def is_project(folder: Path) -> bool:
    """Return whether somebody has worked in a folder of images as a project.

    A folder of images alone is none: detecting in it should leave nothing behind.
    """
    return any((folder / sign).exists() for sign in ("annotations", "detections", "htcell.json"))


def list_items(paths: Iterable[str | Path], *, save: bool | None = None) -> list[Item]:
    """List what to detect in: image files, projects, and folders with all their subfolders.

    An image is called by its place in the folder that was given, or by its file name; by its whole
    path where two would be called the same.

    Parameters
    ----------
    paths : iterable of str or Path
    save : bool, optional
        Whether detections are saved into the folders; without it, where `is_project` says so.

    Raises
    ------
    ProjectError
        If a folder has no images.
    """
    found: list[tuple[Item, Path]] = []
    for path in map(Path, paths):
        if path.is_dir() and not is_zarr(path):
            project = open_project(path)
            keep = is_project(path) if save is None else save
            for name in project.images:
                file = project.image_path(name)
                found.append((project_item(project, name) if keep else file_item(file, name), file))
        else:
            found.append((file_item(path), path))
    # A folder and one of its images, or an image twice, are not two images.
    by_file: dict[str, tuple[Item, Path]] = {}
    for item, file in found:
        by_file.setdefault(os.path.realpath(file), (item, file))
    found = list(by_file.values())
    times = Counter(item.name for item, _ in found)
    return [
        item if times[item.name] == 1 else replace(item, name=path.as_posix())
        for item, path in found
    ]


def file_item(path: Path, name: str | None = None) -> Item:
    """Return a loose image, called by its file name without `name`."""
    return Item(name or path.name, path)


def project_item(project: Project, name: str) -> Item:
    """Return an image of a project; what is found in it is saved there."""
    return Item(
        name,
        project.image_path(name),
        project.settings.pixel_size_um,
        partial(project.save_detections, name),
        partial(project.annotation, name),
    )


def detect_files(
    paths: Iterable[str | Path],
    model: Model,
    *,
    pixel_size_um: float | None = None,
    settings: DetectConfig | None = None,
    device: DeviceChoice = "auto",
) -> Steps:
    """Detect in files, folders and projects; see `list_items` and `detect_items`."""
    return detect_items(
        list_items(paths), model, pixel_size_um=pixel_size_um, settings=settings, device=device
    )


def detect_project(
    project: Project,
    model: Model,
    *,
    names: Sequence[str] | None = None,
    pixel_size_um: float | None = None,
    settings: DetectConfig | None = None,
    device: DeviceChoice = "auto",
) -> Steps:
    """Detect in images of a project and save what is found there; see `detect_items`."""
    items = [project_item(project, name) for name in (project.images if names is None else names)]
    return detect_items(items, model, pixel_size_um=pixel_size_um, settings=settings, device=device)


def detect_items(
    items: Sequence[Item],
    model: Model,
    *,
    pixel_size_um: float | None = None,
    settings: DetectConfig | None = None,
    device: DeviceChoice = "auto",
) -> Steps:
    """Detect in one image after another, with one image in memory at a time.

    Parameters
    ----------
    items : sequence of Item
    model : Model
    pixel_size_um : float, optional
        Micrometres per pixel of all images; without it what each file or the project states.
    settings : DetectConfig, optional
        The model's own without it.
    device : {"auto", "cpu", "cuda", "mps"}, optional

    Yields
    ------
    Progress
        In `UNITS` per image.

    Returns
    -------
    list of FileResult
        One per image, in order; an image that cannot be used has an error and stops nothing.
        Closing the generator keeps what was saved of the images before.
    """
    settings = settings or model.card.detection
    clock = Clock(UNITS * len(items))
    results = []
    for index, item in enumerate(items):
        place = Place(item.name, UNITS * index, clock)
        try:
            record = yield from detect_one(item, model, pixel_size_um, settings, device, place)
            results.append(FileResult(item.name, record))
        except UNUSABLE as error:
            results.append(FileResult(item.name, error=one_line(item.name, error)))
        yield place.at(UNITS)
    return results


@dataclass(frozen=True)
class Place:
    """Where an image is among all images, as progress has it."""

    name: str
    before: int
    clock: Clock

    def at(self, units: int) -> Progress:
        """Return the report after so many of an image's `UNITS`."""
        done = self.before + units
        return Progress(
            f"detecting in {self.name}", done, self.clock.total, self.clock.seconds_left(done)
        )


def detect_one(
    item: Item,
    model: Model,
    pixel_size_um: float | None,
    settings: DetectConfig,
    device: DeviceChoice,
    place: Place,
) -> Generator[Progress, None, ImageRecord]:
    """Detect in one image and keep what is found; the image is forgotten on return."""
    size = item.pixel_size_um if pixel_size_um is None else pixel_size_um
    looked = yield from find_in(item.path, size, model, settings, place, device)
    item.keep(looked.found)
    annotation = item.annotation(looked.found.points.shape[1])
    return ImageRecord(item.name, looked.found, annotation, looked.n_frames, extent=looked.extent)


@dataclass(frozen=True, eq=False)
class Looked:
    """What was found in a file, and what the file is.

    Parameters
    ----------
    found : Detections
    n_frames : int
        1 of an image.
    extent : (int, int)
        Height and width in pixels.
    """

    found: Detections
    n_frames: int
    extent: tuple[int, int]


def find_in(
    path: Path,
    pixel_size_um: float | None,
    model: Model,
    settings: DetectConfig,
    place: Place,
    device: DeviceChoice = "auto",
) -> Generator[Progress, None, Looked]:
    """Detect in one file, keeping nothing.

    Parameters
    ----------
    path : Path
    pixel_size_um : float or None
        Micrometres per pixel; None for what the file states.
    model : Model
    settings : DetectConfig
    place : Place
    device : {"auto", "cpu", "cuda", "mps"}, optional
    """
    file = open_image(path).with_pixel_size(pixel_size_um)
    steps = predict_steps(
        file.pixels, model, pixel_size_um=file.pixel_size_um, is_rgb=file.is_rgb, device=device
    )
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            prediction: Prediction = stop.value
            break
        yield place.at(UNITS * step.done // step.total)
    return Looked(prediction.detections(settings), len(prediction.heat_maps), file.extent)


def one_line(name: str, error: BaseException) -> str:
    """Return an error's first line, with the image's name where it does not have it."""
    reason = (str(error) or type(error).__name__).splitlines()[0]
    return reason if Path(name).name in reason else f"{name}: {reason}"
