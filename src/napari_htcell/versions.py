"""The paper's training recipes side by side, as data (section 3.3).

A new recipe is a new record here. `train` runs a version's stages one after another; `fine_tune`
runs its last stage from a model that is there already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from napari_htcell import augment, losses, targets
from napari_htcell.cards import Architecture
from napari_htcell.config import PAPER_PIXEL_SIZE_UM, PAPER_WINDOW_PX, DetectionMethod
from napari_htcell.optimisers import PAPER_SGD, Optimiser, adamw, one_cycle
from napari_htcell.targets import FloatImage, Truth

LearnFrom = Literal["partial", "complete", "all"]


@dataclass(frozen=True)
class Stage:
    """One run over one kind of images with one target and loss.

    Parameters
    ----------
    learn_from : {"partial", "complete", "all"}
        Partially annotated images, their unclicked cells being taken for background; images and
        regions in which every cell is annotated; or both, with at most as many squares of the
        former as of the latter.
    epochs : int
        Times that every square is seen.
    min_steps : int
        Least number of steps, whatever the number of squares: the paper's own run over 2241 images
        takes 44,820, and 300 over thirty images would end before the network finds a cell.
    optimiser : Optimiser
        With its learning rate and schedule.
    most_steps : int or None
        Largest number of steps, for somebody who waits.
    steps_if_many, steps_if_unknown : int or None
        Steps in fine-tuning, instead, on many images, and where the model finds little of what it
        is to learn from; see `dosage`. As many as usual without them.
    target : callable
        Truth and spot size to what the network is asked to draw.
    loss : callable
        See `losses`.
    augmentation : callable
        See `augment`.
    batch_size : int
        Squares in a step.
    most_images : int or None
        Learns from the first so many images alone; from all without it.
    needs_masks : bool
        Whether the target is drawn from cell masks; images without are not learnt from then.
    averaging : float
        Decay of the running mean of the weights, which takes their place at the end; 0 for none.
    head_first : bool
        Whether the scale of the scores is fitted before the first step, see `head`.
    settles_first : bool
        Whether batch normalisation settles on the images before the first step and stays so, and
        not after the last one: steps of few squares then see what will be seen in detection.
    turn_share : float
        Part of the steps after which a network that is trained already is judged in
        cross-validation, if the stage is the last. For the paper's versions more took time and
        chose no better threshold (benchmarks/few_images.py).
    """

    learn_from: LearnFrom
    epochs: int
    min_steps: int
    target: Callable[[Truth, float], FloatImage]
    loss: losses.Loss
    augmentation: augment.Augmentation = augment.none
    optimiser: Optimiser = PAPER_SGD
    most_steps: int | None = None
    steps_if_many: int | None = None
    steps_if_unknown: int | None = None
    batch_size: int = 1
    most_images: int | None = None
    needs_masks: bool = False
    averaging: float = 0.0
    head_first: bool = False
    settles_first: bool = False
    turn_share: float = 0.3


TOLERANCE = 0.01
"""F that is given away for the lowest threshold: of what is as good, the one that misses less."""

Preferred = Literal["lowest", "expected"]


@dataclass(frozen=True)
class Version:
    """A training recipe.

    Parameters
    ----------
    name : str
        As in the paper's Table 1.
    summary : str
        One line for a menu.
    stages : tuple of Stage
        Run in order.
    method : {"peaks", "contours", "masks"}
        How points are drawn from what the last stage learns to draw: a spot has a peak, a mask is
        flat and has none.
    architecture : str
        The network, by its name in `networks`.
    settings : mapping of str to value
        Fields of `TrainConfig` that belong to the recipe.
    is_calibrated : bool
        Whether scores are made probabilities after training, by images left out of it.
    preferred : {"lowest", "expected"}
        Which of the thresholds that are about as good as the best, see `calibrate`. Networks that
        know their images by heart are surer of these than of others, and miss less at the lowest;
        of calibrated scores it is known where the best one is to be expected.
    tuning : Stage or None
        What improves a model that is there already; the last stage without it.
    shares : tuple of float
        When a model is fine-tuned: parts of what has changed of which one is kept, see `mixing`.
    """

    name: str
    summary: str
    stages: tuple[Stage, ...]
    method: DetectionMethod = "peaks"
    architecture: Architecture = "U-Net"
    settings: Mapping[str, Any] = field(default_factory=dict)
    is_calibrated: bool = False
    preferred: Preferred = "lowest"
    tuning: Stage | None = None
    shares: tuple[float, ...] = (1.0,)

    @property
    def fine_tuning(self) -> Stage:
        """The stage that improves a model that is there already."""
        return self.tuning or self.stages[-1]


PARTIAL = Stage(
    "partial",
    epochs=10,
    min_steps=3000,
    target=targets.gaussian_spots,
    loss=losses.mean_squared_error,
)
PARTIAL_AUGMENTED = replace(PARTIAL, augmentation=augment.paper)
CLEAN = Stage(
    "complete",
    epochs=50,
    min_steps=600,
    target=targets.gaussian_spots,
    loss=losses.mean_squared_error,
)
CLEAN_MASKS = replace(
    CLEAN, target=targets.cell_masks, loss=losses.binary_cross_entropy, needs_masks=True
)
WINDOWS = Stage(
    "partial",
    epochs=30,
    min_steps=0,
    target=targets.gaussian_spots,
    loss=losses.centre_cross_entropy,
    augmentation=augment.windows,
    optimiser=Optimiser(learning_rate=0.001, momentum=0.9, weight_decay=0),
    batch_size=4,
)
QUICK = Stage(
    "partial",
    epochs=2,
    min_steps=1200,
    # A quarter of an hour on one core, of thousands of images as of fifty.
    most_steps=4800,
    target=targets.gaussian_spots,
    loss=losses.spot_cross_entropy,
    augmentation=augment.varied,
    optimiser=Optimiser(
        learning_rate=0.003, weight_decay=0.01, algorithm=adamw, schedule=one_cycle
    ),
    batch_size=8,
    averaging=0.99,
)
QUICK_ALL = replace(
    QUICK,
    learn_from="all",
    min_steps=800,
    most_steps=3200,
    # Scores of networks that took fewer steps are lower, and would make the kept one's too high.
    turn_share=1.0,
)
QUICK_TUNING = replace(
    QUICK,
    learn_from="complete",
    # All of one microscope: other sizes would take steps from learning this one.
    augmentation=augment.relit,
    head_first=True,
    # With statistics of two squares each, a network that had learnt from crowded regions found
    # cells in the noise of an emptier image (docs/version_e.md).
    settles_first=True,
    # As many steps of large images as of small ones: somebody waits.
    epochs=1,
    min_steps=200,
    most_steps=200,
    steps_if_many=300,
    steps_if_unknown=800,
    # Those of the cross-validation only judge, and somebody waits.
    turn_share=0.8,
    # Of as many squares twice the steps learn more than steps of four.
    batch_size=2,
    # A mean over more steps than these would be of the old weights for a good part.
    averaging=0.95,
)
# No step is taken: the network finishes itself on the image, see `Network.settle`.
TUNING = replace(CLEAN, epochs=0, min_steps=0, most_images=1)

VERSIONS: dict[str, Version] = {
    version.name: version
    for version in (
        Version("A", "partial clicks only", (PARTIAL,)),
        Version("A+DA", "partial clicks only, augmented", (PARTIAL_AUGMENTED,)),
        Version("B", "partial clicks, then complete images", (PARTIAL, CLEAN)),
        Version(
            "B+DA", "partial clicks, augmented, then complete images", (PARTIAL_AUGMENTED, CLEAN)
        ),
        Version("C", "masks of complete images", (CLEAN_MASKS,), method="masks"),
        Version("D", "centroids of complete images", (CLEAN,)),
        Version(
            "E",
            "ours: at twice the resolution, complete images beside partial ones, calibrated",
            (QUICK, QUICK_ALL),
            settings={
                "pixel_size_um": 3.22,
                "spot_sigma_um": 8.0,
                # 128 with the margin that the network adds; of 128 it would make 144.
                "square_px": 124,
                "padding": "replicate",
            },
            is_calibrated=True,
            preferred="expected",
            tuning=QUICK_TUNING,
            shares=(0.0, 0.5, 1.0),
        ),
        Version(
            "CNN-SW",
            "baseline: a small network says of each window whether a cell is in its middle",
            (WINDOWS,),
            architecture="sliding window",
            settings={"pixel_size_um": PAPER_PIXEL_SIZE_UM, "square_px": PAPER_WINDOW_PX},
        ),
        Version(
            "Imaris-like",
            "baseline: smoothing and a threshold, tuned on one complete image",
            (TUNING,),
            method="contours",
            architecture="smooth and threshold",
        ),
    )
}


def get_version(name: str) -> Version:
    """Return a version by its name.

    Raises
    ------
    ValueError
        If there is none of that name, with those that there are.
    """
    if name not in VERSIONS:
        raise ValueError(f"there is no version {name!r}; choose one of {', '.join(VERSIONS)}")
    return VERSIONS[name]


USUAL_FINE_TUNING = "B"
"""Fine-tunes models of versions that do not learn from complete clicks."""


def fine_tuning_of(trained_by: str) -> Version:
    """Return the version that fine-tunes a model unless somebody names another: its own.

    Parameters
    ----------
    trained_by : str
        The version on the model's card. If it cannot learn from complete clicks, or is not known
        here, it is `USUAL_FINE_TUNING`.
    """
    own = VERSIONS.get(trained_by)
    if own is not None:
        stage = own.fine_tuning
        if stage.learn_from == "complete" and not stage.needs_masks:
            return own
    return VERSIONS[USUAL_FINE_TUNING]
