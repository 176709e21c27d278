"""Version E beside its peers: same training images and clicks, same test images, same machine.

    .venv/bin/python benchmarks/peers.py --part test --spotiflow .venv-spotiflow/bin/python

T98G as in `ablation`: a third of the points dropped, crowded first, 12 images complete. Peers see
what the network sees: the image at 3.22 um per pixel, uneven light removed, standardised. Whatever
they have to be told is tuned on the 12 complete training images. Spotiflow learns from scratch from
all 30 images, as long as E takes, and for 25 epochs; its pretrained models are not to be had
without a download. It needs an environment of its own:

    python3 -m venv .venv-spotiflow
    .venv-spotiflow/bin/pip install torch==2.13.0 spotiflow==0.6.5 tensorboard "setuptools<81"

trackpy's row needs `pip install trackpy`; without either its row is left out, with the reason.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import t98g
import tifffile
from ablation import DROPPED, markdown, outcomes, parts, row
from bars import with_bar
from classical import CLASSICAL, CUTOFF_UM
from trials import TRAININGS, keep, recipe_of, result_of

import napari_htcell as htcell
from napari_htcell import config, images
from napari_htcell.cards import software
from napari_htcell.config import TrainConfig
from napari_htcell.evaluate import evaluate, total
from napari_htcell.frame import Frame, frame_image
from napari_htcell.learn import train_steps
from napari_htcell.simulate import drop_points
from napari_htcell.versions import get_version

Points = npt.NDArray[np.float64]
Found = tuple[list[Points], dict[str, float]]
"""Points of each image looked at, in its pixels, and the costs."""

OURS = ("E", "B")
EPOCHS = 25
"""Of Spotiflow's long run."""
SECONDS_AN_EPOCH = "s an epoch"
CORE_SECONDS = "training core s"
"""Of the processor: on one thread other programs hardly change them."""

SEEN = config.override(TrainConfig(), **get_version("E").settings)


def recipe(name: str) -> str | None:
    """Return the fingerprint of what a version of ours learns by; others have none."""
    return recipe_of(get_version(name)) if name in OURS else None


def prepared(name: str) -> tuple[npt.NDArray[np.float32], Frame]:
    """Return an image as the network sees it, and the way back to its pixels."""
    pixels = images.to_grey(tifffile.imread(t98g.FOLDER / "images" / name))
    shape = (pixels.shape[0], pixels.shape[1])
    frame = frame_image(shape, t98g.PIXEL_SIZE_UM, network_pixel_size_um=SEEN.pixel_size_um)
    return images.prepare(frame.cut(pixels), SEEN), frame


def of_version(version: str, part: str, seed: int) -> Found:
    """Train a version of ours and detect."""
    learnt, looked_at = parts(part, seed)
    with tempfile.TemporaryDirectory() as folder:
        project = t98g.partial_project(
            Path(folder) / "t98g", dropped=DROPPED, order="crowded", seed=seed, names=learnt
        )
        t98g.complete(project, t98g.drawn(learnt, seed))
        cores = time.process_time()
        model = with_bar(train_steps(version, project, seed=seed), f"{version}, seed {seed}")
    cores = time.process_time() - cores
    pixels = [tifffile.imread(t98g.FOLDER / "images" / name) for name in looked_at]
    start = time.perf_counter()
    found = [htcell.detect(one, model, pixel_size_um=t98g.PIXEL_SIZE_UM).points for one in pixels]
    return found, {
        "training s": model.card.seconds,
        CORE_SECONDS: cores,
        "s per image": (time.perf_counter() - start) / len(pixels),
    }


def of_classical(name: str, part: str, seed: int) -> Found:
    """Tune a finder on the complete images and run it."""
    learnt, looked_at = parts(part, seed)
    truth, method = t98g.truth(), CLASSICAL[name]
    start, cores = time.perf_counter(), time.process_time()
    views = [(one, *prepared(one)) for one in t98g.drawn(learnt, seed)]
    chosen = method.tune(
        [image for _, image, _ in views],
        [frame.to_network(truth[one]) for one, _, frame in views],
        SEEN.pixel_size_um,
    )
    tuned, cores = time.perf_counter(), time.process_time() - cores
    click.echo(f"{name}: {chosen}")
    found = []
    for one in looked_at:
        image, frame = prepared(one)
        found.append(frame.to_original(method.find(image, **chosen)))
    seconds = (time.perf_counter() - tuned) / len(looked_at)
    return found, {"training s": tuned - start, CORE_SECONDS: cores, "s per image": seconds}


def of_spotiflow(python: str, epochs: int, part: str, seed: int) -> Found:
    """Train Spotiflow in its own environment and predict."""
    learnt, looked_at = parts(part, seed)
    truth, rng = t98g.truth(), np.random.default_rng(seed)
    full = t98g.drawn(learnt, seed)
    clicks = {
        one: drop_points(truth[one], fraction=DROPPED, order="crowded", rng=rng) for one in learnt
    } | {one: truth[one] for one in full}
    # The complete ones first: it watches its progress on these.
    order = [*full, *(one for one in learnt if one not in full)]
    seen = {one: prepared(one) for one in [*order, *looked_at]}

    def objects(items: list[Any]) -> npt.NDArray[Any]:
        array = np.empty(len(items), object)
        array[:] = items
        return array

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(
            source,
            images=objects([seen[one][0] for one in order]),
            points=objects([seen[one][1].to_network(clicks[one]) for one in order]),
            judges=objects([seen[one][0] for one in full]),
            tests=objects([seen[one][0] for one in looked_at]),
        )
        script = Path(__file__).with_name("spotiflow_peer.py")
        sigma = SEEN.spot_sigma_um / SEEN.pixel_size_um
        call = [python, str(script), str(source), str(target), str(epochs), str(sigma)]
        subprocess.run(call, check=True)
        data = dict(np.load(target, allow_pickle=True))

    def f_of(number: int) -> float:
        return total(
            evaluate(
                seen[one][1].to_original(points),
                truth[one],
                cutoff_um=CUTOFF_UM,
                pixel_size_um=t98g.PIXEL_SIZE_UM,
            )
            for one, points in zip(full, data[f"judges {number}"], strict=True)
        ).f_score

    best = max(range(len(data["thresholds"])), key=f_of)
    tests = zip(looked_at, data[f"tests {best}"], strict=True)
    found = [seen[one][1].to_original(points) for one, points in tests]
    named = ("training s", CORE_SECONDS, "s per image", "peak MiB")
    costs = {name: float(data[name]) for name in named}
    return found, costs | {SECONDS_AN_EPOCH: costs[CORE_SECONDS] / epochs}


def measure(find: Callable[[], Found], part: str, seed: int) -> dict[str, Any]:
    """Run a method and count what it found."""
    found, costs = find()
    rows = outcomes(parts(part, seed)[1], found)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    return {"peak MiB": peak} | costs | {"counts": rows, "threads": threads, "software": software()}


def row_of(name: str, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a method's figures."""
    seconds = float(np.median([one["s per image"] for one in results]))
    cores = float(np.median([one[CORE_SECONDS] for one in results]))
    costs = {CORE_SECONDS: round(cores, 1), "s per image": round(seconds, 3)}
    return row(name, results) | costs


@click.command()
@click.option("--part", type=click.Choice(["train", "test"]), default="train", show_default=True)
@click.option("--seeds", default=3, show_default=True, help="Number of seeds, from 0.")
@click.option("--spotiflow", default="", help="Python of Spotiflow's environment.")
@click.option("--epochs", default=EPOCHS, show_default=True, help="Of Spotiflow's long run.")
@click.option("--method", "only", multiple=True, help="These alone.")
@click.option("--work", type=click.Path(path_type=Path), default=TRAININGS / "peers")
@click.option("--output", type=click.Path(path_type=Path), help="Write JSON there.")
@click.option("--single", nargs=2, type=(str, int), hidden=True)
def main(
    part: str,
    seeds: int,
    spotiflow: str,
    epochs: int,
    only: tuple[str, ...],
    work: Path,
    output: Path | None,
    single: tuple[str, int] | None,
) -> None:
    """Print F and costs of each method as Markdown."""
    long, short = f"Spotiflow, {epochs} epochs", "Spotiflow, as long as E"

    def place(name: str, seed: int) -> Path:
        return work / part / f"{name}, seed {seed}.json"

    def finder(name: str, seed: int) -> Callable[[], Found]:
        if name in CLASSICAL:
            return lambda: of_classical(name, part, seed)
        if name == long:
            return lambda: of_spotiflow(spotiflow, epochs, part, seed)
        if name == short:
            e, whole = (json.loads(place(one, seed).read_text()) for one in ("E", long))
            fitting = max(1, round(e[CORE_SECONDS] / whole[SECONDS_AN_EPOCH]))
            return lambda: of_spotiflow(spotiflow, fitting, part, seed)
        return lambda: of_version(name, part, seed)

    if single is not None:
        keep(place(*single), measure(finder(*single), part, single[1]), recipe(single[0]))
        return
    names = [*OURS, *CLASSICAL, *([long, short] if spotiflow else [])]
    if find_spec("trackpy") is None:
        names.remove("trackpy")
        click.echo("trackpy is left out: it is not installed", err=True)
    if not spotiflow:
        click.echo("Spotiflow is left out: --spotiflow names no environment", err=True)
    if unknown := set(only) - set(names):
        raise click.UsageError(f"no method {', '.join(unknown)} here: there are {', '.join(names)}")
    names = [name for name in names if name in (only or names)]
    rows = []
    for name in names:
        results = []
        for seed in range(seeds):
            call = ["--part", part, "--work", str(work), "--spotiflow", spotiflow]
            call += ["--epochs", str(epochs), "--single", name, str(seed)]
            results.append(result_of(place(name, seed), __file__, *call, recipe=recipe(name)))
        rows.append(row_of(name, results))
        click.echo(json.dumps(rows[-1]))
    click.echo(markdown(rows))
    if output is not None:
        content = {"part": part, "seeds": seeds, "rows": rows, "software": software()}
        output.write_text(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()
