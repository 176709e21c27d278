"""A million clicks: imported, exported and compared, by the program's own command line.

    .venv/bin/python benchmarks/million_rows.py --rows 1000000 --output benchmarks/million_rows.json

One table for a hundred images. Of each command: seconds, and the most memory it took. Exits with 1
if a click is missing at the end, or stands elsewhere.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import tifffile
from bad_files import PROGRAM

from napari_htcell import Project, pointsfile

SIDE_PX = 1024
APART_PX = 0.02
"""A click may stand this far from where it was: tables round."""


def run(*arguments: str | Path) -> dict[str, float]:
    """Run a command of the program, and return what it took."""
    start = time.monotonic()
    child = subprocess.Popen([*PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"htcell {arguments[0]} ended with {os.waitstatus_to_exitcode(status)}")
    return {
        "seconds": round(time.monotonic() - start, 1),
        "peak MiB": usage.ru_maxrss // 1024,
    }


def make(folder: Path, table: Path, rows: int, images: int) -> dict[str, np.ndarray]:
    """Write images, and a table of clicks; return these."""
    folder.mkdir()
    rng, clicks = np.random.default_rng(0), {}
    for number, part in enumerate(np.array_split(np.arange(rows), images)):
        name = f"field_{number:03d}.tif"
        pixels = rng.integers(100, 200, (SIDE_PX, SIDE_PX), np.uint8)
        tifffile.imwrite(folder / name, pixels)
        clicks[name] = np.round(rng.uniform(0, SIDE_PX - 1, (len(part), 2)), 3)
    with table.open("w", newline="") as file:
        file.write("image,y,x\n")
        for name, points in clicks.items():
            file.writelines(f"{name},{y:.3f},{x:.3f}\n" for y, x in points)
    return clicks


def missing(path: Path, clicks: dict[str, np.ndarray]) -> int:
    """Return how many clicks a table does not have, in their order."""
    read, absent = pointsfile.read_points(path), 0
    for name, points in clicks.items():
        found = np.reshape(read.get(name, (np.empty((0, 3)), []))[0], (-1, 3))[:, 1:]  # no frame
        if len(found) == len(points):
            order = [np.lexsort(one.T) for one in (found, points)]
            apart = np.abs(found[order[0]] - points[order[1]]).max(axis=1)
            absent += int((apart > APART_PX).sum())
        else:
            absent += len(points)
    return absent


@click.command()
@click.option("--rows", default=1_000_000, show_default=True)
@click.option("--images", default=100, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="JSON file of the results.")
def main(rows: int, images: int, output: Path | None) -> None:
    """Take a million clicks through the program."""
    with tempfile.TemporaryDirectory() as place:
        folder, table, points = (Path(place) / one for one in ("p", "clicks.csv", "points.csv"))
        clicks = make(folder, table, rows, images)
        quiet = ("--quiet",)
        took = {
            "import-annotations": run("import-annotations", folder, table, *quiet),
            "export": run(
                "export", folder, "-o", Path(place) / "counts.csv", "--points", points, *quiet
            ),
            "evaluate": run("evaluate", table, table, "--cutoff-px", "2"),
        }
        project = Project(folder)
        kept = sum(len(project.annotation(name).points) for name in project.images)
        result = {
            "rows": rows,
            "images": images,
            "kept": kept,
            "missing": missing(points, clicks),
            "commands": took,
            "system": f"{platform.system()}, Python {platform.python_version()}",
        }
    click.echo(json.dumps(result))
    if output is not None:
        output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.exit(1 if kept != rows or result["missing"] else 0)


if __name__ == "__main__":
    main()
