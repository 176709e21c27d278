"""Which image of a project is to be corrected next, and why. No Qt."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from napari_htcell.summaries import Summary
from napari_htcell.usefulness import Usefulness, ranked
from napari_htcell.words import count

NONE_LEFT = "No other image in the list is left to correct."


class Suggestions:
    """Suggests what teaches most for its clicks; each once, and after all it begins anew."""

    def __init__(self) -> None:
        self._suggested: list[str] = []
        self.reason = ""

    def forget(self) -> None:
        """Begin anew: another project was opened."""
        self._suggested, self.reason = [], ""

    def show(self, name: str) -> None:
        """Take note of the image that is shown: a reason holds for the suggested one alone."""
        if name not in self._suggested[-1:]:
            self.reason = ""

    def choose(
        self, summaries: Mapping[str, Summary], names: Collection[str], *, are_all_read: bool
    ) -> str | None:
        """Return the image to go to next, None if none is left; `reason` says why this one.

        Parameters
        ----------
        summaries : mapping of str to Summary
            Of all images, as far as they are known.
        names : collection of str
            Those that are meant.
        are_all_read : bool
            Whether it is known of all of them what they would cost.
        """
        order = ranked(
            (name, one.usefulness)
            for name, one in summaries.items()
            if one.usefulness is not None and name in names
        )
        left = [one for one in order if one[1].standing in ("open", "not detected")]
        if not left:
            return None
        fresh = [one for one in left if one[0] not in self._suggested]
        self._suggested = self._suggested if fresh else []
        name, usefulness = (fresh or left)[0]
        self._suggested.append(name)
        others = "" if are_all_read else " Others are still being read."
        self.reason = _in_words(usefulness) + others
        return name

    def renew(self, usefulness: Usefulness) -> None:
        """Say of the image that was suggested last what is left to correct in it."""
        self.reason = _in_words(usefulness)


def _in_words(usefulness: Usefulness) -> str:
    corrections = round(usefulness.corrections)
    what = "This one: "
    if usefulness.standing == "open":
        # On images that it does not know well a model is wrong more often than it doubts.
        what = "Few cells to correct: "
        if corrections:
            what = f"{count(corrections, 'cell')} or more to correct: "
    return f"{what}{usefulness.reason}."
