"""Repeating the edge by `edges`, beside PyTorch's own: a training step of E, and a forward pass.

    .venv/bin/python benchmarks/edges.py --output benchmarks/edges.json

Both in turns in one run, one thread, seconds of the processor, the median of `REPEATS`; the step in
the precision that is faster on this machine, the pass as detection does it, in float32.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import click
import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_htcell.cards import software
from napari_htcell.config import TrainConfig
from napari_htcell.device import choose_precision, computing_in, place
from napari_htcell.edges import RepeatingConv2d
from napari_htcell.unet import UNet
from napari_htcell.versions import get_version

REPEATS = 9
LARGE_PX = 512
CPU = torch.device("cpu")


class PlainConv2d(RepeatingConv2d):
    """The same by PyTorch's own padding."""

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the same extent."""
        repeated = functional.pad(features, (1, 1, 1, 1), mode="replicate")
        return functional.conv2d(repeated, self.weight, self.bias)


def network(kind: type[nn.Conv2d]) -> UNet:
    """Return E's network with convolutions of a kind."""
    settings = TrainConfig(**get_version("E").settings)
    found = UNet(settings.base_width, settings.depth, settings.padding)
    for module in found.modules():
        if isinstance(module, RepeatingConv2d):
            module.__class__ = kind
    return place(found, CPU)


def step(one: UNet, squares: Tensor, precision: torch.dtype) -> None:
    """Compute a gradient."""
    with computing_in(CPU, precision):
        logits = one.train()(squares)
    logits.float().square().mean().backward()


def forward(one: UNet, image: Tensor, _precision: torch.dtype) -> None:
    """Compute a heat map as detection does."""
    with torch.no_grad():
        one.for_detection()(image)


def seconds(job: Callable[[UNet, Tensor, torch.dtype], None], given: Tensor) -> dict[str, float]:
    """Return the seconds of a job by either, and their ratio."""
    networks = {"ours": network(RepeatingConv2d), "PyTorch's": network(PlainConv2d)}
    precision = choose_precision(networks["ours"], CPU)
    taken: dict[str, list[float]] = {name: [] for name in networks}
    for _ in range(1 + REPEATS):
        for name, one in networks.items():
            start = time.process_time()
            job(one, given, precision)
            taken[name].append(time.process_time() - start)
    found = {name: round(median(times[1:]), 4) for name, times in taken.items()}
    return found | {"ratio": round(found["PyTorch's"] / found["ours"], 2)}


@click.command()
@click.option("--output", type=click.Path(path_type=Path), help="Write JSON there.")
def main(output: Path | None) -> None:
    """Print how long both take."""
    torch.set_num_threads(1)
    recipe = get_version("E")
    batch, side = recipe.stages[0].batch_size, recipe.settings["square_px"]
    rows = {
        "a training step": seconds(step, torch.randn(batch, 1, side, side)),
        "a forward pass": seconds(forward, torch.randn(1, 1, LARGE_PX, LARGE_PX)),
    }
    for name, row in rows.items():
        click.echo(f"{name}: {row}")
    if output is not None:
        output.write_text(json.dumps({"rows": rows, "software": software()}, indent=1))


if __name__ == "__main__":
    main()
