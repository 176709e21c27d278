"""One page on a project: counts and densities, an example image with its points, how found."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_htcell import atomic
from napari_htcell.export import ImageRecord, Row, count_cells, count_row
from napari_htcell.imagefiles import ImageFile
from napari_htcell.images import to_grey
from napari_htcell.summary_plots import (
    TEXT,
    draw_counts,
    draw_densities,
    draw_picture,
    draw_table,
    label_of,
    printable,
    write,
)
from napari_htcell.words import count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CREATOR = "napari-htcell"

PAGE_INCHES = (8.27, 11.69)
DPI = 200

MAX_TABLE_ROWS = 24
"""Rows that can be read in a table of half a page; more are drawn."""

INTERVAL = (
    "From–to: in {rate} of images like those the model was judged on the true number is between "
    "these; complete ones are exact."
)
NO_INTERVAL = (
    "From–to: exact where every cell is annotated; elsewhere the error of the counts was not "
    "measured."
)

MAX_FIGURES = 2
"""Models of which is said how good they are."""

MAX_LETTERS = 118
"""Of a line."""

LEFT, WIDTH = 0.07, 0.86
"""Of what is written, as parts of the page's width."""

RULE = (
    "In all: the annotated cells where a person has said that every cell is annotated; elsewhere "
    "the annotated and the detected ones, each once."
)


def write_summary(
    path: Path,
    title: str,
    records: Sequence[ImageRecord],
    read: Callable[[str], ImageFile],
    figures: Mapping[str, str] | None = None,
) -> None:
    """Write the page as .pdf or .png, replacing the file in one step.

    Parameters
    ----------
    path : Path
    title : str
        Name of the project.
    records : sequence of ImageRecord
    read : callable
        Reads an image by the name in its record; one is drawn, an unreadable one is not.
    figures : mapping of str to str, optional
        How good models are, in words, by their names.
    """
    # Loaded here: it takes a second. Never pyplot, which would hold every page and choose a window.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=PAGE_INCHES, dpi=DPI)
    FigureCanvasAgg(figure)
    draw(figure, title, records, read, figures)
    content = io.BytesIO()
    kind = path.suffix.lower().removeprefix(".")
    metadata = {"Creator": CREATOR, "Title": printable(title)}
    if kind == "png":
        metadata = {"Software": CREATOR, "Title": printable(title)}
    figure.savefig(content, format=kind, metadata=metadata)
    atomic.write_bytes(path, content.getvalue())


def is_ours(path: Path) -> bool:
    """Return whether a file is a page that was exported from here."""
    try:
        return CREATOR.encode() in path.read_bytes()
    except OSError:
        return False


def draw(
    figure: Figure,
    title: str,
    records: Sequence[ImageRecord],
    read: Callable[[str], ImageFile],
    figures: Mapping[str, str] | None = None,
) -> None:
    """Draw the page onto a figure of A4's proportions; see `write_summary`."""
    rows = [count_row(record, frame) for record in records for frame in range(record.n_frames)]
    write(figure, LEFT, 0.955, title[:50], fontsize=18, fontweight="bold")
    top = 0.93
    for text in facts(rows, len(records), figures):
        write(figure, LEFT, top, text, fontsize=TEXT + 0.5)
        top -= 0.017
    for text in (RULE, interval_text(rows)):
        write(figure, LEFT, top, text, fontsize=TEXT - 1.5, color="0.4")
        top -= 0.012
    if len(rows) <= MAX_TABLE_ROWS:
        height = 0.0136 * (len(rows) + 1)
        draw_table(figure.add_axes((LEFT, top - height, WIDTH, height)), rows)
        left = top - height - 0.05
    else:
        draw_counts(figure.add_axes((0.1, top - 0.16, 0.83, 0.15)), rows)
        draw_densities(figure.add_axes((0.1, top - 0.33, 0.83, 0.11)), rows)
        left = top - 0.4
    _draw_example(figure, left, records, rows, read)
    made = f"napari-htcell {version('napari-htcell')}, {datetime.now(UTC).date().isoformat()}"
    write(figure, LEFT, 0.025, made, fontsize=TEXT - 1.5, color="0.4")


def interval_text(rows: Sequence[Row]) -> str:
    """Return what the numbers from–to mean, with the rate at which they hold."""
    rates = sorted({row["interval_rate"] for row in rows if row["interval_rate"] is not None})
    if not rates:
        return NO_INTERVAL
    stated = f"{rates[0]:.0%}" if len(rates) == 1 else f"{rates[0]:.0%} to {rates[-1]:.0%}"
    return INTERVAL.format(rate=stated)


def facts(
    rows: Sequence[Row], n_images: int, figures: Mapping[str, str] | None = None
) -> list[str]:
    """Return what holds for the whole page, in lines: how many, how found, how good that is."""
    final = [row["final"] for row in rows if row["final"] is not None]
    annotated = sum(row["annotated"] or 0 for row in rows)
    frames = f" ({len(rows)} frames)" if len(rows) > n_images else ""
    what = f"{count(n_images, 'image')}{frames}: {count(annotated, 'cell')} annotated"
    if final:
        of = "" if len(final) == len(rows) else f" in the {len(final)} counted"
        what += f", {count(sum(final), 'cell')} in all{of}"
    detected = [row for row in rows if row["model"] is not None]
    sizes = _values(rows, "pixel_size_um", "{:.4g}")
    assumed = " (assumed)" if any(row["pixel_size_assumed"] for row in rows) else ""
    lines = [what, f"Pixel size: {sizes} µm{assumed}" if sizes else "Pixel size: not stated"]
    if detected:
        dates = sorted(row["date"][:10] for row in detected)
        when = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
        lines += [
            f"Model: {_values(detected, 'model')}; threshold: "
            f"{_values(detected, 'threshold', '{:.3g}')}; method: {_values(detected, 'method')}; "
            f"least distance: {_values(detected, 'min_distance_um', '{:.3g}')} µm",
            f"Detected on {when} with napari-htcell {_values(detected, 'plugin_version')}",
        ]
        run = dict.fromkeys(row["model"] for row in detected)
        known = [f"{name}: {figures[name]}" for name in run if figures and name in figures]
        lines += [line[:MAX_LETTERS] for line in known[:MAX_FIGURES]]
    else:
        lines.append("No model was run")
    return lines


def _values(rows: Iterable[Row], column: str, form: str = "{}") -> str:
    """Return the different values of a column, in words."""
    texts = list(dict.fromkeys(form.format(r[column]) for r in rows if r[column] is not None))
    return ", ".join(texts[:3]) + (f" and {len(texts) - 3} others" if len(texts) > 3 else "")


def example_of(records: Sequence[ImageRecord], rows: Sequence[Row]) -> tuple[int, int] | None:
    """Return index and frame of the image to show: of those with cells the one with the median.

    Parameters
    ----------
    records : sequence of ImageRecord
    rows : sequence of dict
        The rows of all their frames, in order.
    """
    places = [(index, frame) for index, one in enumerate(records) for frame in range(one.n_frames)]
    sizes = [
        (row["annotated"] or 0 if row["final"] is None else row["final"], *place)
        for row, place in zip(rows, places, strict=True)
        if records[place[0]].is_readable
    ]
    filled = sorted(one for one in sizes if one[0]) or sizes
    return filled[len(filled) // 2][1:] if filled else None


def _draw_example(
    figure: Figure,
    top: float,
    records: Sequence[ImageRecord],
    rows: Sequence[Row],
    read: Callable[[str], ImageFile],
) -> None:
    """Draw an image with its points from the foot of the page up to `top`."""
    chosen = example_of(records, rows)
    if chosen is None:
        return
    record, frame = records[chosen[0]], chosen[1]
    try:
        file = read(record.image)
        pixels = file.pixels[frame] if file.ndim == 3 else file.pixels
        grey = to_grey(np.asarray(pixels), is_rgb=file.is_rgb)
    except ValueError:
        return  # an image that cannot be read, or without a finite pixel
    name = label_of(
        {"image": record.image, "frame": frame}, with_frame=record.n_frames > 1, width=70
    )
    write(figure, LEFT, top, f"For example {name}", fontsize=TEXT + 0.5, fontweight="bold")
    axes = figure.add_axes((LEFT, 0.06, WIDTH, top - 0.085), anchor="NW")
    cells = count_cells(record.annotation, record.detections, frame)
    draw_picture(axes, grey, cells, record.known_pixel_size_um)
