"""A project and a model as small as they can be, for what is done hundreds of times."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from napari_htcell import models, sample, versions
from napari_htcell.cards import Card
from napari_htcell.config import DetectConfig, TrainConfig
from napari_htcell.models import Model
from napari_htcell.project import Project
from napari_htcell.simulate import SimulationConfig
from napari_htcell.unet import UNet

IMAGES = SimulationConfig(
    height_px=192, width_px=256, cells_per_mm2=60, wall_probability=0, scratch_probability=0
)
NETWORK = {"base_width": 4, "depth": 2, "square_px": 64, "device": "cpu", "precision": "float32"}
VERSION, NAME = "D", "small"


def make_small(folder: Path, n_images: int = 3) -> Project:
    """Return a project of a few small images, two of them complete, with a model of its own."""
    project = sample.make_project(
        folder, IMAGES, n_images=n_images, n_complete=2, n_masks=0, seed=7
    )
    torch.manual_seed(0)
    # Each state is kept, so that a run that is killed goes on where it was.
    training = TrainConfig(**NETWORK, checkpoint_seconds=0)
    card = Card(name=NAME, version=VERSION, training=training, detection=DetectConfig())
    network = UNet(training.base_width, training.depth, training.padding)
    models.save_model(Model(card, network), project.models_folder)
    return project


def shorten(steps: int) -> None:
    """Shorten the recipe to so many steps a stage, in this process."""
    version = versions.VERSIONS[VERSION]
    stages = tuple(replace(stage, epochs=1, min_steps=steps) for stage in version.stages)
    versions.VERSIONS[VERSION] = replace(version, stages=stages)
