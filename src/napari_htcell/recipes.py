"""By which recipe a model is fine-tuned: one rule for learning, forecast and window."""

from __future__ import annotations

from napari_htcell.cards import Card
from napari_htcell.versions import Version, fine_tuning_of, get_version


def recipe_for(card: Card, version: str | None = None) -> Version:
    """Return the version that fine-tunes a model.

    Parameters
    ----------
    card : Card
        The model's.
    version : str, optional
        A name in `versions.VERSIONS`; the model's own without it, see `versions.fine_tuning_of`.

    Raises
    ------
    ValueError
        If there is no such version, or it trains another network than the model's.
    """
    recipe = get_version(version) if version else fine_tuning_of(card.version)
    if recipe.architecture != card.architecture:
        raise ValueError(
            f"{card.name} cannot be fine-tuned by version {recipe.name}, which trains a "
            f"{recipe.architecture}: this model is a {card.architecture}. Choose another model to "
            "start from, or another version"
        )
    return recipe
