"""htcell train, fine-tune and models."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys

import pytest
import tifffile

from napari_htcell import dataset, learn, models, training
from napari_htcell.cli import reporting
from napari_htcell.config import DEFAULT_MODEL
from napari_htcell.project import open_project

PROGRAM = (sys.executable, "-c", "from napari_htcell.cli import main; main(prog_name='htcell')")
TINY = ("--base-width", 4, "--depth", 2, "--square", 64, "--device", "cpu")
EXACT = ("--precision", "float32")


def own_models(project):
    return [entry for entry in models.list_models(project) if entry.origin == "project"]


@pytest.mark.usefixtures("quick_versions")
def test_train_keeps_a_model_in_the_project(htcell, tiny_project):
    project = tiny_project()
    result = htcell(
        *("train", "A", project.path, *TINY, *EXACT, "--name", "ours", "--seed", 5, "--json"),
        *("--network-pixel-size", 8, "--spot-sigma", 12, "--summary", "a test"),
    )
    assert result.exit_code == 0, result.output
    card = models.load_model("ours", project).card
    assert json.loads(result.stdout)["name"] == "ours"
    assert (card.version, card.steps, card.summary) == ("A", 20, "a test")
    chosen = card.training
    assert (chosen.base_width, chosen.depth, chosen.square_px, chosen.seed) == (4, 2, 64, 5)
    assert (chosen.pixel_size_um, chosen.spot_sigma_um) == (8, 12)


def test_devices_that_have_nothing_to_share_are_refused_at_once(htcell, tiny_project):
    pytest.importorskip("lightning_fabric", reason="needs the extra [devices]")
    project = tiny_project()
    result = htcell("train", "A", project.path, *TINY, "--devices", 2)
    assert result.exit_code == 1
    assert "a batch of 1 cannot be divided among 2 devices" in result.stderr
    assert "reading images" not in result.stderr


@pytest.mark.usefixtures("quick_versions")
def test_fine_tune_starts_from_a_model(htcell, tiny_project, tiny_model_folder):
    project = tiny_project(n_complete=2)
    result = htcell("fine-tune", project.path, "--from", tiny_model_folder, "--progress")
    assert result.exit_code == 0, result.output
    (entry,) = own_models(project)
    assert entry.card.base_model == DEFAULT_MODEL
    assert entry.card.training.base_width == 4
    assert f"Made the model {entry.card.name}" in result.stdout
    assert "at 16 um on its complete images, each by a network that had not learnt" in result.stdout
    assert f"{DEFAULT_MODEL}: F " in result.stdout
    assert "at 16 um on the same images" in result.stdout
    assert re.search(r"counts there: \d+ found where \d+ are", result.stdout)
    assert "checking on images left out 100%" in result.stderr
    assert "loss" in result.stderr


@pytest.mark.usefixtures("quick_versions")
def test_an_assumed_pixel_size_is_said_and_can_be_stated(htcell, tiny_project, tiny_model_folder):
    project = tiny_project(n_complete=2)
    for name in project.images:
        tifffile.imwrite(project.image_path(name), project.read_image(name).pixels)
    command = ("fine-tune", project.path, "--from", tiny_model_folder)
    silent = htcell(*command)
    assert "2 of 2 images to learn from without a stated pixel size: 1.61 um" in silent.stderr
    stated = htcell(*command, "--pixel-size", 1.3)
    assert "assumed" not in stated.stderr
    assert open_project(project.path).settings.pixel_size_um == 1.3
    nothing = tiny_project("nothing")
    failed = htcell("fine-tune", nothing.path, "--from", tiny_model_folder, "--pixel-size", 2)
    assert failed.exit_code == 1
    assert open_project(nothing.path).settings.pixel_size_um is None


@pytest.mark.usefixtures("quick_versions")
def test_after_ctrl_c_the_same_command_goes_on(htcell, tiny_project, monkeypatch):
    project = tiny_project()
    command = ("train", "A", project.path, *TINY, *EXACT)
    steps, seen = learn.train_steps, []

    def watched(*arguments, **options):
        inside = steps(*arguments, **options)
        while True:
            try:
                progress = next(inside)
            except StopIteration as stop:
                return stop.value
            if progress.loss is not None:
                seen.append(progress.done)
                if len(seen) == 5:
                    signal.raise_signal(signal.SIGINT)
            try:
                yield progress
            except GeneratorExit:
                inside.close()
                raise

    monkeypatch.setattr(learn, "train_steps", watched)
    before = signal.getsignal(signal.SIGINT)
    result = htcell(*command)
    assert result.exit_code == 130
    assert result.stderr == (
        "Stopped: what it has learnt is kept, and the same command goes on from there\n"
    )
    assert signal.getsignal(signal.SIGINT) is before
    assert len(list(project.training_folder.glob("*.safetensors"))) == 1
    assert not own_models(project)
    assert htcell(*command).exit_code == 0
    assert seen[5] == 6
    assert not list(project.training_folder.glob("*"))
    assert len(own_models(project)) == 1


@pytest.mark.usefixtures("quick_versions")
def test_ctrl_c_twice_says_what_is_kept(htcell, tiny_project, monkeypatch):
    project = tiny_project()
    command = ("train", "A", project.path, *TINY, *EXACT)
    take_step, taken = training.take_step, []

    def pressed(*arguments):
        taken.append(take_step(*arguments))
        if len(taken) == 3:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        return taken[-1]

    monkeypatch.setattr(training, "take_step", pressed)
    result = htcell(*command)
    assert result.exit_code == 130
    assert result.stderr == (
        "Stopped: what was saved last is kept, and the same command goes on from there\n"
    )
    assert htcell(*command).exit_code == 0
    assert len(own_models(project)) == 1


def test_ctrl_c_before_it_learns_says_how_to_go_on(htcell, tiny_project, monkeypatch):
    monkeypatch.setattr(dataset, "check_lessons", lambda *_: signal.raise_signal(signal.SIGINT))
    # What a shell starts in the background takes no notice of Ctrl+C, and nor do its tests.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        result = htcell("train", "A", tiny_project().path)
    finally:
        signal.signal(signal.SIGINT, before)
    assert result.exit_code == 130
    assert result.stderr.startswith("Stopped: the same command goes on from what is kept")


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to another process")
def test_ctrl_c_in_a_real_process(tiny_project):
    project = tiny_project()
    command = ("train", "A", project.path, *TINY, *EXACT, "--progress")
    with subprocess.Popen(
        [*PROGRAM, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        said = ""
        while "learning from" not in said:
            said += process.stderr.read(1) or pytest.fail(said)
        process.send_signal(signal.SIGINT)
        said += process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert said.splitlines()[-1].startswith("Stopped: what it has learnt is kept")
    assert "Traceback" not in said
    assert len(list(project.training_folder.glob("*.safetensors"))) == 1


@pytest.mark.usefixtures("quick_versions")
def test_refusals_change_nothing(refused, tiny_project, tiny_model_folder):
    project = tiny_project()
    keep = [project.path]
    model = ("--from", tiny_model_folder)
    assert "no complete image" in refused(1, "fine-tune", project.path, *model, unchanged=keep)
    assert "no model" in refused(1, "fine-tune", project.path, "--from", "x", unchanged=keep)
    assert "'Z'" in refused(2, "train", "Z", project.path, unchanged=keep)
    for name in ("../elsewhere", "", "a/b"):
        refused(2, "train", "A", project.path, "--name", name, unchanged=keep)
    refused(2, "train", "A", project.path, "--seed", -1, unchanged=keep)
    refused(2, "train", "A", project.path / "none", unchanged=keep)
    first = project.image_path(project.images[0])
    first.write_bytes(first.read_bytes()[:100])
    assert first.name in refused(1, "train", "A", project.path, *TINY, unchanged=keep)


def test_models_go_out_and_come_in(htcell, refused, tiny_project, tiny_model_folder, tmp_path):
    archive, keep = tmp_path / f"{DEFAULT_MODEL}.zip", [tmp_path]
    assert str(archive) in htcell("models", "export", tiny_model_folder, tmp_path).stdout
    assert "already there" in refused(
        1, "models", "export", tiny_model_folder, tmp_path / DEFAULT_MODEL
    )
    # The shipped model has this name.
    assert "already" in refused(1, "models", "import", archive, unchanged=keep)
    named = ("models", "import", archive, "--name", "theirs")
    assert htcell(*named).stdout.startswith("Imported theirs to ")
    assert "already" in refused(1, *named, unchanged=keep)
    listed = json.loads(htcell("models", "list", "--json").stdout)
    assert [one["name"] for one in listed if one["origin"] == "user"] == ["theirs"]
    project = tmp_path / "new"
    project.mkdir()  # without images so far
    assert htcell(*named, "--project", project).exit_code == 0
    (line,) = (
        line
        for line in htcell("models", "list", "--project", project).stdout.splitlines()
        if line.endswith("(project)")
    )
    assert line.startswith("theirs: version D, ")
    shown = htcell("models", "show", "theirs", "--project", project).stdout
    assert str(project / "models" / "theirs") in shown
    assert "figure: F " in shown
    card = json.loads(htcell("models", "show", "theirs", "--json").stdout)
    assert card["training"]["base_width"] == 4


def test_what_is_no_model_is_not_imported(refused, tiny_model_folder, tmp_path):
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"PK\x03\x04 truncated")
    assert "is no model" in refused(1, "models", "import", bad)
    folder = tmp_path / "folder"
    folder.mkdir()
    assert "is no model" in refused(1, "models", "import", folder)
    (folder / "card.json").write_bytes((tiny_model_folder / "card.json").read_bytes())
    weights = (tiny_model_folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(weights[:-10])
    refused(1, "models", "import", folder)
    assert {entry.origin for entry in models.list_models()} <= {"shipped"}
    assert "no model 'x'" in refused(1, "models", "show", "x")


def test_models_are_renamed_and_deleted(htcell, refused, tiny_project, tiny_model_folder):
    project = tiny_project().path
    call = ("models", "import", tiny_model_folder, "--project", project, "--name", "theirs")
    htcell(*call)
    said = htcell("models", "rename", "theirs", "ours", "--project", project)
    assert "called ours now" in said.stdout
    assert not (project / "models" / "theirs").exists()
    assert "came with the package" in refused(1, "models", "delete", DEFAULT_MODEL, "--yes")
    unsure = htcell("models", "delete", "ours", "--project", project)
    assert unsure.exit_code == 130
    assert (project / "models" / "ours").is_dir()
    assert htcell("models", "delete", "ours", "--project", project, "--yes").exit_code == 0
    assert not (project / "models" / "ours").exists()


def test_a_project_that_the_shell_is_in_is_known(
    htcell, tiny_project, tiny_model_folder, monkeypatch
):
    project = tiny_project()
    htcell("models", "import", tiny_model_folder, "--project", project.path, "--name", "ours")
    (project.path / "annotations").mkdir(exist_ok=True)
    assert htcell("models", "show", "ours").exit_code == 1
    for folder in (project.path, project.path / "annotations"):
        monkeypatch.chdir(folder)
        shown = htcell("models", "show", "ours")
        assert "name: ours" in shown.stdout
        assert "(project)" in shown.stdout
    # But what is imported goes to the user's own, as it does elsewhere.
    assert "to " + str(project.path) not in htcell("models", "import", tiny_model_folder).stdout


@pytest.mark.usefixtures("quick_versions")
def test_a_long_job_without_a_terminal_says_now_and_then_how_far_it_is(
    htcell, tiny_project, tiny_model_folder, monkeypatch
):
    project = tiny_project(n_complete=2)
    monkeypatch.setattr(reporting, "SAY_SECONDS", 0.0)
    call = ("fine-tune", project.path, "--from", tiny_model_folder, "--name", "ours")
    said = htcell(*call).stdout.splitlines()
    learning = [line for line in said if line.startswith("Learning from 2 images: ")]
    checking = [line for line in said if line.startswith("Checking on images left out: ")]
    assert len(learning) > 1
    assert len(checking) > 1
    assert all(" %" in line and "step" not in line for line in learning + checking)
    assert "Learning" not in htcell(*call[:-1], "quiet", "--quiet").stdout
