"""Writing that a kill at any moment cannot spoil: the old content or the new, never a half."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

PREFIX = ".writing-"
"""Start of the names of unfinished files and folders; whoever lists a folder passes them over."""

FORGOTTEN_SECONDS = 24 * 3600.0
"""Nobody takes as long to write something."""


class InUseError(PermissionError):
    """A file cannot be replaced, though others can be made beside it; the text says what to do."""


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to a temporary file beside `path`, flush it to disk, and put it in place.

    Parameters
    ----------
    path : Path
        File to make or replace; missing parent folders are made.
    content : bytes
        The whole new content.

    Raises
    ------
    OSError
        If the disk is full or the folder cannot be written; `path` is then as it was.
    InUseError
        If only `path` cannot be replaced.
    """
    write_together({path: content})


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Yield a file to write piece by piece; it becomes `path` when the block ends without an error.

    Parameters
    ----------
    path : Path
        File to make or replace; missing parent folders are made.

    Raises
    ------
    OSError
        As `write_bytes`.
    """
    unfinished = beside(path)
    with _gone_if_it_fails([unfinished]):
        with _made(unfinished) as stream:
            yield stream
        _put(unfinished, path)
    _sync_folder(path.parent)


def write_together(contents: Mapping[Path, bytes], *, away: Path | None = None) -> None:
    """Write several files out of sight, and give them their names in order.

    Whatever takes space on the disk is done first: should that fail, or should the first not be
    replaced, nothing has changed.

    Parameters
    ----------
    contents : mapping of Path to bytes
        The whole new content of each file.
    away : Path, optional
        One of them that must be gone before another gets its name: it describes that one.

    Raises
    ------
    OSError
        As `write_bytes`.
    """
    unfinished = {path: beside(path) for path in contents}
    hidden = {} if away is None or not away.exists() else {away: beside(away)}
    with _gone_if_it_fails(unfinished.values()):
        for path, content in contents.items():
            with _made(unfinished[path]) as stream:
                stream.write(content)
        for path, aside in hidden.items():
            path.rename(aside)
        for number, (path, ready) in enumerate(unfinished.items()):
            try:
                _put(ready, path)
            except OSError:
                for old, aside in hidden.items() if number == 0 else ():
                    aside.rename(old)
                raise
        for aside in hidden.values():
            aside.unlink()
    for folder in {path.parent for path in contents}:
        _sync_folder(folder)


def _put(ready: Path, path: Path) -> None:
    """Give a finished file its name."""
    try:
        ready.replace(path)
    except PermissionError as error:
        # Windows lets nobody replace what Excel has open.
        raise InUseError(
            f"{path}: cannot be replaced; is it open in another program, such as Excel? Close it "
            "there, and try again"
        ) from error


@contextmanager
def _made(path: Path) -> Iterator[BinaryIO]:
    """Yield a new file, flushed to disk when the block ends; missing parent folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


@contextmanager
def _gone_if_it_fails(paths: Iterable[Path]) -> Iterator[None]:
    """Delete files if the block does not end well."""
    try:
        yield
    except BaseException:
        for path in paths:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 the same way as `write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Fill a folder out of sight, then give it its name in one step.

    Parameters
    ----------
    path : Path
        Folder to make; its parents are made too.

    Yields
    ------
    Path
        A temporary folder to fill; it becomes `path` when the block ends without an error, and
        disappears when it does not.

    Raises
    ------
    FileExistsError
        If `path` is already there: nothing is overwritten.
    """
    taken = f"{path} is already there; choose another name or delete it first"
    if path.exists():
        raise FileExistsError(taken)
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    unfinished = beside(path)
    unfinished.mkdir()
    try:
        yield unfinished
        try:
            unfinished.rename(path)
        except OSError as error:
            # Somebody else was quicker; systems have several names for that.
            if path.exists():
                raise FileExistsError(taken) from error
            raise
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    _sync_folder(path.parent)


def sweep(folder: Path) -> None:
    """Remove what programs that were killed long ago have left unfinished in a folder."""
    for unfinished in folder.glob(f"{PREFIX}*"):
        # Gone by now, or somebody else's: no reason to stop.
        with suppress(OSError):
            if time.time() - unfinished.stat().st_mtime < FORGOTTEN_SECONDS:
                continue
            if unfinished.is_dir():
                shutil.rmtree(unfinished)
            else:
                unfinished.unlink()


def beside(path: Path) -> Path:
    """Return a new name for something unfinished in the same folder, which lists pass over."""
    return path.with_name(f"{PREFIX}{uuid.uuid4().hex}")


def free_path(wanted: Path, suffix: str = "") -> Path:
    """Return `wanted`, or with -2, -3, ... before the suffix the first that is not there yet."""
    stem = wanted.name.removesuffix(suffix)
    number, free = 1, wanted
    while free.exists():
        number += 1
        free = wanted.with_name(f"{stem}-{number}{suffix}")
    return free


def _sync_folder(folder: Path) -> None:
    """Flush the folder's entry, without which a power cut can still undo the replacement."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
