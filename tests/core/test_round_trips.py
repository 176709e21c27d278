"""What is written in a format and read again is the same, whatever it is."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pyarrow.parquet
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_htcell import export_files, peaks
from napari_htcell.annotations import Annotation, labels_to_centroids
from napari_htcell.config import DetectConfig
from napari_htcell.detections import (
    Detections,
    Provenance,
    load_detections,
    save_detections,
)
from napari_htcell.export import POINT_COLUMNS, ImageRecord
from napari_htcell.export_files import Content
from napari_htcell.frame import squares
from napari_htcell.imagefiles import ImageFile
from napari_htcell.importing import Target, for_one_image
from napari_htcell.progress import run

HEIGHT, WIDTH, FRAMES = 120, 150, 4
ROWS, COLUMNS = (
    st.floats(-0.5, size - 0.5).map(lambda value: round(value, 3)) for size in (HEIGHT, WIDTH)
)
FEW = settings(max_examples=25)
SCORES = st.floats(0, 1).map(lambda value: round(value, 4))


def arrays(ndim: int) -> st.SearchStrategy[Any]:
    place = [ROWS, COLUMNS] if ndim == 2 else [st.integers(0, FRAMES - 1), ROWS, COLUMNS]
    points = st.lists(st.tuples(*place), max_size=12, unique=True)
    return points.map(lambda rows: np.asarray(rows, float).reshape(-1, ndim))


POINTS = st.sampled_from([2, 3]).flatmap(arrays)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("round_trips")


def found(points: Any, scores: Any, areas: Any = None) -> Detections:
    how = Provenance("=B", DetectConfig(), 1.61, False, "2026-01-02T03:04:05+00:00", "0.1")
    return Detections(points, np.asarray(scores, float), how, areas)


def write(path: Path, record: ImageRecord) -> None:
    path.unlink(missing_ok=True)
    run(export_files.write_steps(Content("x", [record], ImageFile.read), path, "points"))


def in_order(points: Any) -> Any:
    return points[np.lexsort(points.T[::-1])]


@pytest.mark.parametrize("ending", [".csv", ".zip"])
@FEW
@given(points=POINTS)
def test_exported_points_are_imported_as_they_were(folder: Path, ending: str, points: Any) -> None:
    stack = points.shape[1] == 3
    path = folder / f"points{ending}"
    clicked = Annotation.of(points)
    write(path, ImageRecord("a.tif", None, clicked, FRAMES if stack else 1, 1.61))
    shape = (FRAMES, HEIGHT, WIDTH) if stack else (HEIGHT, WIDTH)
    if not len(points):
        with pytest.raises(ValueError, match=r"no clicks|no ROIs"):
            for_one_image(path, Target("a.tif", shape))
        return
    back = for_one_image(path, Target("a.tif", shape))
    # Coordinates of ROIs have 24 bits.
    np.testing.assert_allclose(in_order(back.points), in_order(points), atol=1e-3)


def table(path: Path) -> list[tuple[Any, ...]]:
    """Return a table's rows, numbers as numbers and what is not known as None."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    elif path.suffix == ".xlsx":
        header, *lines = openpyxl.load_workbook(path)["points"].iter_rows(values_only=True)
        rows = [dict(zip(header, line, strict=True)) for line in lines]
    else:
        rows = pyarrow.parquet.read_table(path).to_pylist()
    return [tuple(plain(row[name]) for name in POINT_COLUMNS) for row in rows]


def plain(value: Any) -> Any:
    if value in ("", None):
        return None
    try:
        return float(value)
    except ValueError:
        return value.removeprefix("'")


@FEW
@given(points=POINTS, data=st.data())
def test_tables_of_all_formats_say_the_same(folder: Path, points: Any, data: Any) -> None:
    scores = data.draw(st.lists(SCORES, min_size=len(points), max_size=len(points)))
    half = len(points) // 2
    record = ImageRecord(
        "a.tif",
        found(points[half:], scores[half:]),
        Annotation.of(points[:half]),
        FRAMES if points.shape[1] == 3 else 1,
    )
    said = []
    for ending in (".csv", ".xlsx", ".parquet"):
        write(folder / f"table{ending}", record)
        said.append(table(folder / f"table{ending}"))
    assert said[0] == said[1] == said[2]
    assert len(said[0]) == len(record.point_rows)


@FEW
@given(points=POINTS, data=st.data())
def test_detections_are_kept_as_they_were(folder: Path, points: Any, data: Any) -> None:
    n = len(points)
    scores = data.draw(st.lists(SCORES, min_size=n, max_size=n))
    areas = data.draw(st.none() | st.lists(st.integers(1, 10**5), min_size=n, max_size=n))
    saved = found(points, scores, None if areas is None else np.asarray(areas, float))
    model = data.draw(st.text(max_size=8))
    how = Provenance(model, DetectConfig(), 0.325, True, "2026-01-02T03:04:05+00:00", "0.1", (2,))
    saved = Detections(saved.points, saved.scores, how, saved.areas_um2)
    save_detections(folder / "a.tif", saved)
    back = load_detections(folder / "a.tif")
    assert back is not None
    assert back.provenance == how
    np.testing.assert_allclose(back.scores, saved.scores, atol=1e-9)
    if n:
        np.testing.assert_allclose(back.points, points, atol=1e-9)
        assert (back.areas_um2 is None) == (areas is None)
        if areas is not None:
            np.testing.assert_allclose(back.areas_um2, areas)


MARKERS = st.lists(
    st.tuples(st.integers(1, FRAMES), st.integers(0, HEIGHT - 1), st.integers(0, WIDTH - 1)),
    max_size=12,
    unique=True,
)


@FEW
@given(MARKERS, st.integers(1, 8))
def test_markers_of_cell_counter(folder: Path, markers: Any, n_types: int) -> None:
    types = "".join(
        f"<Marker_Type><Type>{number + 1}</Type>"
        + "".join(
            f"<Marker><MarkerX>{x}</MarkerX><MarkerY>{y}</MarkerY><MarkerZ>{z}</MarkerZ></Marker>"
            for z, y, x in markers[number::n_types]
        )
        + "</Marker_Type>"
        for number in range(n_types)
    )
    path = folder / "CellCounter_a.xml"
    path.write_text(
        "<CellCounter_Marker_File><Image_Properties><Image_Filename>a.tif</Image_Filename>"
        f"</Image_Properties><Marker_Data>{types}</Marker_Data></CellCounter_Marker_File>",
        encoding="utf-8",
    )
    back = for_one_image(path, Target("a.tif", (FRAMES, HEIGHT, WIDTH)))
    expected = np.asarray(markers, float).reshape(-1, 3) - (1, 0, 0)
    np.testing.assert_array_equal(in_order(back.points), in_order(expected))


@FEW
@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 14)), max_size=12, unique=True))
def test_masks_give_the_middle_of_each_cell(folder: Path, places: Any) -> None:
    labels = np.zeros((HEIGHT, WIDTH), np.uint16)
    for number, (row, column) in enumerate(places, start=1):
        # Squares with sides of seven pixels that do not touch.
        labels[10 * row + 1 : 10 * row + 8, 10 * column + 1 : 10 * column + 8] = 100 * number
    tifffile.imwrite(folder / "a.tif", labels)
    back = for_one_image(folder / "a.tif", Target("a.tif", labels.shape))
    middles = np.asarray(places, float).reshape(-1, 2) * 10 + 4
    np.testing.assert_allclose(in_order(back.points), in_order(middles))
    np.testing.assert_allclose(labels_to_centroids(labels), middles)


@given(arrays(2), st.integers(5, 90))
def test_a_place_in_a_tile_is_the_place_in_the_image(points: Any, side: int) -> None:
    tiles = list(squares((HEIGHT, WIDTH), side))
    for y, x in np.rint(points).clip(0, (HEIGHT - 1, WIDTH - 1)):
        inside = [
            (rows.start, columns.start)
            for rows, columns in tiles
            if rows.start <= y < rows.stop and columns.start <= x < columns.stop
        ]
        ((top, left),) = inside
        assert 0 <= y - top < side
        assert 0 <= x - left < side


@FEW
@given(st.integers(0, 2**32 - 1), st.integers(12, 200), st.floats(0.05, 0.9), st.floats(1, 6))
def test_cells_found_tile_by_tile_are_those_of_the_whole(
    seed: int, side: int, threshold: float, distance: float
) -> None:
    heat_map = np.random.default_rng(seed).random((HEIGHT, WIDTH)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peaks, "PART_PX", 10**6)
        whole = peaks.local_maxima(heat_map, threshold, distance)
        patch.setattr(peaks, "PART_PX", side)
        tiled = peaks.local_maxima(heat_map, threshold, distance)
    np.testing.assert_allclose(tiled.points, whole.points, atol=1e-4)
    np.testing.assert_array_equal(tiled.scores, whole.scores)
