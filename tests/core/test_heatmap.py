"""Tiles are a matter of memory: the heat map is the same without them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

from napari_htcell import heatmap
from napari_htcell.detect import predict_steps
from napari_htcell.models import Model
from napari_htcell.progress import run
from napari_htcell.unet import UNet

NETWORK_UM = 6.44


def far_sighted(model: Model, depth: int) -> Model:
    """Return a model whose every pixel matters as far as the network can see: positive weights."""
    torch.manual_seed(1)
    network = UNet(2, depth).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.uniform_(0, 2 / parameter[0].numel())
            else:
                parameter.fill_(1)
        network.last.weight.fill_(8)
        network.last.bias -= network(torch.zeros(1, 1, 64, 64)).mean()
    card = model.card.model_copy(
        update={"training": model.card.training.model_copy(update={"depth": depth})}
    )
    return Model(card, network)


@pytest.mark.parametrize(("depth", "shape"), [(1, (61, 90)), (3, (150, 131)), (4, (130, 210))])
def test_tiles_equal_the_whole(
    intensity_model: Model, monkeypatch: pytest.MonkeyPatch, depth: int, shape: tuple[int, int]
) -> None:
    model = far_sighted(intensity_model, depth)
    coarse = np.random.default_rng(0).normal(size=(8, 12))
    image = np.kron(coarse, np.ones((20, 20)))[: shape[0], : shape[1]]

    def heat_map(tile: int) -> Any:
        monkeypatch.setattr(UNet, "tile_px", tile)
        return run(predict_steps(image, model, pixel_size_um=NETWORK_UM)).heat_maps[0]

    whole, tiled = heat_map(10_000), heat_map(37)
    assert np.ptp(whole) > 0.05
    np.testing.assert_allclose(tiled, whole, atol=1e-5)
    # Less context is not enough, so the test above can fail.
    enough = model.network.context_px
    monkeypatch.setattr(UNet, "context_px", enough // 4)
    assert np.abs(heat_map(37) - whole).max() > 1e-4


def test_progress_counts_tiles_of_all_frames(
    intensity_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UNet, "tile_px", 32)
    steps = predict_steps(np.zeros((2, 64, 40)), intensity_model, pixel_size_um=NETWORK_UM)
    reports = list(steps)
    assert [(report.done, report.total) for report in reports] == [(n, 8) for n in range(1, 9)]


def test_the_number_of_threads_changes_hardly_anything():
    torch.manual_seed(0)
    network = UNet(8, 3)
    seen = np.random.default_rng(0).normal(size=(200, 180)).astype(np.float32)
    before, maps = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            maps.append(run(heatmap.heat_map_steps(network, seen)))
    finally:
        torch.set_num_threads(before)
    for one in maps[1:]:
        np.testing.assert_allclose(one, maps[0], atol=1e-5)


class Short(UNet):
    """A network with the memory for images of so many pixels."""

    most = 10**9

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        if image.numel() > self.most:
            # Torch's own error of the CPU.
            torch.empty(2**60)
        return super().forward(image)


@pytest.mark.parametrize("most", [300**2, 150**2])
def test_where_memory_is_short_smaller_tiles_are_taken(most):
    torch.manual_seed(0)
    network = Short(4, 2)
    seen = np.random.default_rng(0).normal(size=(300, 280)).astype(np.float32)
    whole = run(heatmap.heat_map_steps(network, seen))
    network.most = most
    np.testing.assert_allclose(run(heatmap.heat_map_steps(network, seen)), whole, atol=1e-5)


def test_where_there_is_none_it_is_said_and_other_errors_are_not_hidden():
    network, seen = Short(4, 2), np.zeros((300, 280), np.float32)
    network.most = 100
    with pytest.raises(MemoryError, match="not enough memory to look for cells; close other"):
        run(heatmap.heat_map_steps(network, seen))
    network.last = torch.nn.Conv2d(3, 1, 1)
    network.most = 10**9
    with pytest.raises(RuntimeError, match="channels"):
        run(heatmap.heat_map_steps(network, seen))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_where_the_gpu_is_full_the_cpu_goes_on():
    network = UNet(16, 3)
    seen = np.random.default_rng(0).normal(size=(300, 300)).astype(np.float32)
    expected = run(heatmap.heat_map_steps(network, seen))
    network.to("cuda")
    torch.cuda.set_per_process_memory_fraction(1e-5)
    try:
        heat_map = run(heatmap.heat_map_steps(network, seen))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    np.testing.assert_allclose(heat_map, expected, atol=1e-4)


def test_a_network_is_got_ready_once_and_again_when_it_has_changed(
    intensity_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, made = copy.deepcopy(intensity_model.network), []
    prepare = type(network).for_detection
    monkeypatch.setattr(
        type(network), "for_detection", lambda self: made.append(1) or prepare(self)
    )
    image = np.random.default_rng(0).normal(size=(40, 50)).astype(np.float32)
    first = run(heatmap.heat_map_steps(network, image))
    np.testing.assert_array_equal(run(heatmap.heat_map_steps(network, image)), first)
    assert len(made) == 1
    network.rescale(1, 3)
    second = run(heatmap.heat_map_steps(network, image))
    assert (second > first).all()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    network.train()(torch.from_numpy(image)[None, None]).mean().backward()
    optimiser.step()
    assert not np.allclose(run(heatmap.heat_map_steps(network.eval(), image)), second)
    network.load_state_dict(before)
    np.testing.assert_array_equal(run(heatmap.heat_map_steps(network, image)), second)
    assert len(made) == 4
