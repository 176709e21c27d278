"""The simulator: its truth must be true, its images phase contrast, its biologist hurried."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from napari_htcell.simulate import (
    SimulatedImage,
    SimulationConfig,
    click_partially,
    drop_points,
    simulate_image,
)

SMALL = SimulationConfig(height_px=256, width_px=256, n_cells=12)
CLEAN: dict[str, Any] = {
    "crumbs_per_mm2": (0, 0),
    "specks_per_mm2": (0, 0),
    "floaters_per_mm2": (0, 0),
    "footprints_per_mm2": (0, 0),
    "dead_per_cell": (0, 0),
    "scratch_probability": 0,
    "wall_probability": 0,
    "shading": (0, 0),
}


def render(seed: int = 0, **changes: Any) -> SimulatedImage:
    config = SMALL.model_copy(update=changes)
    return simulate_image(config, np.random.default_rng(seed))


def test_same_seed_gives_the_same_image_and_another_seed_another() -> None:
    first, again, other = render(5), render(5), render(6)
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.labels, again.labels)
    np.testing.assert_array_equal(first.debris, again.debris)
    assert np.mean(first.image != other.image) > 0.5


def test_truth_lists_every_mask_with_its_centroid() -> None:
    result = render(1, n_cells=25)
    assert result.image.shape == result.labels.shape == (256, 256)
    assert (result.image.dtype, result.labels.dtype) == (np.uint8, np.uint16)
    assert np.array_equal(np.unique(result.labels), np.arange(26))
    for label, centroid in enumerate(result.centroids, start=1):
        inside = np.argwhere(result.labels == label)
        np.testing.assert_allclose(centroid, inside.mean(axis=0))
        assert np.all(inside.min(axis=0) <= centroid)
        assert np.all(centroid <= inside.max(axis=0))


@pytest.mark.parametrize("n_cells", [0, 1, 30])
def test_the_number_of_cells_asked_for_is_listed(n_cells: int) -> None:
    result = render(2, n_cells=n_cells)
    assert result.centroids.shape == (n_cells, 2)
    assert result.labels.max() == n_cells


def test_more_cells_than_fit_are_refused_with_the_number_that_fits() -> None:
    with pytest.raises(ValueError, match=r"of 500 cells fit .* lower n_cells"):
        render(height_px=64, width_px=64, n_cells=500)


def test_the_number_drawn_follows_density_and_area() -> None:
    config = SimulationConfig(height_px=128, width_px=256, cells_per_mm2=120, density_spread=0)
    counts = [len(simulate_image(config, np.random.default_rng(s)).centroids) for s in range(12)]
    assert np.mean(counts) == pytest.approx(120 * config.area_mm2, rel=0.3)
    assert len(set(counts)) > 1


def test_cells_measure_the_same_in_micrometres_at_any_pixel_size() -> None:
    areas = {}
    for pixel_size_um in (1.61, 0.867):
        side = round(410 / pixel_size_um)
        found = [
            render(seed, height_px=side, width_px=side, pixel_size_um=pixel_size_um, n_cells=25)
            for seed in range(4)
        ]
        covered = sum(int(np.count_nonzero(result.labels)) for result in found)
        areas[pixel_size_um] = covered * pixel_size_um**2 / 100
    assert areas[0.867] == pytest.approx(areas[1.61], rel=0.2)
    assert 300 < areas[1.61] < 2000


def test_cells_on_glass_are_darker_inside_than_in_their_halo() -> None:
    result = render(3, fraction_mitotic=0.0, **CLEAN)
    grey = result.image / np.median(result.image)
    outside_um = distance_transform_edt(result.labels == 0) * result.pixel_size_um
    inside_um = distance_transform_edt(result.labels > 0) * result.pixel_size_um
    assert grey[inside_um > 2].mean() < 0.97
    assert grey[(outside_um > 0) & (outside_um < 4)].mean() > 1.05


def test_rounded_cells_shine_and_their_halo_fades_into_the_background() -> None:
    result = render(4, fraction_mitotic=1.0, n_cells=6, clumping=0.0, **CLEAN)
    grey = result.image / np.median(result.image)
    outside_um = distance_transform_edt(result.labels == 0) * result.pixel_size_um
    assert grey[(outside_um > 0) & (outside_um < 4)].mean() > 1.2
    assert grey[outside_um > 40].mean() == pytest.approx(1, abs=0.03)
    area_um2 = np.count_nonzero(result.labels) / 6 * result.pixel_size_um**2
    assert 100 < area_um2 < 400


def test_a_cell_cut_by_the_border_is_listed_only_where_enough_of_it_shows() -> None:
    areas = {}
    for fraction in (0.05, 1.0):
        result = render(7, n_cells=20, min_visible_fraction=fraction)
        rim = np.concatenate([result.labels[0], result.labels[-1], *result.labels[:, [0, -1]].T])
        areas[fraction] = len(np.unique(rim[rim > 0]))
    assert areas[0.05] > areas[1.0]


def test_debris_lies_in_the_image_and_can_be_switched_off() -> None:
    dirty = render(8, specks_per_mm2=(300, 300)).debris
    assert len(dirty) > 20
    assert np.all((dirty >= 0) & (dirty <= 255))
    assert render(8, **CLEAN).debris.shape == (0, 2)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pixel_size_um", 0.0),
        ("halo_width_um", (30.0, 10.0)),
        ("ring_amplitude", (0.0, 0.5)),
        ("n_cells", -3),
    ],
)
def test_a_bad_setting_is_named(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        SimulationConfig(**{field: value})


def test_every_setting_says_what_it_is() -> None:
    assert all(field.description for field in SimulationConfig.model_fields.values())


def scattered(number: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform((0, 0), (1532, 2048), (number, 2))


def test_the_biologist_clicks_two_thirds_and_fewer_in_dense_images() -> None:
    rng = np.random.default_rng(0)
    typical = np.mean([len(click_partially(scattered(96, s), rng=rng)) / 96 for s in range(40)])
    dense = np.mean([len(click_partially(scattered(400, s), rng=rng)) / 400 for s in range(10)])
    assert 0.58 < typical < 0.85
    assert dense < 0.6 * typical


def test_within_an_image_the_crowded_cells_are_missed() -> None:
    rng = np.random.default_rng(1)
    crowd = rng.normal((300, 300), 40, (60, 2))
    lonely = np.stack(np.meshgrid([800, 1100, 1400], [800, 1200, 1600]), -1).reshape(-1, 2)
    found = np.zeros(2)
    for _ in range(40):
        clicks = click_partially(np.concatenate([crowd, lonely]), jitter_um=0, rng=rng)
        far = clicks[:, 0] > 700
        found += np.sum(~far) / 60, np.sum(far) / 9
    assert found[0] < 0.5 * found[1]


def test_without_crowding_completeness_is_the_fraction_clicked() -> None:
    cells = scattered(4000)
    clicks = click_partially(
        cells, completeness=0.4, crowding=0, jitter_um=0, rng=np.random.default_rng(2)
    )
    assert len(clicks) / 4000 == pytest.approx(0.4, abs=0.03)
    assert {tuple(click) for click in clicks} <= {tuple(cell) for cell in cells}


def test_clicks_are_off_by_the_jitter_in_micrometres() -> None:
    clicks = click_partially(
        np.full((3000, 2), 500.0),
        completeness=1,
        jitter_um=3.22,
        pixel_size_um=1.61,
        rng=np.random.default_rng(3),
    )
    assert len(clicks) == 3000
    assert clicks.std() == pytest.approx(2, rel=0.05)


def test_debris_is_clicked_at_its_rate() -> None:
    clicks = click_partially(
        np.empty((0, 2)), debris=scattered(2000), debris_rate=0.1, rng=np.random.default_rng(4)
    )
    assert 150 < len(clicks) < 250


@pytest.mark.parametrize("order", ["random", "crowded"])
@pytest.mark.parametrize(("number", "fraction", "left"), [(99, 1 / 3, 66), (10, 0, 10), (7, 1, 0)])
def test_dropping_leaves_the_exact_number_in_order(
    order: Any, number: int, fraction: float, left: int
) -> None:
    points = scattered(number)
    kept = drop_points(points, fraction=fraction, order=order, rng=np.random.default_rng(5))
    assert kept.shape == (left, 2)
    rows = [int(np.flatnonzero((points == point).all(axis=1))[0]) for point in kept]
    assert rows == sorted(set(rows))


def test_crowded_points_are_dropped_first() -> None:
    crowd = np.random.default_rng(6).uniform(0, 30, (20, 2))
    lonely = 500 + 200 * np.stack(np.meshgrid(range(5), range(4)), -1).reshape(-1, 2)
    points = np.concatenate([crowd, lonely])
    kept = drop_points(points, fraction=0.5, order="crowded", rng=np.random.default_rng(7))
    np.testing.assert_array_equal(kept, lonely)
    mixed = drop_points(points, fraction=0.5, order="random", rng=np.random.default_rng(7))
    assert 0 < np.sum(mixed[:, 0] < 100) < 20


def test_dropping_is_repeated_by_its_seed() -> None:
    runs = [
        drop_points(scattered(50), fraction=0.5, rng=np.random.default_rng(seed))
        for seed in (8, 8, 9)
    ]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_bad_arguments_are_refused_with_their_value() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"fraction .* got 1\.5"):
        drop_points(scattered(3), fraction=1.5, rng=rng)
    with pytest.raises(ValueError, match="'dense'"):
        drop_points(scattered(3), fraction=0.5, order="dense", rng=rng)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"\(4, 3\)"):
        drop_points(np.zeros((4, 3)), fraction=0.5, rng=rng)
    with pytest.raises(ValueError, match=r"completeness .* got -0\.1"):
        click_partially(scattered(3), completeness=-0.1, rng=rng)
    with pytest.raises(ValueError, match=r"pixel_size_um .* got 0"):
        click_partially(scattered(3), pixel_size_um=0, rng=rng)
