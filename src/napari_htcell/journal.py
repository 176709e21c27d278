"""What a long detection has found so far, image by image, so that it can go on after any end.

A text file: the first line says what job it is of, each other one is an image. Lines are added as
images are finished, in any order; one that was cut short by a kill does not count.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from napari_htcell.detections import Detections, Provenance

Entry = dict[str, Any]


class Journal:
    """The file of one job; only the places of its lines are in memory.

    Parameters
    ----------
    path : Path
        Where it is; one of the same job is gone on with, one of another is written anew.
    job : mapping
        Everything that results depend on, as JSON has it.
    """

    def __init__(self, path: Path, job: Mapping[str, Any]) -> None:
        self.path = path
        self._places: dict[str, int] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self._file: BinaryIO = path.open("r+b")
        if self._job() == json.loads(json.dumps(job)):
            self._read()
        else:
            self._file.truncate(0)
            self._file.seek(0)
            self._write(job)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def __getitem__(self, name: str) -> Entry:
        """Return what was added last for an image."""
        self._file.seek(self._places[name])
        entry: Entry = json.loads(self._file.readline())
        return entry

    def add(self, name: str, entry: Mapping[str, Any]) -> None:
        """Keep what became of an image; a kill of the program does not lose it any more."""
        self._file.seek(0, 2)
        self._places[name] = self._file.tell()
        self._write({"image": name, **entry})

    def delete(self) -> None:
        """Remove the file of a job that is finished."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()

    def _job(self) -> Any:
        try:
            return json.loads(self._file.readline())
        except ValueError:
            return None

    def _read(self) -> None:
        place = self._file.tell()
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            try:
                self._places[json.loads(line)["image"]] = place
            except (ValueError, KeyError, TypeError):
                break
            place += len(line)
        self._file.truncate(place)


def content_of(found: Detections) -> Entry:
    """Return detections as JSON has them; `detections_of` is the way back, to the last bit."""
    return {
        "points": found.points.tolist(),
        "columns": found.points.shape[1],
        "scores": found.scores.tolist(),
        "areas_um2": None if found.areas_um2 is None else found.areas_um2.tolist(),
        "provenance": found.provenance.content,
    }


def detections_of(content: Entry) -> Detections:
    """Return what `content_of` was given."""
    areas = content["areas_um2"]
    return Detections(
        np.asarray(content["points"], np.float64).reshape(-1, content["columns"]),
        np.asarray(content["scores"], np.float64),
        Provenance.of_content(content["provenance"]),
        None if areas is None else np.asarray(areas, np.float64),
    )
