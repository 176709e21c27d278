"""Seconds of one image, ours beside Spotiflow's predict and scikit-image's blob_log, in turns.

    .venv/bin/python benchmarks/speed_peers.py --spotiflow .venv-spotiflow/bin/python

One simulated image of 2048 x 1532 pixels in memory, to points in memory. Ours get it as it is;
peers both as it is, and as version E sees it (3.22 um per pixel, half as many pixels along each
side), which is what `peers` compares their F at; making it is not counted. Ratios are medians of
those of each turn, and seconds those of processors, which on one thread are what an idle core
takes, and which other programs hardly change. For Spotiflow's environment see `peers`; its weights
are random.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import torch
from classical import log
from speed import PIXEL_SIZE_UM, SHAPE, make_image

import napari_htcell as htcell
from napari_htcell import config, images, processes
from napari_htcell.cards import software
from napari_htcell.config import TrainConfig
from napari_htcell.frame import frame_image
from napari_htcell.imagefiles import ImageFile
from napari_htcell.versions import get_version

OURS = ("B", "E")
SEEN = config.override(TrainConfig(), **get_version("E").settings)
BLOB_SIGMA_PX, BLOB_THRESHOLD = 4, 0.2
"""Of `classical`, on the image as E sees it."""

Timed = Callable[[], tuple[float, int]]
"""Detects once; returns processor seconds and number of points."""


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Return how many processor seconds a function took, and what it returned."""
    start = time.process_time()
    found = function()
    return time.process_time() - start, found


def standardised(pixels: npt.NDArray[Any], pixel_size_um: float) -> npt.NDArray[np.float32]:
    """Return an image without uneven light, at another pixel size."""
    settings = config.override(SEEN, pixel_size_um=pixel_size_um)
    frame = frame_image(SHAPE, PIXEL_SIZE_UM, network_pixel_size_um=pixel_size_um)
    return images.prepare(frame.cut(images.to_grey(pixels)), settings)


def of_model(name: str, pixels: npt.NDArray[Any]) -> Timed:
    """Return what times one of our models."""
    model = htcell.load_model(name)

    def once() -> tuple[float, int]:
        took, found = timed(lambda: htcell.detect(pixels, model, pixel_size_um=PIXEL_SIZE_UM))
        return took, len(found)

    return once


def of_blob_log(image: npt.NDArray[np.float32], factor: float) -> Timed:
    """Return what times scikit-image; cells are so many times larger than E sees them."""

    def once() -> tuple[float, int]:
        took, found = timed(lambda: log(image, "activity", factor * BLOB_SIGMA_PX, BLOB_THRESHOLD))
        return took, len(found)

    return once


def of_spotiflow(
    python: str, image: npt.NDArray[np.float32], factor: float, threads: int, stack: ExitStack
) -> Timed:
    """Start Spotiflow in its environment, and return what times it there."""
    path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "image.npy"
    np.save(path, image)
    sigma = factor * SEEN.spot_sigma_um / SEEN.pixel_size_um
    script = Path(__file__).with_name("spotiflow_speed.py")
    process = subprocess.Popen(
        [python, str(script), str(path), str(sigma), str(threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    stack.callback(process.wait)
    stack.callback(process.kill)

    def once() -> tuple[float, int]:
        assert process.stdin is not None
        assert process.stdout is not None
        print("go", file=process.stdin, flush=True)
        found = json.loads(process.stdout.readline())
        return found["seconds"], found["points"]

    return once


def measure(finders: dict[str, Timed], repeats: int) -> dict[str, dict[str, Any]]:
    """Return the medians of seconds, and of their ratios to ours."""
    turns = [{name: once() for name, once in finders.items()} for _ in range(repeats + 1)][1:]
    seconds = {name: np.asarray([turn[name][0] for turn in turns]) for name in finders}
    return {
        name: {
            "seconds": float(np.median(took)),
            "points": turns[-1][name][1],
            **{f"over {ours}": float(np.median(took / seconds[ours])) for ours in OURS},
        }
        for name, took in seconds.items()
    }


@click.command()
@click.option("--spotiflow", default="", help="Python of Spotiflow's environment.")
@click.option("--repeats", default=5, show_default=True, help="Turns of which medians are taken.")
@click.option("--threads", default=1, show_default=True, help="Of torch and OpenCV.")
@click.option("--output", type=click.Path(path_type=Path), default=None, help="JSON file to write.")
def main(spotiflow: str, repeats: int, threads: int, output: Path | None) -> None:
    """Print what each takes, and how many times as long as ours."""
    import cv2

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        pixels = ImageFile.read(make_image(folder)).pixels
        finders = {name: of_model(name, pixels) for name in OURS}
        for factor in (1.0, SEEN.pixel_size_um / PIXEL_SIZE_UM):
            size = SEEN.pixel_size_um / factor
            image = standardised(pixels, size)
            at = f"at {size:g} um"
            finders[f"blob_log, {at}"] = of_blob_log(image, factor)
            if spotiflow:
                finders[f"Spotiflow, {at}"] = of_spotiflow(spotiflow, image, factor, threads, stack)
        rows = measure(finders, repeats)
    for name, one in rows.items():
        ratios = ", ".join(f"{one[f'over {ours}']:.1f} times {ours}" for ours in OURS)
        click.echo(f"{name}: {one['seconds']:.2f} s, {one['points']} points; {ratios}")
    if output is not None:
        about = {"threads": threads, "cores": processes.cores(), "software": software()}
        output.write_text(json.dumps({"rows": rows, "repeats": repeats} | about, indent=1))


if __name__ == "__main__":
    main()
