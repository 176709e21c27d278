"""What a person said about an image is never lost, never mixed up, and checked when imported."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_htcell.annotations import (
    Annotation,
    Region,
    check_inside,
    check_points,
    labels_to_centroids,
    load_annotation,
    save_annotation,
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


NUMBERS = st.floats(-1e4, 1e4).map(lambda value: round(value, 3))


@given(
    st.integers(2, 3).flatmap(
        lambda ndim: st.lists(
            st.tuples(*[st.integers(0, 50)] * (ndim - 2), NUMBERS, NUMBERS), max_size=5
        ).map(lambda points: np.asarray(points, float).reshape(-1, ndim))
    ),
    st.frozensets(st.integers(0, 50), max_size=3),
    st.sampled_from([(), (TRIANGLE,), (TRIANGLE, Region(TRIANGLE.polygon, 4))]),
    st.booleans(),
)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    points: Any,
    complete: Any,
    regions: Any,
    has_rejections: bool,
) -> None:
    path = tmp_path_factory.getbasetemp() / "annotations" / "field 1.tif"
    sources = tuple(("hand", "B+DA")[index % 2] for index in range(len(points)))
    rejected = points[::-1] + 0.25 if has_rejections else points[:0]
    saved = Annotation(points, sources, complete, regions, rejected)
    save_annotation(path, saved)
    back = load_annotation(path)
    np.testing.assert_allclose(back.points, points, atol=1e-9)
    assert (back.sources, back.complete_frames, back.regions) == (sources, complete, regions)
    np.testing.assert_allclose(back.rejected, rejected, atol=1e-9)


def test_files_from_before_rejections_were_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    save_annotation(path, Annotation.of(np.asarray([[1, 2]]), complete=True))
    (tmp_path / "a.tif.json").write_text('{"format": 1, "complete_frames": [0], "regions": []}')
    back = load_annotation(path)
    assert back.status() == "complete"
    assert back.rejected.shape == (0, 2)


def test_untouched_image_has_no_files(tmp_path: Path) -> None:
    assert load_annotation(tmp_path / "a.tif").points.shape == (0, 2)
    assert load_annotation(tmp_path / "a.tif", ndim=3).points.shape == (0, 3)


def test_images_of_one_stem_do_not_share_a_file(tmp_path: Path) -> None:
    save_annotation(tmp_path / "a.tif", Annotation.of(np.asarray([[1, 2]])))
    save_annotation(tmp_path / "a.png", Annotation.of(np.asarray([[3, 4]])))
    np.testing.assert_array_equal(load_annotation(tmp_path / "a.tif").points, [[1, 2]])


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"complete_frames": ["x"], "regions": []}',
        '{"complete_frames": [], "regions": [{"frame": 0, "polygon": [[1, 2]]}]}',
        '{"complete_frames": [], "regions": [{"polygon": [[1, 2], [3, 4], [5, 6]]}]}',
        '{"complete_frames": [], "regions": [], "rejected": [1, 2]}',
        '{"complete_frames": [], "regions": [], "rejected": [[1, 2, 3]]}',
        '{"complete_frames": [], "regions": [], "rejected": [["a", "b"]]}',
        '{"complete_frames": [], "regions": [], "rejected": [[1, 2], [3]]}',
        '{"complete_frames": [Infinity], "regions": []}',
        '{"complete_frames": [], "regions": [{"frame": 0, "polygon": [[1,2],[3,4],[NaN,1]]}]}',
        '{"complete_frames": [], "regions": [{"frame": 0, "polygon": [[1,2],[3,4],[1e99,1]]}]}',
        "[" * 100_000,
    ],
)
def test_damaged_state_is_named_and_the_points_can_be_kept(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.tif"
    save_annotation(path, Annotation.of(np.asarray([[1, 2]]), complete=True))
    (tmp_path / "a.tif.json").write_text(content)
    with pytest.raises(ValueError, match=r"a\.tif\.json: is damaged .* delete it") as caught:
        load_annotation(path)
    assert "\n" not in str(caught.value)
    (tmp_path / "a.tif.json").unlink()
    assert load_annotation(path).status() == "partial"


def test_a_table_of_many_images_beside_one_is_refused_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "a.tif.csv").write_text("image,y,x\na.tif,1,2\n")
    with pytest.raises(ValueError, match=r"a\.tif\.csv: has a column of images.* import this one"):
        load_annotation(tmp_path / "a.tif")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_kill_at_any_moment_loses_no_click(tmp_path: Path) -> None:
    script = (
        "import sys, itertools, pathlib, numpy as np\n"
        "from napari_htcell.annotations import Annotation, save_annotation\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "annotation = Annotation.empty()\n"
        "for n in itertools.count(1):\n"
        "    annotation = annotation.add(np.asarray([[n, n]])).mark_complete(n % 2 == 0)\n"
        "    save_annotation(path, annotation)\n"
        "    print(n, flush=True)\n"
    )
    for turn, pause in enumerate((0.0, 0.02)):
        path = tmp_path / str(turn) / "a.tif"
        writer = subprocess.Popen(
            [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(pause)
        writer.send_signal(signal.SIGKILL)
        told = ["1", *writer.stdout.read().split()]
        writer.wait()
        writer.stdout.close()
        back = load_annotation(path)
        # Whatever the user was told is saved is there; at most one click more.
        assert len(back.points) - int(told[-1]) in (0, 1)
        left = [one.name for one in path.parent.glob("[!.]*")]
        assert sorted(left) == ["a.tif.csv", "a.tif.json"]
