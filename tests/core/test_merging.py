"""Two windows on one image: what either has done is kept."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_htcell.annotation_files import load_annotation, save_annotation
from napari_htcell.annotations import Annotation, Region
from napari_htcell.merging import merge

BASE = Annotation.of(np.array([[10.0, 10], [20, 20], [30, 30]]))


def places(annotation):
    return sorted(map(tuple, annotation.points.tolist()))


def test_what_either_added_is_kept():
    merged = merge(
        BASE, BASE.add(np.array([[50.0, 50]])), BASE.add(np.array([[70.0, 70]]), "B"), 5.0
    )
    assert places(merged.annotation) == [(10, 10), (20, 20), (30, 30), (50, 50), (70, 70)]
    assert merged.annotation.sources[-1] == "B"
    assert (merged.added, merged.removed) == (1, 0)
    assert merged.in_words == "1 point added"


def test_a_cell_that_both_clicked_counts_once():
    merged = merge(
        BASE, BASE.add(np.array([[50.0, 50]])), BASE.add(np.array([[52.0, 51], [56, 50]])), 5.0
    )
    assert places(merged.annotation)[3:] == [(50, 50), (56, 50)]


def test_what_either_removed_is_gone():
    merged = merge(BASE, BASE.remove([0]), BASE.remove([1]), 5.0)
    assert places(merged.annotation) == [(30, 30)]
    assert merged.in_words == "1 point removed"


def test_a_cell_that_was_moved_is_where_it_was_moved_to():
    moved = BASE.remove([0]).add(np.array([[11.0, 12]]))
    assert places(merge(BASE, moved, BASE, 5.0).annotation) == places(moved)
    assert places(merge(BASE, BASE, moved, 5.0).annotation) == places(moved)


def test_points_read_again_are_the_same_points(tmp_path):
    base = Annotation.of(np.array([[1 / 3, 2 / 3], [1e3 + 1 / 7, 5.0005]]))
    save_annotation(tmp_path / "a.tif", base)
    merged = merge(base, base, load_annotation(tmp_path / "a.tif"), 5.0)
    assert (merged.added, merged.removed) == (0, 0)
    np.testing.assert_array_equal(merged.annotation.points, base.points)


def test_completeness_and_regions_of_both():
    def box(at):
        return Region(((at, at), (at, at + 9.0), (at + 9.0, at)))

    base = Annotation(np.empty((0, 3)), (), frozenset({0}), (box(0.0),))
    ours = Annotation(np.empty((0, 3)), (), frozenset({0, 1}), (box(0.0), box(20.0)))
    theirs = Annotation(np.empty((0, 3)), (), frozenset({2}), (box(40.0),))
    merged = merge(base, ours, theirs, 5.0)
    assert merged.in_words == "other marks changed"
    assert merged.annotation.complete_frames == {1, 2}
    assert merged.annotation.regions == (box(20.0), box(40.0))


def test_nothing_to_merge():
    merged = merge(BASE, BASE, BASE, 5.0)
    assert merged.in_words == ""
    assert places(merged.annotation) == places(BASE)
    assert (
        len(
            merge(
                Annotation.empty(3), Annotation.empty(3), Annotation.empty(3), 5.0
            ).annotation.points
        )
        == 0
    )


def test_rejections_of_both_are_kept():
    ours = BASE.reject(np.array([[50.0, 50]]))
    theirs = BASE.reject(np.array([[51.0, 50], [70, 70]]))
    merged = merge(BASE, ours, theirs, 5.0)
    assert sorted(map(tuple, merged.annotation.rejected.tolist())) == [(50, 50), (70, 70)]
    assert merged.in_words == "other marks changed"


CELLS = st.sets(st.integers(0, 400), max_size=12)
"""Numbers of cells that lie further apart than two clicks on one."""


def of(cells):
    points = [[20.0 * (number // 20), 20.0 * (number % 20)] for number in sorted(cells)]
    return Annotation.of(np.array(points).reshape(-1, 2))


@given(CELLS, CELLS, CELLS)
def test_nothing_that_anybody_did_is_lost_and_the_order_does_not_matter(base, ours, theirs):
    merged = merge(of(base), of(ours), of(theirs), 5.0)
    expected = (base & ours & theirs) | (ours - base) | (theirs - base)
    assert places(merged.annotation) == places(of(expected))
    assert places(merge(of(base), of(theirs), of(ours), 5.0).annotation) == places(of(expected))
    assert merged.added == len(theirs - base - ours)
    assert merged.removed == len((ours & base) - theirs)
    again = merge(of(theirs), merged.annotation, of(theirs), 5.0)
    assert places(again.annotation) == places(of(expected))
    assert (again.added, again.removed) == (0, 0)
