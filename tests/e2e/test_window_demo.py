"""The demo that `make demo` shows, on small images."""

from __future__ import annotations

from PIL import Image

from napari_htcell import demo as core_demo
from napari_htcell import sample
from napari_htcell.config import DEFAULT_MODEL
from napari_htcell.widgets import demo


def test_demo_does_the_job_in_a_window(
    tiny_project, tmp_path, monkeypatch, make_napari_viewer, shipped_tiny_model, quick_versions
):
    shipped = tiny_project("shipped", n_images=4)
    monkeypatch.setattr(sample, "SAMPLE_FOLDER", shipped.path)
    monkeypatch.setattr(demo.napari, "Viewer", lambda **_: make_napari_viewer(show=True))
    result = demo.WindowDemo(tmp_path / "demo").run()
    assert [row.is_learnt_from for row in result.rows].count(True) == core_demo.N_COMPLETED
    assert result.models[0] == DEFAULT_MODEL
    assert result.models[1].startswith("D-")  # the tiny model's own version
    for row in result.rows:
        assert row.before.n_truth == len(sample.read_truth(shipped, row.image))
    lines = result.counts.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 4
    assert sum(",complete," in line for line in lines) == core_demo.N_COMPLETED
    assert result.points.exists()
    with Image.open(result.picture) as picture:
        assert picture.width >= 1000
    assert str(result.picture) in core_demo.table(result)
