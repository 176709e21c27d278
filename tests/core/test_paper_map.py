"""The page that leads from the paper to the code names things that exist."""

from __future__ import annotations

import importlib
import re
from operator import attrgetter
from pathlib import Path

import pydantic
import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "paper_map.md").read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"`([a-z_]+\.[A-Za-z_.]+)", TEXT)))
SETTINGS = sorted(set(re.findall(r"`(TrainConfig|DetectConfig)\.([a-z_]+)`", TEXT)))


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith(".py")])
def test_what_the_page_names_is_in_the_package(name: str) -> None:
    module, _, rest = name.partition(".")
    found = importlib.import_module(f"napari_htcell.{module}")
    first, _, field = rest.partition(".")
    thing = getattr(found, first)
    if field and isinstance(thing, type) and issubclass(thing, pydantic.BaseModel):
        assert field in thing.model_fields or hasattr(thing, field)
    elif field:
        fields = getattr(thing, "__dataclass_fields__", {})
        assert field in fields or attrgetter(field)(thing)


@pytest.mark.parametrize(("group", "field"), SETTINGS)
def test_a_setting_that_the_page_names_is_one(group: str, field: str) -> None:
    config = importlib.import_module("napari_htcell.config")
    assert field in getattr(config, group).model_fields


@pytest.mark.parametrize("script", sorted(set(re.findall(r"`(benchmarks/\w+\.py)`", TEXT))))
def test_a_script_that_the_page_names_is_there(script: str) -> None:
    assert (ROOT / script).is_file()
