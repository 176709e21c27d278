"""Detection in many images, loose files and a project's alike: one bad file stops nothing."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_htcell.config import DetectConfig, DeviceChoice
from napari_htcell.detect import detect_steps
from napari_htcell.detections import Detections
from napari_htcell.export import ImageRecord
from napari_htcell.items import Item, list_items, project_item
from napari_htcell.lazyfiles import open_image
from napari_htcell.models import Model
from napari_htcell.progress import Clock, Progress
from napari_htcell.project import Project

UNITS = 1000
"""Units of progress per image, so that a bar moves within a large one."""

UNUSABLE = (ValueError, OSError, MemoryError, RuntimeError)
"""What an image that cannot be used raises; torch without the memory for one a RuntimeError, and
the next may be smaller."""


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


def detect_files(
    paths: Iterable[str | Path],
    model: Model,
    *,
    pixel_size_um: float | None = None,
    settings: DetectConfig | None = None,
    device: DeviceChoice = "auto",
) -> Steps:
    """Detect in files, folders and projects; see `items.list_items` and `detect_items`."""
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
    steps = detect_steps(
        file.pixels,
        model,
        settings,
        pixel_size_um=file.pixel_size_um,
        is_rgb=file.is_rgb,
        device=device,
    )
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            found: Detections = stop.value
            break
        yield place.at(UNITS * step.done // step.total)
    return Looked(found, file.n_frames, file.extent)


def one_line(name: str, error: BaseException) -> str:
    """Return an error's first line, with the image's name where it does not have it."""
    reason = (str(error) or type(error).__name__).splitlines()[0]
    return reason if Path(name).name in reason else f"{name}: {reason}"
