"""Which models there are, and which one is in use. No Qt."""

from __future__ import annotations

from psygnal import Signal

from napari_htcell.config import DEFAULT_MODEL
from napari_htcell.models import ModelEntry, list_models
from napari_htcell.project import Project


class ModelsAtHand:
    """The part of a session that is about models.

    Attributes
    ----------
    models : list of ModelEntry
        The project's, the user's and the shipped ones.
    model : str
        Name of the chosen one; empty if there is none.
    """

    models_changed = Signal()
    model_changed = Signal()

    def __init__(self) -> None:
        self.models: list[ModelEntry] = []
        self.model = ""

    def choose_model(self, name: str) -> None:
        """Use another model from now on."""
        if name != self.model:
            self.model = name
            self.model_changed.emit()

    def entry(self, name: str | None = None) -> ModelEntry | None:
        """Return a model's entry; the chosen one's without a name."""
        wanted = name or self.model
        return next((one for one in self.models if one.card.name == wanted), None)

    def look_for_models(self, project: Project | None, preferred: str, choose: str = "") -> None:
        """List the models anew.

        Parameters
        ----------
        project : Project or None
            Whose own models count too.
        preferred : str
            The model to begin with.
        choose : str, optional
            The model to use from now on, if it is there.
        """
        self.models = list_models(project)
        names = [one.card.name for one in self.models]
        if choose in names:
            self.model = choose
        elif self.model not in names:
            self.model = _usual(self.models, preferred)
        self.models_changed.emit()


def _usual(models: list[ModelEntry], preferred: str) -> str:
    """Return the model to begin with: the preferred one, the project's newest, the shipped one."""
    if any(one.card.name == preferred for one in models):
        return preferred
    own = [one.card for one in models if one.origin == "project"]
    if own:
        return max(own, key=lambda card: card.date).name
    names = [one.card.name for one in models]
    return DEFAULT_MODEL if DEFAULT_MODEL in names else names[0] if names else ""
