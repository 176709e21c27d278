"""F of a model on images that another microscope, camera or person at the bench might have made.

    .venv/bin/python benchmarks/robustness.py --model E --output benchmarks/robustness.json

The T98G images, changed in one way at a time, read with the model's own threshold; and at the best
threshold, which tells a threshold that does not survive from a network that does not see.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import numpy.typing as npt
import t98g
import tifffile

import napari_htcell as htcell
from napari_htcell.calibrate import CUTOFFS_UM, THRESHOLDS
from napari_htcell.cards import software
from napari_htcell.evaluate import Judgement, total
from napari_htcell.models import Model

Image = npt.NDArray[Any]


def stretched(image: Image) -> npt.NDArray[np.float64]:
    """Return grey level from 0 to 1."""
    grey = image.astype(np.float64)
    return (grey - grey.min()) / (grey.max() - grey.min())


def uneven(image: Image) -> Image:
    """Return it with light that falls to a half in one corner, in 16 bit."""
    rows, columns = np.indices(image.shape) / np.reshape(image.shape, (2, 1, 1))
    light = 1 - 0.25 * rows - 0.25 * columns
    return (stretched(image) * light * 60_000).astype(np.uint16)


def noisy(image: Image) -> Image:
    """Return it with the noise of a tenth of its range."""
    noise = np.random.default_rng(0).normal(0, 0.1, image.shape)
    return ((stretched(image) + noise).clip(0, 1) * 60_000).astype(np.uint16)


def blurred(sigma_um: float) -> Callable[[Image], Image]:
    """Return what puts an image out of focus."""

    def change(image: Image) -> Image:
        sigma = sigma_um / t98g.PIXEL_SIZE_UM
        return np.asarray(cv2.GaussianBlur(image.astype(np.float32), (0, 0), sigma))

    return change


CHANGES: dict[str, Callable[[Image], Image]] = {
    "as it is": lambda image: image,
    "8 bit": lambda image: (stretched(image) * 255).astype(np.uint8),
    "16 bit, a tenth of the range": lambda image: (stretched(image) * 6000 + 500).astype(np.uint16),
    "gamma 0.5": lambda image: stretched(image) ** 0.5,
    "gamma 2": lambda image: stretched(image) ** 2,
    "inverted": lambda image: 1 - stretched(image),
    "uneven light": uneven,
    "noise": noisy,
    "blur 2 um": blurred(2),
    "blur 4 um": blurred(4),
}
PIXEL_SIZES = {"pixels of 0.43 um": 2.0, "pixels of 1.73 um": 0.5, "pixels of 3.47 um": 0.25}
"""Enlargement for each; the size is stated as it is."""
WRONG_SIZES = {"cells 1.3 times as large": 1.3, "cells 0.77 times as large": 1 / 1.3}
"""The same pixels with another size stated: other cells, or a wrong pixel size."""


def measure(model: Model, part: str, change: Callable[[Image], Image], enlarged: float) -> Any:
    """Return F at both cut-offs, at the model's threshold and at the best one."""
    truth, judgements = t98g.truth(), []
    low, own = THRESHOLDS[0], model.card.detection.threshold
    for name in t98g.split(part):
        image = change(tifffile.imread(t98g.FOLDER / "images" / name))
        if enlarged != 1:
            how = cv2.INTER_AREA if enlarged < 1 else cv2.INTER_CUBIC
            image = cv2.resize(image, None, fx=enlarged, fy=enlarged, interpolation=how)
        size = t98g.PIXEL_SIZE_UM / enlarged
        found = htcell.detect(np.asarray(image), model, pixel_size_um=size, threshold=low)
        points = (found.points + 0.5) / enlarged - 0.5
        judgements.append(Judgement(points, found.scores, truth[name], t98g.PIXEL_SIZE_UM))
    return scores(judgements, own)


def wrong_size(model: Model, part: str, factor: float) -> Any:
    """Return the same where cells look larger by a factor than they are."""
    truth, judgements = t98g.truth(), []
    for name in t98g.split(part):
        image = tifffile.imread(t98g.FOLDER / "images" / name)
        size = t98g.PIXEL_SIZE_UM * factor
        found = htcell.detect(image, model, pixel_size_um=size, threshold=THRESHOLDS[0])
        judgements.append(Judgement(found.points, found.scores, truth[name], t98g.PIXEL_SIZE_UM))
    return scores(judgements, model.card.detection.threshold)


def scores(judgements: list[Judgement], own: float) -> dict[str, float]:
    """Return F at both cut-offs."""
    result = {}
    for cutoff in CUTOFFS_UM:
        by_threshold = {
            threshold: total(one.match(threshold, cutoff) for one in judgements).f_score
            for threshold in (*THRESHOLDS, own)
        }
        result[f"F {cutoff:.0f} um"] = round(by_threshold[own], 4)
        result[f"F {cutoff:.0f} um, best threshold"] = round(max(by_threshold.values()), 4)
    return result


@click.command()
@click.option("--model", "names", multiple=True, default=("E", "B"), show_default=True)
@click.option("--part", type=click.Choice(["train", "test"]), default="train", show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="Write JSON there.")
def main(names: tuple[str, ...], part: str, output: Path | None) -> None:
    """Print F under each change."""
    results: dict[str, Any] = {}
    for name in names:
        model = htcell.load_model(name)
        rows = {what: measure(model, part, change, 1) for what, change in CHANGES.items()}
        rows |= {
            what: measure(model, part, CHANGES["as it is"], factor)
            for what, factor in PIXEL_SIZES.items()
        }
        rows |= {what: wrong_size(model, part, factor) for what, factor in WRONG_SIZES.items()}
        results[model.card.name] = rows
        for what, row in rows.items():
            click.echo(f"{model.card.name}, {what}: {json.dumps(row)}")
    if output is not None:
        content = {"part": part, "results": results, "software": software()}
        output.write_text(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()
