"""Takes a picture of every step of the work in the real window, on the sample project.

    .venv/bin/python docs/make_pictures.py                # the pictures of the README and docs/
    .venv/bin/python docs/make_pictures.py --all FOLDER   # all, dark and light, to look at

It needs Xvfb, so that every picture is of a screen of 1366 x 768, and a few minutes, since it
fine-tunes. But for times and dates the pictures are the same each time on one computer.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click
import numpy as np
from PIL import Image
from qtpy.QtCore import QThreadPool
from tour import PICTURES, Part, Picture, Tour

from napari_htcell.widgets.demo import WINDOW_SIZE, pause, wait_until

DOCS = Path(__file__).parent
SCREEN = "x".join(map(str, (*WINDOW_SIZE, 24)))
SETTLE_MS = 400
"""Until what was changed is drawn."""

GREYS, COMMON, COLOURS = 24, 16, 56
"""Of a picture in docs/, which is small then and looks the same: even greys, the most common of the
bluish ones, and colours. Counted apart: else the noise of an image leaves none for its symbols."""

COLOURED = 24
"""Least difference between red, green and blue of what is no grey; napari's greys are bluish."""

Theme = Literal["dark", "light"]


def take(pictures: Sequence[Picture], folder: Path, everything: Path | None) -> None:
    """Do steps and take their pictures.

    Parameters
    ----------
    pictures : sequence of Picture
        From the first on, none left out.
    folder : Path
        Where the project goes; it must not be there yet.
    everything : Path or None
        Where to write each step in both themes; None for docs/.
    """
    tour = Tour(folder)
    try:
        for one in pictures:
            click.echo(one.name)
            tour.dialog = None
            one.do(tour)
            if everything is not None:
                for theme in ("dark", "light"):
                    _save(tour, "window", theme, everything / f"{one.name}_{theme}.png")
            elif one.file:
                path = DOCS / one.file
                _save(tour, one.part, "dark", path)
                _make_small(path)
            if tour.dialog is not None:
                tour.dialog.close()
    finally:
        tour.viewer.close()
        wait_until(lambda: QThreadPool.globalInstance().activeThreadCount() == 0)


def _save(tour: Tour, part: Part, theme: Theme, path: Path) -> None:
    tour.viewer.theme = theme
    pause(SETTLE_MS)
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = tour.dialog or (tour.dock if part == "dock" else None)
    if shown is not None:
        shown.grab().save(str(path))
    else:
        tour.viewer.screenshot(str(path), canvas_only=False, flash=False)


def _make_small(path: Path) -> None:
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    pixels = np.asarray(picture).reshape(1, -1, 3)
    is_coloured = np.ptp(pixels, axis=-1) >= COLOURED
    values = np.repeat(np.linspace(0, 255, GREYS, dtype=int), 3).tolist()
    for chosen, number in ((~is_coloured, COMMON), (is_coloured, COLOURS)):
        common = Image.fromarray(pixels[chosen][np.newaxis]).quantize(number)
        values += common.getpalette()[: 3 * number]
    palette = Image.new("P", (1, 1))
    palette.putpalette(values)
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)


def _on_own_screen(folder: Path) -> int:
    """Run this script again on a screen in memory, with nobody's own settings and models."""
    settings = {
        "NAPARI_CONFIG": str(folder / "napari.yaml"),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
        "QT_QPA_PLATFORM": "xcb",
        "QT_SCALE_FACTOR": "1",
    }
    command = ["xvfb-run", "-a", "-s", f"-screen 0 {SCREEN}", sys.executable, *sys.argv]
    command += ["--folder", str(folder / "my_assay")]
    return subprocess.run(command, env=os.environ | settings, check=False).returncode


@click.command(help=__doc__)
@click.option(
    "--all", "everything", type=click.Path(path_type=Path), help="Where to write all pictures."
)
@click.option("--folder", type=click.Path(path_type=Path), hidden=True)
def main(everything: Path | None, folder: Path | None) -> None:
    """Take all pictures."""
    if folder is not None:
        take(PICTURES, folder, everything)
        return
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(_on_own_screen(Path(temporary)))


if __name__ == "__main__":
    main()
