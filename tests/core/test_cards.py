"""A card survives its file, and says what computed its numbers."""

from __future__ import annotations

import importlib.metadata

import pytest

from napari_htcell import cards
from napari_htcell.cards import Card, Figure, TrainingImage
from napari_htcell.config import DetectConfig, TrainConfig


def test_round_trip_through_json() -> None:
    card = Card(
        name="B-2026-01-01",
        version="B",
        base_model="shipped",
        training=TrainConfig(base_width=8),
        detection=DetectConfig(threshold=0.35),
        images=(TrainingImage(name="a.tif", sha256="0" * 64, status="complete", points=3),),
        figures=(
            Figure(
                on="three images",
                images=3,
                cutoff_um=16,
                tp=0,
                fp=0,
                fn=1,
                f_score=0,
                mean_distance_um=None,
                settings=DetectConfig(),
            ),
        ),
        software=cards.software(),
    )
    assert Card.model_validate_json(card.model_dump_json()) == card


def test_what_is_assumed_of_images_is_what_was_learnt_from() -> None:
    """A model of one microscope would else count images of another size there."""
    card = Card(name="a", version="E", training=TrainConfig(), detection=DetectConfig())

    def learnt(*sizes: tuple[float | None, bool]) -> float:
        images = tuple(
            TrainingImage(
                name="a", sha256="", status="complete", points=1,
                pixel_size_um=size, pixel_size_assumed=is_assumed,
            )
            for size, is_assumed in sizes
        )  # fmt: skip
        return card.model_copy(update={"images": images}).learnt_pixel_size_um

    assert learnt((0.8, False), (0.8, False)) == 0.8
    # As files round it.
    assert learnt((0.8, False), (0.8000001, False)) == pytest.approx(0.8)
    for unclear in ((), ((0.8, False), (0.9, False)), ((0.8, True),), ((None, False),)):
        assert learnt(*unclear) == card.image_pixel_size_um == 1.61


def test_software_names_what_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"napari-htcell", "torch", "numpy", "python", "system"} <= cards.software().keys()


def test_a_missing_package_name_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    known = importlib.metadata.version

    def version(name: str) -> str:
        if name.startswith("opencv"):
            raise importlib.metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert "opencv-python-headless" not in cards.software()
    assert "numpy" in cards.software()
