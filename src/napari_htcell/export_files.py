"""Exported files: counts, points and a summary of a project, in the format that the name says."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from napari_htcell import atomic, csvtable, parquet, rois, summary, workbook
from napari_htcell.annotations import frames_of
from napari_htcell.evenness import Searched
from napari_htcell.export import COUNT_COLUMNS, POINT_COLUMNS, ImageRecord, Row
from napari_htcell.formats import FORMATS, What
from napari_htcell.imagefiles import ImageError, ImageFile
from napari_htcell.lazyfiles import extent_of
from napari_htcell.models import ModelEntry, list_models
from napari_htcell.progress import Clock, Progress, run
from napari_htcell.project import Project

COLUMNS: Mapping[What, tuple[str, ...]] = {"counts": COUNT_COLUMNS, "points": POINT_COLUMNS}


class ExportError(ValueError):
    """A file cannot be exported; the text says which, why, and what to do."""


@dataclass(frozen=True, eq=False)
class Content:
    """All that can be exported.

    Parameters
    ----------
    title : str
        Name of the project or image.
    records : sequence of ImageRecord
    read : callable
        Reads the pixels of one of the images, by the name in its record.
    models : sequence of ModelEntry, optional
        Among which are those that were run, to say how good they are.
    """

    title: str
    records: Sequence[ImageRecord]
    read: Callable[[str], ImageFile]
    models: Sequence[ModelEntry] = ()

    @property
    def figures(self) -> dict[str, str]:
        """What the cards of the models that were run say of them, by their names."""
        run = {one.detections.provenance.model for one in self.records if one.detections}
        return {
            entry.card.name: f"{figure.in_words} on {figure.on}"
            for entry in self.models
            for figure in entry.card.own_figures[:1]
            if entry.card.name in run
        }


def check_path(path: Path, what: What) -> None:
    """Refuse names that would cost the user a file, or say no format.

    Raises
    ------
    ExportError
        If the ending is of no known format, or another file than an older export is there.
    PointsFileError
        If another file than an older table is there.
    """
    suffix = path.suffix.lower()
    readers = {".xlsx": workbook.is_ours, ".zip": rois.is_ours}
    if suffix == ".parquet" and suffix in FORMATS[what]:
        parquet.check_installed()
        readers[suffix] = partial(parquet.is_ours, columns=COLUMNS[what])
    if what == "summary" or (suffix in readers and suffix in FORMATS[what]):
        is_ours = readers.get(suffix, summary.is_ours)
        if path.exists() and path.stat().st_size and not is_ours(path):
            raise ExportError(
                f"{path}: is there already and was not exported from here; choose another name, or "
                "delete it"
            )
    else:
        csvtable.check_replaceable(path, COLUMNS[what])
    if suffix not in FORMATS[what]:
        known = " or ".join(FORMATS[what])
        raise ExportError(f"{path}: the name says no format for {what}; end it in {known}")


def image_record(project: Project, name: str) -> ImageRecord:
    """Return all that is said about an image of a project."""
    detections = project.detections(name)
    if detections is not None and detections.points.shape[1] == 2:
        # Only the head of the file has more to tell, and reading hundreds whole takes minutes.
        try:
            extent = extent_of(project.image_path(name))
        except ImageError:
            extent = None
        is_readable = extent is not None
        annotation = project.annotation(name)
        return ImageRecord(name, detections, annotation, is_readable=is_readable, extent=extent)
    try:
        file = project.open_image(name)
    except ImageError:
        annotation = project.annotation(name)
        frames = set(annotation.frames)
        if detections is not None:
            frames |= {int(one) for one in frames_of(detections.points)}
            frames |= set(detections.provenance.frames or ())
        n_frames = max(frames, default=0) + 1
        return ImageRecord(name, detections, annotation, n_frames, is_readable=False)
    annotation = project.annotation(name, file.ndim)
    return ImageRecord(
        name, detections, annotation, file.n_frames, file.pixel_size_um, extent=file.extent
    )


def searched(records: Iterable[ImageRecord]) -> list[Searched]:
    """Return how images were searched."""
    return [
        Searched(
            one.image,
            set(range(one.n_frames)) <= one.annotation.complete_frames,
            "" if one.detections is None else one.detections.provenance.model,
            None if one.detections is None else one.detections.provenance.settings.threshold,
        )
        for one in records
        if one.is_readable
    ]


def content_steps(project: Project) -> Generator[Progress, None, Content]:
    """Read all that a project can export.

    Raises
    ------
    ValueError
        If a file of annotations or detections is damaged; with its name.
    """
    clock, records = Clock(len(project.images)), []
    for done, name in enumerate(project.images, start=1):
        records.append(image_record(project, name))
        yield Progress("reading", done, clock.total, clock.seconds_left(done))
    return Content(project.path.name, records, project.read_image, list_models(project))


def write_steps(content: Content, path: Path, what: What) -> Generator[Progress, None, int]:
    """Write a file in the format that its name says, replacing it in one step.

    Where the file is open in another program, as a table in Excel on Windows, it is written beside.

    Returns
    -------
    int
        Number of rows of a table (in a workbook, of the one that was asked for), of points among
        ROIs, of images in a summary.

    Raises
    ------
    ExportError
        If the name says no format, or the file is open in another program; then with the name
        that it was written under.
    """
    try:
        return (yield from _write_steps(content, path, what))
    except atomic.InUseError as error:
        spare = atomic.free_path(path, path.suffix)
        yield from _write_steps(content, spare, what)
        raise ExportError(
            f"{path}: is it open in another program, such as Excel? It could not be replaced; what "
            f"you exported is in {spare.name}"
        ) from error


def _write_steps(content: Content, path: Path, what: What) -> Generator[Progress, None, int]:
    suffix, records = path.suffix.lower(), content.records
    if suffix not in FORMATS[what]:
        known = " or ".join(FORMATS[what])
        raise ExportError(f"{path}: the name says no format for {what}; end it in {known}")
    yield Progress(f"writing {path.name}", 0, 0)
    if what == "summary":
        summary.write_summary(path, content.title, records, content.read, content.figures)
        return len(records)
    if suffix == ".zip":
        return rois.write_rois(path, records)
    if suffix == ".xlsx":
        rows: dict[What, list[Row]] = {"counts": [], "points": []}
        for record in records:
            rows["counts"] += record.count_rows
            rows["points"] += record.point_rows
        sheets = {name: (COLUMNS[name], table) for name, table in rows.items()}
        yield from workbook.write_steps(path, sheets)
        return len(rows[what])
    write = parquet.write_rows if suffix == ".parquet" else csvtable.write_rows
    return write(path, COLUMNS[what], _rows(records, what))


def _rows(records: Sequence[ImageRecord], what: What) -> Iterator[Row]:
    for record in records:
        yield from record.count_rows if what == "counts" else record.point_rows


def export_steps(project: Project, path: Path, what: What) -> Generator[Progress, None, int]:
    """Read a project and write a file; see `write_steps`. If it is stopped, nothing is written."""
    content = yield from content_steps(project)
    return (yield from write_steps(content, path, what))


def count_rows(project: Project) -> list[Row]:
    """Return the counts table of a project.

    Returns
    -------
    list of dict
        One row per image and frame, and per complete region, with the keys `COUNT_COLUMNS`.

    Raises
    ------
    ValueError
        If a file of annotations or detections is damaged; with its name.
    """
    return [row for record in run(content_steps(project)).records for row in record.count_rows]


def export_counts(project: Project, path: str | Path) -> int:
    """Write the counts table of a project, as .csv, or as .xlsx with the points table.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    ValueError
        If a file of annotations or detections is damaged, or the name says no format; nothing is
        written then.
    """
    return run(export_steps(project, Path(path), "counts"))


def export_points(project: Project, path: str | Path) -> int:
    """Write the points of a project, as .csv, .xlsx with the counts table, or .zip of Fiji ROIs.

    Returns
    -------
    int
        Number of points.

    Raises
    ------
    ValueError
        If a file of annotations or detections is damaged, or the name says no format; nothing is
        written then.
    """
    return run(export_steps(project, Path(path), "points"))


def export_summary(project: Project, path: str | Path) -> int:
    """Write one page on a project, as .pdf or .png: counts, densities, an example, how found.

    Returns
    -------
    int
        Number of images.

    Raises
    ------
    ValueError
        If a file of annotations or detections is damaged, or the name says no format; nothing is
        written then.
    """
    return run(export_steps(project, Path(path), "summary"))
