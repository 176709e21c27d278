"""What every network does after its last step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_htcell.cards import TrainingImage
from napari_htcell.dataset import LearningImage
from napari_htcell.network import SETTLED_PX
from napari_htcell.progress import run
from napari_htcell.targets import Truth
from napari_htcell.unet import UNet

CPU = torch.device("cpu")


def image(margin: int, frame: float = 0.0) -> LearningImage:
    """Return noise as large as what is settled on, in a frame of one grey."""
    noise = np.random.default_rng(0).normal(size=(SETTLED_PX, SETTLED_PX)).astype(np.float32)
    pixels = np.pad(noise, margin, constant_values=frame)
    return LearningImage(
        TrainingImage(name="a", sha256="", status="complete", points=0),
        pixels,
        Truth(np.empty((0, 2)), None, pixels.shape),
        np.zeros_like(pixels),
        np.ones(pixels.shape, bool),
        np.ones(pixels.shape, bool),
        3.22,
    )


def settled(*images: LearningImage) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    network = UNet(2, 1)
    run(network.settle(images, CPU))
    return network.state_dict()


@pytest.mark.parametrize("frame", [0.0, 9.0])
def test_of_a_large_image_the_middle_is_settled_on(frame: float) -> None:
    whole, middle = settled(image(40, frame)), settled(image(0))
    assert all(torch.equal(whole[name], middle[name]) for name in whole)


def test_all_images_are_settled_on() -> None:
    black = image(0)
    black.image[:] = -3
    alone, both = settled(image(0)), settled(image(0), black)
    assert not torch.allclose(alone["encoder.0.1.running_var"], both["encoder.0.1.running_var"])


def test_on_no_image_nothing_settles() -> None:
    torch.manual_seed(0)
    network = UNet(2, 1)
    run(network.settle([image(0)], CPU))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    run(network.settle([], CPU))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
