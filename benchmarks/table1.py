"""Table 1 of the paper on data that anyone can have: all versions, both baselines, two controls.

    .venv/bin/python benchmarks/table1.py --data t98g --seeds 3 --work table1

Each method and seed is trained in a process of its own, so that its peak memory is its own, and its
result is kept in the work folder: the same call goes on where it stopped. Rows that differ in seed
alone are pooled; see `table1_report` for intervals and the verdicts on the paper's claims.

t98g: 30 real training images, of which 12 drawn by the seed are complete and the others lack a
third of their points, crowded first; ten test images. simulated: the set that
`htcell simulate --paper` writes, 2241 partial, 12 clean and 212 test images at scale 1.
"""

from __future__ import annotations

import json
import resource
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import t98g
from bars import with_bar
from table1_report import CLAIMS, CUTOFFS_UM, Measured, claims_markdown, markdown
from tqdm import tqdm
from trials import fingerprint, keep, recipe_of, result_of

import napari_htcell as htcell
from napari_htcell import Project, config, models, sample
from napari_htcell.calibrate import choose_threshold, judge
from napari_htcell.cards import software
from napari_htcell.config import DetectConfig
from napari_htcell.dataset import learning_images
from napari_htcell.detect import detect
from napari_htcell.evaluate import Match, evaluate
from napari_htcell.learn import fine_tune_steps, train_steps
from napari_htcell.models import Model
from napari_htcell.paper_set import make_paper_set
from napari_htcell.progress import run
from napari_htcell.versions import VERSIONS, get_version

N_CLEAN = 12
Points = npt.NDArray[np.float64]
Projects = tuple[Project, Project]
"""Of partially annotated images, and of complete ones."""

Learn = Callable[[Projects, Model | None, int], Model]
"""(projects, base model, seed) to a model."""


@dataclass(frozen=True, eq=False)
class TestImage:
    """An image that nothing was chosen on.

    Parameters
    ----------
    pixels : ndarray, shape (Y, X)
    truth : ndarray of float, shape (N, 2)
    pixel_size_um : float
    """

    pixels: npt.NDArray[Any]
    truth: Points
    pixel_size_um: float


@dataclass(frozen=True)
class Data:
    """Where to learn and where to test.

    Parameters
    ----------
    prepare : callable
        (folder, work folder, seed, scale) to a project of partial images and one of complete ones,
        which may be the same.
    test : callable
        (work folder, scale) to the test images.
    """

    prepare: Callable[[Path, Path, int, float], Projects]
    test: Callable[[Path, float], Iterable[TestImage]]


def t98g_projects(folder: Path, work: Path, seed: int, scale: float) -> Projects:
    """Write the T98G training images, 12 of them complete."""
    names = t98g.split("train")
    clean = t98g.drawn(names, seed, N_CLEAN)
    project = t98g.partial_project(
        folder / "t98g", dropped=1 / 3, order="crowded", seed=seed, names=names
    )
    t98g.complete(project, clean)
    return project, project


def t98g_test(work: Path, scale: float) -> Iterable[TestImage]:
    """Read the T98G test images."""
    truth = t98g.truth()
    for name in t98g.split("test"):
        pixels, _ = htcell.read_image(t98g.FOLDER / "images" / name)
        yield TestImage(pixels, truth[name], t98g.PIXEL_SIZE_UM)


def simulated_set(work: Path, scale: float) -> dict[str, Project]:
    """Make the simulated set of the paper's size, or what is missing of it."""
    return make_paper_set(work / "images", scale=scale)


def simulated_projects(folder: Path, work: Path, seed: int, scale: float) -> Projects:
    """Return the projects of partial and of clean images; the same for all seeds."""
    made = simulated_set(work, scale)
    return made["partial"], made["clean"]


def simulated_test(work: Path, scale: float) -> Iterable[TestImage]:
    """Read the simulated test images."""
    project = simulated_set(work, scale)["test"]
    for name in project.images:
        file = project.read_image(name)
        assert file.pixel_size_um is not None
        yield TestImage(file.pixels, sample.read_truth(project, name), file.pixel_size_um)


DATA = {
    "t98g": Data(t98g_projects, t98g_test),
    "simulated": Data(simulated_projects, simulated_test),
}


def plain(version: str) -> Learn:
    """Return what trains a version from nothing, with the paper's preprocessing."""

    def learn(projects: Projects, base: Model | None, seed: int) -> Model:
        name = f"{version}, seed {seed}"
        partial, complete = projects
        is_partial = get_version(version).stages[0].learn_from == "partial"
        project = partial if is_partial else complete
        settings: dict[str, Any] = {"background_um": 0.0}
        if version != "D":
            # No threshold is chosen, as in the paper; that of D is a row of its own.
            settings["judges"] = ()
        return with_bar(train_steps(version, project, seed=seed, **settings), name)

    return learn


def refined(version: str) -> Learn:
    """Return what runs a version's second stage from the model of its first."""

    def learn(projects: Projects, base: Model | None, seed: int) -> Model:
        assert base is not None
        name = f"{version}, seed {seed}"
        return with_bar(fine_tune_steps(base, projects[1], version, seed=seed), name)

    return learn


def tuned(projects: Projects, base: Model | None, seed: int) -> Model:
    """Return A with the threshold that is best on the complete training images."""
    assert base is not None
    card, stage = base.card, get_version("D").fine_tuning
    clean = run(learning_images(projects[1], stage, card.training, card.image_pixel_size_um))
    settings = card.detection.model_copy(update={"method": "peaks"})
    judged = judge(base.network, clean, settings, card.training.pixel_size_um)
    chosen = choose_threshold(judged, settings)
    return Model(card.model_copy(update={"detection": chosen, "seconds": 0.0}), base.network)


@dataclass(frozen=True)
class Method:
    """A row of the table.

    Parameters
    ----------
    images : str
        What it learns from, as the paper's columns say.
    augmented : bool
        Whether with data augmentation.
    learn : callable or None
        None for the base model itself, or for random points.
    base : str
        Method whose model it starts from.
    as_the_paper_reads : bool
        Whether its output is read as in section 3.4: contours at 0.5; else as its card says.
    """

    images: str
    learn: Learn | None
    augmented: bool = False
    base: str = ""
    as_the_paper_reads: bool = True


METHODS = {
    "A": Method("partial", plain("A")),
    "A+DA": Method("partial", plain("A+DA"), augmented=True),
    "B": Method("partial + clean", refined("B"), base="A"),
    "B+DA": Method("partial + clean", refined("B+DA"), augmented=True, base="A+DA"),
    "C": Method("clean", plain("C")),
    "D": Method("clean", plain("D")),
    "CNN-SW": Method("partial", plain("CNN-SW"), as_the_paper_reads=False),
    "Imaris-like": Method("one clean", plain("Imaris-like")),
    "A, threshold tuned": Method("partial + clean", tuned, base="A", as_the_paper_reads=False),
    "B, threshold of its card": Method("partial + clean", None, base="B", as_the_paper_reads=False),
    "D, threshold of its card": Method("clean", None, base="D", as_the_paper_reads=False),
    "random points": Method("none", None),
}
"""The paper's rows in its order, then ours."""


def shorten(scale: float) -> None:
    """Do a part of the least number of steps, which rules where images are few."""
    for name, version in list(VERSIONS.items()):
        stages = tuple(
            replace(stage, min_steps=round(stage.min_steps * scale)) for stage in version.stages
        )
        VERSIONS[name] = replace(version, stages=stages)


def settings_of(method: Method, model: Model) -> DetectConfig:
    """Return how a method's output is read."""
    if method.as_the_paper_reads:
        return DetectConfig(method="contours", threshold=config.PAPER_THRESHOLD)
    return model.card.detection


def measure(data: str, name: str, seed: int, scale: float, work: Path) -> dict[str, Any]:
    """Train one method with one seed and look at the test images."""
    method, source = METHODS[name], DATA[data]
    shorten(scale)
    model: Model | None = None
    if name != "random points":
        folder_of_models = work / "models"
        with tempfile.TemporaryDirectory() as folder:
            projects = source.prepare(Path(folder), work, seed, scale)
            base = (
                htcell.load_model(folder_of_models / slug(method.base, seed))
                if method.base
                else None
            )
            model = base if method.learn is None else method.learn(projects, base, seed)
        assert model is not None
        kept = model.card.model_copy(update={"name": slug(name, seed)})
        models.save_model(Model(kept, model.network), folder_of_models)
    rng = np.random.default_rng(seed)
    rows = []
    for image in source.test(work, scale):
        if model is None:
            points = rng.uniform(0, image.pixels.shape, (len(image.truth), 2))
        else:
            read = settings_of(method, model)
            points = detect(
                image.pixels,
                model,
                pixel_size_um=image.pixel_size_um,
                threshold=read.threshold,
                min_distance_um=read.min_distance_um,
                method=read.method,
            ).points
        rows.append(
            [
                counts(
                    evaluate(points, image.truth, cutoff_um=um, pixel_size_um=image.pixel_size_um)
                )
                for um in CUTOFFS_UM
            ]
        )
    return {
        "method": name,
        "seed": seed,
        "seconds": 0.0 if model is None else model.card.seconds,
        "steps": 0 if model is None else model.card.steps,
        "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "images": rows,
        "software": software(),
    }


def counts(match: Match) -> list[float]:
    """Return TP, FP, FN and the sum of the pairs' distances in micrometres."""
    distance = 0.0 if not match.tp else match.mean_distance_um * match.tp
    return [match.tp, match.fp, match.fn, distance]


def slug(name: str, seed: int) -> str:
    """Return a method's name as a model's."""
    return f"{name.replace(',', '')} seed {seed}"


@click.command()
@click.option("--data", type=click.Choice(list(DATA)), default="t98g", show_default=True)
@click.option("--seeds", default=3, show_default=True, help="Number of seeds, from 0.")
@click.option(
    "--scale",
    default=1.0,
    show_default=True,
    help="Part of the least number of steps, and of the simulated images.",
)
@click.option("--work", type=click.Path(path_type=Path), default=Path("table1"), show_default=True)
@click.option("--method", "only", multiple=True, help="These methods alone.")
@click.option("--single", nargs=2, type=(str, int), hidden=True)
def main(
    data: str,
    seeds: int,
    scale: float,
    work: Path,
    only: tuple[str, ...],
    single: tuple[str, int] | None,
) -> None:
    """Print Table 1 as Markdown and keep it as JSON in the work folder."""
    place = work / f"{data}, scale {scale:g}"
    # Before anything is shortened. All versions: rows are built on others.
    recipe = fingerprint(*(recipe_of(VERSIONS[name]) for name in METHODS if name in VERSIONS))
    if single is not None:
        result = measure(data, *single, scale, place)
        keep(place / "results" / f"{slug(*single)}.json", result, recipe)
        return
    names = [name for name in METHODS if name in (only or METHODS)]
    jobs = [(name, seed) for seed in range(seeds) for name in names]
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    with tqdm(jobs, unit="training") as bar:
        for name, seed in bar:
            bar.set_description(f"{name}, seed {seed}")
            path = place / "results" / f"{slug(name, seed)}.json"
            call = ["--data", data, "--scale", str(scale), "--work", str(work)]
            call += ["--single", name, str(seed)]
            results[name].append(result_of(path, __file__, *call, recipe=recipe))
    measured = {name: Measured.of(results[name]) for name in names}
    rows = [
        {"method": name, "images used": METHODS[name].images, "DA": METHODS[name].augmented}
        | measured[name].row()
        for name in names
    ]
    verdicts = [verdict for claim in CLAIMS if (verdict := claim.verdict(measured)) is not None]
    content = {"data": data, "scale": scale, "seeds": seeds, "rows": rows, "claims": verdicts}
    (place / "table1.json").write_text(json.dumps(content | {"software": software()}, indent=1))
    table = f"{markdown(rows)}\n\n{claims_markdown(verdicts)}\n"
    (place / "table1.md").write_text(table)
    print(f"{data}, scale {scale:g}, {seeds} seeds")
    print(table, end="")


if __name__ == "__main__":
    main()
