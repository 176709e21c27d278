"""Whether one sparse image can make a model worse: a region with a few cells, and no more.

    .venv/bin/python benchmarks/sparse.py --output benchmarks/sparse.json

The shipped model is fine-tuned on one complete region of few cells, drawn by the seed, of a set
that it does not know or of the T98G training images that it does, and judged before and after on
images never shown: of the same set, or T98G's test images. "At home" is F on T98G's test images
after learning from the other set; "false alarms" are those in four simulated images of the same
optics, with a tenth of the cells.

Of fewer cells than `calibrate.LEAST_CELLS` nothing is learnt, so that these are as many or a few
more, with the usual fine-tuning and with one whose batch normalisation does not settle first.
Way "two to five cells" asks what would come of fewer, were they learnt from all the same.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import click
import clicks
import numpy as np
import t98g
import tifffile
from bars import with_bar
from clicks import CUTOFF_UM, OTHER_OPTICS, SETS, Person, Truth, fine_tuning_recipe, judged
from trials import TRAININGS, keep, result_of

import napari_htcell as htcell
from napari_htcell import Annotation, Project, dosage
from napari_htcell.annotations import Region
from napari_htcell.calibrate import LEAST_CELLS
from napari_htcell.cards import software
from napari_htcell.config import DEFAULT_MODEL
from napari_htcell.evaluate import total
from napari_htcell.learn import fine_tune_steps
from napari_htcell.models import Model
from napari_htcell.sample import make_project, read_truth
from napari_htcell.versions import QUICK_TUNING, VERSIONS, Stage, Version, get_version

HOME = "T98G, which it knows"
TRIES = 200


@dataclass(frozen=True)
class Way:
    """What is learnt from, and how.

    Parameters
    ----------
    cells : range
        How many are in the region.
    side : float
        Of the region, in sides of the image.
    tuning : Stage
    least_cells : int
        Of fewer nothing is learnt.
    """

    cells: range
    side: float
    tuning: Stage = QUICK_TUNING
    least_cells: int = LEAST_CELLS


USUAL = Way(range(LEAST_CELLS, 2 * LEAST_CELLS), 0.5)
WAYS = {
    "as usual": USUAL,
    "batch normalisation not settled first": replace(
        USUAL, tuning=replace(QUICK_TUNING, settles_first=False)
    ),
    "two to five cells": Way(range(2, 6), 0.35, least_cells=0),
}


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


def emptier(folder: Path) -> tuple[Project, Truth]:
    """Make simulated images with a tenth of the cells of those of `clicks`."""
    fewer = OTHER_OPTICS.model_copy(update={"cells_per_mm2": OTHER_OPTICS.cells_per_mm2 / 10})
    project = make_project(folder, fewer, n_images=4, n_complete=0, seed=77)
    return project, {name: read_truth(project, name) for name in project.images}


def false_alarms(model: Model, project: Project, truth: Truth) -> int:
    """Return how many of what a model finds in all images are no cells."""
    matches = []
    for name in project.images:
        image = project.read_image(name)
        found = htcell.detect(image.pixels, model, pixel_size_um=image.pixel_size_um).points
        matches.append(
            htcell.evaluate(
                found, truth[name], cutoff_um=CUTOFF_UM, pixel_size_um=image.pixel_size_um
            )
        )
    return total(matches).fp


def version_of(way: Way) -> Version:
    """Return the shipped model's version, fine-tuned in a way."""
    return replace(get_version(DEFAULT_MODEL), tuning=way.tuning)


def sparse_region(person: Person, way: Way, rng: np.random.Generator) -> tuple[str, Annotation]:
    """Return an image with a region of few cells, all of them clicked, and nothing else."""
    for _ in range(TRIES):
        name = str(rng.choice(person.waiting))
        shape = np.array(person.project.read_image(name).pixels.shape[:2])
        (top, left), (height, width) = rng.uniform(0, 1 - way.side, 2) * shape, way.side * shape
        bottom, right = top + height, left + width
        region = Region(((top, left), (top, right), (bottom, right), (bottom, left)))
        inside = person.truth[name][region.contains(person.truth[name])]
        if len(inside) in way.cells:
            return name, replace(Annotation.of(inside), regions=(region,))
    raise SystemExit(f"no region with {way.cells} cells in {TRIES} tries")


def measure(set_name: str, way_name: str, draw: int) -> dict[str, Any]:
    """Fine-tune on one region, and judge before and after."""
    way = WAYS[way_name]
    VERSIONS[DEFAULT_MODEL] = version_of(way)
    sets: dict[str, tuple[Callable[[Path], tuple[Project, Truth]], int]] = {HOME: (home, 0)}
    SETS.update(sets)
    with tempfile.TemporaryDirectory() as folder:
        person = Person(set_name, clicks.Way(DEFAULT_MODEL), Path(folder), draw)
        assert person.base is not None

        def f_of(model: Model) -> float:
            return at_home(model) if set_name == HOME else judged(person, model)["F 16 um"]

        name, annotation = sparse_region(person, way, np.random.default_rng(draw))
        person.project.save_annotation(name, annotation)
        steps = fine_tune_steps(person.base, person.project, name="after", seed=draw)
        with mock.patch.object(dosage, "LEAST_CELLS", way.least_cells):
            after = with_bar(steps, f"{set_name}, draw {draw}")
        row = {
            "set": set_name,
            "way": way_name,
            "draw": draw,
            "cells": len(annotation.points),
            "F before": f_of(person.base),
            "F after": f_of(after),
            "F at home after": at_home(after),
            "share kept": after.card.new_share,
            "training s": after.card.seconds,
        }
        if SETS[set_name][0] is clicks.simulated:
            fields = emptier(Path(folder) / "emptier")
            row["false alarms before"] = false_alarms(person.base, *fields)
            row["false alarms after"] = false_alarms(after, *fields)
        return row


def recipe(way: str) -> str:
    """Return a fingerprint of what a way begins with, and how it learns."""
    return fine_tuning_recipe(version_of(WAYS[way]), DEFAULT_MODEL)


@click.command()
@click.option("--draws", default=4, show_default=True, help="Regions of each set.")
@click.option("--set", "sets", multiple=True, type=click.Choice([*SETS, HOME]), help="These alone.")
@click.option("--way", "ways", multiple=True, type=click.Choice(list(WAYS)), help="These alone.")
@click.option("--work", type=click.Path(path_type=Path), default=TRAININGS / "sparse")
@click.option("--output", type=click.Path(path_type=Path), help="Write JSON there.")
@click.option("--single", nargs=3, type=(str, str, int), hidden=True)
def main(
    draws: int,
    sets: tuple[str, ...],
    ways: tuple[str, ...],
    work: Path,
    output: Path | None,
    single: tuple[str, str, int] | None,
) -> None:
    """Print F before and after learning from one sparse region."""

    def place(name: str, way: str, draw: int) -> Path:
        return work / f"{name}, {way}, draw {draw}.json"

    if single is not None:
        keep(place(*single), measure(*single), recipe(single[1]))
        return
    rows = []
    for name in sets or [*SETS, HOME]:
        for way in ways or WAYS:
            for draw in range(draws):
                call = ["--work", str(work), "--single", name, way, str(draw)]
                path = place(name, way, draw)
                rows.append(result_of(path, __file__, *call, recipe=recipe(way)))
                click.echo(json.dumps(rows[-1]))
    if output is not None:
        output.write_text(json.dumps({"rows": rows, "software": software()}, indent=1))


if __name__ == "__main__":
    main()
