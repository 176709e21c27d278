"""`htcell detect` in as many images as the paper has, killed on the way and gone on with.

    .venv/bin/python benchmarks/many_images.py --output benchmarks/many_images.json

2,465 small simulated images and a stack, one file of them damaged, are detected in: once in one
go, and once with a kill (SIGKILL) after each quarter, after which the same command is called again.
Both tables must be the same, but for the dates.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
import tifffile
from workers import detect, rows_of, worked

from napari_htcell import processes
from napari_htcell.cards import software
from napari_htcell.simulate import SimulationConfig, simulate_image

N_FIELDS, SIDE_PX, N_FRAMES = 20, 256, 12
FLAGS = ("--model", "B")


def write_images(folder: Path, number: int) -> None:
    """Write so many images, all different, a stack, and a file that is cut short."""
    rng = np.random.default_rng(0)
    scene = SimulationConfig(height_px=SIDE_PX, width_px=SIDE_PX, cells_per_mm2=300)
    fields = [simulate_image(scene, rng).image for _ in range(N_FIELDS)]

    def variant() -> np.ndarray[Any, Any]:
        field = np.rot90(fields[rng.integers(N_FIELDS)], rng.integers(4))
        return np.roll(field, tuple(rng.integers(SIDE_PX, size=2)), (0, 1))

    for index in range(number - 2):
        tifffile.imwrite(folder / f"field_{index:05}.tif", variant())
    frames = np.stack([variant() for _ in range(N_FRAMES)])
    tifffile.imwrite(folder / "time.tif", frames, metadata={"axes": "TYX"})
    whole = (folder / "field_00000.tif").read_bytes()
    (folder / "broken.tif").write_bytes(whole[: len(whole) // 2])


def killed_on_the_way(images: Path, table: Path, number: int) -> int:
    """Detect, killed after each quarter; return how often it was."""
    unfinished, kills = table.with_name(f"{table.name}.unfinished"), 0
    for quarter in (1, 2, 3):
        job = detect(images, table, *FLAGS)
        while job.poll() is None:
            time.sleep(0.1)
            if unfinished.exists() and unfinished.read_bytes().count(b"\n") > quarter * number / 4:
                job.send_signal(signal.SIGKILL)
        kills += job.wait() == -signal.SIGKILL
    detect(images, table, *FLAGS).wait()
    return kills


@click.command()
@click.option("--images", "number", default=2465, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), default=None, help="JSON file to write.")
def main(number: int, output: Path | None) -> None:
    """Print the seconds of both, and whether their tables are the same."""
    with tempfile.TemporaryDirectory() as place:
        images = Path(place) / "images"
        images.mkdir()
        write_images(images, number)
        tables, seconds = [Path(place) / f"{name}.csv" for name in ("whole", "killed")], []
        before = worked()
        code = detect(images, tables[0], *FLAGS).wait()
        seconds.append(worked() - before)
        before = worked()
        kills = killed_on_the_way(images, tables[1], number)
        seconds.append(worked() - before)
        rows = [rows_of(table) for table in tables]
    result: dict[str, Any] = {
        "images": number,
        "rows": len(rows[0]),
        "unreadable": [row["image"] for row in rows[0] if row["status"] == "unreadable"],
        "exit_code": code,
        "kills": kills,
        "same_tables": rows[0] == rows[1],
        "processor_seconds": {"in one go": seconds[0], "killed and gone on with": seconds[1]},
    }
    click.echo(json.dumps(result, indent=1))
    if output is not None:
        about = {"cores": processes.cores(), "software": software()}
        output.write_text(json.dumps(result | about, indent=1) + "\n")
    sys.exit(0 if result["same_tables"] and kills == 3 else 1)


if __name__ == "__main__":
    main()
