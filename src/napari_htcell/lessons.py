"""What the stages of a recipe learn from, read from a project."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

from napari_htcell.cards import Card
from napari_htcell.dataset import LearningImage, NothingToLearnError, learning_images
from napari_htcell.progress import Progress
from napari_htcell.project import Project
from napari_htcell.training import Lesson
from napari_htcell.versions import Stage


def lessons_of(
    project: Project, stages: Sequence[Stage], card: Card
) -> Generator[Progress, None, list[Lesson]]:
    """Read what each stage learns from.

    Parameters
    ----------
    project : Project
    stages : sequence of Stage
        In their order.
    card : Card
        Of the model that learns: settings, and the pixel size of images that state none.

    Yields
    ------
    Progress
        After every image.

    Returns
    -------
    list of Lesson
        One for each stage.

    Raises
    ------
    NothingToLearnError
        If a stage finds no image of its kind, or none with a cell far enough from the border.
    """
    chosen, lessons = card.training, []
    for number, stage in enumerate(stages):
        found = yield from learning_images(project, stage, chosen, card.image_pixel_size_um)
        lesson = Lesson(number, stage, found, chosen)
        if stage.epochs and not lesson.batches(0):
            raise NothingToLearnError(
                f"{project.path.name} has no annotated cell with room for a window of "
                f"{chosen.square_px} pixels of {chosen.pixel_size_um:g} um around it; click cells "
                "further from the border, or choose another version"
            )
        lessons.append(lesson)
    return lessons


def others_complete(
    project: Project, last: Lesson, card: Card
) -> Generator[Progress, None, list[LearningImage]]:
    """Read the complete images that a recipe does not learn from, if it learns from none.

    They may judge it.

    Parameters
    ----------
    project : Project
    last : Lesson
        The recipe's last.
    card : Card
        As of `lessons_of`.

    Yields
    ------
    Progress
        After every image.

    Returns
    -------
    list of LearningImage
        None if the recipe learns from complete images, or there are none.
    """
    if last.stage.learn_from != "partial":
        return []
    stage = replace(last.stage, learn_from="complete")
    try:
        return (yield from learning_images(project, stage, card.training, card.image_pixel_size_um))
    except NothingToLearnError:
        return []
