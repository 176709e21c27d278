"""What a person said about an image is never lost, never mixed up, and checked when imported."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_htcell.annotations import (
    Annotation,
    Region,
    check_inside,
    check_points,
    labels_to_centroids,
)

TRIANGLE = Region(((0.0, 0.0), (0.0, 10.0), (10.0, 0.0)))


def test_status() -> None:
    image = Annotation.empty()
    assert (image.status(), image.frames) == ("untouched", ())
    clicked = image.add(np.asarray([[1, 2]]))
    assert (clicked.status(), clicked.frames) == ("partial", (0,))
    assert clicked.mark_complete().status() == "complete"
    assert clicked.mark_complete().mark_complete(False).status() == "partial"
    # An image may be complete because there is no cell in it.
    assert image.mark_complete().status() == "complete"
    assert Annotation.of(image.points, complete=True).status() == "complete"
    assert Annotation(image.points, (), regions=(TRIANGLE,)).status() == "partial"


def test_frames_of_a_stack_stand_alone() -> None:
    stack = Annotation.of(np.asarray([[0, 1, 2], [3, 4, 5], [3, 6, 7]])).mark_complete(frame=3)
    assert stack.frames == (0, 3)
    assert [stack.status(frame) for frame in range(4)] == [
        "partial", "untouched", "untouched", "complete"
    ]  # fmt: skip
    np.testing.assert_array_equal(stack.in_frame(3), [[4, 5], [6, 7]])
    assert stack.in_frame(1).shape == (0, 2)


def test_a_point_between_frames_belongs_to_one_of_them() -> None:
    stack = Annotation.of(np.asarray([[1.7, 4, 5]]), complete=True)
    assert stack.frames == (2,)
    assert stack.status(2) == "complete"
    assert len(stack.in_frame(2)) == 1


def test_changes_give_new_values() -> None:
    first = Annotation.of(np.asarray([[1, 2], [3, 4], [5, 6]]))
    second = first.add(np.asarray([[7, 8]]), source="B").remove([0, 2])
    assert len(first.points) == 3
    np.testing.assert_array_equal(second.points, [[3, 4], [7, 8]])
    assert second.sources == ("hand", "B")


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros(3), r"shape \(N, 2\) or \(N, 3\), got \(3,\)"),
        (np.zeros((3, 4)), r"got \(3, 4\)"),
        (np.asarray([[0, np.nan]]), "not finite"),
        (np.asarray([[0, np.inf]]), "not finite"),
    ],
)
def test_bad_points(points: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_points(points)


def test_sources_and_corners_must_fit() -> None:
    with pytest.raises(ValueError, match="got 2 points but 1 sources"):
        Annotation(np.zeros((2, 2)), ("hand",))
    with pytest.raises(ValueError, match="three or more corners"):
        Region(((0.0, 0.0), (1.0, 1.0)))


def test_of_a_region_that_hangs_over_the_image_the_part_on_it_is_kept() -> None:
    slanted = Region(((-100.0, 100.0), (400.0, 300.0), (400.0, 500.0), (-100.0, 700.0)), 3)
    part = slanted.cut((5, 1000, 1000))
    assert part is not None
    assert part.frame == 3
    # Where a point at the border is in one it is in the other, and searched by somebody.
    points = np.asarray([(5, 120), (5, 160), (5, 640), (5, 680), (300, 400)])
    np.testing.assert_array_equal(part.contains(points), slanted.contains(points))
    assert TRIANGLE.cut((1000, 1000)) == TRIANGLE
    assert slanted.cut((1000, 90)) is None


def test_region_mask() -> None:
    rectangle = Region(((2.0, 3.0), (2.0, 6.0), (4.0, 6.0), (4.0, 3.0)))
    expected = np.zeros((8, 9), bool)
    expected[2:5, 3:7] = True
    np.testing.assert_array_equal(rectangle.mask((8, 9)), expected)
    beyond = Region(((-5.0, -5.0), (-5.0, 20.0), (20.0, 20.0), (20.0, -5.0)))
    assert beyond.mask((8, 9)).all()


def test_points_inside() -> None:
    check_inside(np.asarray([[-0.5, 0], [9.5, 19.5]]), (10, 20), "a.csv")
    check_inside(np.asarray([[2, 0, 0]]), (3, 10, 20), "a.csv")
    with pytest.raises(ValueError, match=r"a\.csv: 2 of 3 points lie outside .*first at \(10, 3\)"):
        check_inside(np.asarray([[1, 1], [10, 3], [0, 20]]), (10, 20), "a.csv")
    with pytest.raises(ValueError, match="outside"):
        check_inside(np.asarray([[3, 0, 0]]), (3, 10, 20), "a.csv")
    with pytest.raises(ValueError, match="with y and x exchanged all would lie inside"):
        check_inside(np.asarray([[1, 1], [15, 3]]), (10, 20), "a.csv")
    with pytest.raises(ValueError, match="those of an image, but this is a time stack"):
        check_inside(np.zeros((1, 2)), (3, 10, 20), "a.csv")


def test_centroids_of_masks() -> None:
    labels = np.zeros((10, 10), int)
    labels[1:4, 1:4], labels[6, 6:10], labels[0, 9] = 5, 2, 900
    np.testing.assert_allclose(labels_to_centroids(labels), [[6, 7.5], [2, 2], [0, 9]])
    assert labels_to_centroids(np.zeros((4, 4), int)).shape == (0, 2)
    with pytest.raises(ValueError, match=r"shape \(Y, X\), got \(2, 2, 2\)"):
        labels_to_centroids(np.zeros((2, 2, 2), int))


def test_rejections_are_kept_beside_the_points() -> None:
    annotation = Annotation.of(np.asarray([[1, 2, 3]])).reject(np.asarray([[4, 5, 6], [1, 8, 9]]))
    assert annotation.rejected_in(1).tolist() == [[8, 9]]
    assert annotation.frames == (1, 4)
    assert annotation.status(4) == "partial"
    assert annotation.remove([0]).rejected.tolist() == [[4, 5, 6], [1, 8, 9]]
    assert Annotation.empty(3).rejected.shape == (0, 3)
    with pytest.raises(ValueError, match="2 columns but rejections of 3"):
        Annotation(np.ones((1, 2)), ("hand",), rejected=np.ones((1, 3)))


def test_one_frame_alone_is_an_image() -> None:
    region = Region(TRIANGLE.polygon, 2)
    stack = Annotation(
        np.asarray([[1.0, 5, 5], [2, 6, 7]]), ("hand", "B"), frozenset({2}), (region,),
        np.asarray([[2.0, 8, 9]]),
    )  # fmt: skip
    frame = stack.of_frame(2)
    assert (frame.points.tolist(), frame.sources) == ([[6, 7]], ("B",))
    assert frame.regions == (TRIANGLE,)
    assert frame.rejected.tolist() == [[8, 9]]
    assert frame.status() == "complete"
    assert stack.of_frame(1).status() == "partial"


def test_what_a_region_contains() -> None:
    other = Region(((0, 0), (0, 9), (9, 9)))
    places = np.asarray([[1, 5], [0, 0], [8, 2], [20, 20]])
    assert other.contains(places).tolist() == [True, True, False, False]
    assert other.contains(np.empty((0, 2))).shape == (0,)
