"""What a long detection has found so far, image by image, so that it can go on after any end.

A text file: the first line says what job it is of, each other one is an image. Lines are added as
images are finished, in any order; one that was cut short by a kill does not count.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from napari_htcell import locking
from napari_htcell.detections import Detections, Provenance

Entry = dict[str, Any]


class JournalError(ValueError):
    """A journal cannot be gone on with; the text says why, and what to do."""


class Journal:
    """The file of one job; only the places of its lines are in memory.

    Parameters
    ----------
    path : Path
        Where it is; one of the same job is gone on with.
    job : mapping
        Everything that results depend on, as JSON has it.

    Raises
    ------
    JournalError
        If what is there is of another job, or no journal, or if another program is writing it.
    """

    def __init__(self, path: Path, job: Mapping[str, Any]) -> None:
        self.path = path
        self._places: dict[str, int] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        with ExitStack() as stack:
            self._file: BinaryIO = stack.enter_context(path.open("r+b"))
            self._begin(json.loads(json.dumps(job)))
            stack.pop_all()

    def _begin(self, job: Mapping[str, Any]) -> None:
        """Take the file for this program alone, and read what is in it, or begin it."""
        with suppress(NotImplementedError):
            if not locking.try_lock(self._file.fileno()):
                raise JournalError(
                    f"{self.path}: another htcell is at the same table; wait for it, or choose "
                    "another name"
                )
        first = self._file.readline()
        if self._has_nothing(first):
            self._file.truncate(0)
            self._file.seek(0)
            self._write(job)
            return
        other = _parsed(first)
        if other != job:
            raise JournalError(
                f"{self.path}: is what was found {_difference(other, job)}; go on with that, "
                "choose another name, or delete it"
            )
        self._file.seek(len(first))
        self._read()

    def _has_nothing(self, first: bytes) -> bool:
        """Return whether an earlier run, whose first line this is, was stopped before an image."""
        if not first.endswith(b"\n"):
            return first[:1] in (b"", b"{")
        return bool(_parsed(first)) and not self._file.readline().endswith(b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: object, *_rest: object) -> None:
        # What could not be written cannot be written now, and was said.
        with suppress(OSError) if error else nullcontext():
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
        try:
            self._file.seek(0, 2)
            self._places[name] = self._file.tell()
            self._write({"image": name, **entry})
        except OSError as error:
            # Without a file's name nobody knows which disk is full.
            raise OSError(error.errno, error.strerror, str(self.path)) from error

    def delete(self) -> None:
        """Remove the file of a job that is finished."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()

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


def _parsed(line: bytes) -> dict[str, Any]:
    """Return a line's content; nothing if it is none of a journal."""
    try:
        content = json.loads(line)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _difference(other: Mapping[str, Any], job: Mapping[str, Any]) -> str:
    """Return in what an earlier job is another one, as far as one can say."""
    before, now = ({**one, **one.get("settings", {})} for one in (other, job))
    if before.get("model") == now.get("model") and before.get("weights_sha256") != now.get(
        "weights_sha256"
    ):
        return "with another model of that name"
    for name, value in now.items():
        if name != "settings" and name in before and before[name] != value:
            was, wanted = ("none" if one is None else one for one in (before[name], value))
            return f"with {name.removesuffix('_um').replace('_', ' ')} {was} instead of {wanted}"
    return "otherwise"


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
