"""What a simulated set as large as the paper's was made by, kept in its folder to go on with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from napari_htcell import atomic, config
from napari_htcell.config import Settings, first_fault
from napari_htcell.sample_config import CommonConfig
from napari_htcell.simulate import SimulationConfig

NETWORK_PIXEL_SIZE_UM = config.PAPER_PIXEL_SIZE_UM * config.PAPER_DOWNSAMPLING
"""Micrometres per pixel that the paper's network sees (sections 3.1 and 3.2)."""

RECORD = "simulated.json"
"""File in the folder that says what its images are made by."""

FORMAT = 1
"""Of the record; to be raised when the same settings come to give other images."""


class PaperConfig(CommonConfig):
    """How much of the paper's sets is made, at which resolution."""

    scale: float = Field(
        1.0,
        gt=0,
        le=1,
        description="part of the paper's numbers of images, rounded up, but all 12 clean ones and "
        "at least 20 test images; the images are the first of a larger scale, so that a set can be "
        "extended",
    )
    network_resolution: bool = Field(
        False,
        description=f"write images of {NETWORK_PIXEL_SIZE_UM:g} um per pixel, as the network sees "
        "them, instead of the camera's; takes a seventh of the disk space",
    )
    workers: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="number of processes that make images; without it as many as there are cores",
    )


class Record(Settings):
    """What a folder's images are made by.

    Parameters
    ----------
    format : int
    settings : PaperConfig
        With the largest scale asked for so far.
    simulation : SimulationConfig
    """

    format: int = FORMAT
    settings: PaperConfig
    simulation: SimulationConfig

    def save(self, path: Path) -> None:
        """Write the record; how many processes made the images is no part of it."""
        text = self.model_dump_json(indent=1, exclude={"settings": {"workers"}})
        atomic.write_text(path, text + "\n")

    def differences(self, other: Record) -> list[tuple[str, Any, Any]]:
        """Return name, value here and value there of all that the images depend on."""
        found = []
        for mine, theirs in (
            (self.settings, other.settings),
            (self.simulation, other.simulation),
        ):
            names = type(mine).model_fields.keys() - {"scale", "workers"}
            pairs = [(name, getattr(mine, name), getattr(theirs, name)) for name in sorted(names)]
            found += [(name, one, two) for name, one, two in pairs if one != two]
        return found

    def check_same_images(self, wanted: Record, folder: Path) -> None:
        """Raise ValueError unless what is wanted goes on with the images that are there.

        Parameters
        ----------
        wanted : Record
        folder : Path
            For the message.
        """
        different = self.differences(wanted)
        if different:
            old = ", ".join(f"{name} {one}" for name, one, _ in different)
            new = ", ".join(f"{name} {two}" for name, _, two in different)
            raise ValueError(
                f"{folder} holds images made with {old}, not {new}; choose another name, or the "
                "same settings to go on there"
            )
        had, scale = self.settings.scale, wanted.settings.scale
        if scale < had:
            raise ValueError(
                f"{folder} was begun at a scale of {had:g}, of which {scale:g} is a part; choose "
                f"another name, or a scale of {had:g} or more to go on there"
            )


def read_record(folder: Path) -> Record:
    """Read the record of a folder.

    Raises
    ------
    FileExistsError
        If it has none: it holds something else.
    ValueError
        If it is damaged, or of another version of the package.
    """
    path = folder / RECORD
    if not path.is_file():
        raise FileExistsError(
            f"{folder} is already there and holds no such sets (it has no {RECORD}); choose "
            "another name"
        )
    try:
        record = Record.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        reason = first_fault(error) if isinstance(error, ValidationError) else error
        raise ValueError(
            f"{path}: is damaged or of another napari-htcell ({reason}); choose another name"
        ) from error
    if record.format != FORMAT:
        raise ValueError(
            f"{path}: is of another napari-htcell (format {record.format}, this one makes "
            f"{FORMAT}), whose images would differ; choose another name"
        )
    return record
