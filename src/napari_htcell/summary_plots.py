"""The parts of the summary page: texts, a table, bars, a histogram, an image with its points."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_htcell.colours import ANNOTATED_COLOUR, DETECTED_COLOUR
from napari_htcell.export import Cells, Row
from napari_htcell.frame import GreyImage

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_PIXELS = 1600
"""Longest side of the example image: more than the page shows only makes the file large."""

TEXT = 8.5
"""Size of most texts in points."""

FONT = "DejaVu Sans"
"""Comes with matplotlib, so that the page looks the same everywhere."""


def label_of(row: Row, *, with_frame: bool, width: int = 31) -> str:
    """Return what a row's image is called in a narrow column."""
    name = row["image"]
    frame = f", frame {row['frame']}" if with_frame else ""
    room = width - len(frame)
    # The end tells images of one series apart, and the start the series.
    short = name if len(name) <= room else f"{name[: room // 2 - 1]}…{name[-(room - room // 2) :]}"
    return short + frame


def _number(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def draw_table(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw a line for each image: numbers, densities, and a bar of the cells in all."""
    axes.set_xlim(0, 1)
    axes.set_ylim(len(rows) + 1, 0)
    axes.axis("off")
    columns = (
        ("status", 0.34, "left"), ("annotated", 0.52, "right"), ("detected", 0.61, "right"),
        ("in all", 0.68, "right"), ("from–to", 0.77, "right"), ("per mm²", 0.86, "right"),
    )  # fmt: skip
    write(axes, 0, 0.7, "image", fontsize=TEXT, fontweight="bold")
    for name, x, side in columns:
        write(axes, x, 0.7, name, fontsize=TEXT, fontweight="bold", ha=side)
    axes.axhline(1, color="0.3", linewidth=0.8)
    with_frame = any(row["frame"] for row in rows)
    most = max((row["final"] or 0 for row in rows), default=0)
    for line, row in enumerate(rows, start=1):
        density = row["final_per_mm2"]
        values = (
            row["status"], row["annotated"], row["detected"], row["final"],
            None if row["final_low"] is None else f"{row['final_low']}–{row['final_high']}",
            None if density is None else _number(density),
        )  # fmt: skip
        write(axes, 0, line + 0.7, label_of(row, with_frame=with_frame), fontsize=TEXT)
        for (_, x, side), value in zip(columns, values, strict=True):
            text = "–" if value is None else str(value)
            write(axes, x, line + 0.7, text, fontsize=TEXT, ha=side)
        if row["final"]:
            width = 0.13 * row["final"] / most
            axes.barh(line + 0.5, width, 0.6, left=0.87, color="0.55")


def draw_counts(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw a bar for each image; annotated ones at the foot."""
    place = np.arange(len(rows))
    final = np.asarray([row["final"] or 0 for row in rows], dtype=float)
    annotated = np.asarray([row["annotated"] or 0 for row in rows], dtype=float)
    annotated = np.where(np.asarray([row["final"] is None for row in rows]), 0, annotated)
    axes.bar(place, final, 1.0, color=DETECTED_COLOUR, label="detected and not annotated")
    axes.bar(place, np.minimum(annotated, final), 1.0, color=ANNOTATED_COLOUR, label="annotated")
    known = [(at, row) for at, row in zip(place, rows, strict=True) if row["interval_rate"]]
    lows, highs = ([row[end] for _, row in known] for end in ("final_low", "final_high"))
    axes.vlines([at for at, _ in known], lows, highs, color="black", linewidth=0.6)
    axes.set_xlim(-0.5, len(rows) - 0.5)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("cells", fontsize=TEXT)
    with_frame = any(row["frame"] for row in rows)
    ends = [printable(label_of(row, with_frame=with_frame)) for row in (rows[0], rows[-1])]
    axes.set_xlabel(f"1: {ends[0]}    {len(rows)}: {ends[1]}", fontsize=TEXT, parse_math=False)
    axes.set_xticks([0, *range(99, len(rows), 100)] if len(rows) > 200 else [0, len(rows) - 1])
    axes.set_xticklabels([str(round(place) + 1) for place in axes.get_xticks()])
    axes.tick_params(axis="x", labelsize=TEXT - 1)
    axes.tick_params(axis="y", labelsize=TEXT - 1)
    axes.legend(fontsize=TEXT - 1, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False)
    _plain_frame(axes)


def draw_densities(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw how many images have which density, or which count where no density is known."""
    densities = [row["final_per_mm2"] for row in rows if row["final_per_mm2"] is not None]
    counts = [row["final"] for row in rows if row["final"] is not None]
    values, what = (densities, "cells per mm²") if densities else (counts, "cells")
    if not values:
        axes.axis("off")
        write(axes, 0, 0.5, "No image is counted yet", fontsize=TEXT)
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


def draw_picture(axes: Axes, grey: GreyImage, cells: Cells, pixel_size_um: float | None) -> None:
    """Draw an image, shape (Y, X), with its cells, a legend and a scale bar."""
    height, width = grey.shape
    step = -(-max(height, width) // MAX_PIXELS)
    dark, bright = np.percentile(grey[::step, ::step], [0.5, 99.5])
    axes.imshow(
        grey[::step, ::step], cmap="gray", vmin=dark, vmax=max(bright, dark + 1e-6),
        extent=(-0.5, width - 0.5, height - 0.5, -0.5), interpolation="antialiased",
    )  # fmt: skip
    axes.scatter(
        cells.detected_only[:, 1], cells.detected_only[:, 0], s=40, linewidths=1.2,
        facecolors="none", edgecolors=DETECTED_COLOUR,
        label=f"detected, not annotated ({len(cells.detected_only)})",
    )  # fmt: skip
    axes.scatter(
        cells.annotated[:, 1], cells.annotated[:, 0], s=12, linewidths=0.3,
        facecolors=ANNOTATED_COLOUR, edgecolors="black",
        label=f"annotated ({len(cells.annotated)})",
    )  # fmt: skip
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    axes.axis("off")
    axes.legend(
        fontsize=TEXT, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, frameon=False,
        borderaxespad=0, borderpad=0.2, handletextpad=0.2,
    )  # fmt: skip
    _draw_scale_bar(axes, width, height, pixel_size_um)


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
    write(
        axes, left, y - 0.02 * height, text, fontsize=TEXT, color="white",
        bbox={"facecolor": "black", "alpha": 0.6, "linewidth": 0, "pad": 1},
    )  # fmt: skip


def write(where: Any, x: float, y: float, text: str, **look: Any) -> None:
    """Write a text onto a figure or axes, as it is.

    Parameters
    ----------
    where : matplotlib.figure.Figure or matplotlib.axes.Axes
    x, y : float
        Place in the coordinates of `where`.
    text : str
    **look
        As matplotlib has it.
    """
    # Dollars in a file's name are no formula.
    where.text(x, y, printable(text), parse_math=False, fontfamily=FONT, **look)


def printable(text: str) -> str:
    """Return a text with ? for what the font does not have, which else is a box and a warning."""
    return "".join(letter if letter.isprintable() and _has(letter) else "?" for letter in text)


@cache
def _has(letter: str) -> bool:
    from matplotlib.font_manager import findfont, get_font

    return bool(get_font(findfont(FONT)).get_char_index(ord(letter)))
