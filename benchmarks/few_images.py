"""What a few complete images are worth, and which threshold survives them.

    .venv/bin/python benchmarks/few_images.py --data simulated --output few_images.json

Version B is fine-tuned on a few complete images; all others of the set are looked at. For each
way of choosing a threshold: what it chose, and F on the others at 16 um. No test image is
touched: the sets are simulated images that no shipped model has seen, T98G training images (which
need a base model that has not seen them either, such as `make_shipped.py --no-real` makes), and
five frames of one field of migrating muscle cells (two of them complete).
"""

from __future__ import annotations

import copy
import csv
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import t98g
import torch

import napari_htcell as htcell
from napari_htcell import Annotation, Project, sample
from napari_htcell.calibrate import CUTOFFS_UM, THRESHOLDS, choose_threshold, judge
from napari_htcell.cards import software
from napari_htcell.config import DEFAULT_MODEL
from napari_htcell.dataset import LearningImage, learning_images
from napari_htcell.evaluate import Judgement, total
from napari_htcell.folds import two_folds
from napari_htcell.models import Model
from napari_htcell.network import Network
from napari_htcell.progress import run
from napari_htcell.training import Keeper, Lesson, train_network
from napari_htcell.versions import get_version

MUSCLE = t98g.FOLDER.parent / "muscle"
MUSCLE_UM = 1.0
"""Nobody states it; at this size its cells are as large as those the shipped model knows."""

SHARES = (0.1, 0.3, 1.0)
"""Parts of the stage's steps after which networks of the cross-validation judge."""

CPU = torch.device("cpu")
Truth = dict[str, npt.NDArray[np.float64]]


def simulated(folder: Path, seed: int) -> tuple[Project, Truth]:
    """Make ten simulated images that neither the sample data nor the shipped models have."""
    project = sample.make_project(folder, n_images=10, seed=3000 + seed)
    return project, {name: sample.read_truth(project, name) for name in project.images}


def real(folder: Path, seed: int) -> tuple[Project, Truth]:
    """Copy the T98G training images."""
    names, truth = t98g.split("train"), t98g.truth()
    t98g.add_images(folder, names)
    return htcell.open_project(folder), {t98g.ome_name(name): truth[name] for name in names}


def muscle(folder: Path, seed: int) -> tuple[Project, Truth]:
    """Copy the five frames of muscle cells."""
    shutil.copytree(MUSCLE / "images", folder / "images")
    points: dict[str, list[tuple[float, float]]] = {}
    with (MUSCLE / "centroids.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            points.setdefault(row["image"], []).append((float(row["y"]), float(row["x"])))
    project = htcell.open_project(folder)
    project.state_pixel_size(MUSCLE_UM)
    return project, {name: np.asarray(found) for name, found in points.items()}


SETS = {"simulated": (simulated, 3), "t98g": (real, 3), "muscle": (muscle, 2)}
"""Name of a set to what makes it and how many images are completed."""


def learn(base: Model, images: Sequence[LearningImage], share: float, folder: Path) -> Network:
    """Return the base model's network after a part of version B's second stage."""
    network = copy.deepcopy(base.network)
    lesson = Lesson(0, get_version("B").fine_tuning, images, base.card.training, share)
    keeper = Keeper(folder / "state.safetensors", "", 3600)
    run(train_network(network, lesson, torch.float32, keeper))
    keeper.path.unlink()
    run(network.settle(images, CPU))
    return network


def f_at(judgements: Sequence[Judgement], threshold: float) -> float:
    """Return F at the usual cut-off."""
    return total(one.match(threshold, CUTOFFS_UM[0]) for one in judgements).f_score


def one_seed(data: str, base: Model, seed: int) -> dict[str, Any]:
    """Fine-tune on a few images drawn by the seed, and judge on all others."""
    make, n_complete = SETS[data]
    settings, size = base.card.detection, base.card.training.pixel_size_um
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        project, truth = make(folder / data, seed)
        for name in project.images:
            project.save_annotation(name, Annotation.of(truth[name], complete=True))
        stage = get_version("B").fine_tuning
        found = run(
            learning_images(project, stage, base.card.training, base.card.image_pixel_size_um)
        )
        chosen = np.random.default_rng(seed).permutation(len(found))[:n_complete]
        few = [found[index] for index in chosen]
        others = [one for index, one in enumerate(found) if index not in chosen]
        before = f_at(judge(base.network, others, settings, size), settings.threshold)
        tuned = learn(base, few, 1.0, folder)
        after = judge(tuned, others, settings, size)
        choices = {"the base model's": settings.threshold}
        own = judge(tuned, few, settings, size)
        choices["on the images learnt from"] = choose_threshold(own, settings).threshold
        for share in SHARES:
            left_out: list[Judgement] = []
            for fold in two_folds(few):
                network = learn(base, fold.learnt, share, folder)
                left_out += judge(network, fold.left_out, settings, size)
            name = f"cross-validation, {share:g} of the steps"
            choices[name] = choose_threshold(left_out, settings).threshold
    return {
        "seed": seed,
        "completed": n_complete,
        "others": len(others),
        "F before": round(before, 4),
        "F after, best threshold": round(max(f_at(after, t) for t in THRESHOLDS), 4),
        "F after": {
            name: {"threshold": t, "F": round(f_at(after, t), 4)} for name, t in choices.items()
        },
    }


@click.command()
@click.option("--data", type=click.Choice(list(SETS)), required=True)
@click.option("--base", default=DEFAULT_MODEL, show_default=True, help="Model to start from.")
@click.option("--seeds", default=1, show_default=True, help="Number of seeds, from 0.")
@click.option("--output", type=click.Path(path_type=Path), default=None, help="JSON file to write.")
def main(data: str, base: str, seeds: int, output: Path | None) -> None:
    """Print F on images not learnt from, by how the threshold was chosen."""
    model = htcell.load_model(base)
    rows = []
    for seed in range(seeds):
        row = one_seed(data, model, seed)
        rows.append(row)
        print(f"{data}, seed {seed}: {row['completed']} completed, {row['others']} others")
        print(f"  F before {row['F before']:.3f}")
        for name, one in row["F after"].items():
            print(f"  F after  {one['F']:.3f} at {one['threshold']:.2f}, threshold {name}")
        print(f"  F after  {row['F after, best threshold']:.3f} at the best threshold", flush=True)
    if output is not None:
        result = {"data": data, "base": model.name, "software": software(), "rows": rows}
        output.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
