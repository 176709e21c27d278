"""Every default of the package, once: value, unit, bounds, meaning and source.

Command-line flags, spin boxes, tooltips and model cards read these fields; none of them repeats a
value. "Section" and "Fig." refer to the paper that the package implements (see docs/paper_map.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

PAPER_PIXEL_SIZE_UM: Final = 1.61
"""Micrometres per pixel of the paper's images (section 3.1)."""

PIXEL_SIZE_ROUNDING: Final = 1.001
"""Ratio of two pixel sizes that are the same: files keep them rounded, or as fractions."""

PAPER_CROP_PX: Final = (1000, 2000)
"""Centre crop (height, width) in pixels of the paper's images (section 3.2)."""

PAPER_DOWNSAMPLING: Final = 4
"""Factor by which the paper's crop is made smaller (section 3.2)."""

PAPER_SQUARE_PX: Final = 250
"""Side of the squares that the network sees, after downsampling (section 3.2)."""

PAPER_WINDOW_PX: Final = 100
"""Side of the windows that CNN-SW looks at, in pixels of the paper's images (section 3.3)."""

PAPER_CUTOFF_PX: Final = 70
"""Largest distance of a match in pixels of the paper's images (section 3.5); 113 um."""

PAPER_CUTOFF_UM: Final = PAPER_CUTOFF_PX * PAPER_PIXEL_SIZE_UM
"""The paper's cut-off in micrometres."""

PAPER_THRESHOLD: Final = 0.5
"""Threshold of the heat map (section 3.4)."""

DEFAULT_MODEL: Final = "E"
"""Name of the shipped model that is taken where none is named."""

DetectionMethod = Literal["peaks", "contours", "masks"]
Crop = Literal["whole", "paper"]
Padding = Literal["zeros", "replicate"]
DeviceChoice = Literal["auto", "cpu", "cuda", "mps"]
PrecisionChoice = Literal["auto", "float32", "bfloat16"]


class Settings(BaseModel):
    """Base of all parameters and records: immutable, and a misspelt name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DetectConfig(Settings):
    """How a heat map becomes points."""

    method: DetectionMethod = Field(
        "peaks",
        description="peaks: local maxima of the heat map, which separate touching cells; "
        "contours: centroids of the thresholded heat map (section 3.4 of the paper); "
        "masks: the same with areas, for a network that draws whole cells (version C)",
    )
    threshold: float = Field(
        PAPER_THRESHOLD,
        ge=0,
        le=1,
        description="smallest score of a detection, 0 to 1; lower finds more cells "
        "and more false alarms (the paper's is 0.5, section 3.4)",
    )
    min_distance_um: float = Field(
        16.0,
        gt=0,
        le=1000,
        description="two peaks closer than this are one cell (micrometres)",
    )


class EvaluateConfig(Settings):
    """When a detection and a true cell are the same cell."""

    cutoff_um: float = Field(
        16.0,
        gt=0,
        le=10_000,
        description="largest distance of a match in micrometres; 16 is about one cell's radius, "
        "the paper's 70 pixels are 112.7 (section 3.5)",
    )


class UsefulnessConfig(Settings):
    """What makes an image worth correcting next; see `usefulness`."""

    doubt_band: float = Field(
        0.2,
        gt=0,
        le=1,
        description="a detection is doubtful if its score is less than this above the threshold",
    )
    crowded_um: float = Field(
        32.0,
        gt=0,
        le=1000,
        description="a cell is crowded if another one is nearer than this (micrometres); "
        "32 is about two cells' radii: they touch",
    )
    crowded_error: float = Field(
        0.1,
        ge=0,
        le=1,
        description="share of the crowded cells that is expected to be missed or merged",
    )
    least_cells: int = Field(
        20,
        ge=0,
        le=100_000,
        description="images with fewer cells come after the others: of fewer neither half, learnt "
        "from or looked at, has the ten that tell anything",
    )


class TrainConfig(Settings):
    """What a version's recipe leaves open; a model's card keeps the values it was trained with."""

    pixel_size_um: float = Field(
        PAPER_PIXEL_SIZE_UM * PAPER_DOWNSAMPLING,
        gt=0,
        le=100,
        description="micrometres per pixel that the network sees; 4 x 1.61 (sections 3.1 and 3.2)",
    )
    crop: Crop = Field(
        "whole",
        description="whole: learn from every pixel of an image; "
        "paper: from its centre, 1610 x 3220 um (1000 x 2000 pixels of 1.61 um, section 3.2)",
    )
    background_um: float = Field(
        130.0,
        ge=0,
        le=10_000,
        description="uneven light is removed by subtracting a Gaussian blur of this standard "
        "deviation, in micrometres; 0 leaves it in (the paper does not mention it)",
    )
    square_px: int = Field(
        PAPER_SQUARE_PX,
        ge=32,
        le=4096,
        description="longest side of a training square in the network's pixels (section 3.2)",
    )
    spot_sigma_um: float = Field(
        13.0,
        gt=0,
        le=1000,
        description="standard deviation of the Gaussian spot drawn at a cell's centre, "
        "in micrometres; two of the network's pixels (the paper does not state it)",
    )
    base_width: int = Field(
        16,
        ge=1,
        le=128,
        description="channels of the first block, doubled at each level "
        "(Fig. 1 does not state it; 64 is the original U-Net's)",
    )
    depth: int = Field(
        4, ge=1, le=6, description="number of 2 x 2 poolings (as in the original U-Net)"
    )
    padding: Padding = Field(
        "zeros",
        description="what convolutions see beyond an edge; the paper does not state it, and zeros "
        "are the usual; replicate repeats the edge, which shows the network no border",
    )
    seed: int = Field(0, ge=0, le=2**32 - 1, description="seed of all random choices")
    device: DeviceChoice = Field("auto", description="where to compute; auto takes the best found")
    devices: int = Field(
        1,
        ge=1,
        le=64,
        description="number of devices that learn together, each from a part of every batch; "
        "on processors a device is a process (needs the extra napari-htcell[devices])",
    )
    precision: PrecisionChoice = Field(
        "auto", description="number format while training; auto times both and takes the faster"
    )
    checkpoint_seconds: float = Field(
        20.0, ge=0, le=3600, description="seconds between two checkpoints of a training"
    )


class Preferences(Settings):
    """What a person sets once for all windows, in napari's preferences; the manifest repeats it.

    napari reads there, before it loads any of this, what it is to show; a test compares the two.
    """

    model: str = Field(
        "",
        title="Model",
        description="name of the model to begin with; if there is none of that name, or none is "
        f"given, the project's newest, or {DEFAULT_MODEL}",
    )
    threshold: float = Field(
        0.0,
        ge=0,
        le=1,
        title="Threshold",
        description="threshold to begin with; 0 takes the one on the model's card",
    )
    min_distance_um: float = Field(
        0.0,
        ge=0,
        le=1000,
        title="Distance (µm)",
        description="least distance of two cells to begin with, in micrometres; 0 takes the one "
        "on the model's card",
    )
    cutoff_um: float = Field(
        EvaluateConfig().cutoff_um,
        ge=0.1,
        le=10_000,
        title="Evaluate within (µm)",
        description="largest distance of a match in Evaluate to begin with, in micrometres",
    )
    symbol_size: float = Field(
        1.0,
        ge=0.25,
        le=4,
        title="Size of points",
        description="diameter of the points on the image, 1 being the usual one",
    )
    clicks_change_points: bool = Field(
        True,
        title="Clicks on the image change points",
        description="whether clicks add, accept, move and remove points as soon as Correct is open",
    )
    shows_scores: bool = Field(
        True,
        title="Colour candidates by their scores",
        description="whether candidates have the colour of their scores while Detect is open",
    )
    autosave_seconds: float = Field(
        0.5,
        ge=0.1,
        le=60,
        title="Pause before saving (s)",
        description="seconds after the last change after which it is saved",
    )

    def over(self, card: DetectConfig) -> DetectConfig:
        """Return how points are drawn to begin with, by a model with these settings on its card."""
        return override(
            card, threshold=self.threshold or None, min_distance_um=self.min_distance_um or None
        )


def common_pixel_size(sizes_um: Sequence[float | None]) -> float | None:
    """Return the pixel size that all images have.

    Parameters
    ----------
    sizes_um : sequence of float or None
        Micrometres per pixel; None where nobody states it.

    Returns
    -------
    float or None
        The first; None if there is none, one is not known, or they differ.
    """
    known = [one for one in sizes_um if one is not None]
    if not known or len(known) < len(sizes_um) or max(known) > PIXEL_SIZE_ROUNDING * min(known):
        return None
    return known[0]


def first_fault(error: ValidationError) -> str:
    """Return the first thing wrong with data, and where, in one line for the user."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]


FIXED_IN_FINE_TUNING: Final = (
    "pixel_size_um", "background_um", "spot_sigma_um", "base_width", "depth", "padding"
)  # fmt: skip
"""Fields of `TrainConfig` that a model keeps: its weights are good for these alone."""

PAPER_PREPROCESSING: Final = {"crop": "paper", "background_um": 0.0}
"""Fields of `TrainConfig` with which training sees images exactly as section 3.2 says."""

SettingsT = TypeVar("SettingsT", bound=Settings)


def override(settings: SettingsT, **changes: Any) -> SettingsT:
    """Return `settings` with the changes that are not None, checked against the bounds.

    Parameters
    ----------
    settings : Settings
        Where the values not named come from.
    **changes
        New values by field name; None keeps the old one.

    Raises
    ------
    ValueError
        If a name is unknown or a value is out of bounds, with the name, value and bound.
    """
    wanted = {name: value for name, value in changes.items() if value is not None}
    return type(settings).model_validate(settings.model_dump() | wanted)
