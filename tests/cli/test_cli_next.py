"""htcell next: the ranking with reasons."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_htcell.config import DetectConfig
from napari_htcell.detections import Detections, Provenance


def test_the_most_useful_image_is_printed_first_with_the_reason(htcell, tiny_project):
    project = tiny_project()
    names = project.images
    how = Provenance("B", DetectConfig(), 1.61, False, "2026-01-01T00:00:00+00:00", "0")
    points = project.annotation(names[2]).points
    project.save_detections(names[2], Detections(points, np.full(len(points), 0.9), how))
    missed = project.annotation(names[1])
    project.save_detections(names[1], Detections(np.empty((0, 2)), np.empty(0), how))
    project.save_annotation(names[3], project.annotation(names[3]).mark_complete())
    result = htcell("next", project.path)
    lines = result.stdout.splitlines()
    assert names[2] in lines[0]
    n_missed = len(missed.points)
    assert f"{names[1]}: only {n_missed} cells, {n_missed} clicks that B missed" in lines[1]
    assert names[3] in lines[3]
    assert "nothing is left to correct" in lines[3]
    said = json.loads(htcell("next", project.path, "--json", "-n", 3).stdout)["images"]
    assert [one["image"] for one in said] == [names[2], names[1], names[0]]
    assert said[1]["missed"] == n_missed
    # Nothing was found beside the clicks, so nothing tells of more.
    assert said[1]["corrections"] == pytest.approx(0.1 * said[1]["crowded"])
    assert said[2]["corrections"] is None


def test_where_nothing_was_detected_it_says_what_to_do_first(htcell, tiny_project):
    project = tiny_project()
    result = htcell("next", project.path)
    assert f"run htcell detect {project.path} --save first" in result.stderr
    how = Provenance("B", DetectConfig(), 1.61, False, "2026-01-01T00:00:00+00:00", "0")
    project.save_detections(project.images[0], Detections(np.empty((0, 2)), np.empty(0), how))
    assert htcell("next", project.path).stderr == ""
