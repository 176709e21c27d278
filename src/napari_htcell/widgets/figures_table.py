"""The table of Evaluate: how good the detections are on each complete image, and on all."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from qtpy.QtWidgets import QTreeWidget

from napari_htcell.comparison import Compared
from napari_htcell.evaluate import Match, Totals, total
from napari_htcell.widgets.comparing import Row
from napari_htcell.widgets.tables import row, table

COLUMNS = ("Image", "TP", "FP", "FN", "F", "d (µm)", "count off")
TIPS = (
    "",
    "Cells that were found",
    "False alarms",
    "Cells that were missed",
    "Found cells, over found, missed and falsely found ones: 1 is perfect",
    "How far a detection is from the click, on average",
    "How far the count is off; each image's tip says between what numbers the true one should lie",
)
COUNT_OFF = COLUMNS.index("count off")


def empty_table() -> QTreeWidget:
    """Return the table without rows."""
    return table(COLUMNS, TIPS, 0)


def fill(table: QTreeWidget, rows: Sequence[Row], is_shown: Callable[[Compared], bool]) -> None:
    """Show all images together, then each.

    Parameters
    ----------
    table : QTreeWidget
    rows : sequence of Row
    is_shown : callable
        Whether an image or frame is the one in the viewer, to be selected.
    """
    table.clear()
    if not rows:
        return
    summed = total(one.match for one in rows)
    table.addTopLevelItem(row(f"all {len(rows)}", *figures(summed), is_bold=True))
    for one in rows:
        mark = "⚠ " if one.compared.has_learnt else ""
        item = row(mark + one.name, *figures(one.match))
        item.setToolTip(
            0, f"{one.name}: {one.compared.model} at {one.threshold:.2f}; click to go there"
        )
        item.setToolTip(COUNT_OFF, count_text(one.compared))
        table.addTopLevelItem(item)
        item.setSelected(is_shown(one.compared))


def count_text(one: Compared) -> str:
    """Return a count beside the true one, and whether that is where it should lie."""
    text = f"{one.n_found} counted, {len(one.judgement.truth)} annotated"
    if one.interval is None:
        return text
    low, high = one.interval
    return f"{text}; {'inside' if one.interval_holds else '⚠ outside'} {low} to {high}"


def figures(one: Match | Totals) -> tuple[str, ...]:
    """Return what the table says about an image or all of them."""
    d, error = one.mean_distance_um, one.count_error
    return (
        str(one.tp),
        str(one.fp),
        str(one.fn),
        f"{one.f_score:.2f}",
        "–" if math.isnan(d) else f"{d:.1f}",
        "–" if math.isnan(error) else f"{100 * error:.0f} %",
    )
