"""Which windows have a project open: each keeps a small file in the project's folder.

::

    .htcell-open/<random name>.json      who, host, process, since

The file is written when there is something to keep for the first time, touched every
`BEAT_SECONDS` while the window is open, and removed at its end. It forbids nothing: it is there to
tell the people. A file that was left behind is recognised: on the same computer its process is
gone, from another one it has not been touched for `STALE_SECONDS`.
"""

from __future__ import annotations

import getpass
import json
import os
import platform
import time
import uuid
import weakref
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import psutil

from napari_htcell import atomic

FOLDER = ".htcell-open"
BEAT_SECONDS = 30.0
STALE_SECONDS = 600.0
"""Many beats: a computer that is asleep or busy for some minutes is still there."""

SAME_START_SECONDS = 2.0
"""Two readings of when a process was started differ by less; process numbers are used again."""


@dataclass(frozen=True)
class Holder:
    """A window that has a project open.

    Parameters
    ----------
    who : str
        Name of the user on that computer.
    host : str
        Name of the computer.
    process : int
        Number of its process there.
    started : float
        When the process was started, in seconds since 1970.
    since : str
        When something was first kept from that window, ISO 8601 with time zone.
    """

    who: str
    host: str
    process: int
    started: float
    since: str

    @classmethod
    def here(cls) -> Holder:
        """Return this process as a holder from now on."""
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        process = psutil.Process()
        return cls(_user(), platform.node(), process.pid, process.create_time(), now)

    @property
    def in_words(self) -> str:
        """Who it is, where, and since when."""
        since = datetime.fromisoformat(self.since).astimezone()
        day = "" if since.date() == datetime.now().astimezone().date() else f"{since:%d %b} "
        place = "on this computer" if self.host == platform.node() else f"on {self.host}"
        return f"{self.who} {place}, since {day}{since:%H:%M}"


class Lease:
    """The file of one window, and a look at those of the others.

    Parameters
    ----------
    project : Path
        The project's folder.
    """

    def __init__(self, project: Path) -> None:
        self._folder = project / FOLDER
        self._path = self._folder / f"{uuid.uuid4().hex}.json"
        self._holder: Holder | None = None
        # Removed with this object, however it ends, and when the program does.
        weakref.finalize(self, _remove, self._path)

    def take(self) -> None:
        """Say that this window has the project open; what others left behind is cleared away.

        A folder that is gone or cannot be written is none of this object's business: saving tells
        of that.
        """
        if self._holder is None and is_there(self._folder.parent):
            self._holder = Holder.here()
            for path, holder in _read_all(self._folder):
                if _is_stale(path, holder) and holder.host == self._holder.host:
                    _remove(path)
            self._write()

    def beat(self) -> None:
        """Say that this window is still there, if it has said so before."""
        if self._holder is None:
            return
        try:
            os.utime(self._path)
        except OSError:
            self._write()

    def release(self) -> None:
        """Say that the window is closed, if it has said that it is there."""
        if self._holder is not None:
            self._holder = None
            _remove(self._path)

    def others(self) -> tuple[Holder, ...]:
        """Return the other windows that have the project open, the longest first."""
        found = [
            holder
            for path, holder in _read_all(self._folder)
            if path != self._path and not _is_stale(path, holder)
        ]
        return tuple(sorted(found, key=lambda one: one.since))

    def _write(self) -> None:
        if self._holder is None or not is_there(self._folder.parent):
            return
        content = {"format": 1} | asdict(self._holder)
        try:
            atomic.write_text(self._path, json.dumps(content, indent=1))
        except OSError:
            self._holder = None


def is_there(project: Path) -> bool:
    """Return whether a project's folder is; files of windows alone are none.

    An empty one is where a share is shown when it is connected.
    """
    try:
        with os.scandir(project) as entries:
            return any(entry.name != FOLDER for entry in entries)
    except OSError:
        return False


def _read_all(folder: Path) -> list[tuple[Path, Holder]]:
    found = ((path, _read(path)) for path in sorted(folder.glob("*.json")))
    return [(path, holder) for path, holder in found if holder is not None]


def _read(path: Path) -> Holder | None:
    """Return who left a file; None if it is gone by now, or of a version that we cannot read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        del content["format"]
        holder = Holder(**content)
        datetime.fromisoformat(holder.since)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return holder


def _is_stale(path: Path, holder: Holder) -> bool:
    if holder.host != platform.node():
        try:
            return time.time() - path.stat().st_mtime > STALE_SECONDS
        except OSError:
            return True
    try:
        started = psutil.Process(holder.process).create_time()
    except psutil.Error:
        return True
    return abs(started - holder.started) > SAME_START_SECONDS


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
        # Gone with the last of them.
        path.parent.rmdir()
    except OSError:
        pass


def _user() -> str:
    try:
        return getpass.getuser()
    # No name for the user, as in some containers.
    except (KeyError, OSError):
        return "somebody"
