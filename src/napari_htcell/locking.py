"""One at a time: who compares and replaces files of a project keeps others waiting for a moment.

The system holds the lock and lets go of it when a process ends, however it ends. Where it has no
locks, as on some network shares, and where nothing can be written, nobody waits.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

WAIT_SECONDS = 5.0
"""Longer than anybody takes to save an image."""

_AGAIN_SECONDS = 0.01

_held = threading.local()


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep all others that call this with the same path, in any process, out of the block.

    Within the block the same thread may call it again.

    Parameters
    ----------
    path : Path
        A file that is made for the purpose and removed afterwards, with its folder if that is
        empty then.

    Raises
    ------
    TimeoutError
        If somebody else stays in for more than `WAIT_SECONDS`.
    """
    depths: Counter[Path] = _held.__dict__.setdefault("depths", Counter())
    descriptor = None if depths[path] else _acquire(path)
    depths[path] += 1
    try:
        yield
    finally:
        depths[path] -= 1
        if not depths[path]:
            del depths[path]
        if descriptor is not None:
            _release(path, descriptor)


def _acquire(path: Path) -> int | None:
    """Return the open file that is locked; None where there are no locks."""
    last = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            path.parent.mkdir(exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        # Of a folder that the one before has just removed.
        except (FileNotFoundError, FileExistsError):
            if path.parent.is_file() or time.monotonic() > last:
                return None
            continue
        except OSError:
            return None
        try:
            if try_lock(descriptor) and _is_still(path, descriptor):
                return descriptor
        except NotImplementedError:
            os.close(descriptor)
            return None
        os.close(descriptor)
        if time.monotonic() > last:
            raise TimeoutError(
                f"{path.parent.parent}: another window or program has been saving here for more "
                f"than {WAIT_SECONDS:g} s; is it still answering?"
            )
        time.sleep(_AGAIN_SECONDS)


def _is_still(path: Path, descriptor: int) -> bool:
    """Return whether a file is still the one of that name, and not one that was removed."""
    with suppress(OSError):
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    return False


def _release(path: Path, descriptor: int) -> None:
    # Removed while it is locked, or one could remove what another has locked by then. Windows
    # removes no open file: there it stays, and does no harm.
    with suppress(OSError):
        path.unlink()
    os.close(descriptor)
    with suppress(OSError):
        path.parent.rmdir()


if sys.platform == "win32":
    import msvcrt

    def try_lock(descriptor: int) -> bool:
        """Lock an open file until it is closed; return whether nobody else has."""
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def try_lock(descriptor: int) -> bool:
        """Lock an open file until it is closed; return whether nobody else has.

        Raises NotImplementedError where there are no locks.
        """
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        # Some network shares have none.
        except OSError as error:
            raise NotImplementedError from error
        return True
