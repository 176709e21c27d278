"""The network of Fig. 1: its layers, its sizes, and how far a pixel can see."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from napari_htcell.unet import UNet


@pytest.mark.parametrize("size", [(250, 250), (1, 1), (17, 40), (16, 16), (33, 31), (5, 200)])
def test_any_size_comes_out_as_it_went_in(size: tuple[int, int]) -> None:
    network = UNet(2, 4).eval()
    out = network(torch.randn(1, 1, *size))
    assert out.shape == (1, 1, *size)
    assert out.isfinite().all()


@pytest.mark.parametrize(("side", "depth"), [(250, 4), (16, 4), (3, 2), (32, 6)])
def test_training_works_for_any_size(side: int, depth: int) -> None:
    network = UNet(1, depth).train()
    network(torch.randn(1, 1, side, side)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_layers_of_the_paper() -> None:
    """Section 2.1, counted by hand for four poolings."""
    network = UNet(16, 4)
    kinds = [type(module) for module in network.modules()]
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert [m.kernel_size for m in convolutions].count((3, 3)) == 2 * 5 + 2 * 4
    assert [m.kernel_size for m in convolutions].count((1, 1)) == 1
    assert kinds.count(nn.BatchNorm2d) == kinds.count(nn.ReLU) == 18
    ups = [m for m in network.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert [(m.kernel_size, m.stride) for m in ups] == [((2, 2), (2, 2))] * 4
    assert [m.in_channels for m in ups] == [256, 128, 64, 32]


def parameters(width: int, depth: int) -> int:
    return sum(parameter.numel() for parameter in UNet(width, depth).parameters())


def test_number_of_parameters() -> None:
    """Counted by hand: two 3 x 3 convolutions and two normalisations a block, one skip a level."""

    def block(before: int, after: int) -> int:
        return 9 * before * after + 9 * after * after + 4 * after

    widths = [16, 32, 64, 128, 256]
    encoder = sum(block(a, b) for a, b in zip([1, *widths], widths, strict=False))
    decoder = sum(4 * 2 * w * w + w + block(2 * w, w) for w in widths[:-1])
    assert parameters(16, 4) == encoder + decoder + 16 + 1 == 1_942_289


def test_the_original_width_is_possible() -> None:
    with torch.device("meta"):
        assert parameters(64, 4) == 31_036_481


def test_padding_is_unseen_from_inside() -> None:
    """A constant image has no edge, so padding must not make one."""
    torch.manual_seed(0)
    network = UNet(2, 3).eval()
    padded = network(torch.full((1, 1, 100, 100), 0.7))
    whole = network(torch.full((1, 1, 102, 102), 0.7))
    torch.testing.assert_close(padded, whole[..., :100, :100])


def reach(depth: int) -> int:
    """Return how far, at most, a changed pixel changes the output of a network of ones."""
    network = UNet(1, depth).eval().double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1 / max(1, parameter[0].numel()) if parameter.ndim > 1 else 1)
    side = 4 * network.context_px // network.multiple * network.multiple
    farthest = 0
    for shift in range(network.multiple):
        place = side // 2 + shift
        image = torch.zeros(1, 1, side, side, dtype=torch.double)
        image[..., place, place] = 1e9
        rows = changed(network, image)
        farthest = max(farthest, int((rows - place).abs().max()))
    return farthest


@torch.no_grad()
def changed(network: UNet, image: Tensor) -> Tensor:
    with_and_without = network(image) - network(torch.zeros_like(image))
    return with_and_without[0, 0].abs().amax(dim=1).nonzero().flatten()


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_context_is_as_far_as_a_pixel_can_see(depth: int) -> None:
    can_see = UNet(1, depth).context_px
    assert 0.8 * can_see <= reach(depth) <= can_see


@pytest.mark.parametrize("size", [1, 16, 138, 171, 192, 250, 383, 512])
def test_no_side_ever_ends_bare(size: int) -> None:
    network = UNet(1, 4)
    seen: list[tuple[int, ...]] = []
    network.encoder[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
    with torch.no_grad():
        network.eval()(torch.zeros(1, 1, size, size))
    assert seen[0][-1] % 16 == 0
    assert 4 <= seen[0][-1] - size <= max(19, 32 - size)


def test_a_repeated_edge_is_no_border_to_the_network() -> None:
    torch.manual_seed(0)
    flat = torch.ones(1, 1, 64, 64)
    for padding, is_even in (("replicate", True), ("zeros", False)):
        out = UNet(4, 3, padding=padding).eval()(flat)
        # A transposed convolution draws each of its 2 x 2 pixels by itself, at every level.
        tiles = out.unfold(2, 8, 8).unfold(3, 8, 8)
        assert torch.allclose(tiles, tiles[:, :, :1, :1], atol=1e-5) == is_even


def test_rescaled_logits() -> None:
    torch.manual_seed(0)
    network, image = UNet(2, 2).eval(), torch.randn(1, 1, 16, 16)
    before = network(image)
    network.rescale(0.5, -2.0)
    torch.testing.assert_close(network(image), 0.5 * before - 2)


def test_for_detection_the_same_comes_of_fewer_layers() -> None:
    torch.manual_seed(0)
    network = UNet(4, 2, "replicate").train()
    image = torch.randn(2, 1, 60, 44)
    for _ in range(3):  # statistics other than the 0 and 1 that a new network has
        network(image)
    quick = network.for_detection()
    assert not any(isinstance(one, nn.BatchNorm2d) for one in quick.modules())
    torch.testing.assert_close(quick(image), network.eval()(image), atol=1e-5, rtol=1e-5)
    assert sum(isinstance(one, nn.BatchNorm2d) for one in network.modules()) == 10


def test_tiles_of_a_wide_network_are_smaller() -> None:
    assert UNet(16, 4).tile_px == 1024
    with torch.device("meta"):
        assert UNet(64, 4).tile_px == 512
