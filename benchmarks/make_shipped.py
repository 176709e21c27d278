"""Train the models that come with the package, from the seed, on what may be used for it.

    .venv/bin/python benchmarks/make_shipped.py --output shipped

All versions of the paper, ours and both baselines, base width 16, from one project: partially
clicked images (simulated ones, and T98G training images of which a third of the points is dropped,
crowded first), and complete images of both kinds, with masks; E from the T98G images alone, and
from all of their points. T98G is MIT licensed. The card that training writes names every image;
its test figures are measured with the weights as they are on disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import t98g
from bars import with_bar

from napari_htcell import atomic, models, open_project
from napari_htcell.learn import train_steps
from napari_htcell.sample import make_project
from napari_htcell.simulate import SimulationConfig
from napari_htcell.versions import VERSIONS, get_version

SUMMARY = (
    "phase contrast: {real} real images of T98G cells (MIT licence, Tsai et al. 2019; "
    "{real_complete} of them complete){simulated}; not HT1080 images"
)
SIMULATED = (
    " and {simulated} simulated images of HT1080-like cells ({simulated_complete} of them complete)"
)
REAL_ALONE = ("E",)
"""Simulated images made it worse at home, and no better elsewhere (benchmarks/ablation.py)."""
N_SIMULATED, N_SIMULATED_COMPLETE = 200, 100
FIELD = SimulationConfig(height_px=550, width_px=550, cells_per_mm2=25)
"""Many small fields: each has a microscope of its own, and as many cells as a few large ones."""


@click.command()
@click.option("--output", type=click.Path(path_type=Path), required=True, help="New folder.")
@click.option("--seed", default=0, show_default=True)
@click.option("--real/--no-real", default=True, show_default=True, help="With T98G images.")
@click.option("--version", "versions", multiple=True, help="These alone, not all.")
def main(output: Path, seed: int, real: bool, versions: tuple[str, ...]) -> None:
    """Write the training project to OUTPUT, or go on there, and train the versions."""
    train = t98g.split("train") if real else []
    clean = t98g.drawn(train, seed)
    if not output.exists():
        # The sample data has seed 0; what it shows must not be what the models learnt from.
        make_project(
            output, FIELD, n_images=N_SIMULATED, seed=1000 + seed, n_complete=N_SIMULATED_COMPLETE
        )
        t98g.partial_project(output, dropped=1 / 3, order="crowded", seed=seed, names=train)
    project = open_project(output)
    t98g.complete(project, clean)
    simulated = SIMULATED.format(simulated=N_SIMULATED, simulated_complete=N_SIMULATED_COMPLETE)
    summary = SUMMARY.format(real=len(train), real_complete=len(clean), simulated=simulated)
    for version in versions or VERSIONS:
        # A name of its own: that of the model which the package has already is taken.
        settings: Mapping[str, Any] = {"name": f"new {version}", "seed": seed}
        if real and get_version(version).fine_tuning.most_images == 1:
            # The one image to tune on is a real one.
            one = t98g.partial_project(
                output / version, dropped=0, order="random", seed=seed, names=clean[:1]
            )
            t98g.complete(one, clean[:1])
            steps = train_steps(version, one, summary=f"one T98G image, {clean[0]}", **settings)
        elif real and version in REAL_ALONE:
            alone = t98g.partial_project(
                output / version, dropped=0, order="random", seed=seed, names=train
            )
            t98g.complete(alone, clean)
            said = SUMMARY.format(real=len(train), real_complete=len(clean), simulated="")
            steps = train_steps(version, alone, summary=said, **settings)
        else:
            steps = train_steps(
                version,
                project,
                summary=summary,
                # What is simulated teaches; users have real images, and these choose the threshold.
                judges=list(map(t98g.ome_name, clean)) or None,
                **settings,
            )
        model = with_bar(steps, version)
        card = model.card.model_copy(update={"name": version})
        models.save_model(models.Model(card, model.network), output / "shipped", half=True)
        folder = output / "shipped" / version
        if real:
            kept = models.load_model(folder)
            tested = kept.card.model_copy(update={"tested": t98g.test_figures(kept)})
            atomic.write_text(folder / models.CARD, tested.model_dump_json(indent=1) + "\n")
        click.echo(models.read_card(folder).headline)


if __name__ == "__main__":
    main()
