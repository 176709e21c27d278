"""Which image teaches most for its clicks: drawn cases, corrections counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import PIL.Image
import pytest

from napari_htcell import open_project, rank_images
from napari_htcell.annotations import Annotation, Region
from napari_htcell.config import DetectConfig, UsefulnessConfig
from napari_htcell.detections import Detections, Provenance
from napari_htcell.usefulness import Usefulness, ranked, usefulness

EMPTY = Annotation.empty()


def found(points, scores, threshold=0.5, pixel_size_um=1.0):
    points, scores = np.asarray(points, dtype=float), np.asarray(scores, dtype=float)
    settings = DetectConfig(threshold=threshold)
    how = Provenance("B", settings, pixel_size_um, False, "2026-01-01T00:00:00+00:00", "0")
    return Detections(points.reshape(len(scores), -1), scores, how)


def far_apart(n):
    return np.column_stack([np.full(n, 50.0), 100.0 * np.arange(1, n + 1)])


def test_detections_near_the_threshold_count_by_their_doubt():
    one = usefulness(EMPTY, found(far_apart(4), [0.9, 0.75, 0.6, 0.5]))
    assert one.doubtful == 2  # 0.6 is half sure, 0.5 not at all
    assert one.corrections == pytest.approx(0.5 + 1)
    assert one.reason == "only 4 cells, 2 near the threshold"


def test_of_what_is_not_clicked_as_much_is_missing_as_the_model_missed_of_the_clicks():
    places = far_apart(6)
    clicks = Annotation.of(np.concatenate([places[:3], [[300, 300], [400, 300]]]))
    one = usefulness(clicks, found(places, [0.9] * 6))
    assert (one.missed, one.cells) == (2, 8)
    # Of five clicks it has three, and three cells that nobody clicked: two more are to be expected,
    # or a little less, since three clicks tell little.
    assert one.corrections == pytest.approx(3 * 2 / (3 + 1))
    assert "2 clicks that B missed" in one.reason


def test_the_model_has_missed_nothing_in_frames_that_it_has_not_seen():
    seen = found([(0, 50, 50)], [0.9])
    seen = replace(seen, provenance=replace(seen.provenance, frames=(0,)))
    clicks = Annotation.of(np.asarray([[1.0, 10, 10], [1, 50, 50]]))
    one = usefulness(clicks, seen)
    assert (one.missed, one.cells) == (0, 1)
    done = replace(clicks, complete_frames=frozenset({0}))
    assert usefulness(done, seen).standing == "not detected"


def test_where_all_that_was_found_is_clicked_nothing_tells_of_more():
    clicks = Annotation.of(np.concatenate([far_apart(2), [[300, 300]]]))
    assert usefulness(clicks, found(far_apart(2), [0.9, 0.9])).corrections == 0


def test_a_doubtful_detection_that_was_clicked_is_no_longer_doubtful():
    one = usefulness(Annotation.of(far_apart(1)), found(far_apart(1), [0.5]))
    assert one.corrections == 0
    assert one.reason == "only 1 cell"


def test_crowded_cells_count_by_the_share_that_goes_wrong():
    points = [[50, 50], [50, 81], [50, 200]]
    one = usefulness(EMPTY, found(points, [0.9, 0.9, 0.9]))
    assert (one.crowded, one.cells) == (2, 3)
    assert one.corrections == pytest.approx(0.2)
    assert one.reason == "only 3 cells, 2 of 3 crowded"
    # The same pixels are twice as far apart where a pixel is twice as large.
    assert usefulness(EMPTY, found(points, [0.9] * 3, pixel_size_um=2)).crowded == 0
    few = UsefulnessConfig(crowded_um=30)
    assert usefulness(EMPTY, found(points, [0.9] * 3), few).corrections == 0


def test_only_what_is_not_complete_counts():
    boxed = Region(((0.0, 0.0), (0.0, 150.0), (100.0, 150.0), (100.0, 0.0)))
    found_here = found(far_apart(2), [0.5, 0.5])
    assert usefulness(EMPTY, found_here).doubtful == 2
    assert usefulness(Annotation(np.empty((0, 2)), (), regions=(boxed,)), found_here).doubtful == 1
    assert usefulness(EMPTY.mark_complete(), found_here).standing == "complete"
    frames = np.array([[0.0, 50, 50], [1, 50, 50], [1, 50, 200]])
    movie = usefulness(Annotation.empty(3).mark_complete(frame=1), found(frames, [0.5] * 3))
    assert (movie.standing, movie.doubtful) == ("open", 1)


def test_many_cells_of_which_none_is_doubtful_are_said_to_be_so():
    one = usefulness(EMPTY, found(far_apart(20), [0.9] * 20))
    assert (one.is_sparse, one.reason) == (False, "20 cells, none of them doubtful")
    assert usefulness(
        EMPTY, found(far_apart(20), [0.9] * 20), UsefulnessConfig(least_cells=21)
    ).is_sparse


def test_fewest_corrections_come_first_then_few_cells_then_what_nobody_can_tell_of():
    order = ranked(
        [
            ("damaged", Usefulness("damaged", fault="a.csv: is damaged")),
            ("done", Usefulness("complete")),
            ("second", Usefulness("open", 3.0, cells=30)),
            ("unseen", Usefulness("not detected")),
            ("first", Usefulness("open", 1.0, cells=90)),
            ("worst", Usefulness("open", 40.0, cells=50)),
            ("second too", Usefulness("open", 3.0, cells=80)),
            ("empty", Usefulness("open", 0.0, is_sparse=True)),
            ("sparse", Usefulness("open", 2.0, cells=9, is_sparse=True)),
        ]
    )
    names = [name for name, _ in order]
    cells_enough = ["first", "second", "second too", "worst"]
    assert names == [*cells_enough, "sparse", "empty", "unseen", "done", "damaged"]


def test_a_project_is_ranked_with_reasons(tmp_path):
    for name in "abcde":
        PIL.Image.fromarray(np.zeros((8, 9), np.uint8)).save(tmp_path / f"{name}.png")
    project = open_project(tmp_path)
    project.save_detections("a.png", found(far_apart(20), [0.5, 0.5, 0.5] + [0.95] * 17))
    project.save_detections("c.png", found(far_apart(20), [0.5, 0.5] + [0.9] * 18))
    project.save_annotation("b.png", EMPTY.mark_complete())
    project.save_annotation("e.png", EMPTY)
    (tmp_path / "annotations" / "e.png.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    order = rank_images(project)
    assert [name for name, _ in order] == ["c.png", "a.png", "d.png", "b.png", "e.png"]
    reasons = [one.reason for _, one in order]
    assert reasons[0] == "2 near the threshold"
    assert "nothing was detected" in reasons[2]
    assert reasons[3].startswith("complete")
    assert "expected y and x" in reasons[4]
    assert rank_images(open_project(tmp_path)) == order
