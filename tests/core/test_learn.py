"""From a project to a model: the same each time, however often it was interrupted."""

from __future__ import annotations

import copy
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import tifffile
import torch

from napari_htcell import atomic, models, own_models, training_job, versions
from napari_htcell.annotations import Annotation, Region
from napari_htcell.cards import LEARNT_FROM, LEFT_OUT, NOT_LEARNT, SAME_FILES, SAME_IMAGES, Card
from napari_htcell.config import PAPER_CUTOFF_UM
from napari_htcell.course import Course
from napari_htcell.dataset import NothingToLearnError
from napari_htcell.detect import detect, predict_steps
from napari_htcell.evaluate import evaluate
from napari_htcell.learn import fine_tune, fine_tune_steps, train, train_steps
from napari_htcell.models import Model, ModelError, list_models
from napari_htcell.progress import run
from napari_htcell.project import Project
from napari_htcell.training_job import CHECKING, Steps

CELLS = np.asarray([[12.0, 15.0], [20.0, 48.0], [40.0, 30.0], [52.0, 55.0], [50.0, 10.0]])
SOME, ALL = Annotation.of(CELLS[:3]), Annotation.of(CELLS, complete=True)
TINY: dict[str, Any] = {
    "base_width": 2, "depth": 2, "square_px": 32, "device": "cpu", "precision": "float32"
}  # fmt: skip
PARTIAL_STEPS, COMPLETE_STEPS = 6, 5
STEPS = PARTIAL_STEPS + COMPLETE_STEPS
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def short_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the recipes six steps of partial and five of complete images, and ship no model."""
    monkeypatch.setattr(models, "SHIPPED_FOLDER", Path("nowhere"))
    for name, version in list(versions.VERSIONS.items()):
        stages = [
            replace(
                stage,
                epochs=1,
                min_steps=PARTIAL_STEPS if stage.learn_from == "partial" else COMPLETE_STEPS,
            )
            for stage in version.stages
            if stage.epochs
        ]
        if stages:
            monkeypatch.setitem(versions.VERSIONS, name, replace(version, stages=tuple(stages)))


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    """Return a project of a partial and a complete image, four squares each."""
    return make_project(some=SOME, all=ALL)


def same(one: Model, other: Model) -> bool:
    first, second = one.network.state_dict(), other.network.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def cancel_after(steps: Steps, step: int) -> None:
    """Close a training after a step; 0 is before the first."""
    for report in steps:
        is_step = report.loss is not None
        if (is_step and report.done == step) or (step == 0 and report.what == "reading images"):
            steps.close()
            return
    raise AssertionError("the training ended before")


def first_step(steps: Steps) -> int:
    done = next(report.done for report in steps if report.loss is not None)
    steps.close()
    return done


def test_same_seed_same_weights_bit_for_bit(project: Project) -> None:
    first = train("B", project, **TINY)
    assert same(first, train("B", project, **TINY))
    assert not same(first, train("B", project, seed=1, **TINY))


@pytest.mark.parametrize("step", [0, 1, 4, PARTIAL_STEPS, PARTIAL_STEPS + 1, STEPS - 1, STEPS])
def test_cancelled_anywhere_and_resumed_is_as_uninterrupted(project: Project, step: int) -> None:
    whole = train("B", project, name="whole", **TINY)
    cancel_after(train_steps("B", project, name="cut", **TINY), step)
    assert [entry.card.name for entry in list_models(project)] == ["whole"]
    assert same(models.load_model("whole", project), whole)
    if 0 < step < STEPS:
        assert first_step(train_steps("B", project, name="cut", **TINY)) == step + 1
    resumed = train("B", project, name="cut", **TINY)
    assert same(resumed, whole)
    assert resumed.card.detection == whole.card.detection
    assert resumed.card.figures == whole.card.figures
    assert sorted(path.name for path in project.training_folder.iterdir()) == []


@pytest.mark.parametrize("step", [PARTIAL_STEPS, PARTIAL_STEPS + 2, STEPS])
def test_ours_cancelled_and_resumed(project: Project, step: int) -> None:
    whole = train("E", project, name="whole", **TINY)
    cancel_after(train_steps("E", project, name="cut", **TINY), step)
    resumed = train("E", project, name="cut", **TINY)
    assert same(resumed, whole)
    assert resumed.card.steps == whole.card.steps
    assert {one.name: one.status for one in resumed.card.images} == {
        "some.tif": "partial", "all.tif": "complete"
    }  # fmt: skip


def test_ours_is_judged_by_complete_images_alone(make_project: Callable[..., Project]) -> None:
    some = {f"some {number}": SOME for number in range(3)}
    model = train("E", make_project(**some, a=ALL, b=ALL), **TINY)
    figure = model.card.figures[0]
    assert (figure.on, figure.tp + figure.fn) == (LEFT_OUT, 2 * len(CELLS))


def test_ours_asks_for_a_complete_image(make_project: Callable[..., Project]) -> None:
    with pytest.raises(NothingToLearnError, match="lab has no complete image or region"):
        train("E", make_project("lab", some=SOME), **TINY)


def test_cancelled_while_checking_and_resumed(project: Project) -> None:
    whole = train("B", project, name="whole", **TINY)
    seen = []
    for _ in range(3):
        steps = train_steps("B", project, name="cut", **TINY)
        check = next(report for report in steps if report.what == CHECKING)
        steps.close()
        seen.append(check.done)
    # The network is finished; each run goes on where the check before was left.
    assert seen == [STEPS + 1, STEPS + 2, STEPS + 3]
    resumed = train("B", project, name="cut", **TINY)
    assert same(resumed, whole)
    assert resumed.card.detection == whole.card.detection
    assert resumed.card.figures == whole.card.figures


def test_progress_counts_the_whole_job(project: Project) -> None:
    reports = [r for r in train_steps("B", project, **TINY) if r.total > STEPS]
    assert [r.done for r in reports] == list(range(1, reports[0].total + 1))
    assert {r.total for r in reports} == {reports[-1].done}
    assert [r.what for r in reports[:STEPS]] == ["learning from 1 image"] * STEPS
    assert {r.what for r in reports[STEPS:]} == {CHECKING}
    assert reports[-1].seconds_left == 0


def test_complete_images_judge_a_version_that_learns_from_partial_ones(project: Project) -> None:
    card = train("A", project, **TINY).card
    assert [one.name for one in card.images] == ["some.tif"]
    assert {(figure.on, figure.images) for figure in card.figures} == {(NOT_LEARNT, 1)}
    assert card.figures[0].tp + card.figures[0].fn == 5
    assert train("A", project, judges=(), **TINY).card.figures == ()


def test_frames_of_a_stack_that_was_learnt_from_judge_only_where_no_other_file_does(
    make_project: Callable[..., Project],
) -> None:
    project = make_project(stack=Annotation.empty(3), other=SOME)
    frame = project.read_image("other.tif").pixels
    stack, scale = np.stack([frame, frame]), {"axes": "TYX"}
    tifffile.imwrite(project.image_path("stack.tif"), stack, imagej=True, metadata=scale)
    of_frames = [np.insert(CELLS, 0, number, axis=1) for number in (0, 1)]
    seen = Annotation.of(np.concatenate([of_frames[0][:3], of_frames[1]]))
    project.save_annotation("stack.tif", replace(seen, complete_frames=frozenset({1})))
    alone = train("A", project, **TINY).card
    assert {figure.on for figure in alone.figures} == {SAME_FILES}
    assert alone.count_errors is None
    project.save_annotation("other.tif", ALL)
    card = train("A", project, **TINY).card
    assert {(figure.on, figure.images) for figure in card.figures} == {(NOT_LEARNT, 1)}


def test_what_was_learnt_does_not_judge(make_project: Callable[..., Project]) -> None:
    corners = ((0.0, 0.0), (0.0, 63.0), (30.0, 63.0), (30.0, 0.0))
    region = replace(SOME, regions=(Region(corners),))
    assert train("A", make_project(a=region), **TINY).card.figures == ()


def test_figures_are_of_cells_not_learnt_from(project: Project) -> None:
    figure = train("D", project, **TINY).card.figures[0]
    assert figure.on == LEFT_OUT
    assert figure.tp + figure.fn == len(CELLS)


def test_the_model_before_is_measured_on_the_same_images(project: Project) -> None:
    project.save_annotation("some.tif", Annotation.of(CELLS[:2]))
    base = train("A", project, name="base", **TINY)
    first = fine_tune(base, project, name="first")
    assert base.card.base_figures == ()
    before = first.card.base_figures[0]
    assert (before.on, before.settings) == (SAME_IMAGES, base.card.detection)
    assert before.tp + before.fn == len(CELLS)
    assert first.card.is_no_better == (first.card.figures[0].f_score <= before.f_score)


def test_what_a_model_has_learnt_before_does_not_judge(
    make_project: Callable[..., Project],
) -> None:
    project = make_project(one=ALL, two=ALL, later=SOME)
    base = train("D", project, name="base", **TINY)
    # All are known by heart: no figure could be that of images left out.
    again = fine_tune(base, project, name="again")
    assert {figure.on for figure in again.card.figures} == {LEARNT_FROM}
    assert again.card.base_figures == ()
    assert again.card.detection == base.card.detection
    assert not again.card.is_no_better
    # The next image that is completed judges alone, also after what came between.
    project.save_annotation("later.tif", ALL)
    third = fine_tune(again, project, name="third")
    assert [figure.images for figure in third.card.figures] == [1, 1]
    assert {figure.on for figure in third.card.figures} == {LEFT_OUT}
    assert [figure.images for figure in third.card.base_figures] == [1, 1]
    assert {image.name for image in third.card.earlier_images} == {"one.tif", "two.tif"}


def test_judges_alone_choose_and_measure(make_project: Callable[..., Project]) -> None:
    three = make_project(real=ALL, simulated=Annotation.of(CELLS[:2], complete=True), more=ALL)
    every = train("D", three, **TINY).card.figures[0]
    assert (every.images, every.tp + every.fn) == (3, 12)
    one = train("D", three, judges=["real.tif"], **TINY).card.figures[0]
    assert (one.images, one.tp + one.fn) == (1, 5)


def test_a_judge_that_is_no_complete_image_is_named(project: Project) -> None:
    with pytest.raises(ValueError, match=r"al\.tif, some\.tif cannot judge.* which are all\.tif"):
        train("B", project, judges=["al.tif", "all.tif", "some.tif"], **TINY)


def test_fine_tuned_on_partial_images_the_base_is_judged_by_the_same_complete_ones(
    make_project: Callable[..., Project],
) -> None:
    base = train("A", make_project("first", some=SOME), name="base", **TINY)
    project = make_project("second", other=Annotation.of(CELLS[1:4]), a=ALL, b=ALL)
    before = fine_tune(base, project, "A", name="new").card.base_figures
    assert [one.images for one in before] == [2, 2]
    assert before[0].tp + before[0].fn == 2 * len(CELLS)


def test_the_card_knows_the_error_of_counts(make_project: Callable[..., Project]) -> None:
    three = make_project(a=ALL, b=ALL, c=ALL)
    card = train("D", three, **TINY).card
    assert card.count_errors is not None
    assert (card.count_errors.images, card.count_errors.rate) == (3, 0.75)
    assert card.count_errors.at(card.detection) is not None
    two = make_project("two", a=ALL, b=ALL)
    assert train("D", two, **TINY).card.count_errors is None


@pytest.mark.parametrize("images", [1, 2])
def test_a_calibrated_version_scales_its_logits_if_there_are_cells_enough(
    make_project: Callable[..., Project], monkeypatch: pytest.MonkeyPatch, images: int
) -> None:
    project = make_project(**dict.fromkeys("ab"[:images], ALL))
    plain = train("D", project, name="plain", **TINY)
    recipe = replace(versions.VERSIONS["D"], is_calibrated=True)
    monkeypatch.setitem(versions.VERSIONS, "D", recipe)
    scaled = train("D", project, name="scaled", **TINY)
    image = torch.randn(1, 1, 64, 64)
    with torch.no_grad():
        before, after = (model.network(image).flatten() for model in (plain, scaled))
    slope, offset = np.polyfit(before.numpy(), after.numpy(), 1)
    assert slope > 0
    # Five cells are too few.
    assert (abs(slope - 1) + abs(offset) > 0.01) == (images == 2)
    np.testing.assert_allclose(after, slope * before + offset, atol=1e-4)


def test_a_training_that_went_wrong_at_its_end_is_not_praised(
    make_project: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(versions.VERSIONS, "D", _long(versions.VERSIONS["D"], steps=60))
    project = make_project(a=ALL, b=ALL, c=ALL)
    good = train("D", project, name="well", **TINY).card
    well = good.figures[0]
    assert (well.on, well.f_score > 0) == (LEFT_OUT, True)
    assert good.count_errors is not None
    before = Course.train

    def diverging(self: Course, name: str, network: Any, *rest: Any, **more: Any) -> Any:
        yield from before(self, name, network, *rest, **more)
        if name == "last":
            torch.nn.init.constant_(network.last.bias, -50)

    monkeypatch.setattr(Course, "train", diverging)
    bad = train("D", project, name="badly", **TINY).card
    badly = bad.figures[0]
    assert (badly.on, badly.f_score) == (LEARNT_FROM, 0)
    assert bad.count_errors is None


def _long(version: versions.Version, steps: int) -> versions.Version:
    (stage,) = version.stages
    return replace(version, stages=(replace(stage, min_steps=steps),))


def test_a_fine_tuning_that_makes_things_worse_is_not_kept(
    make_project: Callable[..., Project], intensity_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, project = versions.VERSIONS["B"], make_project(a=ALL, b=ALL, c=ALL)
    wild = replace(recipe.fine_tuning.optimiser, learning_rate=30.0)
    tuning = replace(recipe.fine_tuning, epochs=1, min_steps=40, optimiser=wild)
    careful = replace(recipe, tuning=tuning, shares=(0.0, 0.5, 1.0))
    monkeypatch.setitem(versions.VERSIONS, "B", replace(careful, shares=(1.0,)))
    worse = fine_tune(intensity_model, project, "B", name="worse")
    assert worse.card.is_no_better
    assert (worse.card.new_share, worse.card.kept_part) == (1, "")
    monkeypatch.setitem(versions.VERSIONS, "B", careful)
    same = fine_tune(intensity_model, project, "B", name="same")
    assert (same.card.new_share, same.card.base_model) == (0, "intensity")
    assert "still that of intensity" in same.card.kept_part
    assert same.card.figures[0].f_score >= same.card.base_figures[0].f_score == 1
    for mine, before in zip(
        same.network.parameters(), intensity_model.network.parameters(), strict=True
    ):
        assert torch.equal(mine, before)


@pytest.mark.parametrize(("finds_all", "steps"), [(True, 2), (False, 4)])
def test_what_the_model_does_not_find_is_learnt_for_longer(
    make_project: Callable[..., Project],
    intensity_model: Any,
    monkeypatch: pytest.MonkeyPatch,
    finds_all: bool,
    steps: int,
) -> None:
    recipe = versions.VERSIONS["B"]
    tuning = replace(recipe.fine_tuning, most_steps=2, steps_if_unknown=4)
    careful = replace(recipe, tuning=tuning, shares=(0.0, 0.5, 1.0))
    monkeypatch.setitem(versions.VERSIONS, "B", careful)
    model = copy.deepcopy(intensity_model)
    if not finds_all:
        torch.nn.init.constant_(model.network.last.bias, -50)
    project = make_project(a=ALL, b=ALL, c=ALL, d=ALL)
    cancel_after(fine_tune_steps(model, project, "B", name="cut"), steps)
    tuned = fine_tune(model, project, "B", name="cut")
    assert tuned.card.steps == steps
    assert tuned.card.base_figures[0].f_score == finds_all


def test_a_stage_takes_no_more_steps_than_its_most(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = versions.VERSIONS["D"]
    (stage,) = recipe.stages
    few = replace(recipe, stages=(replace(stage, min_steps=0, epochs=50, most_steps=3),))
    monkeypatch.setitem(versions.VERSIONS, "D", few)
    assert train("D", project, judges=(), **TINY).card.steps == 3


def test_a_single_cell_moves_no_threshold(project: Project) -> None:
    base = train("B", project, name="base", **TINY)
    project.save_annotation("all.tif", Annotation.of(CELLS[:1], complete=True))
    tuned = fine_tune(base, project, name="tuned")
    assert tuned.card.detection == base.card.detection
    assert {figure.on for figure in tuned.card.figures} == {LEARNT_FROM}


def test_the_time_of_earlier_runs_counts(project: Project) -> None:
    cancel_after(train_steps("A", project, **TINY), 4)
    (path,) = project.training_folder.iterdir()
    with safetensors.safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    longer = metadata | {"seconds": str(float(metadata["seconds"]) + 100)}
    safetensors.torch.save_file(safetensors.torch.load_file(path), path, longer)
    assert 100 <= train("A", project, **TINY).card.seconds < 200


def test_cancelled_again_and_again(project: Project) -> None:
    whole = train("B", project, **TINY)
    for step in range(1, STEPS + 1):
        cancel_after(train_steps("B", project, **TINY), step)
    assert same(train("B", project, **TINY), whole)


def test_fine_tuning_cancelled_and_resumed(project: Project) -> None:
    base = train("A", project, name="base", **TINY)
    whole = fine_tune(base, project, name="whole")
    cancel_after(fine_tune_steps(base, project, name="cut"), 3)
    # The model as loaded from disk is the same start as the one in memory.
    again = fine_tune(models.load_model("base", project), project, name="cut")
    assert same(again, whole)
    assert again.card.steps == COMPLETE_STEPS


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_training_goes_on(project: Project, tmp_path: Path) -> None:
    script = (
        "import sys, torch\n"
        "torch.set_num_threads(1)\n"
        "from dataclasses import replace\n"
        "from napari_htcell import learn, project, versions\n"
        "a = versions.VERSIONS['A']\n"
        f"stage = replace(a.stages[0], epochs=1, min_steps={PARTIAL_STEPS})\n"
        "versions.VERSIONS['A'] = replace(a, stages=(stage,))\n"
        f"settings = {TINY!r} | {{'checkpoint_seconds': 0}}\n"
        "for report in learn.train_steps('A', project.open_project(sys.argv[1]), **settings):\n"
        "    if report.loss is not None and report.done == 4:\n"
        "        print('four', flush=True)\n"
        "        sys.stdin.readline()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(project.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "four\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    process.stdin.close()
    settings = TINY | {"checkpoint_seconds": 0}
    assert list_models(project) == []
    assert first_step(train_steps("A", project, **settings)) == 5
    resumed = train("A", project, **settings)
    # The checkpoints' pace is no part of the result.
    assert same(resumed, train("A", project, **TINY))


def test_a_checkpoint_of_another_job_is_passed_over(project: Project) -> None:
    other = train("B", project, seed=1, **TINY)
    cancel_after(train_steps("B", project, **TINY), 4)
    assert first_step(train_steps("B", project, seed=2, **TINY)) == 1
    assert same(train("B", project, seed=1, **TINY), other)
    # The one that was cancelled first is still there.
    assert first_step(train_steps("B", project, **TINY)) == 5


def test_new_clicks_are_a_new_job(project: Project) -> None:
    cancel_after(train_steps("B", project, **TINY), 4)
    project.save_annotation("some.tif", SOME.add(CELLS[3:4]))
    assert first_step(train_steps("B", project, **TINY)) == 1


def test_a_project_that_is_moved_meanwhile_is_not_made_anew(project: Project) -> None:
    whole = train("B", project, name="whole", **TINY)
    away = project.path.with_name("away")
    steps = train_steps("B", project, name="cut", **(TINY | {"checkpoint_seconds": 0}))
    while next(steps).done < 4:
        pass
    project.path.rename(away)
    with pytest.raises(FileNotFoundError, match="the folder is gone; was it moved"):
        run(steps)
    assert not project.path.exists()
    away.rename(project.path)
    assert first_step(train_steps("B", project, name="cut", **TINY)) == 5
    assert same(train("B", project, name="cut", **TINY), whole)


def test_a_model_is_not_kept_in_place_of_a_project_that_is_gone(project: Project) -> None:
    away = project.path.with_name("away")
    steps = train_steps("B", project, name="cut", **TINY)
    while next(steps).done < STEPS:
        pass
    project.path.rename(away)
    with pytest.raises(FileNotFoundError, match="the folder is gone"):
        run(steps)
    assert not project.path.exists()


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_a_damaged_checkpoint_is_passed_over(project: Project, content: bytes | None) -> None:
    whole = train("B", project, **TINY)
    cancel_after(train_steps("B", project, **TINY), 4)
    (kept,) = project.training_folder.iterdir()
    kept.write_bytes(kept.read_bytes()[:-7] if content is None else content)
    assert first_step(train_steps("B", project, **TINY)) == 1
    assert same(train("B", project, **TINY), whole)


def test_a_resumed_run_keeps_its_number_format(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = TINY | {"precision": "auto"}
    monkeypatch.setattr(training_job, "choose_precision", lambda *_: torch.bfloat16)
    cancel_after(train_steps("A", project, **settings), 2)
    monkeypatch.setattr(training_job, "choose_precision", lambda *_: torch.float32)
    assert train("A", project, **settings).card.precision == "bfloat16"


def test_nobody_elses_random_numbers_are_used_or_changed(project: Project) -> None:
    torch.manual_seed(5)
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
    first = train("B", project, **TINY)
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002
    torch.manual_seed(6)
    assert same(train("B", project, **TINY), first)


def test_the_base_model_is_not_changed(project: Project) -> None:
    base = train("A", project, name="base", **TINY)
    before = copy.deepcopy(base)
    tuned = fine_tune(base, project)
    assert same(base, before)
    assert not same(tuned, base)
    assert base.card == before.card
    assert tuned.card.base_model == "base"


def test_the_card_says_what_was_done(project: Project) -> None:
    model = train("B", project, name="plate 1", summary="two fields", **TINY)
    card = model.card
    assert (card.name, card.version, card.summary, card.steps) == (
        "plate 1", "B", "two fields", STEPS
    )  # fmt: skip
    assert (card.device, card.precision, card.base_model) == ("cpu", "float32", None)
    assert card.image_pixel_size_um == project.settings.pixel_size_um != 1.61
    assert [(i.name, i.status, i.points) for i in card.images] == [
        ("some.tif", "partial", 3),
        ("all.tif", "complete", 5),
    ]
    assert [figure.cutoff_um for figure in card.figures] == [16, round(PAPER_CUTOFF_UM, 1)]
    assert all(f.tp + f.fn == 5 and f.settings == card.detection for f in card.figures)
    assert models.load_model("plate 1", project).card == card
    # Without a complete image there is nothing to measure on, and the paper's threshold stays.
    project.save_annotation("all.tif", SOME)
    partial = train("A", project, **TINY).card
    assert partial.figures == ()
    assert partial.detection.threshold == 0.5


def test_models_are_named_after_version_and_day_and_never_replaced(project: Project) -> None:
    first, second = train("D", project, **TINY), train("D", project, **TINY)
    assert first.name.startswith("D-20")
    assert second.name == f"{first.name}-2"
    assert len(list_models(project)) == 2


@pytest.mark.parametrize("name", ["../up", "a/b", "", "taken"])
def test_a_name_that_cannot_be_kept_is_refused_before_training(project: Project, name: str) -> None:
    train("D", project, name="taken", **TINY)
    with pytest.raises(ModelError, match=r"cannot be a model's name|already"):
        train_steps("D", project, name=name, **TINY)


def test_a_name_taken_meanwhile_costs_no_training(project: Project) -> None:
    steps = train_steps("D", project, name="mine", **TINY)
    next(steps)
    other = train("D", project, name="mine", **TINY)
    assert [r.done for r in steps if r.loss is not None] == list(range(1, COMPLETE_STEPS + 1))
    assert sorted(entry.card.name for entry in list_models(project)) == ["mine", "mine-2"]
    assert same(models.load_model("mine-2", project), other)


def test_nothing_to_learn_from_changes_nothing(
    make_project: Callable[..., Project], intensity_model: Model
) -> None:
    project = make_project(some=SOME)
    for attempt in (
        lambda: train("D", project, **TINY),
        lambda: train("B", project, **TINY),
        lambda: fine_tune(intensity_model, project),
    ):
        with pytest.raises(NothingToLearnError, match="no complete image or region"):
            attempt()
    assert sorted(path.name for path in project.path.iterdir()) == [
        "annotations",
        "htcell.json",
        "images",
    ]


@pytest.mark.parametrize(
    ("version", "settings", "message"),
    [
        ("Z", {}, "no version 'Z'"),
        ("A", {"base_width": 0}, "base_width"),
        ("A", {"widht": 4}, "widht"),
        ("A", {"device": "cuda:7"}, "device"),
    ],
)
def test_bad_arguments_are_refused_at_once(
    project: Project, version: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        train_steps(version, project, **settings)


def test_what_cannot_change_in_fine_tuning(project: Project, intensity_model: Model) -> None:
    with pytest.raises(ValueError, match="pixel_size_um, base_width cannot change in fine-tuning"):
        fine_tune_steps(intensity_model, project, base_width=4, pixel_size_um=2.0)


def test_unlabelled_cells_outside_a_region_do_not_teach(
    make_project: Callable[..., Project],
) -> None:
    """The same pixels and clicks: a complete image says the other cells are none, a region not."""
    from napari_htcell.annotations import Region

    corner = Region(((0.0, 0.0), (0.0, 63.0), (30.0, 63.0), (30.0, 0.0)))
    clicked = CELLS[:2]
    region = Annotation(clicked, ("hand",) * 2, regions=(corner,))
    settings = TINY | {"base_width": 4}

    def at_the_unclicked(name: str, annotation: Annotation) -> float:
        project = make_project(name, a=annotation)
        stage = replace(versions.get_version("D").stages[0], epochs=30)
        with pytest.MonkeyPatch.context() as patch:
            version = replace(versions.get_version("D"), stages=(stage,))
            patch.setitem(versions.VERSIONS, "D", version)
            model = train("D", project, **settings)
        image = project.read_image("a.tif").pixels
        found = detect(image, model, pixel_size_um=6.44, threshold=0.0)
        nearest = np.linalg.norm(found.points[:, None] - CELLS[None, 2:], axis=-1)
        return float(found.scores[nearest.argmin(axis=0)].mean())

    from_region = at_the_unclicked("region", region)
    from_complete = at_the_unclicked("complete", Annotation.of(clicked, complete=True))
    assert from_region > from_complete + 0.1


def with_masks(project: Project) -> Project:
    rows, columns = np.ogrid[:64, :64]
    labels = np.zeros((64, 64), np.uint8)
    for number, (y, x) in enumerate(CELLS, start=1):
        labels[(rows - y) ** 2 + (columns - x) ** 2 <= 16] = number
    (project.path / "masks").mkdir()
    tifffile.imwrite(project.path / "masks" / "all.tif", labels)
    return project


@pytest.mark.parametrize("version", ["C", "D"])
def test_a_version_learns_to_find_the_cells(
    project: Project, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = versions.get_version(version)
    longer = replace(recipe, stages=(replace(recipe.stages[0], epochs=30),))
    monkeypatch.setitem(versions.VERSIONS, version, longer)
    model = train(version, with_masks(project), **TINY | {"base_width": 4})
    assert model.card.steps == 30 * 4
    found = detect(project.read_image("all.tif").pixels, model, pixel_size_um=6.44)
    match = evaluate(found.points, CELLS, cutoff_px=2)
    assert (match.tp, match.fp, match.fn) == (5, 0, 0)
    assert model.card.detection.method == ("masks" if version == "C" else "peaks")


def test_the_sliding_window_learns_from_clicks(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = versions.get_version("CNN-SW")
    stage = replace(recipe.stages[0], epochs=100, min_steps=0)
    monkeypatch.setitem(versions.VERSIONS, "CNN-SW", replace(recipe, stages=(stage,)))
    settings: dict[str, Any] = {"device": "cpu", "precision": "float32"}
    cancel_after(train_steps("CNN-SW", project, **settings), 3)
    model = train("CNN-SW", project, **settings)
    assert model.card.architecture == "sliding window"
    again = models.load_model(model.name, project)
    assert same(again, model)
    found = detect(project.read_image("all.tif").pixels, again, pixel_size_um=6.44)
    match = evaluate(found.points, CELLS, cutoff_px=2)
    assert (match.tp, match.fp, match.fn) == (5, 0, 0)
    with pytest.raises(
        ValueError, match=r"version B, which trains a U-Net: .* is a sliding window"
    ):
        fine_tune(model, project)


def test_no_room_for_a_window_is_said_and_makes_no_model(project: Project) -> None:
    project.save_annotation("some.tif", Annotation.of(CELLS[[4]]))  # at the border
    with pytest.raises(NothingToLearnError, match="no annotated cell with room for a window"):
        train("CNN-SW", project, device="cpu")
    assert list_models(project) == []


def test_the_threshold_is_tuned_on_a_complete_image(make_project: Callable[..., Project]) -> None:
    project = make_project(some=SOME, all=ALL, more=ALL)
    model = train("Imaris-like", project, **TINY)
    assert (model.card.architecture, model.card.steps) == ("smooth and threshold", 0)
    assert [image.name for image in model.card.images] == ["all.tif"]
    again = models.load_model(model.name, project)
    assert same(again, model)
    found = detect(project.read_image("all.tif").pixels, again, pixel_size_um=6.44)
    match = evaluate(found.points, CELLS, cutoff_px=2)
    assert (match.tp, match.fp, match.fn) == (5, 0, 0)


def test_cards_of_both_ways_can_be_read_again(project: Project) -> None:
    for model in (train("B", project, **TINY), train("A+DA", project, **TINY)):
        assert Card.model_validate_json(model.card.model_dump_json()) == model.card


def test_a_name_that_another_training_takes_at_the_end_costs_no_training(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two windows that train on one project: both models are kept."""
    first = train("B", project, name="mine", judges=(), **TINY)
    own_models.rename_model(list_models(project)[0], "other")
    look = atomic.free_path

    def too_late(wanted: Path, suffix: str = "") -> Path:
        free = look(wanted, suffix)
        if free.name == "mine":
            shutil.copytree(project.models_folder / "other", free)
        return free

    monkeypatch.setattr(atomic, "free_path", too_late)
    second = train("B", project, name="mine", judges=(), **TINY)
    assert (first.card.name, second.card.name) == ("mine", "mine-2")
    assert same(models.load_model("mine-2", project), first)


def test_the_number_of_threads_changes_little(project: Project) -> None:
    """The order of sums differs, and each step carries that on; see docs/reliability.md."""

    def heat_map(threads: int, seed: int = 0) -> Any:
        torch.set_num_threads(threads)
        model = train("B", project, judges=(), seed=seed, **TINY)
        torch.set_num_threads(1)
        pixels = project.read_image("all.tif").pixels
        return run(predict_steps(pixels, model, pixel_size_um=6.44)).heat_maps[0]

    usual = heat_map(1)
    for threads in (2, 3):
        np.testing.assert_allclose(heat_map(threads), usual, atol=0.02)
    assert np.abs(heat_map(1, seed=1) - usual).max() > 0.1
