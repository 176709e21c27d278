"""From the results of Table 1 to its rows, intervals, and a verdict on each claim of the paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_htcell import config

CUTOFFS_UM = (16.0, config.PAPER_CUTOFF_UM)
NEAR, FAR = range(len(CUTOFFS_UM))
TP, FP, FN, DISTANCE = range(4)

PAPER_F = {
    "A": 0.72, "A+DA": 0.72, "B": 0.78, "B+DA": 0.73, "C": 0.76, "D": 0.76, "CNN-SW": 0.55,
    "Imaris-like": 0.51,
}  # fmt: skip
"""The paper's own F at 113 um, on 212 images of HT1080 cells (Table 1)."""

U_NETS = ("A", "A+DA", "B", "B+DA", "C", "D")
CLOSE = 0.02
"""Largest difference of F that is "only slightly lower" (section 3.5: 0.76 beside 0.78)."""

DRAWS = 2000
"""Bootstrap draws."""

Counts = npt.NDArray[np.float64]
"""Shape (..., 4): TP, FP, FN and the sum of the pairs' distances in micrometres."""


def f_score(counts: Counts) -> Counts:
    """Return F, 0 where there is neither a cell nor a detection; shape (...)."""
    pairs = 2 * counts[..., TP]
    every = pairs + counts[..., FP] + counts[..., FN]
    return np.divide(pairs, every, out=np.zeros_like(pairs), where=every > 0)


def distance(counts: Counts) -> Counts:
    """Return the mean distance of a pair in micrometres, NaN without one; shape (...)."""
    empty = np.full_like(counts[..., TP], np.nan)
    return np.divide(counts[..., DISTANCE], counts[..., TP], out=empty, where=counts[..., TP] > 0)


@dataclass(frozen=True, eq=False)
class Measured:
    """What the seeds of one method found.

    Parameters
    ----------
    counts : ndarray of float, shape (S, I, 2, 4)
        Seeds, test images, the two cut-offs, counts.
    seconds, peak_mib : sequence of float
        Of each seed.
    """

    counts: Counts
    seconds: Sequence[float]
    peak_mib: Sequence[float]

    @classmethod
    def of(cls, results: Sequence[Mapping[str, Any]]) -> Measured:
        """Return what the files of a method's seeds say."""
        return cls(
            np.asarray([result["images"] for result in results], float),
            [result["seconds"] for result in results],
            [result["peak MiB"] for result in results],
        )

    @property
    def total(self) -> Counts:
        """Counts over seeds and images, shape (2, 4)."""
        summed: Counts = self.counts.sum(axis=(0, 1))
        return summed

    def drawn(self) -> Counts:
        """Return counts of bootstrap draws of the test images, shape (D, 2, 4)."""
        images = self.counts.sum(axis=0)
        rng = np.random.default_rng(0)
        summed: Counts = images[rng.integers(0, len(images), (DRAWS, len(images)))].sum(axis=1)
        return summed

    def drawn_with_seeds(self) -> Counts:
        """Return counts of draws of seeds and images, shape (D, 2, 4), the same for all methods."""
        n_seeds, n_images = self.counts.shape[:2]
        rng = np.random.default_rng(0)
        seeds = rng.integers(0, n_seeds, (DRAWS, n_seeds, 1))
        images = rng.integers(0, n_images, (DRAWS, 1, n_images))
        # One draw at a time: all at once are gigabytes for 212 images.
        return np.stack(
            [self.counts[s, i].sum(axis=(0, 1)) for s, i in zip(seeds, images, strict=True)]
        )

    def row(self) -> dict[str, Any]:
        """Return the method's figures for a table."""
        n_seeds, (near, far), drawn = len(self.counts), self.total, self.drawn()
        at_near = self.counts[:, :, NEAR]
        found = at_near[..., TP] + at_near[..., FP]
        true = at_near[..., TP] + at_near[..., FN]
        return {
            "seeds": n_seeds,
            "TP": far[TP] / n_seeds,
            "FP": far[FP] / n_seeds,
            "FN": far[FN] / n_seeds,
            "d um": float(distance(far)) if far[TP] else None,
            "F 113 um": float(f_score(far)),
            "F 113 um, 95 % interval": interval(f_score(drawn[:, FAR])),
            "F 16 um": float(f_score(near)),
            "F 16 um, 95 % interval": interval(f_score(drawn[:, NEAR])),
            "F 16 um of each seed": f_score(at_near.sum(axis=1)).round(4).tolist(),
            "F 113 um of each seed": f_score(self.counts[:, :, FAR].sum(axis=1)).round(4).tolist(),
            "count error": float(np.mean(np.abs(found - true) / np.maximum(true, 1))),
            "training s": float(np.median(self.seconds)),
            "peak MiB": max(self.peak_mib),
        }


def interval(values: npt.NDArray[np.float64]) -> list[float]:
    """Return the middle 95 % of values that were drawn."""
    return [round(float(value), 4) for value in np.nanpercentile(values, (2.5, 97.5))]


COLUMNS: dict[str, Callable[[dict[str, Any]], str]] = {
    "method": lambda row: row["method"],
    "images used": lambda row: row["images used"],
    "DA": lambda row: "x" if row["DA"] else "",
    "TP": lambda row: f"{row['TP']:.0f}",
    "FP": lambda row: f"{row['FP']:.0f}",
    "FN": lambda row: f"{row['FN']:.0f}",
    "d (um)": lambda row: "" if row["d um"] is None else f"{row['d um']:.1f}",
    "F 113 um": lambda row: f"{row['F 113 um']:.2f}",
    "paper's": lambda row: f"{PAPER_F[row['method']]:.2f}" if row["method"] in PAPER_F else "",
    "F 16 um": lambda row: f"{row['F 16 um']:.2f}",
    "95 %": lambda row: "{:.2f}-{:.2f}".format(*row["F 16 um, 95 % interval"]),
    "count error": lambda row: f"{row['count error']:.2f}",
    "training (s)": lambda row: f"{row['training s']:.0f}",
    "peak (MiB)": lambda row: str(row["peak MiB"]),
}


@dataclass(frozen=True)
class Statistic:
    """What a claim compares.

    Parameters
    ----------
    name : str
    of : callable
        Counts of shape (..., 2, 4) to values of shape (...).
    digits : int
        Decimals to print.
    """

    name: str
    of: Callable[[Counts], Counts]
    digits: int = 2


F_FAR = Statistic("F at 113 um", lambda counts: f_score(counts[..., FAR, :]))
F_NEAR = Statistic("F at 16 um", lambda counts: f_score(counts[..., NEAR, :]))
FOUND = Statistic("TP", lambda counts: counts[..., FAR, TP], 0)
FALSE = Statistic("FP", lambda counts: counts[..., FAR, FP], 0)
MISSED = Statistic("FN", lambda counts: counts[..., FAR, FN], 0)
PLACED = Statistic("d in um", lambda counts: distance(counts[..., FAR, :]), 1)
SURPLUS = Statistic("FP less TP", lambda counts: counts[..., FAR, FP] - counts[..., FAR, TP], 0)


@dataclass(frozen=True)
class Claim:
    """One sentence of the paper's section 3.5 or conclusion, as a comparison.

    It holds where the least of `high` exceeds the greatest of `low`, `margin` added to `high`.

    Parameters
    ----------
    text : str
    statistic : Statistic
    high, low : tuple of str
        Methods; no `low` compares with 0.
    margin : float
    """

    text: str
    statistic: Statistic
    high: tuple[str, ...]
    low: tuple[str, ...]
    margin: float = 0.0

    def gap(self, of: Callable[[str], Counts]) -> Counts:
        """Return by how much it holds, shape (...)."""
        values = {name: self.statistic.of(of(name)) for name in self.high + self.low}
        high = np.min([values[name] for name in self.high], axis=0)
        low = np.max([values[name] for name in self.low], axis=0) if self.low else 0.0
        difference: Counts = high + self.margin - low
        return difference

    def verdict(self, measured: Mapping[str, Measured]) -> dict[str, Any] | None:
        """Return whether it holds, with its figures; None where a method was not measured."""
        if not measured.keys() >= {*self.high, *self.low}:
            return None
        mean = {name: measured[name].total / len(measured[name].counts) for name in measured}
        gap = float(self.gap(lambda name: mean[name]))
        drawn = self.gap(
            lambda name: measured[name].drawn_with_seeds() / len(measured[name].counts)
        )
        low, high = interval(drawn)
        return {
            "claim": self.text,
            "compared": self.statistic.name,
            "figures": {
                name: f"{float(self.statistic.of(mean[name])):.{self.statistic.digits}f}"
                for name in dict.fromkeys(self.high + self.low)
            },
            "by": round(gap, 4),
            "95 % interval": [low, high],
            "verdict": ("holds" if gap > 0 else "does not hold")
            + ("" if low > 0 or high < 0 else ", within the noise"),
        }


BASELINES = ("CNN-SW", "Imaris-like")
TRAINED_ON_PARTIAL = ("A", "A+DA", "B", "B+DA")
CLAIMS = (
    Claim("fine-tuning helps (B above A)", F_FAR, ("B",), ("A",)),
    Claim("fine-tuning helps (B above A)", F_NEAR, ("B",), ("A",)),
    Claim("fine-tuning helps with DA too", F_FAR, ("B+DA",), ("A+DA",)),
    Claim("fine-tuning helps with DA too", F_NEAR, ("B+DA",), ("A+DA",)),
    Claim("fine-tuning finds more cells", FOUND, ("B",), ("A",)),
    Claim("at the cost of more false ones", FALSE, ("B",), ("A",)),
    Claim("DA does not help A", F_FAR, ("A",), ("A+DA",), CLOSE),
    Claim("DA does not help A", F_NEAR, ("A",), ("A+DA",), CLOSE),
    Claim("DA does not help B", F_FAR, ("B",), ("B+DA",), CLOSE),
    Claim("DA does not help B", F_NEAR, ("B",), ("B+DA",), CLOSE),
    Claim("C and D are placed best", PLACED, TRAINED_ON_PARTIAL, ("C", "D")),
    Claim("C and D are only slightly below the best", F_FAR, ("C", "D"), U_NETS, CLOSE),
    Claim("D misses the fewest cells", MISSED, ("A", "A+DA", "B", "B+DA", "C"), ("D",)),
    Claim("every U-Net is above both baselines", F_FAR, U_NETS, BASELINES),
    Claim("every U-Net is above both baselines", F_NEAR, U_NETS, BASELINES),
    Claim("Imaris finds more false cells than true ones", SURPLUS, ("Imaris-like",), ()),
    Claim("CNN-SW misses the most cells", MISSED, ("CNN-SW",), (*U_NETS, "Imaris-like")),
)


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Return the table as Markdown."""
    return table(list(COLUMNS), [[show(row) for show in COLUMNS.values()] for row in rows])


def claims_markdown(verdicts: Sequence[dict[str, Any]]) -> str:
    """Return the verdicts on the paper's claims as Markdown."""
    rows = [
        [
            one["claim"],
            one["compared"],
            ", ".join(f"{name} {value}" for name, value in one["figures"].items()),
            one["verdict"],
        ]
        for one in verdicts
    ]
    return table(["the paper says", "compared", "here", "verdict"], rows)


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Return a table as Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, ["---"] * len(heads), *rows])
