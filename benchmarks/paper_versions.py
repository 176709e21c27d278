"""Versions A and B by the paper's recipe on T98G, a third of the points dropped, crowded first.

    .venv/bin/python benchmarks/paper_versions.py --seeds 1 --output benchmarks/paper_versions.json

A learns from the 30 training images with partial clicks; ten of them are then completed, as a user
would, and B goes on from A with these. The ten test images are looked at once, at the end, with the
paper's detection (contours at 0.5) and with the default one (peaks, threshold on the model's card).
"""

from __future__ import annotations

import json
import platform
import resource
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np
import t98g
from tqdm import tqdm

import napari_htcell as htcell
from napari_htcell import config
from napari_htcell.cards import software
from napari_htcell.config import DetectConfig
from napari_htcell.detect import predict_steps
from napari_htcell.evaluate import total
from napari_htcell.learn import Steps, fine_tune_steps, train_steps
from napari_htcell.models import Model
from napari_htcell.progress import run

DROPPED = 1 / 3
N_CLEAN = 10
CUTOFFS_UM = (16.0, config.PAPER_CUTOFF_UM)


def with_bar(steps: Steps, label: str) -> Model:
    """Run a training with a progress bar."""
    with tqdm(desc=label, unit="step") as bar:
        while True:
            try:
                progress = next(steps)
            except StopIteration as stop:
                return stop.value
            bar.total, bar.n = progress.total, progress.done
            bar.update(0)


def scores(model: Model, names: list[str]) -> list[dict[str, Any]]:
    """Return one row per detection method: counts and F at both cut-offs."""
    centroids = t98g.truth()
    predictions = {
        name: run(
            predict_steps(
                htcell.read_image(t98g.FOLDER / "images" / name)[0],
                model,
                pixel_size_um=t98g.PIXEL_SIZE_UM,
            )
        )
        for name in names
    }
    rows = []
    for settings in (DetectConfig(method="contours"), model.card.detection):
        row: dict[str, Any] = {"method": settings.method, "threshold": settings.threshold}
        for cutoff_um in CUTOFFS_UM:
            result = total(
                htcell.evaluate(
                    prediction.detections(settings).points,
                    centroids[name],
                    cutoff_um=cutoff_um,
                    pixel_size_um=t98g.PIXEL_SIZE_UM,
                )
                for name, prediction in predictions.items()
            )
            row[f"at {cutoff_um:.0f} um"] = {
                "TP": result.tp,
                "FP": result.fp,
                "FN": result.fn,
                "d um": round(result.mean_distance_um, 2),
                "F": round(result.f_score, 4),
                "count error": round(result.count_error, 4),
            }
        rows.append(row)
    return rows


def one_seed(seed: int) -> list[dict[str, Any]]:
    """Train A, then B from it, and return their rows."""
    train, test = t98g.split("train"), t98g.split("test")
    clean = [str(name) for name in np.random.default_rng(seed).permutation(train)[:N_CLEAN]]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        project = t98g.partial_project(
            Path(folder) / "t98g", dropped=DROPPED, order="crowded", seed=seed, names=train
        )
        a = with_bar(
            train_steps("A", project, seed=seed, **config.PAPER_PREPROCESSING), f"A, seed {seed}"
        )
        t98g.complete(project, clean)
        b = with_bar(fine_tune_steps(a, project, "B", seed=seed), f"B, seed {seed}")
        for model in (a, b):
            for row in scores(model, test):
                rows.append(
                    {
                        "version": model.card.version,
                        "seed": seed,
                        "steps": model.card.steps,
                        "seconds": model.card.seconds,
                        "precision": model.card.precision,
                        **row,
                    }
                )
    return rows


@click.command()
@click.option("--seeds", default=1, show_default=True, help="Number of seeds, from 0.")
@click.option("--output", type=click.Path(path_type=Path), default=None, help="JSON file to write.")
def main(seeds: int, output: Path | None) -> None:
    """Train A and B on T98G by the paper's recipe and print their figures on its test images."""
    rows = [row for seed in range(seeds) for row in one_seed(seed)]
    result = {
        "data": "T98G; one third of the training points dropped, crowded first",
        "peak memory MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "machine": f"{platform.machine()}, {platform.system()}",
        "software": software(),
        "rows": rows,
    }
    for row in rows:
        print(
            f"{row['version']} seed {row['seed']}  {row['method']:8} at {row['threshold']:.2f}  "
            f"F 16 um {row['at 16 um']['F']:.3f}  F 113 um {row['at 113 um']['F']:.3f}  "
            f"training {row['seconds']:.0f} s ({row['steps']} steps)"
        )
    print(f"peak memory {result['peak memory MiB']} MiB")
    if output is not None:
        output.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
