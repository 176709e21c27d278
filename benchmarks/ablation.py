"""From the paper's B to version E, one idea after another, and E with fewer and fewer clicks.

    .venv/bin/python benchmarks/ablation.py --part test --seeds 3 --output benchmarks/ablation.json

T98G: 30 training images, of which 12 drawn by the seed are complete and the others lack a third of
their points, crowded first, unless the row says otherwise. --part train learns from 20 of them and
looks at the other ten: everything was chosen there. Each training is a process of its own, whose
result is kept (see `trials`).

Read with the card's threshold, as a user does; or --at-best, at the threshold that is best on what
is looked at, which nobody can know, but which says what the weights have learnt, in half the time:
no cross-validation is needed.

"Elsewhere" is F at 16 um, untouched, on images of kinds that were not learnt from: what `clicks`
begins with.
"""

from __future__ import annotations

import json
import resource
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import t98g
import tifffile
from bars import with_bar
from clicks import SETS, UNSTATED_UM
from make_shipped import FIELD
from tqdm import tqdm
from trials import TRAININGS, keep, recipe_of, result_of

import napari_htcell as htcell
from napari_htcell import augment, calibrate, config, losses
from napari_htcell.cards import software
from napari_htcell.evaluate import evaluate, f_score, total
from napari_htcell.learn import train_steps
from napari_htcell.models import Model
from napari_htcell.sample import make_project
from napari_htcell.targets import Truth
from napari_htcell.versions import VERSIONS, Stage, Version, get_version

LAST_STEPS = 300
N_HELD_OUT = 10
CUTOFFS_UM = (calibrate.CUTOFFS_UM[0], 32.0, round(config.PAPER_CUTOFF_UM, 1))
DROPPED = 1 / 3


def every(version: Version, **changes: Any) -> Version:
    """Return a version with all its stages changed."""
    stages: tuple[Stage, ...] = tuple(replace(stage, **changes) for stage in version.stages)
    return replace(version, stages=stages)


def without(version: Version, *settings: str) -> Version:
    """Return a version without some of its settings, which are the usual ones then."""
    kept = {name: value for name, value in version.settings.items() if name not in settings}
    return replace(version, settings=kept)


def upright(truths: Sequence[Truth], side: int, rng: np.random.Generator) -> list[augment.Square]:
    """Return the squares of `augment.turned` as they are, what is cut at their edges with a say.

    Those of B, which cover each image, are not all of one size, and make no batches.
    """
    return [
        replace(one, flip=(), is_transposed=False, margin_px=0)
        for one in augment.turned(truths, side, rng)
    ]


def apart(version: Version) -> Version:
    """Return a version that learns from partial images alone, then from complete ones, as B does.

    It takes as many steps, and as many on complete images as served it best.
    """
    first, last = version.stages
    alone = replace(
        last,
        learn_from="complete",
        min_steps=LAST_STEPS,
        most_steps=None,
        optimiser=replace(last.optimiser, learning_rate=0.001),
    )
    partial = replace(first, min_steps=first.min_steps + last.min_steps - LAST_STEPS)
    return replace(version, stages=(partial, alone))


def steps_to_e() -> dict[str, Version]:
    """Return the versions between B and E, each with one idea more; made from E by taking away."""
    calibrated = get_version("E")
    # Of scores that are no probabilities nobody expects the best threshold anywhere.
    together = replace(calibrated, is_calibrated=False, preferred="lowest")
    edges = apart(together)
    varied = without(edges, "padding")
    turned = every(varied, augmentation=augment.turned)
    averaged = every(turned, augmentation=upright)
    weighted = every(averaged, averaging=0.0)
    resolved = every(weighted, loss=losses.mean_squared_error)
    paced = without(resolved, "pixel_size_um", "spot_sigma_um", "square_px")
    return {
        "the paper's B": get_version("B"),
        "+ AdamW, one cycle, batches of 8": paced,
        "+ twice the resolution": resolved,
        "+ cross-entropy, spots weighted": weighted,
        "+ averaged weights": averaged,
        "+ turned squares": turned,
        "+ varied squares": varied,
        "+ edges repeated": edges,
        "+ complete images beside partial ones": together,
        "+ calibrated: E": calibrated,
    }


@dataclass(frozen=True)
class Arm:
    """A row: what learns from which clicks.

    Parameters
    ----------
    version : Version
    dropped : float
        Part of the points of each image that is not complete.
    order : str
        Which are dropped first, as `t98g.partial_project` has it.
    simulated : int
        Number of simulated images beside, half of them complete.
    """

    version: Version
    dropped: float = DROPPED
    order: str = "crowded"
    simulated: int = 0


def arms() -> dict[str, Arm]:
    """Return all rows by name."""
    found = {name: Arm(version) for name, version in steps_to_e().items()}
    e = get_version("E")
    found["E, and 60 simulated images"] = Arm(e, simulated=60)
    found["E, all clicks"] = Arm(e, dropped=0)
    halved = tuple(replace(stage, min_steps=stage.min_steps // 2) for stage in e.stages)
    found["E, half the steps"] = Arm(replace(e, stages=halved))
    found["E, 24 channels and not 16"] = Arm(replace(e, settings={**e.settings, "base_width": 24}))
    found["E, complete images last, 1/3 of the clicks, crowded missing first"] = Arm(
        apart(e), 2 / 3
    )
    for order in ("crowded", "random", "faint"):
        for dropped, kept in ((DROPPED, "2/3"), (1 / 2, "1/2"), (2 / 3, "1/3")):
            if (dropped, order) != (DROPPED, "crowded"):  # which is E itself
                found[f"E, {kept} of the clicks, {order} missing first"] = Arm(e, dropped, order)
    return found


def parts(part: str, seed: int) -> tuple[list[str], list[str]]:
    """Return the images to learn from, and those to look at."""
    train = t98g.split("train")
    if part == "test":
        return train, t98g.split("test")
    order = [str(name) for name in np.random.default_rng(1000 + seed).permutation(train)]
    return sorted(order[N_HELD_OUT:]), sorted(order[:N_HELD_OUT])


def measure(name: str, seed: int, part: str, *, at_best: bool = False) -> dict[str, Any]:
    """Train one arm with one seed, and count what it finds."""
    arm = arms()[name]
    VERSIONS[arm.version.name] = arm.version
    learnt, looked_at = parts(part, seed)
    chosen = t98g.drawn(learnt, seed)
    with tempfile.TemporaryDirectory() as folder:
        if arm.simulated:
            half = arm.simulated // 2
            make_project(
                Path(folder) / "t98g", FIELD, n_images=2 * half, n_complete=half, seed=1000 + seed
            )
        project = t98g.partial_project(
            Path(folder) / "t98g", dropped=arm.dropped, order=arm.order, seed=seed, names=learnt
        )
        t98g.complete(project, chosen)
        # Simulated images beside do not judge.
        judges = [] if at_best else [t98g.ome_name(one) for one in chosen]
        steps = train_steps(arm.version.name, project, seed=seed, judges=judges)
        model = with_bar(steps, f"{name}, seed {seed}")
    if at_best:
        model = at_best_threshold(model, looked_at)
    return {
        "elsewhere": {where: f_on(model, where) for where in SETS},
        "threshold": model.card.detection.threshold,
        # On training images, by networks that had not learnt from them: what choices are made by.
        "F left out": [] if at_best else [one.f_score for one in model.card.figures],
        "training s": model.card.seconds,
        "steps": model.card.steps,
        "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "counts": counted(model, looked_at),
        "software": software(),
    }


def at_best_threshold(model: Model, names: Sequence[str]) -> Model:
    """Return a model with the threshold on its card that is best on some T98G images."""
    found = [
        htcell.detect(
            tifffile.imread(t98g.FOLDER / "images" / name),
            model,
            pixel_size_um=t98g.PIXEL_SIZE_UM,
            threshold=calibrate.LOWEST,
        )
        for name in names
    ]

    def f_at(threshold: float) -> float:
        return f_of(outcomes(names, [one.points[one.scores >= threshold] for one in found]), 0)

    detection = model.card.detection.model_copy(
        update={"threshold": max(calibrate.TRIED, key=f_at)}
    )
    return Model(model.card.model_copy(update={"detection": detection}), model.network)


def f_of(counts: Sequence[Sequence[Sequence[int]]], cutoff: int) -> float:
    """Return F of counts as `outcomes` has them, at one of the cut-offs."""
    return f_score(*map(int, np.asarray(counts)[:, cutoff].sum(axis=0)))


def counted(model: Model, names: Sequence[str]) -> list[list[list[int]]]:
    """Return TP, FP and FN at each cut-off in each of some T98G images."""
    found = []
    for name in names:
        pixels = tifffile.imread(t98g.FOLDER / "images" / name)
        found.append(htcell.detect(pixels, model, pixel_size_um=t98g.PIXEL_SIZE_UM).points)
    return outcomes(names, found)


def outcomes(
    names: Sequence[str], points: Sequence[npt.NDArray[np.floating[Any]]]
) -> list[list[list[int]]]:
    """Return TP, FP and FN at each cut-off of what was found in each of some T98G images."""
    truth, rows = t98g.truth(), []
    for name, found in zip(names, points, strict=True):
        matches = [
            evaluate(found, truth[name], cutoff_um=um, pixel_size_um=t98g.PIXEL_SIZE_UM)
            for um in CUTOFFS_UM
        ]
        rows.append([[one.tp, one.fp, one.fn] for one in matches])
    return rows


def f_on(model: Model, where: str) -> float:
    """Return F at 16 um on a set that the model has not seen."""
    with tempfile.TemporaryDirectory() as folder:
        project, truth = SETS[where][0](Path(folder) / "set")
        matches = []
        for name in project.images:
            file = project.read_image(name)
            size = file.pixel_size_um or UNSTATED_UM
            found = htcell.detect(file.pixels, model, pixel_size_um=size).points
            matches.append(
                evaluate(found, truth[name], cutoff_um=CUTOFFS_UM[0], pixel_size_um=size)
            )
    return round(total(matches).f_score, 4)


def row(name: str, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of one arm's seeds."""
    found: dict[str, Any] = {"recipe": name, "seeds": len(results)}
    counts = np.asarray([one["counts"] for one in results])  # seeds, images, cut-offs, TP FP FN
    for index, cutoff in enumerate(CUTOFFS_UM):
        each = [f_of(one, index) for one in counts]
        found[f"F {cutoff:.0f} um"] = round(float(np.mean(each)), 4)
        found[f"F {cutoff:.0f} um of each seed"] = [round(one, 4) for one in each]
    if results[0].get("F left out"):
        left_out = np.mean([one["F left out"][0] for one in results])
        found["F 16 um, training images left out"] = round(float(left_out), 4)
    tp, fp, fn = np.moveaxis(counts[:, :, 0], -1, 0)
    found["count error"] = round(float(np.mean(np.abs(fp - fn) / np.maximum(tp + fn, 1))), 4)
    for where in results[0].get("elsewhere", ()):
        found[f"elsewhere: {where}"] = round(
            float(np.mean([one["elsewhere"][where] for one in results])), 4
        )
    found["training s"] = float(np.median([one["training s"] for one in results]))
    found["peak MiB"] = max(one["peak MiB"] for one in results)
    return found


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as a table."""
    heads = [f"F {cutoff:.0f} um" for cutoff in CUTOFFS_UM]
    elsewhere = [name for name in rows[0] if name.startswith("elsewhere")]
    titles = ["recipe", *heads, "of each seed", "count error", *elsewhere, "training"]
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for one in rows:
        cells = [one["recipe"], *(f"{one[head]:.3f}" for head in heads)]
        cells.append(", ".join(f"{value:.3f}" for value in one[f"{heads[0]} of each seed"]))
        cells.append(f"{100 * one['count error']:.1f} %")
        cells += [f"{one[name]:.2f}" for name in elsewhere]
        cells.append(f"{one['training s']:.0f} s")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


@click.command()
@click.option("--part", type=click.Choice(["train", "test"]), default="train", show_default=True)
@click.option("--at-best", is_flag=True, help="At the best threshold, without cross-validation.")
@click.option("--seeds", default=3, show_default=True, help="Number of seeds, from 0.")
@click.option(
    "--recipe", "only", multiple=True, type=click.Choice(list(arms())), help="These alone."
)
@click.option("--kept", is_flag=True, help="What is kept; nothing is trained.")
@click.option("--work", type=click.Path(path_type=Path), default=TRAININGS / "ablation")
@click.option("--output", type=click.Path(path_type=Path), help="Write JSON there.")
@click.option("--single", nargs=2, type=(str, int), hidden=True)
def main(
    part: str,
    at_best: bool,
    seeds: int,
    only: tuple[str, ...],
    kept: bool,
    work: Path,
    output: Path | None,
    single: tuple[str, int] | None,
) -> None:
    """Print F of each recipe as Markdown."""
    flags = ["--part", part, *(["--at-best"] if at_best else [])]
    folder = work / (f"{part}, best threshold" if at_best else part)

    def place(name: str, seed: int) -> Path:
        return folder / f"{name.replace('/', ' of ')}, seed {seed}.json"

    if single is not None:
        found = measure(*single, part, at_best=at_best)
        keep(place(*single), found, recipe_of(arms()[single[0]].version))
        return
    names = [name for name in arms() if name in (only or arms())]
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    wanted = [(s, n) for s in range(seeds) for n in names if place(n, s).exists() or not kept]
    for seed, name in tqdm(wanted, unit="training"):
        call = [*flags, "--work", str(work), "--single", name, str(seed)]
        recipe = recipe_of(arms()[name].version)
        results[name].append(result_of(place(name, seed), __file__, *call, recipe=recipe))
    rows = [row(name, found) for name, found in results.items() if found]
    click.echo(f"T98G {part}, {'best' if at_best else 'their own'} thresholds")
    click.echo(markdown(rows))
    if output is not None:
        content = {"part": part, "rows": rows, "software": software()}
        output.write_text(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()
