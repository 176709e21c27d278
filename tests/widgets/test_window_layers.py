"""Functions between napari's layers and the core, on bare layers."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from napari.layers import Image, Points

from napari_htcell.annotations import Annotation, Region
from napari_htcell.widgets import layers, outlines, point_layers
from napari_htcell.widgets.picture import Picture
from napari_htcell.widgets.states import STATES


@pytest.mark.parametrize(
    ("placing", "size"),
    [
        ({}, None),
        ({"scale": (1.61, 1.61), "units": "um"}, 1.61),
        ({"scale": (650, 650), "units": "nm"}, 0.65),
        ({"scale": (0.5, 0.5)}, 0.5),
        ({"scale": (1, 1), "units": "um"}, 1.0),
        ({"scale": (2, 2), "units": "s"}, None),
    ],
)
def test_pixel_size_of_a_layer(placing, size):
    found_size, known_from = layers.pixel_size_um(Image(np.zeros((4, 5)), **placing))
    assert found_size == (None if size is None else pytest.approx(size))
    assert bool(known_from) is (size is not None)


def test_picture_of_colours_and_of_a_pyramid():
    rgb = layers.picture_of(Image(np.zeros((40, 50, 3), np.uint8), rgb=True, name="c"))
    assert (rgb.shape, rgb.is_rgb, rgb.name) == ((40, 50), True, "c")
    pyramid = Image([np.zeros((400, 500)), np.zeros((200, 250))], multiscale=True)
    assert layers.picture_of(pyramid).shape == (400, 500)


def test_specks_do_not_dim_the_cells():
    pixels = np.random.default_rng(0).normal(100, 5, (400, 400))
    pixels[0, 0], pixels[0, 4] = 60000, np.nan
    low, high = layers.image_layer(Picture("a", pixels)).contrast_limits
    assert 70 < low < 100 < high < 130
    layers.image_layer(Picture("flat", np.full((40, 40), 7)))
    layers.image_layer(Picture("nothing", np.full((40, 40), np.nan)))


def test_a_long_stack_is_not_read_to_be_shown():
    class OnDisk(np.ndarray):
        """A stack that counts the frames that are taken from it."""

        taken: ClassVar[list[int]] = []

        def __getitem__(self, at):
            found = super().__getitem__(at)
            self.taken.append(np.size(found) // (30 * 40))
            return found

    stack = np.random.default_rng(0).integers(90, 110, (200, 30, 40), np.uint8).view(OnDisk)
    low, high = layers.contrast_limits(Picture("t", stack))
    assert 85 < low < high < 115
    assert max(OnDisk.taken) <= 5


def test_another_picture_in_the_same_layer():
    layer = layers.image_layer(Picture("a", np.zeros((40, 50), np.uint8), pixel_size_um=2.0))
    pixels = np.random.default_rng(0).normal(5000, 100, (60, 70))
    assert layers.show_picture(layer, Picture("b", pixels, pixel_size_um=0.5))
    assert (layer.name, layer.data.shape, tuple(layer.scale)) == ("b", (60, 70), (0.5, 0.5))
    assert 4000 < layer.contrast_limits[0] < layer.contrast_limits[1] < 6000
    assert not layers.show_picture(layer, Picture("c", np.zeros((3, 60, 70))))
    assert layer.name == "b"


def test_points_lie_where_the_image_does():
    image = Image(
        np.zeros((3, 40, 50)),
        scale=(1, 2, 2),
        translate=(0, 100, 7),
        units=("pixel", "um", "um"),
        axis_labels=("t", "y", "x"),
    )
    points = point_layers.annotated_layer(3, 2.0)
    layers.place(points, image)
    assert points.data_to_world((1, 10, 10)) == image.data_to_world((1, 10, 10)) == (1, 120, 27)
    assert points.units == image.units
    assert points.axis_labels == image.axis_labels


def test_an_image_that_is_scaled_after_it_was_taken_up_is_followed(desk):
    viewer = desk.for_test
    layer = viewer.add_image(np.zeros((100, 200), np.uint8), name="loose")
    document = desk.session.document
    assert document.picture.pixel_size_um is None
    layer.scale, layer.translate = (2, 2), (10, 0)
    assert document.picture.pixel_size_um == 2
    for points in (desk.annotated, desk.detected):
        np.testing.assert_array_equal(points.scale, (2, 2))
        np.testing.assert_array_equal(points.translate, (10, 0))
    desk.session.state_pixel_size(0.5)
    layer.scale = (4, 4)
    assert document.picture.pixel_size_um == 0.5
    np.testing.assert_array_equal(desk.annotated.scale, (4, 4))


def test_points_put_outside_the_image_with_naparis_tools_are_none(desk):
    desk.for_test.add_image(np.zeros((100, 200), np.uint8))
    document = desk.session.document
    desk.annotated.add([[50.0, 60]])
    desk.annotated.add([[-30.0, 60]])
    desk.detected.add([[20.0, 999]])
    np.testing.assert_array_equal(document.annotation.points, [[50, 60]])
    np.testing.assert_array_equal(desk.annotated.data, [[50, 60]])


def test_an_image_that_has_become_smaller_keeps_its_clicks_when_others_are_added(desk):
    desk.for_test.add_image(np.zeros((100, 200), np.uint8))
    document = desk.session.document
    document.take_over(Annotation.of(np.asarray([[50.0, 60], [150, 60]])))
    desk.session.changed()
    desk.annotated.add([[20.0, 30]])
    np.testing.assert_array_equal(document.annotation.points, [[50, 60], [150, 60], [20, 30]])


def test_the_two_layers_look_different(found):
    dots, rings = point_layers.annotated_layer(2, 1.0), point_layers.detected_layer(2, 1.0)
    point_layers.draw_annotation(dots, Annotation.of(np.ones((2, 2))))
    point_layers.draw_detections(rings, found([[1, 2]]))
    assert dots.face_color[0, 3] == 1
    assert rings.face_color[0, 3] == 0
    assert rings.border_color[0, 3] == 1
    assert not np.allclose(dots.face_color[0], rings.border_color[0])


def test_every_state_has_its_own_symbol_and_colour():
    layer = point_layers.annotated_layer(2, 1.0)
    annotation = Annotation.of(np.array([[1.0, 2], [3, 4]]))
    point_layers.draw_annotation(layer, annotation, np.array([True, False]))
    assert [str(one) for one in layer.symbol] == ["diamond", "triangle_up"]
    assert not np.allclose(layer.face_color[0], layer.face_color[1])
    point_layers.draw_annotation(layer, annotation.remove([0]), np.array([False]))
    assert [str(one) for one in layer.symbol] == ["triangle_up"]
    point_layers.draw_annotation(layer, annotation)
    assert [str(one) for one in layer.symbol] == ["disc", "disc"]
    looks = {(one.symbol, one.is_ring) for one in STATES}
    assert len(looks) == len({one.colour for one in STATES}) == len(STATES)


def test_what_is_drawn_already_is_not_drawn_again():
    layer = point_layers.annotated_layer(2, 1.0)
    annotation = Annotation.of(np.array([[1.0, 2], [3, 4]]))
    point_layers.draw_annotation(layer, annotation)
    told = []
    layer.events.set_data.connect(told.append)
    point_layers.draw_annotation(layer, annotation)
    assert not told
    point_layers.draw_annotation(layer, annotation, pixel_size_um=0.5)
    assert layer.size.tolist() == [32, 32]


def test_outlines_and_regions():
    region = Region(((1.5, 2.25), (3, 40), (30, 4)), frame=2)
    layer = outlines.outlines_layer(3)
    outlines.draw(layer, [region], 1.0)
    assert outlines.are_same(outlines.regions_of(layer), [region])
    assert not outlines.are_same(outlines.regions_of(layer), [replace(region, frame=1)])
    layer.add([np.zeros((3, 3))], shape_type="path")
    assert outlines.are_same(outlines.regions_of(layer), [region])
    outlines.draw(layer, [])
    assert outlines.regions_of(layer) == ()


def test_annotation_survives_drawing():
    annotation = Annotation.of(np.array([[1.0, 2], [3, 4]])).add(np.array([[5.0, 6]]), "B")
    layer = point_layers.annotated_layer(2, None)
    point_layers.draw_annotation(layer, annotation)
    again = point_layers.points_to_annotation(layer)
    np.testing.assert_array_equal(again.points, annotation.points)
    assert again.sources == annotation.sources
    point_layers.draw_annotation(layer, Annotation.empty())
    assert len(point_layers.points_to_annotation(layer).points) == 0


def test_drawing_more_and_fewer_points_keeps_the_features_in_step(found):
    layer = point_layers.detected_layer(2, 1.0)
    for count in (3, 1, 0, 5):
        point_layers.draw_detections(layer, found(np.arange(2.0 * count).reshape(-1, 2)))
        assert len(layer.features) == len(layer.data) == count
    point_layers.draw_detections(layer, None)
    assert len(layer.data) == 0


def test_point_added_by_hand_does_not_inherit_the_selected_ones_source():
    layer = point_layers.annotated_layer(2, 1.0)
    point_layers.draw_annotation(layer, Annotation.of(np.ones((1, 2)), "B"))
    layer.selected_data = {0}
    layer.add([[5, 5]])
    assert point_layers.sources_of(layer, added=(-1,)) == ("B", "hand")


def test_sources_of_foreign_points():
    assert point_layers.sources_of(Points(np.zeros((2, 2)))) == ("hand", "hand")


def test_nearest_stays_in_reach_and_in_the_frame():
    points = np.array([[0.0, 10, 10], [1, 11, 10], [1, 40, 40]])
    assert point_layers.nearest(points, np.array([0, 12, 10]), 5) == (0, 2.0)
    assert point_layers.nearest(points, np.array([1, 12, 10]), 5) == (1, 1.0)
    assert point_layers.nearest(points, np.array([1, 20, 20]), 5) is None
    assert point_layers.nearest(np.empty((0, 2)), np.array([1, 1]), 5) is None
