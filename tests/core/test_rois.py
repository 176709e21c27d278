"""ROIs of Fiji: what we write comes back, and what ImageJ's other tools draw is understood."""

from __future__ import annotations

import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from roifile import ROI_OPTIONS, ROI_SUBTYPE, ROI_TYPE, ImagejRoi, roiread

from napari_htcell.annotations import Annotation
from napari_htcell.config import DetectConfig
from napari_htcell.csvtable import PointsFileError
from napari_htcell.detections import Detections, Provenance
from napari_htcell.export import ImageRecord
from napari_htcell.rois import is_ours, read_rois, write_rois

HOW = Provenance("B", DetectConfig(), 2.0, False, "2026-01-02T03:04:05+00:00", "0.1")

# Places with three decimals, as projects keep them.
places = st.integers(-500, 2_047_499).map(lambda thousandth: thousandth / 1000)
names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\\/"),
    min_size=1,
    max_size=12,
)


def record(image="a.tif"):
    found = np.asarray([(12.0, 10.0), (80.0, 80.0)])
    clicked = Annotation.of(np.asarray([(10.25, 10.5), (-0.5, 99.5)]))
    return ImageRecord(image, Detections(found, np.ones(2), HOW), clicked)


def test_an_image_has_three_rois_as_imagej_wants_them(tmp_path):
    path = tmp_path / "rois.zip"
    assert write_rois(path, [record("sub/a.tif"), ImageRecord("empty.tif")]) == 3
    with zipfile.ZipFile(path) as file:
        assert file.namelist() == [
            f"sub/a.tif {kind}.roi" for kind in ("annotated", "candidates", "final")
        ]
    rois = {roi.name: roi for roi in roiread(path)}
    annotated = rois["sub/a.tif annotated"]
    assert annotated.roitype == ROI_TYPE.POINT
    assert annotated.position == 0
    # x before y, and a pixel's centre at whole numbers, as of ImageJ's points
    np.testing.assert_allclose(annotated.coordinates(), [(10.5, 10.25), (99.5, -0.5)])
    np.testing.assert_allclose(rois["sub/a.tif candidates"].coordinates(), [(80, 80)])
    assert len(rois["sub/a.tif final"].coordinates()) == 3
    assert annotated.stroke_color != rois["sub/a.tif candidates"].stroke_color
    assert is_ours(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(points=st.lists(st.tuples(places, places), min_size=1, max_size=8), image=names)
def test_points_come_back(tmp_path, points, image):
    path = tmp_path / "rois.zip"
    points = np.asarray(points)
    write_rois(path, [ImageRecord(image, annotation=Annotation.of(points))])
    back = {(one.image, one.kind): one.points for one in read_rois(path)}
    assert set(back) == {(image, "annotated"), (image, "final")}
    np.testing.assert_allclose(back[image, "annotated"], points, atol=2e-4)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 9), places, places), min_size=1, max_size=8))
def test_frames_come_back(tmp_path, points):
    path = tmp_path / "rois.zip"
    points = np.asarray(sorted(points), dtype=float)
    write_rois(path, [ImageRecord("t.tif", annotation=Annotation.of(points), n_frames=10)])
    back = {one.kind: one.points for one in read_rois(path)}["annotated"]
    np.testing.assert_array_equal(back[:, 0], points[:, 0])
    by_frame = np.lexsort((back[:, 2], back[:, 1], back[:, 0]))
    wanted = np.lexsort((points[:, 2], points[:, 1], points[:, 0]))
    np.testing.assert_allclose(back[by_frame], points[wanted], atol=2e-4)


def test_one_point_of_a_stack_keeps_its_frame(tmp_path):
    path = tmp_path / "rois.zip"
    annotation = Annotation.of(np.asarray([(2.0, 5, 6)]))
    write_rois(path, [ImageRecord("t.tif", annotation=annotation, n_frames=3)])
    np.testing.assert_allclose(read_rois(path)[0].points, [[2, 5, 6]])


def test_what_fiji_saved_again_is_still_known(tmp_path):
    ours, again = tmp_path / "ours.zip", tmp_path / "again.zip"
    write_rois(ours, [record("a.tif")])
    with zipfile.ZipFile(ours) as file, zipfile.ZipFile(again, "w") as copy:
        for name in file.namelist():
            copy.writestr(name, file.read(name))
    assert not is_ours(again)
    assert {(one.image, one.kind) for one in read_rois(again)} == {
        ("a.tif", "annotated"), ("a.tif", "candidates"), ("a.tif", "final")
    }  # fmt: skip


def saved(path, *rois):
    with zipfile.ZipFile(path, "w") as file:
        for number, roi in enumerate(rois):
            file.writestr(f"{number:04d}-0001.roi", roi.tobytes())
    return path


def shape(kind, corners=((2, 1), (6, 1), (6, 9), (2, 9)), **changes):
    """Return a ROI around (x, y) from 2 to 6 and 1 to 9, in ImageJ's corners of pixels."""
    roi = ImagejRoi.frompoints(np.asarray(corners))
    roi.roitype, roi.options = kind, ROI_OPTIONS.NONE
    roi.right, roi.bottom = max(x for x, _ in corners), max(y for _, y in corners)
    return replace(roi, **changes)


@pytest.mark.parametrize(
    "kind", [ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED, ROI_TYPE.RECT, ROI_TYPE.OVAL]
)
def test_areas_give_their_centroid(tmp_path, kind):
    (only,) = read_rois(saved(tmp_path / "a.zip", shape(kind)))
    # Pixels 2 to 5 and 1 to 8 are inside; their middle is 3.5, 4.5.
    np.testing.assert_allclose(only.points, [[4.5, 3.5]])
    assert (only.image, only.kind) == ("", "")


def test_a_single_roi_file_of_whole_pixels(tmp_path):
    path = tmp_path / "a.roi"
    path.write_bytes(shape(ROI_TYPE.POINT).tobytes())
    (only,) = read_rois(path)
    np.testing.assert_allclose(only.points, [[1, 2], [1, 6], [9, 6], [9, 2]])


@pytest.mark.parametrize("axis", ["position", "t_position", "z_position"])
def test_positions_are_frames(tmp_path, axis):
    rois = [shape(ROI_TYPE.POLYGON, **{axis: slice_}) for slice_ in (1, 3)]
    (only,) = read_rois(saved(tmp_path / "a.zip", *rois))
    np.testing.assert_allclose(only.points, [[0, 4.5, 3.5], [2, 4.5, 3.5]])


def test_frames_of_some_alone_are_refused(tmp_path):
    path = saved(tmp_path / "a.zip", shape(ROI_TYPE.RECT), shape(ROI_TYPE.RECT, position=2))
    with pytest.raises(PointsFileError, match=r"a\.zip: some ROIs lie on a frame"):
        read_rois(path)


@pytest.mark.parametrize(
    ("roi", "reason"),
    [
        (shape(ROI_TYPE.POLYLINE), "0000-0001 is no point and no area"),
        (shape(ROI_TYPE.ANGLE), "is no point and no area"),
        (shape(ROI_TYPE.RECT, subtype=ROI_SUBTYPE.TEXT), "is no point and no area"),
    ],
)
def test_lines_and_texts_are_no_cells(tmp_path, roi, reason):
    with pytest.raises(PointsFileError, match=reason):
        read_rois(saved(tmp_path / "a.zip", roi))


@pytest.mark.parametrize("ending", ["zip", "roi"])
@pytest.mark.parametrize("cut", [0, 3, 60, 70])
def test_damaged_files_are_one_clear_line(tmp_path, ending, cut):
    whole = tmp_path / f"whole.{ending}"
    if ending == "zip":
        saved(whole, shape(ROI_TYPE.POLYGON))
    else:
        whole.write_bytes(shape(ROI_TYPE.POLYGON).tobytes())
    path = tmp_path / f"a.{ending}"
    path.write_bytes(whole.read_bytes()[:cut])
    with pytest.raises(PointsFileError) as caught:
        read_rois(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_zip_whose_content_is_spoilt(tmp_path):
    """What fuzzing found: an error of zlib's own."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.roi", b"Iout" * 100)
    content = bytearray(path.read_bytes())
    content[35:38] = b"\xff\xff\xff"
    path.write_bytes(content)
    with pytest.raises(PointsFileError, match=r"a\.zip: cannot be read as a zip file; it is damag"):
        read_rois(path)


@pytest.mark.parametrize("place", [np.nan, np.inf, 1e30])
def test_a_place_that_is_in_no_image(tmp_path, place):
    """What fuzzing found: numbers that are none came through."""
    roi = ImagejRoi.frompoints(np.array([[1.5, 2.5], [3.5, 4.5]]))
    roi.roitype, roi.options = ROI_TYPE.POINT, ROI_OPTIONS.SUB_PIXEL_RESOLUTION
    good, bad = (np.asarray(value, ">f4").tobytes() for value in (4.5, place))
    content = roi.tobytes().replace(good, bad)
    assert content.count(bad) == 1
    (tmp_path / "a.roi").write_bytes(content)
    with pytest.raises(PointsFileError, match=r"a\.roi: a has a point that is in no image"):
        read_rois(tmp_path / "a.roi")


def test_a_zip_without_rois(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("readme.txt", "hello")
    with pytest.raises(PointsFileError, match="has no ROIs"):
        read_rois(tmp_path / "a.zip")
    with pytest.raises(PointsFileError, match="cannot be read"):
        read_rois(tmp_path / "none.zip")
