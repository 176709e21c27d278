"""One page on a project: counts and densities, an example image with its points, how found."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_htcell import atomic
from napari_htcell.colours import ANNOTATED_COLOUR, DETECTED_COLOUR
from napari_htcell.export import ImageRecord, Row, count_cells, count_row
from napari_htcell.imagefiles import ImageError, ImageFile
from napari_htcell.images import to_grey
from napari_htcell.words import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CREATOR = "napari-htcell"

PAGE_INCHES = (8.27, 11.69)
DPI = 200

MAX_TABLE_ROWS = 24
"""Rows that can be read in a table of half a page; more are drawn."""

MAX_PIXELS = 1600
"""Longest side of the example image: more than the page shows only makes the file large."""

LEFT, WIDTH = 0.07, 0.86
"""Of what is written, as parts of the page's width."""

TEXT = 8.5

RULE = (
    "In all: the annotated cells where a person has said that every cell is annotated; elsewhere "
    "the annotated and the detected ones, each once."
)

FONT = "DejaVu Sans"
"""Comes with matplotlib, so that the page looks the same everywhere."""


def write_summary(
    path: Path,
    title: str,
    records: Sequence[ImageRecord],
    read: Callable[[str], ImageFile],
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
    """
    # Loaded here: it takes a second. Never pyplot, which would hold every page and choose a window.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=PAGE_INCHES, dpi=DPI)
    FigureCanvasAgg(figure)
    draw(figure, title, records, read)
    content = io.BytesIO()
    kind = path.suffix.lower().removeprefix(".")
    metadata = {"Creator": CREATOR, "Title": _printable(title)}
    if kind == "png":
        metadata = {"Software": CREATOR, "Title": _printable(title)}
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
) -> None:
    """Draw the page onto a figure of A4's proportions."""
    rows = [count_row(record, frame) for record in records for frame in range(record.n_frames)]
    _text(figure, LEFT, 0.955, title[:50], fontsize=18, fontweight="bold")
    for line, text in enumerate(facts(rows, len(records))):
        _text(figure, LEFT, 0.93 - 0.017 * line, text, fontsize=TEXT + 0.5)
    _text(figure, LEFT, 0.858, RULE, fontsize=TEXT - 1.5, color="0.4")
    if len(rows) <= MAX_TABLE_ROWS:
        height = 0.0136 * (len(rows) + 1)
        _draw_table(figure.add_axes((LEFT, 0.84 - height, WIDTH, height)), rows)
        left = 0.78 - height
    else:
        _draw_counts(figure.add_axes((0.1, 0.68, 0.83, 0.15)), rows)
        _draw_densities(figure.add_axes((0.1, 0.51, 0.83, 0.11)), rows)
        left = 0.44
    _draw_example(figure, left, records, rows, read)
    made = f"napari-htcell {version('napari-htcell')}, {datetime.now(UTC).date().isoformat()}"
    _text(figure, LEFT, 0.025, made, fontsize=TEXT - 1.5, color="0.4")


def facts(rows: Sequence[Row], n_images: int) -> list[str]:
    """Return what holds for the whole page, in lines: how many, and how found."""
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
    else:
        lines.append("No model was run")
    return lines


def _values(rows: Iterable[Row], column: str, form: str = "{}") -> str:
    """Return the different values of a column, in words."""
    texts = list(dict.fromkeys(form.format(r[column]) for r in rows if r[column] is not None))
    return ", ".join(texts[:3]) + (f" and {len(texts) - 3} others" if len(texts) > 3 else "")


def _label(row: Row, *, with_frame: bool, width: int = 38) -> str:
    name = row["image"]
    frame = f", frame {row['frame']}" if with_frame else ""
    room = width - len(frame)
    # The end tells images of one series apart, and the start the series.
    short = name if len(name) <= room else f"{name[: room // 2 - 1]}…{name[-(room - room // 2) :]}"
    return short + frame


def _number(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _draw_table(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw a line for each image: numbers, densities, and a bar of the cells in all."""
    axes.set_xlim(0, 1)
    axes.set_ylim(len(rows) + 1, 0)
    axes.axis("off")
    columns = (
        ("status", 0.40, "left"), ("annotated", 0.57, "right"), ("detected", 0.67, "right"),
        ("in all", 0.75, "right"), ("per mm²", 0.85, "right"),
    )  # fmt: skip
    _text(axes, 0, 0.7, "image", fontsize=TEXT, fontweight="bold")
    for name, x, side in columns:
        _text(axes, x, 0.7, name, fontsize=TEXT, fontweight="bold", ha=side)
    axes.axhline(1, color="0.3", linewidth=0.8)
    with_frame = any(row["frame"] for row in rows)
    most = max((row["final"] or 0 for row in rows), default=0)
    for line, row in enumerate(rows, start=1):
        density = row["final_per_mm2"]
        values = (
            row["status"], row["annotated"], row["detected"], row["final"],
            None if density is None else _number(density),
        )  # fmt: skip
        _text(axes, 0, line + 0.7, _label(row, with_frame=with_frame), fontsize=TEXT)
        for (_, x, side), value in zip(columns, values, strict=True):
            text = "–" if value is None else str(value)
            _text(axes, x, line + 0.7, text, fontsize=TEXT, ha=side)
        if row["final"]:
            width = 0.13 * row["final"] / most
            axes.barh(line + 0.5, width, 0.6, left=0.87, color="0.55")


def _draw_counts(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw a bar for each image; annotated ones at the foot."""
    place = np.arange(len(rows))
    final = np.asarray([row["final"] or 0 for row in rows], dtype=float)
    annotated = np.asarray([row["annotated"] or 0 for row in rows], dtype=float)
    annotated = np.where(np.asarray([row["final"] is None for row in rows]), 0, annotated)
    axes.bar(place, final, 1.0, color=DETECTED_COLOUR, label="detected and not annotated")
    axes.bar(place, np.minimum(annotated, final), 1.0, color=ANNOTATED_COLOUR, label="annotated")
    axes.set_xlim(-0.5, len(rows) - 0.5)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("cells", fontsize=TEXT)
    with_frame = any(row["frame"] for row in rows)
    ends = [_printable(_label(row, with_frame=with_frame)) for row in (rows[0], rows[-1])]
    axes.set_xlabel(f"1: {ends[0]}    {len(rows)}: {ends[1]}", fontsize=TEXT, parse_math=False)
    axes.set_xticks([0, *range(99, len(rows), 100)] if len(rows) > 200 else [0, len(rows) - 1])
    axes.set_xticklabels([str(round(place) + 1) for place in axes.get_xticks()])
    axes.tick_params(axis="x", labelsize=TEXT - 1)
    axes.tick_params(axis="y", labelsize=TEXT - 1)
    axes.legend(fontsize=TEXT - 1, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False)
    _plain_frame(axes)


def _draw_densities(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw how many images have which density, or which count where no density is known."""
    densities = [row["final_per_mm2"] for row in rows if row["final_per_mm2"] is not None]
    counts = [row["final"] for row in rows if row["final"] is not None]
    values, what = (densities, "cells per mm²") if densities else (counts, "cells")
    if not values:
        axes.axis("off")
        _text(axes, 0, 0.5, "No image is counted yet", fontsize=TEXT)
        return
    axes.hist(values, bins=min(40, max(8, len(values) // 10)), color="0.55")
    low, middle, high = np.percentile(values, [25, 50, 75])
    axes.axvline(float(middle), color="black", linewidth=1)
    axes.set_xlabel(
        f"{what}: median {_number(middle)}, half of the images from {_number(low)} to "
        f"{_number(high)}, least {_number(min(values))}, most {_number(max(values))}",
        fontsize=TEXT,
    )
    axes.set_ylabel("images", fontsize=TEXT)
    axes.tick_params(labelsize=TEXT - 1)
    _plain_frame(axes)


def _plain_frame(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


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
    except ImageError:
        return
    pixels = file.pixels[frame] if file.ndim == 3 else file.pixels
    grey = to_grey(np.asarray(pixels), is_rgb=file.is_rgb)
    axes = figure.add_axes((LEFT, 0.06, WIDTH, top - 0.085), anchor="NW")
    height, width = grey.shape
    step = -(-max(height, width) // MAX_PIXELS)
    dark, bright = np.percentile(grey[::step, ::step], [0.5, 99.5])
    axes.imshow(
        grey[::step, ::step], cmap="gray", vmin=dark, vmax=max(bright, dark + 1e-6),
        extent=(-0.5, width - 0.5, height - 0.5, -0.5), interpolation="antialiased",
    )  # fmt: skip
    cells = count_cells(record.annotation, record.detections, frame)
    axes.scatter(
        cells.detected_only[:, 1], cells.detected_only[:, 0], s=30, linewidths=1, facecolors="none",
        edgecolors=DETECTED_COLOUR, label=f"detected ({len(cells.detected_only)})",
    )  # fmt: skip
    axes.scatter(
        cells.annotated[:, 1], cells.annotated[:, 0], s=12, linewidths=0.3,
        facecolors=ANNOTATED_COLOUR, edgecolors="black",
        label=f"annotated ({len(cells.annotated)})",
    )  # fmt: skip
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    axes.axis("off")
    row = {"image": record.image, "frame": frame}
    name = _label(row, with_frame=record.n_frames > 1, width=70)
    _text(figure, LEFT, top, f"For example {name}", fontsize=TEXT + 0.5, fontweight="bold")
    axes.legend(
        fontsize=TEXT, loc="upper left", bbox_to_anchor=(0, -0.005), ncols=2, frameon=False,
        borderaxespad=0, borderpad=0.2, handletextpad=0.2,
    )  # fmt: skip
    _draw_scale_bar(axes, width, height, record.known_pixel_size_um)


def _draw_scale_bar(axes: Axes, width: int, height: int, pixel_size_um: float | None) -> None:
    if pixel_size_um is None:
        return
    wanted = width * pixel_size_um / 5
    power = 10.0 ** np.floor(np.log10(wanted))
    length_um = max(one * power for one in (1, 2, 5) if one * power <= wanted)
    length = length_um / pixel_size_um
    left, y = 0.02 * width, 0.96 * height
    outline: dict[str, Any] = {"color": "black", "linewidth": 5, "solid_capstyle": "butt"}
    axes.plot([left, left + length], [y, y], **outline)
    axes.plot([left, left + length], [y, y], color="white", linewidth=3, solid_capstyle="butt")
    text = f"{length_um / 1000:g} mm" if length_um >= 1000 else f"{length_um:g} µm"
    _text(
        axes, left, y - 0.02 * height, text, fontsize=TEXT, color="white",
        bbox={"facecolor": "black", "alpha": 0.6, "linewidth": 0, "pad": 1},
    )  # fmt: skip


def _text(where: Any, x: float, y: float, text: str, **look: Any) -> None:
    # Dollars in a file's name are no formula.
    where.text(x, y, _printable(text), parse_math=False, fontfamily=FONT, **look)


def _printable(text: str) -> str:
    """Return a text with ? for what the font does not have, which else is a box and a warning."""
    return "".join(letter if letter.isprintable() and _has(letter) else "?" for letter in text)


@cache
def _has(letter: str) -> bool:
    from matplotlib.font_manager import findfont, get_font

    return bool(get_font(findfont(FONT)).get_char_index(ord(letter)))
