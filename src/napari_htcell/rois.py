"""Points as ROIs of Fiji and ImageJ: a zip of multi-point selections, read and written.

ImageJ counts points from a pixel's centre, as we do, and areas from a pixel's corner.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_htcell import atomic, polygons
from napari_htcell.colours import ANNOTATED_COLOUR, DETECTED_COLOUR
from napari_htcell.csvtable import PointsFileError
from napari_htcell.export import Cells, ImageRecord, count_cells
from napari_htcell.imagefiles import SUFFIXES
from napari_htcell.pointsets import PointSet
from napari_htcell.pointsfile import LARGEST, Points

if TYPE_CHECKING:
    from roifile import ImagejRoi

COMMENT = b"napari-htcell"
"""Comment of the zip files that we write."""

ANNOTATED, CANDIDATES, FINAL = "annotated", "candidates", "final"

KINDS: dict[str, tuple[str, Callable[[Cells], Points]]] = {
    ANNOTATED: (ANNOTATED_COLOUR, lambda cells: cells.annotated),
    CANDIDATES: (DETECTED_COLOUR, lambda cells: cells.detected_only),
    FINAL: ("#ffffff", lambda cells: np.concatenate([cells.annotated, cells.detected_only])),
}
"""The ROIs of an image: their colour, and which of its cells they hold."""

MAX_BYTES = 100_000_000
"""No ROI is larger; what says so is made to fill the memory."""


def write_rois(path: Path, records: Sequence[ImageRecord]) -> int:
    """Write a multi-point ROI for each image and kind of point, replacing the file in one step.

    They are called by the image and `KINDS`, say "a.tif annotated"; one without points is left out.
    In time stacks each point has its frame, as ImageJ's multi-point tool has it.

    Returns
    -------
    int
        Number of points that count.
    """
    content, total = io.BytesIO(), 0
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        file.comment = COMMENT
        for record in records:
            frames = range(record.n_frames)
            cells = [count_cells(record.annotation, record.detections, frame) for frame in frames]
            total += sum(map(len, cells))
            for kind, (colour, which) in KINDS.items():
                parts = [which(one) for one in cells]
                if any(map(len, parts)):
                    name = f"{record.image} {kind}"
                    file.writestr(f"{name}.roi", _multi_point(name, parts, colour))
    atomic.write_bytes(path, content.getvalue())
    return total


def is_ours(path: Path) -> bool:
    """Return whether a file is a zip that was exported from here."""
    try:
        with zipfile.ZipFile(path) as file:
            return file.comment == COMMENT
    except (OSError, zipfile.BadZipFile):
        return False


def _multi_point(name: str, frames: Sequence[Points], colour: str) -> bytes:
    # Loaded here: nobody else should wait for it.
    from roifile import ROI_OPTIONS, ROI_TYPE, ImagejRoi

    # A name beyond the basic plane would shift what comes after it in roifile's bytes; Fiji shows
    # that of the file in the zip.
    plain = "".join(letter if ord(letter) < 0x10000 else "_" for letter in name)
    roi = ImagejRoi.frompoints(np.concatenate(frames)[:, ::-1], name=plain)
    roi.roitype, roi.options = ROI_TYPE.POINT, ROI_OPTIONS.SUB_PIXEL_RESOLUTION
    roi.stroke_color = b"\xff" + bytes.fromhex(colour[1:])
    if len(frames) > 1:
        numbers = [np.full(len(points), frame) for frame, points in enumerate(frames, start=1)]
        roi.counter_positions = np.concatenate(numbers).astype(np.uint32)
        roi.counters = np.zeros(len(roi.counter_positions), np.uint8)
    return roi.tobytes()


def read_rois(path: Path) -> list[PointSet]:
    """Read points from a zip of ROIs or a single one; areas give their centroid.

    Returns
    -------
    list of PointSet
        One for each image and kind of our own zips; else one of no image.

    Raises
    ------
    PointsFileError
        If the file is damaged, has no ROI, or one that is no point and no area; with its name.
    """
    found: dict[tuple[str, str], list[Points]] = {}
    for name, roi in _read(path):
        # What a damaged file has for a place is refused below.
        with np.errstate(all="ignore"):
            points, frames = _points(path, name, roi), _frames(roi)
        if len(points) != len(frames) or not (np.abs(points) <= LARGEST).all():
            raise PointsFileError(f"{path}: {name} has a point that is in no image; take it out")
        key = _meaning(path, name)
        found.setdefault(key, []).append(np.column_stack([frames, points]))
    if not found:
        raise PointsFileError(f"{path}: has no ROIs; save them with Fiji's ROI Manager")
    return [
        PointSet(image, _on_frames(path, np.concatenate(parts)), str(path), kind=kind)
        for (image, kind), parts in found.items()
    ]


def _read(path: Path) -> Iterator[tuple[str, ImagejRoi]]:
    try:
        if path.suffix.lower() == ".roi":
            yield path.stem, _decode(path, path.name, path.read_bytes())
            return
        with zipfile.ZipFile(path) as file:
            for entry in file.infolist():
                if entry.filename.lower().endswith(".roi"):
                    if entry.file_size > MAX_BYTES:
                        raise PointsFileError(f"{path}: {entry.filename} is too large for a ROI")
                    yield entry.filename[:-4], _decode(path, entry.filename, file.read(entry))
    except PointsFileError:
        raise
    # Damaged, encrypted and strangely packed archives raise half a dozen kinds of errors.
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            raise PointsFileError(f"{path}: cannot be read ({error.strerror})") from error
        raise PointsFileError(
            f"{path}: cannot be read as a zip file; it is damaged, locked or of another kind"
        ) from error


def _decode(path: Path, name: str, content: bytes) -> ImagejRoi:
    from roifile import ImagejRoi

    try:
        return ImagejRoi.frombytes(content)
    # It raises whatever a wrong byte leads to.
    except Exception as error:
        raise PointsFileError(
            f"{path}: {name} cannot be read as a ROI of ImageJ; it is damaged or of another kind"
        ) from error


def _meaning(path: Path, name: str) -> tuple[str, str]:
    """Return the image and kind that the name of one of our ROIs says, or nothing."""
    image, _, kind = name.rpartition(" ")
    # Known by the image's ending too: Fiji does not keep our comment.
    if kind in KINDS and (image.lower().endswith(SUFFIXES) or is_ours(path)):
        return image, kind
    return "", ""


def _points(path: Path, name: str, roi: ImagejRoi) -> Points:
    """Return the points of a ROI, shape (N, 2), as (y, x); the centroid of an area."""
    from roifile import ROI_SUBTYPE, ROI_TYPE

    areas = (ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED, ROI_TYPE.RECT, ROI_TYPE.OVAL)
    if roi.roitype == ROI_TYPE.POINT:
        return np.asarray(roi.coordinates(), dtype=np.float64)[:, ::-1]
    if roi.roitype not in areas or roi.subtype in (ROI_SUBTYPE.TEXT, ROI_SUBTYPE.IMAGE):
        raise PointsFileError(
            f"{path}: {name} is no point and no area, but a line, text or picture; take it out"
        )
    if roi.composite:
        return _centroid(path, name, lambda: roi.coordinates(multi=True))
    if roi.roitype in (ROI_TYPE.RECT, ROI_TYPE.OVAL):
        box = (roi.xd, roi.yd, roi.widthd, roi.heightd)
        if not roi.subpixelrect:
            box = (roi.left, roi.top, roi.right - roi.left, roi.bottom - roi.top)
        left, top, width, height = box
        return np.asarray([[top + height / 2 - 0.5, left + width / 2 - 0.5]])
    return _centroid(path, name, lambda: roi.coordinates(multi=True))


def _centroid(path: Path, name: str, outline: Callable[[], Iterable[Points]]) -> Points:
    try:
        paths = [np.asarray(one, dtype=np.float64)[:, ::-1] for one in outline()]
        return polygons.centroid(paths)[None] - 0.5
    except (IndexError, ValueError, RuntimeError, NotImplementedError) as error:
        raise PointsFileError(
            f"{path}: {name} has a shape that cannot be read; make it a polygon, or a point"
        ) from error


def _frames(roi: ImagejRoi) -> Points:
    """Return the frame of each point of a ROI, or of its centroid; -1 where it has none."""
    from roifile import ROI_TYPE

    # Of these, ImageJ counts along the one axis that a time stack has.
    frame = max(roi.position, roi.t_position, roi.z_position) - 1
    n_points = roi.n_coordinates if roi.roitype == ROI_TYPE.POINT else 1
    if roi.counter_positions is not None and roi.counter_positions.any():
        return roi.counter_positions.astype(np.float64) - 1
    return np.full(n_points, float(frame))


def _on_frames(path: Path, points: Points) -> Points:
    """Return (frame, y, x), or (y, x) where no ROI has a frame."""
    frames = points[:, 0]
    if (frames < 0).all():
        return points[:, 1:]
    if (frames < 0).any() and (frames > 0).any():
        raise PointsFileError(
            f"{path}: some ROIs lie on a frame of the stack and others on none; set their positions"
        )
    return np.column_stack([np.maximum(frames, 0), points[:, 1:]])
