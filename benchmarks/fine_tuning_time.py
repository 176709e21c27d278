"""Seconds of fine-tuning against the number of complete images, and what they are spent on.

    .venv/bin/python benchmarks/fine_tuning_time.py --threads 1 \
        --output benchmarks/fine_tuning_time.json --plot docs/pictures/fine_tuning_time.png

The shipped model is fine-tuned on simulated images as the window does it, with its whole
cross-validation: of 2048 x 1532 pixels of 1.61 um, and of about the size of T98G's fields.
Processor seconds are those of this process, which other programs hardly change; on one thread they
are what an idle core would take.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any
from unittest import mock

import click
import torch

from napari_htcell import assessment, learn, load_model, processes, sample, training_job
from napari_htcell.cards import software
from napari_htcell.config import DEFAULT_MODEL
from napari_htcell.models import Model
from napari_htcell.project import Project
from napari_htcell.simulate import SimulationConfig

SCENES = {
    "2048 x 1532 pixels of 1.61 um": SimulationConfig(height_px=1532, width_px=2048),
    "1408 x 1040 pixels of 0.867 um": SimulationConfig(
        height_px=1040, width_px=1408, pixel_size_um=0.867
    ),
}


class Account:
    """Processor seconds by what they were spent on."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.steps: defaultdict[str, int] = defaultdict(int)
        self._last = time.process_time()
        self._elsewhere = 0.0

    def enter(self, what: str) -> None:
        """Book what has passed since the last entry, but what was booked as `timed`."""
        now = time.process_time()
        self.seconds[what] += now - self._last - self._elsewhere
        self.steps[what] += 1
        self._last, self._elsewhere = now, 0.0

    def timed(self, what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that books its own time."""

        def booked(*arguments: Any, **options: Any) -> Any:
            start = time.process_time()
            try:
                return function(*arguments, **options)
            finally:
                took = time.process_time() - start
                self.seconds[what] += took
                self._elsewhere += took

        return booked


def measure(model: Model, project: Project) -> dict[str, Any]:
    """Fine-tune once."""
    account, start = Account(), time.perf_counter()
    with (
        mock.patch.object(assessment, "judge", account.timed("judging", assessment.judge)),
        mock.patch.object(
            training_job,
            "choose_precision",
            account.timed("trying formats", training_job.choose_precision),
        ),
    ):
        steps = learn.fine_tune_steps(model, project)
        while True:
            try:
                report = next(steps)
            except StopIteration as stop:
                card = stop.value.card
                break
            account.enter(report.what.partition(" from ")[0])
        account.enter("keeping")
    return {
        "wall_seconds": time.perf_counter() - start,
        "processor_seconds": sum(account.seconds.values()),
        "spent_on": dict(account.seconds),
        "steps": {name: n for name, n in account.steps.items() if name != "keeping"},
        "precision": card.precision,
    }


def draw(found: dict[str, dict[int, dict[str, Any]]], path: Path) -> None:
    """Draw what each number of images of each size takes, divided by what it is spent on."""
    from matplotlib.figure import Figure

    figure = Figure((9, 3.6), layout="constrained")
    axes = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
    every = (one["spent_on"] for sizes in found.values() for one in sizes.values())
    names = list(dict.fromkeys(what for spent_on in every for what in spent_on))
    for axis, (size, numbers) in zip(axes, found.items(), strict=True):
        below = [0.0] * len(numbers)
        for what in names:
            took = [one["spent_on"].get(what, 0.0) for one in numbers.values()]
            axis.bar([str(number) for number in numbers], took, bottom=below, label=what)
            below = [low + more for low, more in zip(below, took, strict=True)]
        axis.set(title=size, xlabel="complete images")
    axes[0].set_ylabel("seconds of one core")
    # In the order in which they lie above each other.
    handles, texts = axes[-1].get_legend_handles_labels()
    axes[-1].legend(handles[::-1], texts[::-1], loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path)


@click.command()
@click.option("--images", "numbers", default="1,2,4,12", show_default=True)
@click.option("--model", "name", default=DEFAULT_MODEL, show_default=True)
@click.option("--threads", default=None, type=int, help="Of torch.  [default: its own]")
@click.option("--output", type=click.Path(path_type=Path), default=None, help="JSON file to write.")
@click.option("--plot", type=click.Path(path_type=Path), default=None, help="PNG file to write.")
def main(
    numbers: str, name: str, threads: int | None, output: Path | None, plot: Path | None
) -> None:
    """Print what fine-tuning takes."""
    if threads is not None:
        torch.set_num_threads(threads)
    about = {"model": name, "threads": torch.get_num_threads(), "cores": processes.cores()}
    result: dict[str, Any] = about | {"software": software(), "images": {}}
    for size, number in product(SCENES, map(int, numbers.split(","))):
        with tempfile.TemporaryDirectory() as place:
            project = sample.make_project(
                Path(place) / "p",
                SCENES[size],
                n_images=number,
                n_complete=number,
                n_masks=0,
                seed=5000,
            )
            found = measure(load_model(name), project)
        result["images"].setdefault(size, {})[number] = found
        said = ", ".join(f"{what} {took:.1f}" for what, took in found["spent_on"].items())
        click.echo(
            f"{number} of {size}, {found['precision']}: {found['processor_seconds']:.1f} s of one "
            f"core ({found['wall_seconds']:.1f} s): {said}"
        )
        if output is not None:
            output.write_text(json.dumps(result, indent=1) + "\n")
        if plot is not None:
            draw(result["images"], plot)


if __name__ == "__main__":
    main()
