"""Windows that slide in one pass see what each would see alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_htcell.config import PAPER_WINDOW_PX as WINDOW_PX
from napari_htcell.sliding_window import STRIDE, SlidingWindow


@pytest.fixture
def network() -> SlidingWindow:
    torch.manual_seed(0)
    return SlidingWindow().eval()


@torch.inference_mode()
def test_one_pass_equals_window_by_window(network: SlidingWindow) -> None:
    image = torch.randn(1, 1, 120, 140)
    together = network.learn(image)[0, 0]
    assert together.shape == (6, 11)
    for row, column in ((0, 0), (3, 7), (5, 10)):
        top, left = row * STRIDE, column * STRIDE
        window = image[..., top : top + WINDOW_PX, left : left + WINDOW_PX]
        torch.testing.assert_close(network.learn(window)[0, 0, 0, 0], together[row, column])


@pytest.mark.parametrize("shape", [(1, 1), (37, 205), (100, 100), (128, 131)])
@torch.inference_mode()
def test_every_pixel_of_any_image(network: SlidingWindow, shape: tuple[int, int]) -> None:
    assert network(torch.randn(1, 1, *shape)).shape == (1, 1, *shape)


@torch.inference_mode()
def test_a_window_is_where_its_middle_is(network: SlidingWindow) -> None:
    # Replaced by what sees nothing but the brightness in a window's middle.
    network.learn = (
        lambda image: torch.nn.functional.avg_pool2d(  # type: ignore[method-assign]
            image[..., 46:-46, 46:-46], 8, STRIDE
        )
    )
    rows, columns = np.mgrid[:160, :180]
    spot = np.exp(-((rows - 83.0) ** 2 + (columns - 61.0) ** 2) / 128).astype(np.float32)
    heat = network(torch.from_numpy(spot)[None, None])[0, 0].numpy()
    centre = [(heat * axis).sum() / heat.sum() for axis in (rows, columns)]
    np.testing.assert_allclose(centre, [83.0, 61.0], atol=0.6)


@torch.inference_mode()
def test_a_tile_with_its_margin_equals_the_whole(network: SlidingWindow) -> None:
    image = torch.randn(1, 1, 300, 200)
    margin = -(-network.context_px // STRIDE) * STRIDE
    whole = network(image)
    tile = network(image[..., 160 - margin : 200 + margin, :])[..., margin : margin + 40, :]
    torch.testing.assert_close(tile, whole[..., 160:200, :], atol=1e-5, rtol=1e-5)
