"""How detection in many images gains from processes and from a cluster, one worker being killed.

    .venv/bin/python benchmarks/workers.py --images 200 --model B --output benchmarks/workers.json

`htcell detect` is run in one process, in two, and on a Dask scheduler with two workers as processes
of their own, one of which is killed when a third of the images is done. Tables must be the same.
Seconds are by the clock, and of the processor in all processes together, which other programs
hardly change: what two take more than one is what is lost on an idle machine with two cores.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
from speed import make_image
from start import MAIN

from napari_htcell import processes
from napari_htcell.cards import software
from napari_htcell.config import DEFAULT_MODEL

ADDRESS = "tcp://127.0.0.1:18786"
ONE_THREAD = os.environ | {"OMP_NUM_THREADS": "1"}


def begin(*arguments: object) -> subprocess.Popen[str]:
    """Start a Python program."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.Popen(
        command, env=ONE_THREAD, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def worked() -> float:
    """Return the seconds of the processor of all programs that were started and have ended."""
    times = os.times()
    return times.children_user + times.children_system


def detect(images: Path, table: Path, *flags: str) -> subprocess.Popen[str]:
    """Start `htcell detect`."""
    arguments = ["detect", str(images), "-o", str(table), "--pixel-size", "1.61", "--quiet", *flags]
    return begin("-c", MAIN.format(arguments))


def rows_of(table: Path) -> list[dict[str, str]]:
    """Return a table without the date at which each image was done."""
    with table.open(newline="", encoding="utf-8") as file:
        return [row | {"date": ""} for row in csv.DictReader(file)]


def on_cluster(images: Path, table: Path, n_images: int, *flags: str) -> float:
    """Detect on two workers, kill one, and return the seconds by the clock."""
    scheduler = begin(
        *("-m", "distributed.cli.dask_scheduler", "--port", ADDRESS.rpartition(":")[2]),
        *("--dashboard-address", ":0"),
    )
    worker = ("-m", "distributed.cli.dask_worker", ADDRESS, "--nthreads", 1, "--no-dashboard")
    workers = [begin(*worker, "--no-nanny") for _ in range(2)]
    try:
        time.sleep(8)  # they connect
        start, unfinished = time.perf_counter(), table.with_name(f"{table.name}.unfinished")
        job = detect(images, table, "--scheduler", ADDRESS, *flags)
        while job.poll() is None and workers[0].poll() is None:
            time.sleep(0.2)
            if unfinished.exists() and unfinished.read_bytes().count(b"\n") > n_images / 3:
                workers[0].kill()
        if job.wait():
            raise click.ClickException("the run on the cluster failed")
        return time.perf_counter() - start
    finally:
        for one in (*workers, scheduler):
            one.kill()
            one.wait()


@click.command()
@click.option("--images", "n_images", default=200, show_default=True)
@click.option("--model", default=DEFAULT_MODEL, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), default=None, help="JSON file to write.")
def main(n_images: int, model: str, output: Path | None) -> None:
    """Print the seconds for each image, and whether all tables are the same."""
    seconds: dict[str, dict[str, float]] = {}
    flags = ("--model", model)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        images = folder / "images"
        images.mkdir()
        first = make_image(images)
        for index in range(1, n_images):
            shutil.copy(first, images / f"field_{index:05}.tif")
        for workers in (1, 2):
            start, before = time.perf_counter(), worked()
            table = folder / f"{workers}.csv"
            if detect(images, table, "--workers", str(workers), *flags).wait():
                raise click.ClickException(f"the run with {workers} workers failed")
            wall = time.perf_counter() - start
            seconds[f"--workers {workers}"] = {"wall": wall, "processor": worked() - before}
        before = worked()
        wall = on_cluster(images, folder / "3.csv", n_images, *flags)
        lost = {"wall": wall, "processor": worked() - before}
        seconds["cluster, one of two workers killed"] = lost
        tables = [rows_of(folder / f"{name}.csv") for name in (1, 2, 3)]
    result: dict[str, Any] = {
        "images": n_images,
        "model": model,
        "seconds": seconds,
        "same_tables": tables[0] == tables[1] == tables[2],
    }
    for name, took in seconds.items():
        click.echo(f"{name}: {took['wall']:.1f} s, {took['processor']:.1f} of the processor")
    click.echo(f"the same tables: {result['same_tables']}")
    if output is not None:
        about = {"cores": processes.cores(), "software": software()}
        output.write_text(json.dumps(result | about, indent=1) + "\n")


if __name__ == "__main__":
    main()
