"""What a stopped detection is gone on from: kept at once, and never half."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_htcell.config import DetectConfig
from napari_htcell.detections import Detections, Provenance
from napari_htcell.journal import Journal, JournalError, content_of, detections_of

JOB = {"model": "B", "threshold": 0.5}


def written(path: Path, *names: str) -> Path:
    with Journal(path, JOB) as journal:
        for number, name in enumerate(names):
            journal.add(name, {"number": number})
    return path


def test_what_was_added_is_there_again(tmp_path: Path) -> None:
    path = written(tmp_path / "new" / "found", "a.tif", "ü/b.tif", "a.tif")
    with Journal(path, JOB) as journal:
        assert len(journal) == 2
        assert "c.tif" not in journal
        assert journal["a.tif"] == {"image": "a.tif", "number": 2}
        journal.add("c.tif", {"number": 3})
        assert journal["ü/b.tif"]["number"] == 1
    with Journal(path, JOB) as journal:
        assert journal["c.tif"]["number"] == 3
        journal.delete()
    assert not path.exists()


def test_a_line_that_a_kill_cut_short_does_not_count(tmp_path: Path) -> None:
    path = written(tmp_path / "found", "a.tif", "b.tif")
    whole = path.read_bytes()
    for cut in range(1, len(whole.splitlines(keepends=True)[-1])):
        path.write_bytes(whole[:-cut])
        with Journal(path, JOB) as journal:
            assert "a.tif" in journal
            assert "b.tif" not in journal
            journal.add("b.tif", {"number": 1})
        assert path.read_bytes() == whole


@pytest.mark.parametrize("content", [b"", b'{"mod', b'{"model": "C"}\n', b'{"model": "C"}\n{"im'])
def test_where_nothing_was_found_yet_it_begins(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "found"
    path.write_bytes(content)
    with Journal(path, JOB) as journal:
        assert len(journal) == 0
    assert path.read_bytes() == b'{"model": "B", "threshold": 0.5}\n'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe no journal\n", "found otherwise"),
        (b"somebody's notes", "found otherwise"),
        (b'{"model": "C"}\n{"image": "a.tif"}\n', "with model C instead of B"),
        (b'{"model": "B", "threshold": 0.4}\n{"image": 1}\n', "threshold 0.4 instead of 0.5"),
        (b'{"model": "B", "weights_sha256": "0"}\n{"image": 1}\n', "another model of that name"),
    ],
)
def test_what_was_found_otherwise_is_not_lost(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "found"
    path.write_bytes(content)
    with pytest.raises(JournalError, match=said):
        Journal(path, JOB)
    assert path.read_bytes() == content


def test_a_full_disk_keeps_what_was_found_and_says_where(tmp_path: Path, full_disk) -> None:
    path = written(tmp_path / "found", "a.tif")

    def go_on() -> None:
        with Journal(path, JOB) as journal:
            try:
                journal.add("b.tif", {})
            except OSError as error:  # as one tries to keep that it failed
                journal.add("b.tif", {"error": str(error)})

    with full_disk(), pytest.raises(OSError, match="found"):
        go_on()
    with Journal(path, JOB) as journal:
        assert "a.tif" in journal
        assert "b.tif" not in journal


def test_two_programs_do_not_write_one_journal(tmp_path: Path) -> None:
    path = tmp_path / "found"
    with Journal(path, JOB) as journal:
        with pytest.raises(JournalError, match="another htcell is at the same table"):
            Journal(path, JOB)
        journal.add("a.tif", {})
    with Journal(path, JOB) as journal:
        assert len(journal) == 1


@pytest.mark.parametrize("columns", [2, 3])
@pytest.mark.parametrize("n_cells", [0, 5])
def test_detections_come_back_to_the_last_bit(columns: int, n_cells: int) -> None:
    rng = np.random.default_rng(0)
    how = Provenance("B", DetectConfig(threshold=0.3), 1.61, True, "2026-01-01", "1", (0, 4), None)
    found = Detections(
        rng.random((n_cells, columns)), rng.random(n_cells), how, rng.random(n_cells)
    )
    back = detections_of(content_of(found))
    assert back.provenance == how
    for ours, theirs in ((found.points, back.points), (found.scores, back.scores)):
        np.testing.assert_array_equal(ours, theirs)
    assert found.areas_um2 is not None
    np.testing.assert_array_equal(found.areas_um2, back.areas_um2)
