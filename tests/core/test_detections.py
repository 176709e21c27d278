"""Detections keep how they were made, and a half-written pair of files is no detection."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_htcell.config import DetectConfig
from napari_htcell.detections import Detections, Provenance, load_detections, save_detections

HOW = Provenance("B", DetectConfig(threshold=0.3), 1.61, False, "2026-01-01T00:00:00+00:00", "1.0")


def detections(columns: int = 2) -> Detections:
    points = np.asarray([[0, 1.25, 2], [0, 3, 4], [2, 5, 6.5]])[:, -columns:]
    return Detections(points, np.asarray([0.9, 0.6, 0.31]), HOW)


@pytest.mark.parametrize("columns", [2, 3])
def test_round_trip(tmp_path: Path, columns: int) -> None:
    saved = detections(columns)
    save_detections(tmp_path / "a.tif", saved)
    back = load_detections(tmp_path / "a.tif")
    assert back is not None
    np.testing.assert_allclose(back.points, saved.points, atol=0.0005)
    np.testing.assert_allclose(back.scores, saved.scores, atol=0.00005)
    assert back.provenance == HOW


def test_nothing_found_is_not_the_same_as_nothing_run(tmp_path: Path) -> None:
    assert load_detections(tmp_path / "a.tif") is None
    save_detections(tmp_path / "a.tif", Detections(np.empty((0, 2)), np.empty(0), HOW))
    back = load_detections(tmp_path / "a.tif")
    assert back is not None
    assert len(back) == 0


@pytest.mark.parametrize("lost", [".csv", ".json"])
def test_one_file_without_the_other_is_none(tmp_path: Path, lost: str) -> None:
    save_detections(tmp_path / "a.tif", detections())
    (tmp_path / f"a.tif{lost}").unlink()
    assert load_detections(tmp_path / "a.tif") is None


def test_a_full_disk_keeps_the_detections_of_before(tmp_path: Path, full_disk) -> None:
    save_detections(tmp_path / "a.tif", detections())
    with full_disk(), pytest.raises(OSError, match=r"too large|No space"):
        save_detections(tmp_path / "a.tif", detections().above(0.6))
    back = load_detections(tmp_path / "a.tif")
    assert back is not None
    assert len(back) == 3
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.tif.csv", "a.tif.json"]


def test_a_table_that_is_open_elsewhere_keeps_the_detections_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_detections(tmp_path / "a.tif", detections())
    replace_file = Path.replace

    def replaced(self: Path, target: Path) -> Path:
        if target.suffix == ".csv":  # as on Windows, where Excel has it open
            raise PermissionError(13, "Access is denied")
        return replace_file(self, target)

    monkeypatch.setattr(Path, "replace", replaced)
    with pytest.raises(PermissionError, match="open in another program"):
        save_detections(tmp_path / "a.tif", detections().above(0.6))
    back = load_detections(tmp_path / "a.tif")
    assert back is not None
    assert len(back) == 3
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.tif.csv", "a.tif.json"]


def test_above_a_threshold() -> None:
    some = detections().above(0.6)
    np.testing.assert_array_equal(some.scores, [0.9, 0.6])
    np.testing.assert_array_equal(some.points, [[1.25, 2], [3, 4]])
    assert some.provenance.settings.threshold == 0.6


def test_frames() -> None:
    np.testing.assert_array_equal(detections(3).in_frame(2), [[5, 6.5]])
    assert detections(3).in_frame(1).shape == (0, 2)
    assert len(detections(2).in_frame(0)) == 3
    assert detections(2).in_frame(1).shape == (0, 2)


def test_scores_must_fit() -> None:
    with pytest.raises(ValueError, match=r"got 2 points, scores of \(3,\)"):
        Detections(np.zeros((2, 2)), np.zeros(3), HOW)


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {"threshold": 7}},
        {"settings": None},
        {"format": None, "surplus": 1},
        {"model": None},
        {"date": 5},
        {"pixel_size_um": "wide"},
        {"pixel_size_um": 0},
        {"frames": [float("inf")]},
        {"count_errors": 5},
    ],
)
def test_damaged_files_are_named_in_one_line(tmp_path: Path, change: dict[str, object]) -> None:
    save_detections(tmp_path / "a.tif", detections())
    path = tmp_path / "a.tif.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(
        ValueError, match=r"a\.tif\.json: is damaged .* detect this image again"
    ) as e:
        load_detections(tmp_path / "a.tif")
    assert "\n" not in str(e.value)


def test_table_of_another_kind(tmp_path: Path) -> None:
    save_detections(tmp_path / "a.tif", detections())
    (tmp_path / "a.tif.csv").write_text("image,y,x,score\na.tif,1,2,0.5\n")
    with pytest.raises(ValueError, match=r"a\.tif\.csv: has a column of images"):
        load_detections(tmp_path / "a.tif")
    (tmp_path / "a.tif.csv").write_text("y,x,score\n1,2,nan\n")
    with pytest.raises(ValueError, match=r"is damaged .a score is not finite"):
        load_detections(tmp_path / "a.tif")
    (tmp_path / "a.tif.csv").write_text("y,x\n1,2\n")
    with pytest.raises(ValueError, match=r"is damaged .* detect this image again"):
        load_detections(tmp_path / "a.tif")


def test_areas_are_kept(tmp_path: Path) -> None:
    points, scores, areas = np.ones((2, 2)), np.asarray([0.9, 0.4]), np.asarray([312.5, 90.0])
    save_detections(tmp_path / "a.tif", Detections(points, scores, HOW, areas))
    again = load_detections(tmp_path / "a.tif")
    assert again is not None
    np.testing.assert_array_equal(again.areas_um2, areas)
    np.testing.assert_array_equal(again.above(0.5).areas_um2, [312.5])
    with pytest.raises(ValueError, match="areas of"):
        Detections(points, scores, HOW, areas[:1])


def test_frames_looked_at_are_kept_and_joined(tmp_path: Path) -> None:
    older = detections(3)
    part = Detections(np.asarray([[2.0, 8, 8]]), np.asarray([0.7]), replace(HOW, frames=(2,)))
    joined = part.beside(older)
    assert joined.points[:, 0].tolist() == [2, 0, 0]
    assert joined.provenance.frames is None
    save_detections(tmp_path / "t.tif", part)
    back = load_detections(tmp_path / "t.tif")
    assert back is not None
    assert back.provenance.frames == (2,)
    assert not back.provenance.looked_at(0)
    first = Detections(np.empty((0, 3)), np.empty(0), replace(HOW, frames=(0,)))
    assert back.beside(first).provenance.frames == (0, 2)
