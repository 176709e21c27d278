"""What becomes of the models that one has: renamed, deleted, handed on as a file, and taken in."""

from __future__ import annotations

import io
import re
import shutil
import tempfile
import zipfile
from pathlib import Path

from napari_htcell import atomic, models
from napari_htcell.cards import NAME_PATTERN
from napari_htcell.models import CARD, WEIGHTS, ModelEntry, ModelError

MOST_BYTES = {CARD: 10_000_000, WEIGHTS: 2_000_000_000}
"""No model that we make has larger files; an archive that says so is made to fill the memory."""


def check_new_name(name: str, folder: Path) -> None:
    """Raise ModelError unless a new model of that name can be kept in `folder`.

    A shipped model's name is taken everywhere: which of two is meant could not be seen.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise ModelError(
            f"{name!r} cannot be a model's name; use up to 80 letters, digits, spaces and . _ + -, "
            "and start with a letter or digit"
        )
    if any((place / name).exists() for place in (folder, models.SHIPPED_FOLDER)):
        raise ModelError(f"there is a model {name!r} already; choose another name")


def rename_model(entry: ModelEntry, name: str) -> ModelEntry:
    """Give one of the project's or the user's models another name.

    What was detected with it, and models fine-tuned from it, keep the old name.

    Raises
    ------
    ModelError
        If it came with the package, or the name is taken or is none; nothing is changed then.
    """
    _check_own(entry, "renamed")
    folder = entry.folder.parent
    check_new_name(name, folder)
    card = entry.card.model_copy(update={"name": name})
    # A kill in between leaves two models, never none.
    with atomic.new_folder(folder / name) as unfinished:
        shutil.copyfile(entry.folder / WEIGHTS, unfinished / WEIGHTS)
        atomic.write_text(unfinished / CARD, card.model_dump_json(indent=1))
    _remove(entry.folder)
    return ModelEntry(card, folder / name, entry.origin)


def delete_model(entry: ModelEntry) -> None:
    """Delete one of the project's or the user's models.

    Raises
    ------
    ModelError
        If it came with the package, or its folder holds other files too; it is kept then.
    """
    _check_own(entry, "deleted")
    others = sorted({one.name for one in entry.folder.iterdir()} - {CARD, WEIGHTS})
    if others:
        raise ModelError(
            f"{entry.folder}: holds {others[0]!r} too, which is no part of the model; move that "
            "away first, or delete the folder yourself"
        )
    _remove(entry.folder)


def _check_own(entry: ModelEntry, done: str) -> None:
    if entry.origin == "shipped":
        raise ModelError(
            f"{entry.card.name} came with the package and cannot be {done}; your own models can"
        )
    if entry.origin == "file":
        raise ModelError(
            f"{entry.folder}: only the project's and your own models can be {done}, by their "
            "names; name the project too"
        )


def _remove(folder: Path) -> None:
    """Remove a model's two files, out of sight in one step, and the folder if it is empty then."""
    doomed = atomic.beside(folder)
    folder.rename(doomed)
    for name in (CARD, WEIGHTS):
        (doomed / name).unlink(missing_ok=True)
    if any(doomed.iterdir()):
        doomed.rename(folder)
    else:
        doomed.rmdir()


def export_model(entry: ModelEntry, path: Path) -> Path:
    """Write a model as one zip file, to hand on; an existing file is not overwritten.

    Parameters
    ----------
    entry : ModelEntry
    path : Path
        The file, .zip being appended where it is missing; or a folder that is there, in which the
        file has the model's name.

    Returns
    -------
    Path
        The file.
    """
    if path.is_dir():
        path = path / entry.card.name
    if path.suffix.lower() != ".zip":
        path = path.with_name(f"{path.name}.zip")
    if path.exists():
        raise FileExistsError(f"{path} is already there; choose another name")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in (CARD, WEIGHTS):
            archive.write(entry.folder / name, name)
    atomic.write_bytes(path, content.getvalue())
    return path


def import_model(path: Path, folder: Path | None = None, *, name: str | None = None) -> ModelEntry:
    """Import a model from a zip file or a folder.

    Parameters
    ----------
    path : Path
    folder : Path, optional
        Where models are kept; without it the user's.
    name : str, optional
        What to call it here; without it its own name.

    Raises
    ------
    ModelError
        If it is no model, damaged, or its name is taken there; nothing is kept then.
    """
    folder = folder or models.user_folder()
    with tempfile.TemporaryDirectory() as unchecked:
        for file in (CARD, WEIGHTS):
            atomic.write_bytes(Path(unchecked) / file, _member(path, file))
        try:
            card = models.load_model(unchecked).card
        except ModelError as error:
            # The user knows nothing of the folder in which it was tried.
            raise ModelError(str(error).replace(unchecked, str(path))) from error
        card = card.model_copy(update={"name": name or card.name})
        check_new_name(card.name, folder)
        with atomic.new_folder(folder / card.name) as unfinished:
            shutil.copyfile(Path(unchecked) / WEIGHTS, unfinished / WEIGHTS)
            atomic.write_text(unfinished / CARD, card.model_dump_json(indent=1))
    return ModelEntry(
        card, folder / card.name, "user" if folder == models.user_folder() else "project"
    )


def _member(path: Path, name: str) -> bytes:
    """Return one of a model's two files; by name, so that an archive cannot name others."""
    try:
        if path.is_dir():
            return (path / name).read_bytes()
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(name).file_size > MOST_BYTES[name]:
                raise ModelError(f"{path}: is no model of ours: its {name} is too large")
            return archive.read(name)
    except ModelError:
        raise
    # Damaged, encrypted and strangely packed archives raise half a dozen kinds of errors.
    except Exception as error:
        raise ModelError(
            f"{path}: is no model; expected a zip file or folder with {CARD} and {WEIGHTS}"
        ) from error
