"""Models: weights as safetensors and a card as JSON, in a folder of the model's name.

Models come with the package, lie in the user's data folder, or in a project. Nothing is ever
unpickled, and a card is checked before anything is built from it. `own_models` renames, deletes,
imports and exports them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import platformdirs
from pydantic import ValidationError

from napari_htcell import atomic
from napari_htcell.cards import Card, software
from napari_htcell.config import first_fault

if TYPE_CHECKING:
    from napari_htcell.network import Network
    from napari_htcell.project import Project

CARD = "card.json"
WEIGHTS = "weights.safetensors"
SHIPPED_FOLDER = Path(__file__).parent / "shipped_models"
Origin = Literal["project", "user", "shipped", "file"]


class ModelError(ValueError):
    """A model cannot be found or used; the text says which, why, and what to do."""


@dataclass(frozen=True, eq=False)
class Model:
    """A network with its weights and card."""

    card: Card
    network: Network

    @property
    def name(self) -> str:
        """The model's name."""
        return self.card.name

    def __repr__(self) -> str:
        return f"<Model {self.card.headline}>"


@dataclass(frozen=True)
class ModelEntry:
    """A model on disk, its weights not loaded.

    Parameters
    ----------
    card : Card
    folder : Path
    origin : {"project", "user", "shipped", "file"}
    """

    card: Card
    folder: Path
    origin: Origin

    def __repr__(self) -> str:
        return f"<ModelEntry {self.card.headline}, {self.origin}: {self.folder}>"


def user_folder() -> Path:
    """Return the folder of the user's own models."""
    return platformdirs.user_data_path("napari-htcell", appauthor=False) / "models"


def list_models(project: Project | None = None) -> list[ModelEntry]:
    """List models without loading weights: the project's, the user's, the shipped ones.

    Damaged models are left out; `load_model` says what is wrong with them.
    """
    return list(_entries(project))


def _entries(project: Project | None) -> Iterator[ModelEntry]:
    places: list[tuple[Origin, Path]] = [("user", user_folder()), ("shipped", SHIPPED_FOLDER)]
    if project is not None:
        places.insert(0, ("project", project.models_folder))
    for origin, place in places:
        if place.is_dir():
            for folder in sorted(place.iterdir()):
                if (folder / CARD).is_file() and not folder.name.startswith(atomic.PREFIX):
                    try:
                        yield ModelEntry(read_card(folder), folder, origin)
                    except ModelError:
                        continue


def read_card(folder: Path) -> Card:
    """Read and check the card in a model's folder.

    Raises
    ------
    ModelError
        If it is missing, no card, or out of bounds.
    """
    path = folder / CARD
    try:
        return Card.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{folder}: is no model (it has no readable {CARD})") from error
    except (ValidationError, UnicodeDecodeError) as error:
        reason = first_fault(error) if isinstance(error, ValidationError) else error
        raise ModelError(f"{path}: is no model card ({reason})") from error


def find_model(name_or_path: str | Path, project: Project | None = None) -> ModelEntry:
    """Find a model by its name, or by its folder.

    Raises
    ------
    ModelError
        If there is none, with those that there are.
    """
    entries = list_models(project)
    for entry in entries:
        if entry.card.name == str(name_or_path):
            return entry
    folder = Path(name_or_path).expanduser()
    if folder.is_dir():
        return ModelEntry(read_card(folder), folder, "file")
    if folder.is_file():
        raise ModelError(
            f"{folder}: is a file; import it first (htcell models import), or name a model's folder"
        )
    names = ", ".join(f"{entry.card.name} ({entry.origin})" for entry in entries) or "none"
    raise ModelError(
        f"there is no model {str(name_or_path)!r}; the models here are: {names}; "
        "a project's model can be named by its folder, PROJECT/models/NAME"
    )


def load_model(name_or_path: str | Path, project: Project | None = None) -> Model:
    """Load a model by its name (the project's, the user's, then the shipped ones) or folder.

    Parameters
    ----------
    name_or_path : str or Path
    project : Project, optional
        Its models are looked at first.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        If there is none, or its files are damaged or do not belong together.
    """
    import safetensors.torch
    import torch

    from napari_htcell.networks import build

    entry = find_model(name_or_path, project)
    path = entry.folder / WEIGHTS
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from error
    if hashlib.sha256(content).hexdigest() != entry.card.weights_sha256:
        raise ModelError(f"{path}: is not the file that its card was written for; import it again")
    # Without memory, which a card could ask for more of than there is, and without random numbers.
    with torch.device("meta"):
        network = build(entry.card.architecture, entry.card.training)
    try:
        network.load_state_dict(safetensors.torch.load(content), assign=True)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{path}: does not fit the network on its card ({reason})") from error
    return Model(entry.card, network.float().eval())


def save_model(model: Model, folder: Path, *, half: bool = False) -> Model:
    """Save a model as `<folder>/<name>`; nothing is overwritten.

    Parameters
    ----------
    model : Model
    folder : Path
    half : bool, optional
        Keep the weights as float16, in half the space; they are float32 again when loaded.

    Returns
    -------
    Model
        The same with its card as written.

    Raises
    ------
    FileExistsError
        If a model of that name is there.
    """
    import safetensors.torch

    tensors = {
        name: (value.half() if half and value.is_floating_point() else value).contiguous()
        for name, value in model.network.state_dict().items()
    }
    content = safetensors.torch.save(tensors)
    card = model.card.model_copy(
        update={"weights_sha256": hashlib.sha256(content).hexdigest(), "software": software()}
    )
    with atomic.new_folder(folder / card.name) as unfinished:
        atomic.write_bytes(unfinished / WEIGHTS, content)
        atomic.write_text(unfinished / CARD, card.model_dump_json(indent=1))
    return Model(card, model.network)
