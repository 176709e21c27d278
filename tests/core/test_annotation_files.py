"""What a person said about an image is read as it was saved, whatever happens in between."""

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

from napari_htcell.annotation_files import load_annotation, save_annotation
from napari_htcell.annotations import Annotation, Region

TRIANGLE = Region(((0.0, 0.0), (0.0, 10.0), (10.0, 0.0)))

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


def test_sources_that_are_named_as_images_are_read_again(tmp_path: Path) -> None:
    """They are whatever a table that was imported said of each point."""
    sources = ("a.tif", "b.tif")
    path = tmp_path / "c.tif"
    save_annotation(path, Annotation(np.asarray([[1.0, 2.0], [3.0, 4.0]]), sources))
    assert load_annotation(path).sources == sources


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
        "from napari_htcell.annotation_files import save_annotation\n"
        "from napari_htcell.annotations import Annotation\n"
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
