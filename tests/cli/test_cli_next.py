"""htcell next: the ranking with reasons."""

from __future__ import annotations

import json

import numpy as np

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
    assert f"{names[1]}: {len(missed.points)} clicks that B missed" in lines[0]
    assert names[3] in lines[3]
    assert "nothing is left to correct" in lines[3]
    said = json.loads(htcell("next", project.path, "--json", "-n", 3).stdout)["images"]
    assert [one["image"] for one in said] == [names[1], names[2], names[0]]
    assert said[0]["missed"] == len(missed.points)
    assert said[0]["gain"] >= len(missed.points)
    assert said[2]["gain"] is None


def test_where_nothing_was_detected_it_says_what_to_do_first(htcell, tiny_project):
    project = tiny_project()
    result = htcell("next", project.path)
    assert f"run htcell detect {project.path} --save first" in result.stderr
    how = Provenance("B", DetectConfig(), 1.61, False, "2026-01-01T00:00:00+00:00", "0")
    project.save_detections(project.images[0], Detections(np.empty((0, 2)), np.empty(0), how))
    assert htcell("next", project.path).stderr == ""
