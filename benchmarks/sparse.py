"""Whether one sparse image can make a model worse: a region with a few cells, and no more.

    .venv/bin/python benchmarks/sparse.py --draws 2 --output benchmarks/sparse.json

Of so few cells nothing is learnt (`calibrate.LEAST_CELLS`). What would come of them is asked here:
the shipped model is fine-tuned all the same, on one complete region with two to five cells, drawn
by the seed, of a set that it does not know or of the T98G training images that it does, and judged
before and after on images never shown: of the same set, or T98G's test images. "At home" is F on
T98G's test images after learning from the other set.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import click
import numpy as np
import t98g
import tifffile
from bars import with_bar
from clicks import CUTOFF_UM, SETS, Person, Truth, Way, judged
from trials import keep, result_of

import napari_htcell as htcell
from napari_htcell import Annotation, Project, training_job
from napari_htcell.annotations import Region
from napari_htcell.cards import software
from napari_htcell.config import DEFAULT_MODEL
from napari_htcell.evaluate import total
from napari_htcell.learn import fine_tune_steps
from napari_htcell.models import Model

HOME = "T98G, which it knows"
SIDE = 0.35
"""Of the region, in sides of the image."""
CELLS = range(2, 6)
TRIES = 200


def home(folder: Path) -> tuple[Project, Truth]:
    """Copy the T98G training images, without a click."""
    names, truth = t98g.split("train"), t98g.truth()
    t98g.add_images(folder, names)
    return htcell.open_project(folder), {t98g.ome_name(name): truth[name] for name in names}


def at_home(model: Model) -> float:
    """Return F on T98G's test images."""
    truth, size = t98g.truth(), t98g.PIXEL_SIZE_UM
    matches = []
    for name in t98g.split("test"):
        image = tifffile.imread(t98g.FOLDER / "images" / name)
        points = htcell.detect(image, model, pixel_size_um=size).points
        matches.append(
            htcell.evaluate(points, truth[name], cutoff_um=CUTOFF_UM, pixel_size_um=size)
        )
    return round(total(matches).f_score, 4)


def sparse_region(person: Person, rng: np.random.Generator) -> tuple[str, Annotation]:
    """Return an image with a region of few cells, all of them clicked, and nothing else."""
    for _ in range(TRIES):
        name = str(rng.choice(person.waiting))
        height, width = person.project.read_image(name).pixels.shape[:2]
        size = np.array([SIDE * height, SIDE * width])
        start = rng.uniform(0, 1 - SIDE, 2) * (height, width)
        (top, left), (bottom, right) = start, start + size
        region = Region(((top, left), (top, right), (bottom, right), (bottom, left)))
        inside = person.truth[name][region.contains(person.truth[name])]
        if len(inside) in CELLS:
            return name, replace(Annotation.of(inside), regions=(region,))
    raise SystemExit(f"no region with {CELLS.start} to {CELLS.stop - 1} cells in {TRIES} tries")


def measure(set_name: str, draw: int) -> dict[str, Any]:
    """Fine-tune on one region, and judge before and after."""
    sets: dict[str, tuple[Callable[[Path], tuple[Project, Truth]], int]] = {HOME: (home, 0)}
    SETS.update(sets)
    with tempfile.TemporaryDirectory() as folder:
        person = Person(set_name, Way(DEFAULT_MODEL, False), Path(folder), draw)
        assert person.base is not None

        def f_of(model: Model) -> float:
            return at_home(model) if set_name == HOME else judged(person, model)["F 16 um"]

        name, annotation = sparse_region(person, np.random.default_rng(draw))
        person.project.save_annotation(name, annotation)
        steps = fine_tune_steps(person.base, person.project, name="after", seed=draw)
        with mock.patch.object(training_job, "LEAST_CELLS", 0):
            after = with_bar(steps, f"{set_name}, draw {draw}")
        return {
            "set": set_name,
            "draw": draw,
            "cells": len(annotation.points),
            "F before": f_of(person.base),
            "F after": f_of(after),
            "F at home after": at_home(after),
            "share kept": after.card.new_share,
            "training s": after.card.seconds,
        }


@click.command()
@click.option("--draws", default=4, show_default=True, help="Regions of each set.")
@click.option("--set", "sets", multiple=True, type=click.Choice([*SETS, HOME]), help="These alone.")
@click.option("--work", type=click.Path(path_type=Path), default=Path("sparse"), show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="Write JSON there.")
@click.option("--single", nargs=2, type=(str, int), hidden=True)
def main(
    draws: int,
    sets: tuple[str, ...],
    work: Path,
    output: Path | None,
    single: tuple[str, int] | None,
) -> None:
    """Print F before and after learning from one sparse region."""

    def place(name: str, draw: int) -> Path:
        return work / f"{name}, draw {draw}.json"

    if single is not None:
        keep(place(*single), measure(*single))
        return
    rows = []
    for name in sets or [*SETS, HOME]:
        for draw in range(draws):
            call = ["--work", str(work), "--single", name, str(draw)]
            rows.append(result_of(place(name, draw), __file__, *call))
            click.echo(json.dumps(rows[-1]))
    if output is not None:
        output.write_text(json.dumps({"rows": rows, "software": software()}, indent=1))


if __name__ == "__main__":
    main()
