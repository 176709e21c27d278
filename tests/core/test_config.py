"""Defaults are the paper's, and a wrong value is refused with its name."""

from __future__ import annotations

import pytest

from napari_htcell import config
from napari_htcell.config import DetectConfig, EvaluateConfig, TrainConfig, override


def test_paper_numbers() -> None:
    assert TrainConfig().pixel_size_um == pytest.approx(6.44)
    assert TrainConfig().square_px == 250
    assert pytest.approx(112.7) == config.PAPER_CUTOFF_UM
    assert DetectConfig().threshold == 0.5


def test_a_pixel_size_that_all_have() -> None:
    assert config.common_pixel_size([0.867, 0.8670001]) == 0.867
    for sizes in ([], [None], [0.8, None], [0.8, 0.81]):
        assert config.common_pixel_size(sizes) is None


def test_none_keeps_the_old_value() -> None:
    settings = DetectConfig(threshold=0.3, method="contours")
    assert override(settings, threshold=None, min_distance_um=9.0) == DetectConfig(
        threshold=0.3, method="contours", min_distance_um=9.0
    )


@pytest.mark.parametrize(
    ("settings", "changes", "named"),
    [
        (DetectConfig(), {"threshold": 1.5}, "threshold"),
        (DetectConfig(), {"threshold": float("nan")}, "threshold"),
        (DetectConfig(), {"treshold": 0.5}, "treshold"),
        (DetectConfig(), {"method": "magic"}, "method"),
        (EvaluateConfig(), {"cutoff_um": 0}, "cutoff_um"),
        (TrainConfig(), {"base_width": 0}, "base_width"),
        (TrainConfig(), {"depth": 9}, "depth"),
        (TrainConfig(), {"square_px": 16}, "square_px"),
        (TrainConfig(), {"device": "tpu"}, "device"),
    ],
)
def test_bad_value_is_named(
    settings: config.Settings, changes: dict[str, object], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        override(settings, **changes)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        DetectConfig().threshold = 0.1


@pytest.mark.parametrize("group", [DetectConfig, EvaluateConfig, TrainConfig])
def test_every_field_explains_itself(group: type[config.Settings]) -> None:
    assert all(field.description for field in group.model_fields.values())
