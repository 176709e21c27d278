"""Where memory is short: recognised in whose words ever, and gone on with where there is more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from napari_htcell import heatmap, learn, training_job, versions
from napari_htcell.annotations import Annotation
from napari_htcell.memory import is_short_of_memory
from napari_htcell.progress import run
from napari_htcell.project import Project
from napari_htcell.unet import UNet

CELLS = np.asarray([[12.0, 15.0], [20.0, 48.0], [40.0, 30.0], [52.0, 55.0], [50.0, 10.0]])
TINY: dict[str, Any] = {"base_width": 2, "depth": 2, "square_px": 32, "precision": "float32"}
FULL = "CUDA out of memory. Tried to allocate 2.00 GiB."


def test_in_the_words_of_torch():
    with pytest.raises(RuntimeError) as error:
        torch.empty(2**60)
    assert is_short_of_memory(error.value)
    assert is_short_of_memory(torch.OutOfMemoryError(FULL))
    assert is_short_of_memory(MemoryError())
    with pytest.raises(RuntimeError) as error:
        torch.zeros(2) @ torch.zeros(3)
    assert not is_short_of_memory(error.value)


class OnGpu(UNet):
    """A network that says that it is on a GPU, until it is moved, and a GPU that is full."""

    kind = "cuda"

    @property
    def device(self) -> torch.device:
        return torch.device(self.kind)

    def to(self, *args: Any, **options: Any) -> Any:
        if args == (torch.device("cpu"),):
            self.kind = "cpu"
        return self


def test_where_the_gpu_is_full_smaller_tiles_are_tried_and_then_the_cpu(monkeypatch):
    torch.manual_seed(0)
    network = OnGpu(4, 2)
    seen = np.random.default_rng(0).normal(size=(300, 280)).astype(np.float32)
    plain = UNet(4, 2)
    plain.load_state_dict(network.state_dict())
    whole, tried, tile = run(heatmap.heat_map_steps(plain, seen)), [], heatmap._tile

    def on_a_full_gpu(network: Any, seen: Any, rows: slice, columns: slice) -> Any:
        tried.append((network.device.type, rows.stop - rows.start))
        if network.device.type == "cuda":
            raise torch.OutOfMemoryError(FULL)
        return tile(network, seen, rows, columns)

    monkeypatch.setattr(heatmap, "_tile", on_a_full_gpu)
    np.testing.assert_allclose(run(heatmap.heat_map_steps(network, seen)), whole, atol=1e-5)
    sides = [side for kind, side in tried if kind == "cuda"]
    assert sides == sorted(sides, reverse=True)
    assert sides[-1] <= heatmap.SMALLEST_TILE_PX
    assert tried[-1][0] == "cpu"


@pytest.mark.usefixtures("one_thread")
def test_where_the_gpu_is_full_training_goes_on_on_the_cpu(
    make_project: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    (stage,) = versions.VERSIONS["D"].stages
    short = replace(versions.VERSIONS["D"], stages=(replace(stage, epochs=1, min_steps=6),))
    monkeypatch.setitem(versions.VERSIONS, "D", short)
    project = make_project(a=Annotation.of(CELLS, complete=True))
    expected = learn.train("D", project, name="expected", device="cpu", **TINY)
    place, forward, calls = training_job.place, UNet.forward, []

    def on_a_gpu(network: Any, device: torch.device) -> Any:
        # The GPU's place is taken by the CPU until it is full.
        return place(network, torch.device("cpu"))

    def full_after_some(self: UNet, image: torch.Tensor) -> torch.Tensor:
        calls.append(image.shape)
        if len(calls) == 4:
            raise torch.OutOfMemoryError(FULL)
        return forward(self, image)

    monkeypatch.setattr(training_job, "place", on_a_gpu)
    monkeypatch.setattr(UNet, "forward", full_after_some)
    devices = iter(["cuda"])
    monkeypatch.setattr(training_job, "choose_device", lambda _: torch.device(next(devices)))
    model = learn.train("D", project, name="went on", **TINY)
    assert len(calls) > 4
    assert model.card.device == "cpu"
    for mine, theirs in zip(model.network.parameters(), expected.network.parameters(), strict=True):
        assert torch.equal(mine, theirs)
