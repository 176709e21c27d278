"""Which image teaches most: drawn cases, gains counted by hand."""

from __future__ import annotations

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
    assert one.gain == pytest.approx(0.5 + 1)
    assert one.reason == "2 near the threshold"


def test_a_click_that_the_model_missed_counts_as_one_cell():
    clicks = Annotation.of(np.array([[50.0, 105], [300, 300], [400, 300]]))
    one = usefulness(clicks, found(far_apart(2), [0.9, 0.9]))
    assert (one.missed, one.cells) == (2, 4)
    assert one.gain == pytest.approx(2)
    assert one.reason == "2 clicks that B missed"


def test_a_doubtful_detection_that_was_clicked_is_no_longer_doubtful():
    one = usefulness(Annotation.of(far_apart(1)), found(far_apart(1), [0.5]))
    assert one.gain == 0
    assert one.reason == "1 cell, none of them doubtful"


def test_crowded_cells_count_by_the_share_that_goes_wrong():
    points = [[50, 50], [50, 81], [50, 200]]
    one = usefulness(EMPTY, found(points, [0.9, 0.9, 0.9]))
    assert (one.crowded, one.cells) == (2, 3)
    assert one.gain == pytest.approx(0.2)
    assert one.reason == "2 of 3 crowded"
    # The same pixels are twice as far apart where a pixel is twice as large.
    assert usefulness(EMPTY, found(points, [0.9] * 3, pixel_size_um=2)).crowded == 0
    assert usefulness(EMPTY, found(points, [0.9] * 3), UsefulnessConfig(crowded_um=30)).gain == 0


def test_only_what_is_not_complete_counts():
    boxed = Region(((0.0, 0.0), (0.0, 150.0), (100.0, 150.0), (100.0, 0.0)))
    found_here = found(far_apart(2), [0.5, 0.5])
    assert usefulness(EMPTY, found_here).doubtful == 2
    assert usefulness(Annotation(np.empty((0, 2)), (), regions=(boxed,)), found_here).doubtful == 1
    assert usefulness(EMPTY.mark_complete(), found_here).standing == "complete"
    frames = np.array([[0.0, 50, 50], [1, 50, 50], [1, 50, 200]])
    movie = usefulness(Annotation.empty(3).mark_complete(frame=1), found(frames, [0.5] * 3))
    assert (movie.standing, movie.doubtful) == ("open", 1)


def test_complete_images_come_last_and_undetected_ones_before_them():
    order = ranked(
        [
            ("damaged", Usefulness("damaged", fault="a.csv: is damaged")),
            ("done", Usefulness("complete")),
            ("second", Usefulness("open", 3.0)),
            ("unseen", Usefulness("not detected")),
            ("first", Usefulness("open", 7.0)),
            ("sure", Usefulness("open", 0.0)),
            ("second too", Usefulness("open", 3.0)),
        ]
    )
    names = [name for name, _ in order]
    assert names == ["first", "second", "second too", "sure", "unseen", "done", "damaged"]


def test_a_project_is_ranked_with_reasons(tmp_path):
    for name in "abcde":
        PIL.Image.fromarray(np.zeros((8, 9), np.uint8)).save(tmp_path / f"{name}.png")
    project = open_project(tmp_path)
    project.save_detections("a.png", found(far_apart(1), [0.95]))
    project.save_detections("c.png", found(far_apart(3), [0.5, 0.5, 0.9]))
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
