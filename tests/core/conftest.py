"""What several core tests draw: spots, a project of spots, and a network that passes grey level."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from napari_htcell.annotations import Annotation
from napari_htcell.project import Project, ProjectSettings, open_project
from napari_htcell.targets import Truth, gaussian_spots

# A busy machine's disk is slow now and then, which is no fault of the code.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

Image = npt.NDArray[Any]

NETWORK_UM = 6.44
CELLS = np.asarray([[12.0, 15.0], [20.0, 48.0], [40.0, 30.0], [52.0, 55.0], [50.0, 10.0]])


@pytest.fixture(scope="session")
def spots() -> Callable[..., Image]:
    """Return a function that draws bright spots of a standard deviation of 2 px on 100."""

    def draw(points: Any, shape: tuple[int, int] = (64, 64), sigma: float = 2.0) -> Image:
        truth = Truth(np.asarray(points, float).reshape(-1, 2), None, shape)
        return 100 + 100 * gaussian_spots(truth, sigma)

    return draw


@pytest.fixture
def make_project(tmp_path: Path, spots: Callable[..., Image]) -> Callable[..., Project]:
    """Return a function that makes a project of spot images with their annotations."""

    def make(name: str = "project", **annotations: Annotation) -> Project:
        folder = tmp_path / name
        rng = np.random.default_rng(0)
        for image in annotations:
            path = folder / "images" / f"{image}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = spots(CELLS) + rng.normal(0, 5, (64, 64))
            tifffile.imwrite(path, pixels.astype(np.float32))
        project = open_project(folder)
        project.save_settings(ProjectSettings(pixel_size_um=NETWORK_UM))
        for image, annotation in annotations.items():
            project.save_annotation(f"{image}.tif", annotation)
        return project

    return make


@pytest.fixture
def one_thread() -> Any:
    """Compute on one thread, on which torch adds in the same order every time."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def intensity_model() -> Any:
    """Return a model whose heat map is the sigmoid of 4 (g - 2), g the standardised grey level.

    A real network: its first and last blocks pass the centre pixel of channel 0 on, the rest is 0.
    """
    import torch

    from napari_htcell.cards import Card
    from napari_htcell.config import DetectConfig, TrainConfig
    from napari_htcell.models import Model
    from napari_htcell.unet import UNet

    network = UNet(base_width=2, depth=2).eval()
    with torch.no_grad():
        for convolution in [m for m in network.modules() if hasattr(m, "kernel_size")]:
            if hasattr(convolution, "weight"):
                convolution.weight.zero_()
        for block in (network.encoder[0], network.decoder[-1]):
            block[0].weight[0, 0, 1, 1] = 1
            block[3].weight[0, 0, 1, 1] = 1
        network.last.weight[0, 0] = 4
        network.last.bias.fill_(-8)
    card = Card(
        name="intensity",
        version="A",
        training=TrainConfig(base_width=2, depth=2, pixel_size_um=NETWORK_UM),
        detection=DetectConfig(),
        image_pixel_size_um=1.61,
    )
    return Model(card, network)


@pytest.fixture
def user_folder(user_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the temporary folder of the user's models; none are shipped."""
    monkeypatch.setattr("napari_htcell.models.SHIPPED_FOLDER", tmp_path / "shipped")
    return user_models
