"""A model's card: everything to know about it, as data that is checked when it is read."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from napari_htcell.annotations import Status
from napari_htcell.config import (
    PAPER_PIXEL_SIZE_UM,
    DetectConfig,
    Settings,
    TrainConfig,
    common_pixel_size,
)
from napari_htcell.counting import CountErrors

Architecture = Literal["U-Net", "sliding window", "smooth and threshold"]

NAME_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9 ._+-]{0,78}[A-Za-z0-9_+-])?$"
"""Names that are folders on every system; Windows drops a dot or space at the end."""


LEFT_OUT = "its complete images, each by a network that had not learnt from it"
LEARNT_FROM = "the complete images that it learnt from; on others expect less"
NOT_LEARNT = "complete images that it has not learnt from"
SAME_FILES = "frames of the files that it learnt from; on others expect less"
"""What a model's figures were measured on."""

SAME_IMAGES = "the same images"
"""What the figures of the model that it was fine-tuned from were measured on."""


class TrainingImage(Settings):
    """An image that a model learnt from."""

    name: str
    frame: int = 0
    sha256: str
    status: Status
    points: int
    pixel_size_um: float | None = Field(
        None, description="micrometres per pixel that it was learnt at; null on older cards"
    )
    pixel_size_assumed: bool = Field(
        False, description="whether nobody stated its pixel size, so that the usual one was taken"
    )


class Figure(Settings):
    """A measured result, with what it was measured on."""

    on: str = Field(description="the images, and whether the model had learnt from them")
    images: int = Field(description="halves of a single image, judged one by one, count as two")
    cutoff_um: float
    tp: int
    fp: int
    fn: int
    f_score: float
    mean_distance_um: float | None
    settings: DetectConfig

    @property
    def in_words(self) -> str:
        """F with its distance."""
        return f"F {self.f_score:.2f} within {self.cutoff_um:g} µm"

    @property
    def count_in_words(self) -> str:
        """The number found beside the true one."""
        found, true = self.tp + self.fp, self.tp + self.fn
        if not true:
            return f"{found} found where there is none"
        share = round(100 * (found - true) / true)
        off = f", {abs(share)} % too {'many' if share > 0 else 'few'}" if share else ""
        return f"{found} found where {true} are{off}"


class Card(Settings):
    """Everything to know about a model."""

    format: Literal[1] = 1
    name: str = Field(pattern=NAME_PATTERN)
    version: str = Field(description="training recipe")
    architecture: Architecture = Field("U-Net", description="what the network is; see `networks`")
    base_model: str | None = Field(None, description="model that it was fine-tuned from")
    summary: str = Field("", description="what it learnt from, in words")
    training: TrainConfig
    detection: DetectConfig
    image_pixel_size_um: float = Field(
        PAPER_PIXEL_SIZE_UM,
        gt=0,
        le=1000,
        description="assumed of images whose pixel size nobody states",
    )
    images: tuple[TrainingImage, ...] = ()
    earlier_images: tuple[TrainingImage, ...] = Field(
        (), description="what the models that it was fine-tuned from had learnt from"
    )
    steps: int = Field(0, ge=0, description="of the network itself, without those of the checks")
    seconds: float = Field(
        0, ge=0, description="training time, with that of the checks on images left out"
    )
    new_share: float = Field(
        1.0,
        ge=0,
        le=1,
        description="part of what fine-tuning has changed that is kept; 0 is the base model",
    )
    device: str = ""
    precision: str = ""
    figures: tuple[Figure, ...] = ()
    base_figures: tuple[Figure, ...] = Field(
        (), description="the same of the model that it was fine-tuned from"
    )
    tested: tuple[Figure, ...] = Field(
        (), description="figures on test images, which neither training nor any choice has seen"
    )
    count_errors: CountErrors | None = Field(
        None, description="of its counts in complete images that it has not learnt from"
    )
    software: dict[str, str] = Field(default_factory=dict)
    date: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    weights_sha256: str = ""

    def knows(self, image: TrainingImage) -> bool:
        """Return whether it has learnt from an image, itself or before it was fine-tuned."""
        return any(
            (one.sha256, one.frame) == (image.sha256, image.frame)
            for one in self.images + self.earlier_images
        )

    @property
    def learnt_pixel_size_um(self) -> float:
        """What to assume of images whose pixel size nobody states, after those it learnt from.

        Theirs, if it was stated of all and is the same; else what was assumed before.
        """
        stated = [None if one.pixel_size_assumed else one.pixel_size_um for one in self.images]
        return common_pixel_size(stated) or self.image_pixel_size_um

    def count_errors_at(self, *, pixel_size_assumed: bool) -> CountErrors | None:
        """Return what is known of the error of counts in an image.

        Parameters
        ----------
        pixel_size_assumed : bool
            Whether nobody states the image's pixel size. If it was stated of all that the errors
            were measured on, they say nothing of a count that a wrong size may have doubled.
        """
        if pixel_size_assumed and not any(one.pixel_size_assumed for one in self.images):
            return None
        return self.count_errors

    @property
    def is_no_better(self) -> bool:
        """Whether fine-tuning did not help, as far as images left out of it can tell."""
        pairs = zip(self.figures[:1], self.base_figures[:1], strict=False)
        return any(after.f_score <= before.f_score for after, before in pairs)

    @property
    def kept_part(self) -> str:
        """What was kept of what fine-tuning has changed, in words; "" if all was."""
        if self.new_share == 1:
            return ""
        if self.new_share == 0:
            return (
                "nothing of what was learnt, since images left out came out worse with it or the "
                f"cells were too few: the network is still that of {self.base_model}, and only its "
                "scores were fitted to these images, if at all, so that the threshold, now "
                f"{self.detection.threshold:.2f}, may not compare with that of {self.base_model}"
            )
        return (
            f"{100 * self.new_share:.0f} % of what was learnt, the rest is {self.base_model}'s: "
            "on images left out nothing else was clearly better, or there were none to tell"
        )

    @property
    def own_figures(self) -> tuple[Figure, ...]:
        """All figures of the model itself, those on test images first.

        They are what new images can be expected to give, and all models that have them have them
        of the same images. Those of its training chose its threshold besides.
        """
        return self.tested + self.figures

    @property
    def headline(self) -> str:
        """Name, version, date and first figure, in one line."""
        parts = [f"{self.name}: version {self.version}", self.date[:10]]
        if self.own_figures:
            first = self.own_figures[0]
            parts.append(f"F {first.f_score:.3f} at {first.cutoff_um:g} um on {first.on}")
        return ", ".join(parts)


def software() -> dict[str, str]:
    """Return the versions of what computes a result."""
    versions = {"python": platform.python_version(), "system": platform.system()}
    for name in ("napari-htcell", "torch", "numpy", "scipy", "opencv-python-headless"):
        # conda's OpenCV has another name, which is no reason to lose a trained model.
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions
