"""The summary page: what it says, and which image it shows."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from napari_htcell import summary
from napari_htcell.annotations import Annotation
from napari_htcell.config import DetectConfig
from napari_htcell.detections import Detections, Provenance
from napari_htcell.export import ImageRecord, count_row
from napari_htcell.imagefiles import ImageFile


def record(name, n_found, n_clicked=0, **how):
    points = np.column_stack([np.arange(n_found) % 90, np.arange(n_found) % 110]).astype(float)
    provenance = Provenance(
        **{
            "model": "B",
            "settings": DetectConfig(threshold=0.35),
            "pixel_size_um": 1.61,
            "pixel_size_assumed": False,
            "date": "2026-01-02T03:04:05+00:00",
            "plugin_version": "0.1",
        }
        | how
    )
    found = Detections(points, np.ones(n_found), provenance)
    return ImageRecord(name, found, Annotation.of(points[:n_clicked]), extent=(100, 120))


def rows_of(records):
    return [count_row(one, frame) for one in records for frame in range(one.n_frames)]


def drawn(records):
    figure = Figure(figsize=summary.PAGE_INCHES)
    FigureCanvasAgg(figure)
    pixels = np.random.default_rng(0).random((100, 120))
    summary.draw(figure, "my $assay$", records, lambda _name: ImageFile(pixels, False, None))
    return figure


def texts(figure):
    found = [one.get_text() for one in figure.texts]
    return found + [one.get_text() for axes in figure.axes for one in axes.texts]


def test_the_page_says_how_cells_were_found():
    lines = "\n".join(summary.facts(rows_of([record("a.tif", 5, 2), record("b.tif", 1)]), 2))
    assert "2 images: 2 cells annotated, 6 cells in all" in lines
    assert "Pixel size: 1.61 µm" in lines
    assert "(assumed)" not in lines
    assert "Model: B; threshold: 0.35; method: peaks; least distance: 16 µm" in lines
    assert "Detected on 2026-01-02 with napari-htcell 0.1" in lines


def test_different_models_and_dates_are_all_told():
    records = [
        record("a.tif", 5),
        record("b.tif", 5, model="ours", pixel_size_assumed=True, date="2026-02-03T00:00:00+00:00"),
    ]
    lines = "\n".join(summary.facts(rows_of([*records, ImageRecord("c.tif")]), 3))
    assert "10 cells in all in the 2 counted" in lines
    assert "Model: B, ours;" in lines
    assert "1.61 µm (assumed)" in lines
    assert "2026-01-02 to 2026-02-03" in lines


def test_a_page_without_a_model():
    clicked = ImageRecord("a.tif", annotation=Annotation.of(np.ones((3, 2))))
    lines = summary.facts(rows_of([clicked]), 1)
    assert lines == ["1 image: 3 cells annotated", "Pixel size: not stated", "No model was run"]


@pytest.mark.parametrize("n_images", [1, summary.MAX_TABLE_ROWS])
def test_few_images_are_a_table(n_images):
    figure = drawn([record(f"field_{n}.tif", n + 3) for n in range(n_images)])
    said = texts(figure)
    assert all(f"field_{n}.tif" in said for n in range(n_images))
    # In 100 x 120 pixels of 1.61 um
    assert said.count("96.5") == 1
    assert "my $assay$" in said


def test_hundreds_of_images_are_bars_and_a_histogram():
    figure = drawn([record(f"field_{n}.tif", n % 40 + 1) for n in range(500)])
    counts, densities, _ = figure.axes
    assert sum(bar.get_height() == 40 for bar in counts.patches) == 12
    assert "1: field_0.tif" in counts.get_xlabel()
    assert "500: field_499.tif" in counts.get_xlabel()
    assert sum(bar.get_height() for bar in densities.patches) == 500
    assert "median 643" in densities.get_xlabel()


def test_the_example_is_the_median_of_those_with_cells():
    records = [record(f"{n}.tif", n) for n in (0, 90, 10, 50, 0)]
    records.append(ImageRecord("broken.tif", is_readable=False))
    assert summary.example_of(records, rows_of(records)) == (3, 0)
    assert summary.example_of([], []) is None
    figure = drawn(records)
    assert "For example 50.tif" in texts(figure)
    detected, annotated = figure.axes[-1].collections
    assert (len(detected.get_offsets()), len(annotated.get_offsets())) == (50, 0)


def test_letters_that_the_font_lacks_are_no_boxes():
    figure = drawn([record("細胞\n.tif", 3)])
    assert "???.tif" in texts(figure)


def test_nothing_of_pyplot_is_left_behind():
    import sys

    drawn([record("a.tif", 3)])
    assert "matplotlib.pyplot" not in sys.modules


def test_the_page_says_how_good_the_model_is_and_what_from_to_means():
    figures = {"B": "F 0.84 within 16 µm on the test images", "other": "F 1"}
    lines = summary.facts(rows_of([record("a.tif", 5)]), 1, figures)
    assert lines[-1] == "B: F 0.84 within 16 µm on the test images"
    rows = rows_of([record("a.tif", 5)])
    assert "was not measured" in summary.interval_text(rows)
    known = [row | {"interval_rate": rate} for row in rows for rate in (0.8, 0.9)]
    assert "in 80% to 90% of images" in summary.interval_text(known)


def test_the_example_says_what_its_symbols_mean():
    figure = drawn([record("a.tif", 5, 2)])
    (legend,) = [axes.get_legend() for axes in figure.axes if axes.get_legend() is not None]
    said = [one.get_text() for one in legend.get_texts()]
    assert said == ["detected, not annotated (3)", "annotated (2)"]
    figure.canvas.draw()
    # Above the image, beside its name.
    box = legend.get_window_extent()
    assert box.y0 >= legend.axes.get_window_extent().y1 - 1


def test_no_line_runs_over_the_margin():
    rows = [row | {"interval_rate": 0.75} for row in rows_of([record("a.tif", 5)])]
    figure = Figure(figsize=summary.PAGE_INCHES)
    FigureCanvasAgg(figure)
    for text in (summary.RULE, summary.interval_text(rows), summary.NO_INTERVAL):
        summary.write(figure, summary.LEFT, 0.5, text, fontsize=summary.TEXT - 1.5)
    figure.canvas.draw()
    right = (summary.LEFT + summary.WIDTH + 0.02) * figure.bbox.width
    assert all(one.get_window_extent().x1 <= right for one in figure.texts)
