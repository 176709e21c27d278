"""What a click is worth: a simulated person corrects images of a set that no model has seen.

    .venv/bin/python benchmarks/clicks.py --output benchmarks/clicks.json --plot docs/pictures

The person is shown images one after another, finishes each (every cell it lacks is added, every
false alarm rejected, all the others accepted at once, the image marked complete), and after 1, 2, 4
and 8 images fine-tunes what they began with. Each model is judged on images of the set that the
person never saw. Clicks are additions, rejections, one to accept the rest, one to mark the image
complete; "each accept a click" counts the accepted ones too. Who finishes a quarter or an eighth of
each image draws a region around it, two clicks, and leaves the rest as it is. Minutes are
`SECONDS_A_CLICK` for each click, and the seconds of training.

Ways: E with images in the order that the plugin suggests, in a random one, or first those with most
corrections to expect; the paper's B fine-tuned by its own recipe, as suggested; and from scratch:
no model, every cell clicked, E learnt from random weights on what is complete. E and from scratch
also by parts of images.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np
import numpy.typing as npt
import t98g
from bars import with_bar
from trials import TRAININGS, fingerprint, keep, recipe_of, result_of

import napari_htcell as htcell
from napari_htcell import Annotation, Project, sample
from napari_htcell.annotations import Region
from napari_htcell.calibrate import CUTOFFS_UM
from napari_htcell.cards import software
from napari_htcell.evaluate import Judgement, total
from napari_htcell.learn import fine_tune_steps, train_steps
from napari_htcell.models import Model
from napari_htcell.simulate import SimulationConfig
from napari_htcell.usefulness import ranked, usefulness
from napari_htcell.versions import QUICK, VERSIONS, Version, get_version

Points = npt.NDArray[np.float64]
Truth = dict[str, Points]

SECONDS_A_CLICK = 1.2
"""A hundred corrections in two minutes."""
NOTHING = Annotation.of(np.empty((0, 2)))
CUTOFF_UM = CUTOFFS_UM[0]
STOPS = (1, 2, 4, 8)
GOAL = 0.9

OTHER_OPTICS = SimulationConfig(
    height_px=550, width_px=550, cells_per_mm2=40, cell_length_um=38, cell_width_um=24,
    cell_phase_rad=(2.2, 3.0), halo_width_um=(25, 30), ring_radius_per_um=(0.09, 0.11),
    ring_amplitude=(0.6, 0.7), blur_um=(2.0, 2.6), shading=(0.3, 0.4),
)  # fmt: skip
"""Rounder cells under another phase ring, out of focus and in uneven light."""

UNSTATED_UM = 1.0
"""Nobody states the pixel size of the real sets; at this one their cells are as large as those
that the shipped models know."""


def from_table(folder: Path, name: str) -> tuple[Project, Truth]:
    """Copy a set of images with a table of points."""
    source = t98g.FOLDER.parent / name
    shutil.copytree(source / "images", folder / "images")
    project = htcell.open_project(folder)
    project.state_pixel_size(UNSTATED_UM)
    points: dict[str, list[tuple[float, float]]] = {one: [] for one in project.images}
    with (source / "centroids.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            points[row["image"]].append((float(row["y"]), float(row["x"])))
    return project, {one: np.asarray(found).reshape(-1, 2) for one, found in points.items()}


def simulated(folder: Path) -> tuple[Project, Truth]:
    """Make simulated images without a click."""
    project = sample.make_project(folder, OTHER_OPTICS, n_images=20, n_complete=0, seed=9100)
    truth = {name: sample.read_truth(project, name) for name in project.images}
    for name in project.images:
        project.save_annotation(name, NOTHING)
    return project, truth


SETS: dict[str, tuple[Callable[[Path], tuple[Project, Truth]], int]] = {
    "simulated, other optics": (simulated, 10),
    "BBBC039, fluorescent nuclei": (lambda folder: from_table(folder, "bbbc039"), 8),
    "muscle, five frames of one field": (lambda folder: from_table(folder, "muscle"), 2),
}
"""Name of a set to what makes it, and how many of its images are never shown to the person."""


@dataclass(frozen=True)
class Way:
    """How the person goes on.

    Parameters
    ----------
    base : str
        Shipped model to begin with; none is from scratch.
    order : {"suggested", "most corrections", "random"}
        Of the images; the first two by what the model last learnt finds in them.
    part : float
        How much of each image is finished, in a corner drawn at random.
    """

    base: str
    order: Literal["suggested", "most corrections", "random"] = "random"
    part: float = 1.0


WAYS = {
    "E, as suggested": Way("E", "suggested"),
    "E, random order": Way("E"),
    "E, most corrections first": Way("E", "most corrections"),
    "B, as suggested": Way("B", "suggested"),
    "from scratch": Way(""),
    "E, quarters": Way("E", "suggested", 1 / 4),
    "from scratch, quarters": Way("", part=1 / 4),
    "E, eighths": Way("E", "suggested", 1 / 8),
    "from scratch, eighths": Way("", part=1 / 8),
}

SCRATCH, SCRATCH_STEPS = "E from scratch", 700
"""Its version, and its steps: after every stop one waits for these, and for the folds' as many."""


@dataclass(frozen=True)
class Corrected:
    """What a person did to one image, or in a region of it."""

    annotation: Annotation
    added: int
    rejected: int
    accepted: int


def correct(found: Points, truth: Points, pixel_size_um: float) -> Corrected:
    """Finish an image: what was found and is a cell stays where it was found."""
    match = htcell.evaluate(found, truth, cutoff_um=CUTOFF_UM, pixel_size_um=pixel_size_um)
    right, known = match.pairs.T
    wrong = np.delete(found, right, axis=0)
    missing = np.delete(truth, known, axis=0)
    annotation = Annotation.of(np.concatenate([found[right], missing])).reject(wrong)
    return Corrected(annotation, len(missing), len(wrong), len(right))


def corner(shape: Sequence[int], part: float, rng: np.random.Generator) -> Region:
    """Draw a part of an image of shape (Y, X) in one of its four corners."""
    side = part**0.5
    (top, bottom), (left, right) = (
        rng.choice([(-0.5, side * extent), ((1 - side) * extent, extent - 0.5)]) for extent in shape
    )
    return Region(((top, left), (top, right), (bottom, right), (bottom, left)))


class Person:
    """Somebody with a set of images, a model or none, and a mouse."""

    def __init__(self, name: str, way: Way, folder: Path, seed: int) -> None:
        self.way = way
        self.seed = seed
        self.rng = np.random.default_rng([seed, 1])
        make, n_hidden = SETS[name]
        self.project, self.truth = make(folder / "set")
        order = np.random.default_rng(seed).permutation(self.project.images).tolist()
        self.hidden, self.waiting = sorted(order[:n_hidden]), order[n_hidden:]
        self.base = htcell.load_model(way.base) if way.base else None
        self.model = self.base
        self.clicks = self.accepted = self.corrected = self.learnt = 0
        self.seconds = self.expected = 0.0

    def size(self, name: str) -> float:
        """Return an image's pixel size in micrometres."""
        return self.project.read_image(name).pixel_size_um or UNSTATED_UM

    def found(self, name: str, model: Model | None) -> htcell.Detections:
        """Detect in an image with a model."""
        assert model is not None
        pixels = self.project.read_image(name).pixels
        return htcell.detect(pixels, model, pixel_size_um=self.size(name))

    def next_image(self) -> str:
        """Take the next image out of those that wait."""
        name = self.waiting[0]
        if self.way.order != "random":
            useful = {one: usefulness(NOTHING, self.found(one, self.model)) for one in self.waiting}
            if self.way.order == "suggested":
                name, _ = ranked(useful.items())[0]
            else:
                name = max(self.waiting, key=lambda one: useful[one].corrections)
        self.waiting.remove(name)
        return name

    def finish(self, name: str) -> None:
        """Correct an image, or click it from nothing."""
        found, truth, size = np.empty((0, 2)), self.truth[name], self.size(name)
        if self.way.base:
            detections = self.found(name, self.model)
            found = detections.points
            self.expected += usefulness(NOTHING, detections).corrections
        if self.way.part < 1:
            shape = self.project.read_image(name).pixels.shape[:2]
            region = corner(shape, self.way.part, self.rng)
            found, truth = found[region.contains(found)], truth[region.contains(truth)]
            done = correct(found, truth, size)
            finished, marked = replace(done.annotation, regions=(region,)), 2
        else:
            done = correct(found, truth, size)
            finished, marked = done.annotation.mark_complete(), 1
        self.project.save_annotation(name, finished)
        self.clicks += done.added + done.rejected + (1 if done.accepted else 0) + marked
        self.accepted += done.accepted
        self.corrected += done.added + done.rejected

    def learn(self) -> None:
        """Fine-tune what the person began with on all that is complete by now."""
        self.learnt += 1
        name = f"round {self.learnt}"
        if self.base is None:
            steps = train_steps(SCRATCH, self.project, name=name, seed=self.seed)
        else:
            steps = fine_tune_steps(self.base, self.project, name=name, seed=self.seed)
        self.model = with_bar(steps, name)
        self.seconds += self.model.card.seconds

    def state(self, images: int) -> dict[str, Any]:
        """Return what it has cost, and what the model is worth on images never shown."""
        row: dict[str, Any] = {"images": images, "clicks": self.clicks}
        row["clicks, each accept a click"] = self.clicks + self.accepted
        if self.way.base and self.way.part == 1:
            row["corrections"] = self.corrected
            row["corrections the plugin expected"] = round(self.expected, 1)
        row["training s"] = round(self.seconds, 1)
        row["minutes"] = round((SECONDS_A_CLICK * self.clicks + self.seconds) / 60, 2)
        return row | ({} if self.model is None else judged(self, self.model))


def judged(person: Person, model: Model) -> dict[str, float]:
    """Return F and count error on the images never shown."""
    matches = []
    for name in person.hidden:
        found, size = person.found(name, model), person.size(name)
        one = Judgement(found.points, found.scores, person.truth[name], size)
        matches.append(one.match(model.card.detection.threshold, CUTOFF_UM))
    totals = total(matches)
    return {"F 16 um": round(totals.f_score, 4), "count error": round(totals.count_error, 4)}


def from_scratch() -> Version:
    """Return the version of those who begin with no model."""
    stages = (replace(QUICK, learn_from="complete", min_steps=SCRATCH_STEPS),)
    return replace(get_version("E"), name=SCRATCH, stages=stages)


def recipe(way: str) -> str:
    """Return a fingerprint of what a way begins with, and how it learns."""
    base = WAYS[way].base
    if not base:
        return recipe_of(from_scratch())
    return fine_tuning_recipe(get_version(base), base)


def fine_tuning_recipe(version: Version, base: str) -> str:
    """Return a fingerprint of how a version fine-tunes, and of the shipped model that it does."""
    weights = htcell.load_model(base).network.state_dict()
    hashed = sha256(b"".join(one.numpy().tobytes() for one in weights.values())).hexdigest()
    return fingerprint(version.fine_tuning, version.shares, version.preferred, hashed)


def follow(name: str, way: str, seed: int) -> dict[str, Any]:
    """Follow one person through one set."""
    VERSIONS[SCRATCH] = from_scratch()
    with tempfile.TemporaryDirectory() as folder:
        person = Person(name, WAYS[way], Path(folder), seed)
        rows = [person.state(0)]
        for images in range(1, 1 + min(max(STOPS), len(person.waiting))):
            person.finish(person.next_image())
            if images in STOPS:
                person.learn()
                rows.append(person.state(images))
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    return {"set": name, "way": way, "seed": seed, "rows": rows, "threads": threads}


def reached(rows: Sequence[dict[str, Any]], counted: str) -> int | None:
    """Return the clicks after which F was at the goal, or None."""
    return next((row[counted] for row in rows if row.get("F 16 um", 0) >= GOAL), None)


def markdown(results: Sequence[dict[str, Any]]) -> str:
    """Return a table with a row for each way through each set, means over its seeds."""
    shown = {"F 16 um": ".3f", "count error": ".2f"}
    counted = ("clicks", "clicks, each accept a click")
    titles = ["set", "way", "seeds", "untouched", *shown, *counted, f"clicks to {GOAL}, each seed"]
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for name, way in dict.fromkeys((one["set"], one["way"]) for one in results):
        runs = [one["rows"] for one in results if (one["set"], one["way"]) == (name, way)]
        after = list(zip(*(rows[1:] for rows in runs), strict=True))  # by stop, of each seed
        cells = [name, way, str(len(runs))]
        untouched = [rows[0]["F 16 um"] for rows in runs if "F 16 um" in rows[0]]
        cells.append(f"{np.mean(untouched):.2f}" if untouched else "")
        for what, form in shown.items():
            cells.append(", ".join(f"{mean_of(rows, what):{form}}" for rows in after))
        cells += [", ".join(f"{mean_of(rows, what):.0f}" for rows in after) for what in counted]
        cells.append(", ".join(str(reached(rows, "clicks") or "never") for rows in runs))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def mean_of(rows: Sequence[dict[str, Any]], what: str) -> float:
    """Return the mean of a figure."""
    return float(np.mean([row[what] for row in rows]))


def plot(results: Sequence[dict[str, Any]], folder: Path) -> None:
    """Draw F and count error against clicks and minutes, a row of plots for each set."""
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(one["set"] for one in results))
    axes = ["clicks", "minutes"]
    what = ["F 16 um", "count error"]
    figure, panels = plt.subplots(
        len(names), 4, figsize=(14, 3 * len(names)), squeeze=False, layout="constrained"
    )
    for line, name in zip(panels, names, strict=True):
        for panel, (y, x) in zip(line, [(y, x) for y in what for x in axes], strict=True):
            for index, way in enumerate(WAYS):
                runs = [one["rows"] for one in results if (one["set"], one["way"]) == (name, way)]
                for number, rows in enumerate(runs):
                    seen = [row for row in rows if y in row]
                    label = way if number == 0 else None
                    xs, ys = [row[x] for row in seen], [row[y] for row in seen]
                    panel.plot(
                        xs, ys, "o-", color=f"C{index}", label=label, markersize=4, alpha=0.8
                    )
            panel.set_xlabel(x)
            panel.set_ylabel(y)
        line[0].set_title(name, loc="left")
    panels[0, 0].legend(fontsize=8)
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "clicks.png", dpi=110)


@click.command()
@click.option("--set", "sets", multiple=True, type=click.Choice(list(SETS)), help="These alone.")
@click.option("--way", "ways", multiple=True, type=click.Choice(list(WAYS)), help="These alone.")
@click.option("--seeds", default=3, show_default=True, help="Number of seeds, from 0.")
@click.option("--kept", is_flag=True, help="What is kept; nobody clicks.")
@click.option("--work", type=click.Path(path_type=Path), default=TRAININGS / "clicks")
@click.option("--output", type=click.Path(path_type=Path), help="Write JSON there.")
@click.option("--plot", "folder", type=click.Path(path_type=Path), help="Draw clicks.png there.")
@click.option("--single", nargs=3, type=(str, str, int), hidden=True)
def main(
    sets: tuple[str, ...],
    ways: tuple[str, ...],
    seeds: int,
    kept: bool,
    work: Path,
    output: Path | None,
    folder: Path | None,
    single: tuple[str, str, int] | None,
) -> None:
    """Print what each way has reached after how many clicks."""

    def place(name: str, way: str, seed: int) -> Path:
        return work / f"{name}, {way}, seed {seed}.json"

    if single is not None:
        keep(place(*single), follow(*single), recipe(single[1]))
        return
    results = []
    for name in sets or SETS:
        for way in ways or WAYS:
            for seed in range(seeds):
                if kept and not place(name, way, seed).exists():
                    continue
                call = ["--work", str(work), "--single", name, way, str(seed)]
                found = result_of(place(name, way, seed), __file__, *call, recipe=recipe(way))
                results.append(found)
    click.echo(markdown(results))
    if folder is not None:
        plot(results, folder)
    if output is not None:
        content = {"results": results, "software": software()}
        output.write_text(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()
