"""What keeps version E from more on T98G's test images, their kind or too little to learn from.

    .venv/bin/python benchmarks/limit.py --output benchmarks/limit.json

Nothing is chosen here, and no model comes of it. E learns from the 30 training images as `ablation`
has them, and besides from eight of the ten test images with all of their cells; it is judged on
the other two, in five turns. Had E only not known this kind of field, it would know it now. What
remains is what images of this kind, learnt from in this number, do not tell: cells that can be
drawn in more than one way among it.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np
import t98g
from ablation import CUTOFFS_UM, DROPPED, N_COMPLETE, counted
from bars import with_bar
from tqdm import tqdm
from trials import in_own_process, keep

from napari_htcell.cards import software
from napari_htcell.evaluate import f_score
from napari_htcell.learn import train_steps

TURNS = 5


def measure(seed: int, turn: int) -> dict[str, Any]:
    """Learn from the training images and eight test images, and count on the other two."""
    train, test = t98g.split("train"), t98g.split("test")
    left_out = test[turn::TURNS]
    known = [name for name in test if name not in left_out]
    chosen = np.random.default_rng(seed).permutation(train)[:N_COMPLETE]
    with tempfile.TemporaryDirectory() as folder:
        project = t98g.partial_project(
            Path(folder) / "t98g", dropped=DROPPED, order="crowded", seed=seed, names=train + known
        )
        t98g.complete(project, sorted([*map(str, chosen), *known]))
        model = with_bar(train_steps("E", project, seed=seed), f"turn {turn}, seed {seed}")
    return {
        "images": left_out,
        "threshold": model.card.detection.threshold,
        "training s": model.card.seconds,
        "counts": counted(model, left_out),
    }


@click.command()
@click.option("--seeds", default=1, show_default=True, help="Number of seeds, from 0.")
@click.option("--work", type=click.Path(path_type=Path), default=Path("limit"))
@click.option("--output", type=click.Path(path_type=Path), help="Write JSON there.")
@click.option("--single", nargs=2, type=int, hidden=True)
def main(seeds: int, work: Path, output: Path | None, single: tuple[int, int] | None) -> None:
    """Print F on the test images of networks that know their neighbours."""

    def place(seed: int, turn: int) -> Path:
        return work / f"seed {seed}, turn {turn}.json"

    if single is not None:
        keep(place(*single), measure(*single))
        return
    rows = []
    for seed in tqdm(range(seeds), unit="seed"):
        results = [
            in_own_process(
                place(seed, turn), __file__, "--work", str(work), "--single", str(seed), str(turn)
            )
            for turn in range(TURNS)
        ]
        counts = np.concatenate([one["counts"] for one in results])  # images, cut-offs, TP FP FN
        figures = {
            f"F {um:.0f} um": round(f_score(*map(int, counts[:, index].sum(axis=0))), 4)
            for index, um in enumerate(CUTOFFS_UM)
        }
        rows.append({"seed": seed, **figures, "turns": results})
        click.echo(f"seed {seed}: {figures}")
    if output is not None:
        output.write_text(json.dumps({"seeds": rows, "software": software()}, indent=1))


if __name__ == "__main__":
    main()
