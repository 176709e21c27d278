"""Points as napari, Fiji, Excel, pandas and scripts write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from napari_htcell.csvtable import PointsFileError, write_rows
from napari_htcell.pointsfile import points_rows, read_points


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "points.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    "header",
    ["y,x", "Y,X", " y , x ", "axis-0,axis-1", "centroid-0,centroid-1", "y;x", "y\tx", '"y","x"'],
)
def test_usual_names_of_an_image(tmp_path: Path, header: str) -> None:
    separator = next(s for s in ",;\t" if s in header)
    text = f"{header}\n1.5{separator}2\n3{separator}4e0\n"
    points, sources = read_points(written(tmp_path, text))[""]
    np.testing.assert_array_equal(points, [[1.5, 2], [3, 4]])
    assert sources == ["", ""]


def test_x_before_y(tmp_path: Path) -> None:
    points, _ = read_points(written(tmp_path, "X,Y\n10,20\n"))[""]
    np.testing.assert_array_equal(points, [[20, 10]])


def test_excel_starts_with_a_byte_order_mark_and_ends_lines_its_way(tmp_path: Path) -> None:
    points, _ = read_points(written(tmp_path, "y;x\r\n1;2\r\n", "utf-8-sig"))[""]
    np.testing.assert_array_equal(points, [[1, 2]])


@pytest.mark.parametrize(
    ("header", "row", "point"),
    [
        ("index,axis-0,axis-1", "7,1,2", [1, 2]),
        (",axis-0,axis-1", "7,1,2", [1, 2]),
        ("index,axis-0,axis-1,axis-2", "7,5,1,2", [5, 1, 2]),
        ("axis-0,axis-1,axis-2,confidence", "5,1,2,0.9", [5, 1, 2]),
        ("frame,y,x", "5,1,2", [5, 1, 2]),
        ("x,y,t", "2,1,5", [5, 1, 2]),
        ("label,centroid-0,centroid-1", "7,1,2", [1, 2]),
        (" ;Area;X;Y;Slice", "1;9;2,5;1,25;3", [2, 1.25, 2.5]),
        ("X\tY\tFrame", "2\t1\t0", [0, 1, 2]),
        ("y,x", '"1,5",2', [1.5, 2]),
    ],
)
def test_napari_and_stacks(tmp_path: Path, header: str, row: str, point: list[float]) -> None:
    points, _ = read_points(written(tmp_path, f"{header}\n{row}\n"))[""]
    np.testing.assert_array_equal(points, [point])


@pytest.mark.parametrize("image", ["image", "filename"])
@pytest.mark.parametrize("frame", ["frame", "t"])
def test_one_table_of_many_stacks(tmp_path: Path, image: str, frame: str) -> None:
    text = f"{image},{frame},y,x,source\na.tif,0,1,2,hand\nb.tif,3,4,5,\na.tif,1,6,7,B\n"
    found = read_points(written(tmp_path, text))
    assert list(found) == ["a.tif", "b.tif"]
    np.testing.assert_array_equal(found["a.tif"][0], [[0, 1, 2], [1, 6, 7]])
    np.testing.assert_array_equal(found["b.tif"][0], [[3, 4, 5]])
    assert found["a.tif"][1] == ["hand", "B"]


@pytest.mark.parametrize(
    ("rows", "frames"),
    [
        ("a,1\na,3\nb,2", {"a": [0, 2], "b": [1]}),
        ("a,0\na,0\nb,1\nb,2", {"a": [0, 0], "b": [0, 1]}),  # an image beside a stack
        ("a,0\na,1\na,2\nb,1", {"a": [0, 1, 2], "b": [1]}),  # a script's, from 0
    ],
)
def test_frames_of_fiji_count_from_one_unless_there_is_a_zeroth(
    tmp_path: Path, rows: str, frames: dict[str, list[int]]
) -> None:
    rows = rows.replace(",", ".tif,5,6,")
    found = read_points(written(tmp_path, f"image,X,Y,Frame\n{rows}\n"))
    assert {name[0]: points[:, 0].tolist() for name, (points, _) in found.items()} == frames


def test_results_of_fiji_name_the_image_in_their_label(tmp_path: Path) -> None:
    text = " \tLabel\tArea\tX\tY\n1\ta.tif:0012-0034\t4\t3.5\t2\n2\tb.tif\t4\t1\t2\n"
    found = read_points(written(tmp_path, text))
    assert list(found) == ["a.tif", "b.tif"]
    np.testing.assert_array_equal(found["a.tif"][0], [[2, 3.5]])


def test_rejected_places_of_our_own_table_are_no_cells(tmp_path: Path) -> None:
    text = "image,frame,y,x,kind\na.tif,0,1,2,annotated\na.tif,0,3,4,rejected\n"
    np.testing.assert_array_equal(read_points(written(tmp_path, text))["a.tif"][0], [[0, 1, 2]])


def test_table_without_rows(tmp_path: Path) -> None:
    assert read_points(written(tmp_path, "y,x\n"))[""][0].shape == (0, 2)
    assert read_points(written(tmp_path, "frame,y,x\n"))[""][0].shape == (0, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; expected a header with the columns y and x"),
        ("a,b\n1,2\n", "has the columns a, b; expected y and x, X and Y, or axis-0 and axis-1"),
        ("y,z\n1,2\n", "has the columns y, z"),
        ("1.5,2.5\n3,4\n", "has the columns 1.5, 2.5"),
        ('a,"b\nc,d', "has the columns a, b c,d; expected"),  # what fuzzing found
        ("y,x\n1,2\n1,nan\n", "line 3: x is 'nan', not a number"),
        ("y,x\n1,2\ninf,1\n", "line 3: y is 'inf', not a number"),
        ("y,x\n1,two\n", "line 2: x is 'two', not a number"),
        ("y,x\n1,\n", "line 2: x is '', not a number"),
        ("y,x\n1\n", "line 2: x is '', not a number"),
        ("y,x\n1,2\n\n\n1,2,3\n", "line 5: has more fields than the header"),
        ("y;x\n1,5;2.5\n", "line 2: y is '1,5', not a number; write 1.5"),
        ("y,x\n1_0,2\n", "line 2: y is '1_0', not a number"),
        ("frame,y,x\n1e300,1,2\n", "line 2: frame is '1e300', which is in no image"),
        ("y,y,x\n1,2,3\n", "has the column y twice"),
        ("name,y,x\na.tif,1,2\nb.PNG,1,2\n", "the column 'name' names 2 images; call it image or"),
        ("y,x,X\n1,2,3\n", "has the column x twice"),
        ('y,x\n"1,2\n3,4\n', "line 3: y is '1,2\\n3,4\\n', not a number"),
        ("axis-0,axis-1,axis-2,axis-3\n1,2,3,4\n", "has the columns axis-0, axis-1, axis-2, ax"),
        ('y,x\n1,"' + "9" * 200_000 + '"\n', "cannot be read as a table (field larger than"),
    ],
)
def test_wrong_table_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(PointsFileError) as caught:
        read_points(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(PointsFileError, match=r"points\.csv: is not a text file; save the table"):
        read_points(written(tmp_path, "y,x\n1,2\n", "utf-16"))
    with pytest.raises(PointsFileError, match=r"gone\.csv: cannot be read \(No such file"):
        read_points(tmp_path / "gone.csv")


@pytest.mark.parametrize("columns", [2, 3])
def test_round_trip(tmp_path: Path, columns: int) -> None:
    points = np.asarray([[3, 1.2344, 5.0], [4, -0.5, 2047.4999]])[:, -columns:]
    header = ["frame", "y", "x", "source"][3 - columns :]
    write_rows(tmp_path / "a.csv", header, points_rows(points, source=["hand", "A+DA, the first"]))
    back, sources = read_points(tmp_path / "a.csv")[""]
    np.testing.assert_allclose(back, points, atol=0.0005)
    assert sources == ["hand", "A+DA, the first"]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("=1+2", "'=1+2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-3.5", "-3.5"),
        ("cells", "cells"),
        (-3.5, "-3.5"),
    ],
)
def test_a_spreadsheet_runs_nothing(tmp_path: Path, value: Any, kept: str) -> None:
    write_rows(tmp_path / "a.csv", ["note"], [{"note": value}])
    assert (tmp_path / "a.csv").read_text() == f"note\n{kept}\n"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0")), min_size=1))
@example(["=1+2", "'=1+2", "''=", "-1", "'-1", "+", "@a", "it's", "\t=1"])
def test_texts_come_back_as_they_were(tmp_path: Path, names: list[str]) -> None:
    write_rows(
        tmp_path / "a.csv", ["image", "y", "x"], [{"image": n, "y": 1, "x": 2} for n in names]
    )
    assert set(read_points(tmp_path / "a.csv")) == set(names)
