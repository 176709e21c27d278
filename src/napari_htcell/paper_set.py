"""A simulated set of images as large as the paper's, which is not public (section 3.1).

Three projects beside each other in one folder: `partial` to learn from first, `clean` to fine-tune
on, and `test`, which has no annotation and so teaches nothing. An image depends on the seed, its
set and its number alone: images are made in any order, by any number of processes, and added later.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_htcell import atomic, config
from napari_htcell.annotations import Status
from napari_htcell.frame import frame_image
from napari_htcell.images import to_grey
from napari_htcell.paper_record import (
    NETWORK_PIXEL_SIZE_UM,
    RECORD,
    PaperConfig,
    Record,
    read_record,
)
from napari_htcell.processes import cores, run_all
from napari_htcell.progress import Clock, Progress, run
from napari_htcell.project import Project, open_project
from napari_htcell.sample import annotate
from napari_htcell.sample_files import ImageFiles, SampleImage
from napari_htcell.simulate import SimulationConfig, simulate_image

README = """\
Simulated sets of images, as large as those of the paper that napari-htcell implements
======================================================================================

No real specimen was imaged: these are SIMULATED phase-contrast images of HT1080-like cells. What a
model scores here says little about real images. Each folder is a project of its own.

{table}

truth/ has all cells of each image (y, x in pixels), the centroids of their masks. The partial
clicks are those of an imagined biologist in a hurry: fewer cells where they are crowded, off by a
few micrometres, sometimes on debris.

{record} says what the images were made by. At a scale below 1, only the first images of each
set are here.
"""


@dataclass(frozen=True)
class ImageSet:
    """One of the paper's sets of images (section 3.1).

    Parameters
    ----------
    name : str
        Folder, and beginning of its images' names.
    key : int
        Part of its images' seeds, above 0: sample projects have none. Never to be changed.
    n_images : int
        Number of images in the paper.
    status : {"partial", "complete", "untouched"}
        How its images are annotated.
    has_masks : bool
        Whether its images have cell masks.
    least : int
        Number of images at the smallest scale: few are made quickly, and half a dozen to
        fine-tune or test on would say nothing.
    """

    name: str
    key: int
    n_images: int
    status: Status
    has_masks: bool = False
    least: int = 1

    def count(self, scale: float) -> int:
        """Return the number of images at a scale, rounded up."""
        # 2241 x 1/3 is 747, and not one more for the last bit of the product.
        return max(self.least, math.ceil(round(self.n_images * scale, 6)))

    def image_name(self, index: int) -> str:
        """Return the name of an image, which is the same at any scale."""
        return f"{self.name}_{index + 1:0{len(str(self.n_images))}d}.ome.tif"


SETS = (
    ImageSet("partial", 1, 2241, "partial"),
    ImageSet("clean", 2, 12, "complete", has_masks=True, least=12),
    ImageSet("test", 3, 212, "untouched", least=20),
)


@dataclass(frozen=True)
class Task:
    """One image to make.

    Parameters
    ----------
    folder : Path
        The folder of all sets.
    image_set : ImageSet
    index : int
        Number of the image in its set, from 0.
    record : Record
    """

    folder: Path
    image_set: ImageSet
    index: int
    record: Record

    @property
    def is_finished(self) -> bool:
        """Whether all files of the image are there."""
        return self._files.are_there(
            is_annotated=self.image_set.status != "untouched", has_masks=self.image_set.has_masks
        )

    def run(self) -> None:
        """Make the image and write it."""
        settings, status = self.record.settings, self.image_set.status
        one = simulate_image(self.record.simulation, self._rng(0))
        annotation = None
        if status != "untouched":
            annotation = annotate(
                one,
                is_complete=status == "complete",
                completeness=settings.completeness,
                rng=self._rng(1),
            )
        masks = one.labels if self.image_set.has_masks else None
        image = SampleImage(one.image, one.pixel_size_um, one.centroids, annotation, masks)
        self._files.write(at_network_resolution(image) if settings.network_resolution else image)

    @property
    def _files(self) -> ImageFiles:
        project = self.folder / self.image_set.name
        return ImageFiles(project, self.image_set.image_name(self.index))

    def _rng(self, purpose: int) -> np.random.Generator:
        # All four words are needed: numpy takes missing ones for 0.
        seed = self.record.settings.seed
        return np.random.default_rng([seed, self.index, purpose, self.image_set.key])


def at_network_resolution(image: SampleImage) -> SampleImage:
    """Return an image as the network sees it, with its points and masks in the new pixels.

    Detection and training on whole images then see exactly what they would of `image`. Pixels are
    float32, in which the means of 16 grey levels are exact; whole numbers would take as much disk
    space. The paper's crop is cut at whole pixels of either resolution, which is up to half a
    network's pixel elsewhere.

    Parameters
    ----------
    image : SampleImage
        At the camera's resolution.
    """
    shape = (image.pixels.shape[0], image.pixels.shape[1])
    frame = frame_image(shape, image.pixel_size_um, network_pixel_size_um=NETWORK_PIXEL_SIZE_UM)
    annotation, masks = image.annotation, image.masks
    if annotation is not None:
        points = frame.to_network(annotation.points).astype(np.float64)
        annotation = replace(annotation, points=points)
    return SampleImage(
        pixels=frame.cut(to_grey(image.pixels)),
        pixel_size_um=NETWORK_PIXEL_SIZE_UM,
        truth=frame.to_network(image.truth).astype(np.float64),
        annotation=annotation,
        masks=None if masks is None else frame.cut_labels(masks).astype(masks.dtype),
    )


def make_paper_set(
    folder: str | Path, simulation: SimulationConfig | None = None, **settings: Any
) -> dict[str, Project]:
    """Make simulated sets of images as large as the paper's, or go on making them.

    Parameters
    ----------
    folder : str or Path
        Folder to make, or one that was made with the same settings: its finished images are kept
        as they are, the others are made.
    simulation : SimulationConfig, optional
        Size, density and looks of the images; the paper's without it.
    **settings
        Fields of `PaperConfig`. With several workers, a script needs the usual
        ``if __name__ == "__main__":`` around this call, as `multiprocessing` says.

    Returns
    -------
    dict of str to Project
        By the names in `SETS`.

    Raises
    ------
    FileExistsError
        If the folder is there and holds something else; nothing is changed.
    ValueError
        If a setting is out of bounds, or not that of the folder's images; nothing is changed.
    ChildProcessError
        If a process that makes images is ended by somebody else.
    """
    return run(make_paper_set_steps(folder, simulation, **settings))


def make_paper_set_steps(
    folder: str | Path, simulation: SimulationConfig | None = None, **settings: Any
) -> Generator[Progress, None, dict[str, Project]]:
    """Do what `make_paper_set` does, yielding progress before the first and after each image.

    Closed at a step, it waits for the images that are being made, and no more.
    """
    folder, chosen = Path(folder), config.override(PaperConfig(), **settings)
    record = Record(settings=chosen, simulation=simulation or SimulationConfig())
    _begin(folder, record)
    tasks = [
        Task(folder, image_set, index, record)
        for image_set in SETS
        for index in range(image_set.count(chosen.scale))
    ]
    left = [task for task in tasks if not task.is_finished]
    done, total = len(tasks) - len(left), len(tasks)
    clock = Clock(total, done)
    yield Progress("simulating images", done, total)
    with closing(run_all([task.run for task in left], chosen.workers or cores())) as runs:
        for _ in runs:
            done += 1
            yield Progress("simulating images", done, total, clock.seconds_left(done))
    return {image_set.name: open_project(folder / image_set.name) for image_set in SETS}


def _begin(folder: Path, record: Record) -> None:
    """Make the folder with its record, or see that its images are this record's."""
    if not folder.exists():
        with atomic.new_folder(folder) as unfinished:
            record.save(unfinished / RECORD)
            atomic.write_text(unfinished / "README.txt", _readme())
        return
    before = read_record(folder)
    before.check_same_images(record, folder)
    if record.settings.scale > before.settings.scale:
        record.save(folder / RECORD)


def _readme() -> str:
    words = {"partial": "annotated partially", "complete": "annotated completely"}
    lines = []
    for one in SETS:
        parts = [f"{one.n_images} images", words.get(one.status, "not annotated, to test on")]
        lines.append(f"{one.name + '/':<10}" + ", ".join(parts + ["masks"] * one.has_masks))
    return README.format(table="\n".join(lines), record=RECORD)
