"""One-to-one assignment behind an evaluation; its cost grows with points, not with their square.

Pairs beyond the cut-off are dropped first, then each group that is still connected is solved.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching
from scipy.spatial import KDTree

LARGEST_MATRIX = 10_000
"""Groups of points with more pairs than this are assigned without a matrix of all distances, which
takes less time too."""


def assign(
    points: npt.NDArray[np.float64], truth: npt.NDArray[np.float64], cutoff: float
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Solve the assignment for each group of points that the cut-off connects.

    Parameters
    ----------
    points : ndarray of float, shape (N, D)
    truth : ndarray of float, shape (M, D)
    cutoff : float
        Largest distance of a pair.

    Returns
    -------
    pairs : ndarray of int, shape (P, 2)
        As many as there can be, and of these choices the one with the least total distance.
    distances : ndarray of float, shape (P,)
    """
    none = np.empty((0, 2), dtype=np.intp), np.empty(0)
    if not len(points) or not len(truth):
        return none
    near = KDTree(points).sparse_distance_matrix(KDTree(truth), cutoff, output_type="coo_matrix")
    graph = _bipartite(near, len(points), len(truth))
    n_groups, group = connected_components(graph, directed=False)
    sizes = np.bincount(group, minlength=n_groups)
    # Most detections are near one cell alone, and it near no other: nothing is left to solve.
    alone = sizes[group[near.row]] == 2
    pairs = [none[0], np.column_stack([near.row, near.col])[alone].astype(np.intp)]
    distances = [none[1], near.data[alone]]
    crowd = np.flatnonzero(sizes > 2)
    point_groups = _members(group[: len(points)], crowd)
    truth_groups = _members(group[len(points) :], crowd)
    near_groups = _members(group[near.row], crowd)
    for rows, columns, here in zip(point_groups, truth_groups, near_groups, strict=True):
        if not min(len(rows), len(columns)):
            continue
        if len(rows) * len(columns) <= LARGEST_MATRIX:
            chosen = _assign_small(points[rows], truth[columns], cutoff)
        else:
            places = np.searchsorted(rows, near.row[here]), np.searchsorted(columns, near.col[here])
            chosen = _assign_large((near.data[here], places), (len(rows), len(columns)), cutoff)
        first, second = rows[chosen[0]], columns[chosen[1]]
        pairs.append(np.column_stack([first, second]))
        distances.append(np.linalg.norm(points[first] - truth[second], axis=-1))
    return np.concatenate(pairs), np.concatenate(distances)


def _assign_small(
    points: npt.NDArray[np.float64], truth: npt.NDArray[np.float64], cutoff: float
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Solve the assignment of a group with all its distances."""
    apart = np.linalg.norm(points[:, None] - truth[None], axis=-1)
    chosen = linear_sum_assignment(
        np.where(apart <= cutoff, apart, _forbidden(cutoff, *apart.shape))
    )
    allowed = apart[chosen] <= cutoff
    return chosen[0][allowed], chosen[1][allowed]


def _assign_large(
    near: tuple[npt.NDArray[np.float64], tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]],
    shape: tuple[int, int],
    cutoff: float,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Solve the assignment of a group with its allowed pairs alone.

    Each point has a partner of its own too, as dear as a forbidden pair, so that all have one.
    """
    n_points, n_truth = shape
    distances, (rows, columns) = near
    own = np.arange(n_points)
    # The same more for each does not change the choice, and a pair that costs 0 would be none.
    costs = 1 + np.concatenate([distances, np.full(n_points, _forbidden(cutoff, *shape))])
    places = np.concatenate([rows, own]), np.concatenate([columns, n_truth + own])
    graph = csr_array((costs, places), shape=(n_points, n_truth + n_points))
    first, second = min_weight_full_bipartite_matching(graph)
    real = second < n_truth
    return first[real].astype(np.intp), second[real].astype(np.intp)


def _forbidden(cutoff: float, n_points: int, n_truth: int) -> float:
    """Return more than all allowed pairs together cost: there are as many pairs as can be."""
    return (cutoff + 1) * (min(n_points, n_truth) + 1)


def _bipartite(near: Any, n_points: int, n_truth: int) -> Any:
    # A distance of 0 would be no connection in a sparse matrix.
    ones = np.ones(len(near.row), dtype=bool)
    size = n_points + n_truth
    return coo_array((ones, (near.row, near.col + n_points)), shape=(size, size))


def _members(
    group: npt.NDArray[np.int32], wanted: npt.NDArray[np.intp]
) -> list[npt.NDArray[np.intp]]:
    """Return the indices of the members of each of some groups."""
    order = np.argsort(group, kind="stable")
    first, last = (np.searchsorted(group[order], wanted, side) for side in ("left", "right"))
    return [order[start:end] for start, end in zip(first, last, strict=True)]
