"""Benchmarks are run rarely; what they use of the package must still be there when they are."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path

import click
import pytest

from napari_htcell.augment import paper
from napari_htcell.versions import get_version

FOLDER = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_benchmark_loads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    script = importlib.import_module(name)
    assert script.__doc__
    if hasattr(script, "main"):
        assert isinstance(script.main, click.Command)


def test_peers_are_rows_though_they_judge_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    peers = importlib.import_module("peers")
    costs = {"training s": 3.0, peers.CORE_SECONDS: 2.0, "s per image": 0.5, "peak MiB": 100}
    counts = [[[8, 2, 2], [9, 1, 1], [10, 0, 0]]]
    row = peers.row_of("a finder", [costs | {"counts": counts}])
    assert (row["F 16 um"], row["F 113 um"], row["s per image"]) == (0.8, 1.0, 0.5)


def test_a_result_of_another_recipe_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    trials = importlib.import_module("trials")
    e = get_version("E")
    longer = replace(e, stages=tuple(replace(one, min_steps=9999) for one in e.stages))
    turned = replace(e, stages=tuple(replace(one, augmentation=paper) for one in e.stages))
    recipes = [trials.recipe_of(one) for one in (e, longer, turned)]
    assert len(set(recipes)) == 3
    assert trials.recipe_of(replace(e, summary="in other words")) == recipes[0]
    path = tmp_path / "E, seed 0.json"
    trials.keep(path, {"F": 0.8}, recipes[0])
    assert trials.result_of(path, "unused", recipe=recipes[0])["F"] == 0.8
    with pytest.raises(SystemExit, match="made by another recipe"):
        trials.result_of(path, "unused", recipe=recipes[1])


def test_results_that_are_kept_are_of_the_recipes_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    ablation, beside, clicks, peers, sparse, trials = map(
        importlib.import_module, ("ablation", "beside", "clicks", "peers", "sparse", "trials")
    )
    arms = {
        name.replace("/", " of "): trials.recipe_of(arm.version)
        for name, arm in ablation.arms().items()
    }
    recipes = {
        "ablation/test": arms,
        "ablation/test, best threshold": arms,
        "beside": {way: trials.recipe_of(one) for way, one in beside.ways().items()},
        "clicks": {way: clicks.recipe(way) for way in clicks.WAYS},
        "peers/test": {
            name: peers.recipe(name) for name in (*peers.OURS, *peers.CLASSICAL, "epochs")
        },
        "sparse": {way: sparse.recipe(way) for way in sparse.WAYS},
        "limit": {"": trials.recipe_of(get_version("E"))},
    }
    checked = 0
    for folder, expected in recipes.items():
        for path in (trials.TRAININGS / folder).glob("*.json"):
            name, _, _ = path.stem.rpartition(", ")  # "seed 0", "draw 0"
            # The longest: "E" ends other names too.
            found = max((one for one in expected if name.endswith(one)), key=len)
            assert json.loads(path.read_text()).get("recipe") == expected[found], path.name
            checked += 1
    assert checked > 10
