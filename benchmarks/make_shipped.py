"""Train the models that come with the package, from the seed, on what may be used for it.

    .venv/bin/python benchmarks/make_shipped.py --output shipped

Version B, base width 16: A on partially clicked images (simulated ones, and T98G training images of
which a third of the points is dropped, crowded first), then complete images of both kinds. T98G is
MIT licensed; its test images are not touched. The card that training writes names every image.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import t98g
from paper_versions import with_bar

from napari_htcell import Annotation, models, open_project
from napari_htcell.learn import train_steps
from napari_htcell.sample import make_project
from napari_htcell.simulate import drop_points

SUMMARY = (
    "phase contrast: {real} real images of T98G cells (MIT licence, Tsai et al. 2019; "
    "{real_complete} of them complete) and {simulated} simulated images of HT1080-like cells "
    "({simulated_complete} of them complete); not HT1080 images"
)
N_REAL_COMPLETE = 12
N_SIMULATED, N_SIMULATED_COMPLETE = 40, 10


@click.command()
@click.option("--output", type=click.Path(path_type=Path), required=True, help="New folder.")
@click.option("--seed", default=0, show_default=True)
@click.option("--real/--no-real", default=True, show_default=True, help="With T98G images.")
@click.option("--version", "versions", multiple=True, default=("B",), show_default=True)
def main(output: Path, seed: int, real: bool, versions: tuple[str, ...]) -> None:
    """Write the training project to OUTPUT and train the versions there."""
    rng = np.random.default_rng(seed)
    # The sample data has seed 0; what it shows must not be what the models learnt from.
    make_project(output, n_images=N_SIMULATED, seed=1000 + seed, n_complete=N_SIMULATED_COMPLETE)
    train = t98g.split("train") if real else []
    t98g.add_images(output, train)
    project = open_project(output)
    centroids = t98g.truth()
    clean = set(rng.permutation(train)[:N_REAL_COMPLETE])
    for name in train:
        points = centroids[name]
        if name not in clean:
            points = drop_points(points, fraction=1 / 3, order="crowded", rng=rng)
        annotation = Annotation.of(points, complete=name in clean)
        project.save_annotation(t98g.ome_name(name), annotation)
    summary = SUMMARY.format(
        real=len(train),
        real_complete=len(clean),
        simulated=N_SIMULATED,
        simulated_complete=N_SIMULATED_COMPLETE,
    )
    for version in versions:
        # A name of its own: that of the model which the package has already is taken.
        steps = train_steps(
            version,
            project,
            name=f"new {version}",
            seed=seed,
            summary=summary,
            # What is simulated teaches; users have real images, and these choose the threshold.
            judges=[t98g.ome_name(name) for name in clean] or None,
        )
        model = with_bar(steps, version)
        card = model.card.model_copy(update={"name": version})
        models.save_model(models.Model(card, model.network), output / "shipped", half=True)
        click.echo(f"{version}: {output / 'shipped' / version}")


if __name__ == "__main__":
    main()
