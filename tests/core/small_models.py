"""A model as small as can be, for tests that are about files."""

from __future__ import annotations

from typing import Any

import torch

from napari_htcell.cards import Card
from napari_htcell.config import DetectConfig, TrainConfig
from napari_htcell.models import Model
from napari_htcell.unet import UNet


def model(name: str = "mine", **training: Any) -> Model:
    settings = TrainConfig(**({"base_width": 2, "depth": 1} | training))
    card = Card(name=name, version="B", training=settings, detection=DetectConfig(threshold=0.3))
    return Model(card, UNet(settings.base_width, settings.depth))


def same_weights(one: Model, other: Model) -> bool:
    first, second = one.network.state_dict(), other.network.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)
