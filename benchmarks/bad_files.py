"""Detect in a thousand files of which some are no images, and see that each bad one is reported.

    .venv/bin/python benchmarks/bad_files.py --files 1000 --output benchmarks/bad_files.json

Small images by the program's own command line, eight of them spoilt, each in another way. Exits
with 1 if the program stopped early, passed a bad file over in silence, or left out a good one.
"""

from __future__ import annotations

import csv
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import small
import tifffile

from napari_htcell.export import UNREADABLE
from napari_htcell.simulate import simulate_image

PROGRAM = (sys.executable, "-c", "from napari_htcell.cli import main; main(prog_name='htcell')")


def spoils() -> dict[str, Callable[[Path], Any]]:
    """Return ways to spoil an image, by name."""
    nothing = np.full((64, 64), np.nan, np.float32)

    def loop(path: Path) -> None:
        path.unlink()
        path.symlink_to(path)

    return {
        "empty": lambda path: path.write_bytes(b""),
        "truncated": lambda path: path.write_bytes(path.read_bytes()[:300]),
        "a text": lambda path: path.write_text("no image"),
        "not a number": lambda path: tifffile.imwrite(path, nothing),
        "complex": lambda path: tifffile.imwrite(path, nothing.astype(np.complex64)),
        "a link to itself": loop,
        "five dimensions": lambda path: tifffile.imwrite(
            path, np.zeros((2, 2, 2, 9, 9), np.uint8), photometric="minisblack"
        ),
        "zeros": lambda path: path.write_bytes(bytes(2000)),
    }


def fill(folder: Path, files: int, bad: int) -> dict[str, str]:
    """Write images and spoil some, spread among the others; return which, with how."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    field = simulate_image(small.IMAGES, rng).image[:64, :64]
    ways, spoilt = spoils(), {}
    for number in range(files):
        path = folder / f"well_{number:04}.tif"
        tifffile.imwrite(path, np.roll(field, number, axis=1))
        if (number + 1) * bad // files > len(spoilt):
            way = list(ways)[len(spoilt) % len(ways)]
            ways[way](path)
            spoilt[path.name] = way
    return spoilt


def try_it(place: Path, files: int) -> dict[str, Any]:
    """Detect in many files, some of them bad; return what became of them."""
    model = small.make_small(place / "project").models_folder / small.NAME
    folder, table = place / "plate", place / "counts.csv"
    spoilt = fill(folder, files, len(spoils()))
    started = time.monotonic()
    command = [*PROGRAM, "detect", str(folder), "--model", str(model), "-o", str(table)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - started
    if not table.exists():
        raise click.ClickException(f"no table was written: {done.stderr[-1000:]}")
    with table.open(encoding="utf-8", newline="") as file:
        rows = {row["image"]: row["status"] for row in csv.DictReader(file)}
    counted = [name for name, status in rows.items() if status != UNREADABLE]
    faults = [] if done.returncode == 1 else [f"exit code {done.returncode}, not 1"]
    told = [line for line in done.stderr.splitlines() if ".tif" in line]
    for name, way in spoilt.items():
        if sum(name in line for line in told) != 1:
            faults.append(f"{name} ({way}) is not told of once")
    expected = sorted(path.name for path in folder.iterdir() if path.name not in spoilt)
    if sorted(counted) != expected:
        faults.append(f"{len(counted)} images are counted, not {len(expected)}")
    return {
        "files": files,
        "bad": len(spoilt),
        "told_of": len(told),
        "counted": len(counted),
        "seconds": round(seconds),
        "faults": faults,
        "system": f"{platform.system()}, Python {platform.python_version()}",
    }


@click.command()
@click.option("--files", default=1000, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="JSON file of the results.")
def main(files: int, output: Path | None) -> None:
    """Detect in many files, some of them bad."""
    with tempfile.TemporaryDirectory() as place:
        result = try_it(Path(place), files)
    click.echo(json.dumps(result, indent=1))
    if output is not None:
        output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.exit(1 if result["faults"] else 0)


if __name__ == "__main__":
    main()
