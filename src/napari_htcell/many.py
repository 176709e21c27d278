"""Detection in as many images as there are: in this process, in several, or on a cluster.

What is found in an image goes to a journal at once, and tables are made from the journal: memory
does not grow with images, a run that was stopped goes on where it was, and the tables are the same
in whatever order images were finished.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, overload

from napari_htcell import crew, models, processes
from napari_htcell.batch import UNITS, UNUSABLE, FileResult, Place, find_in, one_line
from napari_htcell.config import DetectConfig
from napari_htcell.crew import do_all
from napari_htcell.export import ImageRecord
from napari_htcell.items import Item
from napari_htcell.journal import Entry, Journal, content_of, detections_of
from napari_htcell.lazyfiles import state_of
from napari_htcell.models import Model, ModelEntry
from napari_htcell.progress import Clock, Progress, run


@dataclass(frozen=True)
class Job:
    """What all images of a run have in common; it is sent with each.

    Parameters
    ----------
    model : Path
        Its folder, which other machines must see too, unless they have one of its name.
    name, sha256 : str
        Of the model; another one is refused.
    settings : DetectConfig
    pixel_size_um : float or None
        Micrometres per pixel of all images; None for what each project or file states.
    threads : int or None
        Of torch in each process; None leaves it.
    """

    model: Path
    name: str
    sha256: str
    settings: DetectConfig
    pixel_size_um: float | None = None
    threads: int | None = None

    @classmethod
    def of(
        cls, entry: ModelEntry, settings: DetectConfig, pixel_size_um: float | None = None
    ) -> Job:
        """Return the job of a model on disk."""
        card = entry.card
        return cls(entry.folder.resolve(), card.name, card.weights_sha256, settings, pixel_size_um)

    @property
    def content(self) -> dict[str, Any]:
        """What results depend on, as JSON has it."""
        return {
            "format": 1,
            "model": self.name,
            "weights_sha256": self.sha256,
            "settings": self.settings.model_dump(),
            "pixel_size_um": self.pixel_size_um,
        }


@dataclass(frozen=True)
class Task:
    """One image of a job, as it is sent to who detects in it."""

    job: Job
    path: Path
    name: str
    pixel_size_um: float | None

    def stamp(self) -> list[Any]:
        """Return what changes with the file or its pixel size, as JSON has it."""
        try:
            changed, size = state_of(self.path)
        except OSError:
            return [self.path.as_posix()]
        return [self.path.as_posix(), changed, size, self.pixel_size_um]


class Results(Sequence[FileResult]):
    """What became of each image, in order; read from the journal when it is asked for."""

    def __init__(self, items: Sequence[Item], journal: Journal) -> None:
        self._items, self._journal = items, journal

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> FileResult: ...
    @overload
    def __getitem__(self, index: slice) -> list[FileResult]: ...
    def __getitem__(self, index: int | slice) -> FileResult | list[FileResult]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        item = self._items[index]
        entry = self._journal[item.name]
        if "error" in entry:
            return FileResult(item.name, error=entry["error"])
        found, (height, width) = detections_of(entry), entry["extent"]
        try:
            annotation = item.annotation(found.points.shape[1])
        except UNUSABLE as error:
            return FileResult(item.name, error=one_line(item.name, error))
        record = ImageRecord(
            item.name, found, annotation, entry["n_frames"], extent=(height, width)
        )
        return FileResult(item.name, record)


class Records(Sequence[ImageRecord]):
    """What tables say about each image; of one that could not be used, that it is unreadable."""

    def __init__(self, results: Sequence[FileResult]) -> None:
        self._results = results

    def __len__(self) -> int:
        return len(self._results)

    @overload
    def __getitem__(self, index: int) -> ImageRecord: ...
    @overload
    def __getitem__(self, index: slice) -> list[ImageRecord]: ...
    def __getitem__(self, index: int | slice) -> ImageRecord | list[ImageRecord]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        result = self._results[index]
        return result.record or ImageRecord(result.name, is_readable=False)


def detect_many(
    items: Sequence[Item],
    job: Job,
    journal: Journal,
    *,
    workers: int = 1,
    scheduler: str | None = None,
) -> Generator[Progress, None, Results]:
    """Detect in images, those that the journal has left out, and keep each in it.

    Images in which an earlier run failed, or whose file has changed since, are done again.

    Parameters
    ----------
    items : sequence of Item
    job : Job
    journal : Journal
        Of the same job.
    workers : int, optional
        Processes of this machine; 1 is this one.
    scheduler : str, optional
        Address of a Dask scheduler, whose workers are taken instead; all of them must see the
        images under the same paths.

    Yields
    ------
    Progress
        In `UNITS` per image.

    Returns
    -------
    Results
        Closing the generator keeps what is in the journal.
    """
    done = finished(items, job, journal)
    for item in done:
        # Found by a run that was not to keep it.
        if item.is_kept and not journal[item.name].get("kept"):
            _keep(item, journal[item.name], journal)
    names = {item.name for item in done}
    left = [item for item in items if item.name not in names]
    clock = Clock(UNITS * len(items), UNITS * (len(items) - len(left)))
    if scheduler is None and workers == 1:
        yield from _one_by_one(left, job, journal, clock)
        return Results(items, journal)
    someone: AbstractContextManager[crew.Crew]
    if scheduler:
        someone = crew.cluster_crew(scheduler)
    else:
        job = replace(job, threads=max(1, processes.cores() // workers))
        someone = nullcontext(crew.local_crew(workers))
    with someone as they:
        yield from _by_many(left, job, journal, they, clock)
    return Results(items, journal)


def finished(items: Sequence[Item], job: Job, journal: Journal) -> list[Item]:
    """Return the items that need not be detected in again; those that failed are none of them."""
    return [item for item in items if _is_done(_task(item, job), journal)]


def _is_done(task: Task, journal: Journal) -> bool:
    if task.name not in journal:
        return False
    entry = journal[task.name]
    return "error" not in entry and entry["stamp"] == task.stamp()


def _one_by_one(
    items: Sequence[Item], job: Job, journal: Journal, clock: Clock
) -> Generator[Progress, None, None]:
    model = _model(job.model, job.name, job.sha256)
    before = clock.total - UNITS * len(items)
    for index, item in enumerate(items):
        place = Place(item.name, before + UNITS * index, clock)
        task = _task(item, job)
        try:
            entry = yield from _find_steps(task, model, place)
            _keep(item, entry, journal)
        except UNUSABLE as error:
            journal.add(item.name, {"error": one_line(item.name, error)})
        yield place.at(UNITS)


def _by_many(
    items: Sequence[Item], job: Job, journal: Journal, they: crew.Crew, clock: Clock
) -> Generator[Progress, None, None]:
    by_name = {item.name: item for item in items}
    done = clock.total - UNITS * len(items)
    yield Progress("starting workers", done, clock.total)
    with closing(do_all(find, (_task(item, job) for item in items), they)) as steps:
        for step in steps:
            if step is None:
                what = "detecting" if they.cores() else "waiting for a worker"
                yield Progress(what, done, clock.total, clock.seconds_left(done))
                continue
            task, found = step
            try:
                if isinstance(found, BaseException):
                    raise found
                _keep(by_name[task.name], found, journal)
            except UNUSABLE as error:
                journal.add(task.name, {"error": one_line(task.name, error)})
            done += UNITS
            what = f"detecting in {task.name}"
            yield Progress(what, done, clock.total, clock.seconds_left(done))


def _task(item: Item, job: Job) -> Task:
    size = item.pixel_size_um if job.pixel_size_um is None else job.pixel_size_um
    # Path.resolve fails for links that lead in a circle, which is told of that image alone.
    return Task(job, Path(os.path.realpath(item.path)), item.name, size)


def _keep(item: Item, entry: Entry, journal: Journal) -> None:
    """Keep what was found where the item wants it, then in the journal, which says it is done."""
    item.keep(detections_of(entry))
    journal.add(item.name, {**entry, "kept": item.is_kept})


def find(task: Task) -> Entry:
    """Detect in one image, wherever this is called, and return what a journal keeps of it."""
    job = task.job
    if job.threads is not None:
        import torch

        torch.set_num_threads(job.threads)
    model = _model(job.model, job.name, job.sha256)
    return run(_find_steps(task, model, Place(task.name, 0, Clock(UNITS))))


def _find_steps(task: Task, model: Model, place: Place) -> Generator[Progress, None, Entry]:
    # Before the file is read: one that is changed meanwhile is done again.
    stamp = task.stamp()
    steps = find_in(task.path, task.pixel_size_um, model, task.job.settings, place)
    looked = yield from steps
    entry = content_of(looked.found) | {"stamp": stamp}
    return entry | {"n_frames": looked.n_frames, "extent": list(looked.extent)}


@lru_cache(maxsize=2)
def _model(folder: Path, name: str, sha256: str) -> Model:
    """Load a model once in each process: from its folder, or one of its name with its weights."""
    model = models.load_model(folder if folder.is_dir() else name)
    if model.card.weights_sha256 != sha256:
        raise models.ModelError(
            f"the model {name} at {folder} is another one here; put the same model on all machines"
        )
    return model
