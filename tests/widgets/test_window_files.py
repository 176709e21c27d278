"""Manifest, points tables in napari's menus, the sample, form fields."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.layers import Layer, Points
from npe2 import PluginManifest
from pydantic import Field

import napari_htcell
from napari_htcell import sample as core_sample
from napari_htcell.annotations import Annotation
from napari_htcell.config import DetectConfig, Settings, TrainConfig
from napari_htcell.project import ProjectSettings, open_project
from napari_htcell.widgets import fields, points_io
from napari_htcell.widgets.desks import desk_of
from napari_htcell.widgets.loss_curve import MAX_POINTS, LossCurve
from napari_htcell.widgets.sample import open_sample

MANIFEST = Path(napari_htcell.__file__).parent / "napari.yaml"


def test_manifest_is_valid_and_all_it_names_is_there():
    manifest = PluginManifest.from_file(MANIFEST)
    manifest.validate_imports()
    assert {one.display_name for one in manifest.contributions.widgets} >= {"HTCell"}
    assert {"napari/layers/segment", "napari/layers/annotate", "napari/layers/measure"} <= set(
        manifest.contributions.menus
    )


@pytest.mark.parametrize("ndim", [2, 3])
def test_points_round_trip_through_the_menus(tmp_path, ndim):
    points = np.arange(2.0 * ndim).reshape(2, ndim)
    layer = Points(points, features={"source": ["hand", "B"]})
    (written,) = points_io.write_points(str(tmp_path / "p"), *layer.as_layer_data_tuple()[:2])
    assert written.endswith("p.csv")
    reader = points_io.get_reader(written)
    (data,) = reader(written)
    again = Layer.create(*data)
    np.testing.assert_array_equal(again.data, points)
    assert list(again.features["source"]) == ["hand", "B"]


def test_foreign_points_are_written_as_clicked_by_hand(tmp_path):
    (written,) = points_io.write_points(str(tmp_path / "p.csv"), np.ones((1, 2)), {})
    assert Path(written).read_text(encoding="utf-8") == "y,x,source\n1.000,1.000,hand\n"


def test_points_of_four_dimensions_are_refused(tmp_path):
    with pytest.raises(ValueError, match="shape"):
        points_io.write_points(str(tmp_path / "p.csv"), np.ones((1, 4)), {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "text", "is_ours"),
    [
        ("a.csv", "y,x,source\n1,2,hand\n", True),
        ("a.csv", "frame,y,x,score\n0,1,2,0.5\n", True),
        ("a.csv", "index,axis-0,axis-1\n0,1,2\n", False),
        ("a.csv", "", False),
        ("a.txt", "y,x,source\n", False),
    ],
)
def test_only_our_tables_are_read(tmp_path, name, text, is_ours):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    reader = points_io.get_reader(str(path))
    assert (reader is not None) is is_ours
    if reader is not None:
        Layer.create(*reader(str(path))[0])


def test_unreadable_tables_are_left_to_others(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xff\xfe\x00")
    assert points_io.get_reader(str(path)) is None
    assert points_io.get_reader(str(tmp_path / "none.csv")) is None


def test_sample_is_a_copy_with_all_that_was_clicked_before(tiny_project, monkeypatch):
    shipped = tiny_project("shipped")
    monkeypatch.setattr(core_sample, "SAMPLE_FOLDER", shipped.path)
    before = {p: p.read_bytes() for p in shipped.path.rglob("*") if p.is_file()}
    image, points = (Layer.create(*one) for one in open_sample())
    assert tuple(image.scale) == (1.61, 1.61)
    assert len(points.data) == len(shipped.annotation(shipped.images[0]).points)
    copy = open_project(image.metadata["napari-htcell sample"]["project"])
    assert copy.path != shipped.path
    copy.save_annotation(copy.images[0], Annotation.of(np.ones((1, 2))))
    _, points = (Layer.create(*one) for one in open_sample())
    assert len(points.data) == 1
    assert {p: p.read_bytes() for p in shipped.path.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("dock_first", [True, False])
def test_sample_becomes_the_sessions_project(tiny_project, monkeypatch, qtbot, desk, dock_first):
    from napari.components import ViewerModel

    monkeypatch.setattr(core_sample, "SAMPLE_FOLDER", tiny_project("shipped").path)
    viewer = desk.viewer if dock_first else ViewerModel()
    image, points = (Layer.create(*one) for one in open_sample())
    viewer.add_layer(image)
    viewer.add_layer(points)
    points.add([[3, 4]])
    session = desk_of(viewer).session
    qtbot.waitUntil(lambda: session.document is not None)
    assert session.project.path.name == "sample project"
    assert desk_of(viewer).image is image
    assert len(viewer.layers) == 3
    assert session.document.annotation.points[-1].tolist() == [3, 4]
    session.flush()
    kept = open_project(session.project.path).annotation(session.document.name)
    assert kept.points[-1].tolist() == [3, 4]


def test_fields_read_the_parameters(qtbot):
    slider = fields.slider(DetectConfig, "threshold")
    assert (slider.minimum(), slider.maximum()) == (0, 1)
    assert slider.value() == DetectConfig().threshold
    assert "false alarms" in slider.toolTip()
    distance = fields.spin_box(DetectConfig, "min_distance_um", "µm")
    assert distance.value() == DetectConfig().min_distance_um
    assert distance.minimum() > 0
    method = fields.choice(DetectConfig, "method")
    assert [method.itemText(i) for i in range(method.count())] == ["peaks", "contours", "masks"]
    assert fields.whole_number(TrainConfig, "seed").maximum() == 2**31 - 1
    assert fields.spin_box(ProjectSettings, "pixel_size_um", "µm").maximum() == 1000


def test_field_without_bounds():
    class Free(Settings):
        value: float = Field(1.0, description="anything")

    assert fields.bounds(Free, "value") == (float("-inf"), float("inf"))


def test_curve_keeps_its_course_when_it_is_thinned(qtbot):
    curve = LossCurve()
    qtbot.addWidget(curve)
    for value in np.geomspace(1, 0.01, 3 * MAX_POINTS):
        curve.add(float(value), None)
    curve.add(float("nan"), 0.5)
    curve.add(None, 0.4)
    values = curve.loss.values
    assert 10 < len(values) <= MAX_POINTS
    assert values[0] > 5 * values[-1]
    assert (np.diff(values) < 0).all()
    assert len(curve.held_out.values) == 2
    curve.grab()
    curve.clear()
    assert curve.loss.values == curve.held_out.values == ()
