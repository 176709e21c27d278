"""htcell demo: in a window where there can be one."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from napari_htcell.atomic import free_path
from napari_htcell.cli.reporting import Reporter, following

if TYPE_CHECKING:
    from napari_htcell.demo import DemoResult

XVFB = ("xvfb-run", "-a", "-s", "-screen 0 1600x1000x24")
"""A screen in memory, large enough for the docked plugin."""

QT_BINDINGS = ("PyQt6", "PySide6", "PyQt5", "PySide2")


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default="htcell_demo",
    show_default=True,
    help="Where to copy the sample project; a numbered one beside it if it is there already.",
)
@click.option("--no-window", is_flag=True, help="Without napari's window.")
@following
def demo(folder: Path, no_window: bool, report: Reporter) -> None:
    """Run the whole job on the sample project, and print what it gave.

    Detect, complete three images as their truth says, fine-tune, detect again, export. With a
    display it runs in napari's window, which stays open; without one in a window on a screen in
    memory, where there is xvfb-run.
    """
    folder = free_path(folder)
    reason = "--no-window" if no_window or report.is_json else why_no_window()
    if reason is None:
        # Not in this process: a window may take the whole interpreter with it.
        sys.exit(subprocess.run(window_command(folder), check=False).returncode)
    if not no_window and not report.is_json:
        report.say(f"Running without a window: {reason}.")
    from napari_htcell.demo import run_steps, table

    result = report.follow(run_steps(folder), if_stopped=f"what was done is in {folder}")
    report.result(_as_json(result), table(result))


def _as_json(result: DemoResult) -> dict[str, Any]:
    return {
        "project": str(result.project),
        "models": result.models,
        "counts": str(result.counts),
        "points": str(result.points),
        "images": [
            {
                "image": row.image,
                "learnt_from": row.is_learnt_from,
                "true_cells": row.before.n_truth,
                "counted_before": row.before.n_points,
                "counted_after": row.after.n_points,
                "f_before": row.before.f_score,
                "f_after": row.after.f_score,
            }
            for row in result.rows
        ],
        "f_before": result.before.f_score,
        "f_after": result.after.f_score,
    }


def why_no_window() -> str | None:
    """Return why there can be no window; None if there can."""
    if importlib.util.find_spec("napari") is None or not any(
        importlib.util.find_spec(name) for name in QT_BINDINGS
    ):
        return "napari and a Qt are not installed (pip install 'napari-htcell[all]')"
    if not has_display() and shutil.which(XVFB[0]) is None:
        return "there is neither a display nor xvfb-run"
    return None


def has_display() -> bool:
    """Return whether a window can be seen."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def window_command(folder: Path) -> list[str]:
    """Return the command that runs the demo in a window."""
    command = [sys.executable, "-m", "napari_htcell.widgets.demo", "--folder", str(folder)]
    return [*command, "--stay"] if has_display() else [*XVFB, *command]
