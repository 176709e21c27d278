"""Models are kept whole, listed, handed on, and nothing in their files is ever run."""

from __future__ import annotations

import hashlib
import json
import pickle
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from napari_htcell import models
from napari_htcell.cards import Card
from napari_htcell.config import DetectConfig, TrainConfig
from napari_htcell.models import Model, ModelError
from napari_htcell.project import Project
from napari_htcell.unet import UNet


@pytest.fixture(autouse=True)
def user_folder(user_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the temporary folder of the user's models; none are shipped."""
    monkeypatch.setattr(models, "SHIPPED_FOLDER", tmp_path / "shipped")
    return user_models


def model(name: str = "mine", **training: Any) -> Model:
    settings = TrainConfig(**({"base_width": 2, "depth": 1} | training))
    card = Card(name=name, version="B", training=settings, detection=DetectConfig(threshold=0.3))
    return Model(card, UNet(settings.base_width, settings.depth))


def same_weights(one: Model, other: Model) -> bool:
    first, second = one.network.state_dict(), other.network.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def test_save_and_load(user_folder: Path) -> None:
    saved = models.save_model(model("B+DA no"), user_folder)
    assert sorted(path.name for path in (user_folder / "B+DA no").iterdir()) == [
        "card.json",
        "weights.safetensors",
    ]
    for source in ("B+DA no", user_folder / "B+DA no", str(user_folder / "B+DA no")):
        loaded = models.load_model(source)
        assert loaded.card == saved.card
        assert same_weights(loaded, saved)
        assert not loaded.network.training
    assert saved.card.software["torch"].startswith(torch.__version__.partition("+")[0])
    assert json.loads((user_folder / "B+DA no" / "card.json").read_text())["version"] == "B"


def test_a_loaded_model_computes_and_can_learn(user_folder: Path) -> None:
    saved = models.save_model(model(), user_folder)
    loaded = models.load_model("mine")
    image = torch.randn(1, 1, 20, 20)
    torch.testing.assert_close(loaded.network(image), saved.network.eval()(image))
    loaded.network(image).sum().backward()
    assert all(parameter.grad is not None for parameter in loaded.network.parameters())


def test_loading_leaves_the_random_numbers_alone(user_folder: Path) -> None:
    models.save_model(model(), user_folder)
    before = torch.get_rng_state()
    models.load_model("mine")
    assert torch.equal(torch.get_rng_state(), before)


def test_the_projects_models_come_first(
    make_project: Callable[..., Project], user_folder: Path, tmp_path: Path
) -> None:
    from napari_htcell.annotations import Annotation

    project = make_project(a=Annotation.empty())
    models.save_model(model("B"), tmp_path / "shipped")
    models.save_model(model("B"), user_folder)
    models.save_model(model("own"), user_folder)
    mine = models.save_model(model("B"), project.models_folder)
    listed = models.list_models(project)
    assert [(e.origin, e.card.name) for e in listed] == [
        ("project", "B"), ("user", "B"), ("user", "own"), ("shipped", "B")
    ]  # fmt: skip
    assert same_weights(models.load_model("B", project), mine)
    assert not same_weights(models.load_model("B"), mine)


def test_no_models_at_all() -> None:
    assert models.list_models() == []
    with pytest.raises(ModelError, match="there is no model 'B'; the models here are: none"):
        models.load_model("B")


def test_wrong_names_say_what_there_is(user_folder: Path, tmp_path: Path) -> None:
    models.save_model(model("one"), user_folder)
    models.save_model(model("two"), user_folder)
    with pytest.raises(ModelError, match=r"'three'; the models here are: one \(user\), two"):
        models.load_model("three")
    (tmp_path / "m.zip").write_bytes(b"")
    with pytest.raises(ModelError, match=r"m\.zip: is a file; import it first"):
        models.load_model(tmp_path / "m.zip")
    with pytest.raises(ModelError, match="is no model"):
        models.load_model(tmp_path)


def test_a_taken_name_is_refused_and_the_old_model_stays(user_folder: Path) -> None:
    old = models.save_model(model(), user_folder)
    with pytest.raises(FileExistsError, match="mine is already there"):
        models.save_model(model(), user_folder)
    assert same_weights(models.load_model("mine"), old)
    assert sorted(path.name for path in user_folder.iterdir()) == ["mine"]


TRICKS = ["", "../up", "a/b", "a\\b", "/etc/x", ".hidden", "x" * 81, "a\n", "C:x", "end.", "end "]


@pytest.mark.parametrize("name", TRICKS)
def test_names_that_are_paths_are_refused(name: str, user_folder: Path) -> None:
    with pytest.raises(ModelError, match="cannot be a model's name"):
        models.check_new_name(name, user_folder)
    with pytest.raises(ValueError, match="name"):
        model(name)


@pytest.mark.parametrize("name", ["B", "A+DA-2026-01-01", "plate 3_v1.2", "7", "x" * 80])
def test_ordinary_names_are_fine(name: str, user_folder: Path) -> None:
    models.check_new_name(name, user_folder)
    assert model(name).name == name


def change_card(folder: Path, **changes: Any) -> None:
    path = folder / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def change_weights(folder: Path, content: bytes, *, honest: bool = True) -> None:
    (folder / "weights.safetensors").write_bytes(content)
    if honest:
        change_card(folder, weights_sha256=hashlib.sha256(content).hexdigest())


class Payload:
    """What a malicious pickle would do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (open, (str(self.path), "w"))


def tensors(**changes: torch.Tensor) -> bytes:
    state = {name: value.contiguous() for name, value in model().network.state_dict().items()}
    return safetensors.torch.save(state | changes)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "card.json").unlink(), "no readable card.json"),
        (lambda f: (f / "card.json").write_text("{"), r"card\.json: is no model card"),
        (lambda f: (f / "card.json").write_bytes(b"\xff\xfe"), r"card\.json: is no model card"),
        (lambda f: change_card(f, surplus=1), r"is no model card \(surplus: Extra inputs"),
        (lambda f: change_card(f, format=2), r"is no model card \(format"),
        (lambda f: change_card(f, name="../x"), r"is no model card \(name"),
        (
            lambda f: change_card(f, training={"base_width": 10_000}),
            r"is no model card \(training\.base_width: Input should be less than or equal to 128",
        ),
        (lambda f: change_card(f, training={"depth": 30}), r"\(training\.depth"),
        (lambda f: change_card(f, training={"pixel_size_um": -1}), r"\(training\.pixel_size_um"),
        (lambda f: change_card(f, training={"base_width": 128, "depth": 6}), "does not fit"),
        (lambda f: change_card(f, training={"base_width": 4, "depth": 1}), "does not fit"),
        (lambda f: change_card(f, weights_sha256="0" * 64), "is not the file that its card"),
        (lambda f: (f / "weights.safetensors").unlink(), "weights.safetensors: cannot be read"),
        (lambda f: change_weights(f, tensors(), honest=False), "is not the file that its card"),
        (lambda f: change_weights(f, tensors()[:-100]), "does not fit the network"),
        (lambda f: change_weights(f, b""), "does not fit the network"),
        (lambda f: change_weights(f, tensors(more=torch.zeros(2))), "does not fit the network"),
        (lambda f: change_weights(f, pickle.dumps(Payload(f / "ran"))), "does not fit the network"),
    ],
)
def test_damaged_models_are_refused_in_one_line(
    user_folder: Path, damage: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    models.save_model(model(), user_folder)
    folder = user_folder / "mine"
    damage(folder)
    with pytest.raises(ModelError, match=message) as caught:
        models.load_model(folder)
    assert "\n" not in str(caught.value)
    assert not (folder / "ran").exists()
    with pytest.raises(ModelError) as caught:
        models.import_model(folder, tmp_path / "elsewhere")
    assert str(folder) in str(caught.value)
    assert not (tmp_path / "elsewhere").exists()


def test_the_payload_would_have_run_if_unpickled(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Payload(tmp_path / "ran"))).close()
    assert (tmp_path / "ran").exists()


def test_half_precision_weights_compute_in_single(user_folder: Path) -> None:
    models.save_model(model(), user_folder)
    state = {name: value.half() for name, value in model().network.state_dict().items()}
    change_weights(user_folder / "mine", safetensors.torch.save(state))
    loaded = models.load_model("mine")
    assert loaded.network(torch.zeros(1, 1, 8, 8)).dtype == torch.float32


def test_damaged_models_are_not_listed(user_folder: Path) -> None:
    models.save_model(model("good"), user_folder)
    models.save_model(model("bad"), user_folder)
    change_card(user_folder / "bad", format=9)
    (user_folder / "stray.txt").write_text("x")
    assert [entry.card.name for entry in models.list_models()] == ["good"]


def test_hand_a_model_on(user_folder: Path, tmp_path: Path) -> None:
    saved = models.save_model(model(), tmp_path / "a")
    entry = models.find_model(tmp_path / "a" / "mine")
    models.export_model(entry, tmp_path / "mine.zip")
    with zipfile.ZipFile(tmp_path / "mine.zip") as archive:
        assert sorted(archive.namelist()) == ["card.json", "weights.safetensors"]
    with pytest.raises(FileExistsError, match=r"mine\.zip is already there"):
        models.export_model(entry, tmp_path / "mine.zip")
    imported = models.import_model(tmp_path / "mine.zip")
    assert imported.folder == user_folder / "mine"
    assert models.load_model("mine").card == saved.card
    assert same_weights(models.load_model("mine"), saved)
    with pytest.raises(ModelError, match="there is a model 'mine' already"):
        models.import_model(tmp_path / "mine.zip")
    assert sorted(path.name for path in user_folder.iterdir()) == ["mine"]


def archive_with(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return path


@pytest.mark.parametrize("kind", ["gone", "text", "empty zip", "only a card", "cut", "scrambled"])
def test_what_is_no_model_file(user_folder: Path, tmp_path: Path, kind: str) -> None:
    models.save_model(model(), tmp_path / "a")
    good = tmp_path / "good.zip"
    models.export_model(models.find_model(tmp_path / "a" / "mine"), good)
    path = tmp_path / "m.zip"
    if kind == "text":
        path.write_text("not a model")
    elif kind == "empty zip":
        archive_with(path)
    elif kind == "only a card":
        archive_with(path, card_json=(tmp_path / "a" / "mine" / "card.json").read_bytes())
    elif kind == "cut":
        path.write_bytes(good.read_bytes()[:-200])
    elif kind == "scrambled":
        content = bytearray(good.read_bytes())
        content[200:400] = bytes(200)
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"m\.zip: is no model; expected a zip file or folder"):
        models.import_model(path)
    assert list(user_folder.glob("*")) == list(user_folder.glob(".*")) == []


def test_an_archive_cannot_write_elsewhere(user_folder: Path, tmp_path: Path) -> None:
    models.save_model(model(), tmp_path / "a")
    folder = tmp_path / "a" / "mine"
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(folder / "card.json", "card.json")
        archive.write(folder / "weights.safetensors", "weights.safetensors")
        archive.writestr("../../escaped.txt", "x")
    models.import_model(path)
    assert sorted(path.name for path in (user_folder / "mine").iterdir()) == [
        "card.json",
        "weights.safetensors",
    ]
    assert not list(tmp_path.rglob("escaped.txt"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_kill_while_saving_leaves_no_half_model(user_folder: Path) -> None:
    script = (
        "import sys, itertools, pathlib\n"
        "from napari_htcell import models\n"
        "from napari_htcell.cards import Card\n"
        "from napari_htcell.config import DetectConfig, TrainConfig\n"
        "from napari_htcell.unet import UNet\n"
        "settings = TrainConfig(base_width=2, depth=1)\n"
        "for n in itertools.count():\n"
        "    card = Card(name=f'm{n}', version='B', training=settings, detection=DetectConfig())\n"
        "    models.save_model(models.Model(card, UNet(2, 1)), pathlib.Path(sys.argv[1]))\n"
        "    print(n, flush=True)\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", script, str(user_folder)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    time.sleep(0.02)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    told = 1 + len(writer.stdout.read().split())
    writer.stdout.close()
    names = [entry.card.name for entry in models.list_models()]
    assert len(names) - told in (0, 1)
    for name in names:
        image = torch.zeros(1, 1, 8, 8)
        assert np.isfinite(models.load_model(name).network(image).detach().numpy()).all()


def test_a_shipped_name_is_taken_everywhere(
    user_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models.save_model(model("B"), tmp_path / "shipped")
    monkeypatch.setattr(models, "SHIPPED_FOLDER", tmp_path / "shipped")
    with pytest.raises(ModelError, match="a model 'B' already"):
        models.check_new_name("B", user_folder)
    with pytest.raises(ModelError, match="a model 'B' already"):
        models.import_model(tmp_path / "shipped" / "B")
    entry = models.import_model(tmp_path / "shipped" / "B", name="theirs")
    assert (entry.origin, entry.folder) == ("user", user_folder / "theirs")
    assert models.load_model("theirs").name == "theirs"


def test_export_names_the_file_itself(user_folder: Path, tmp_path: Path) -> None:
    models.save_model(model(), user_folder)
    entry = models.find_model("mine")
    assert models.export_model(entry, tmp_path) == tmp_path / "mine.zip"
    assert models.export_model(entry, tmp_path / "v1.2") == tmp_path / "v1.2.zip"
    with pytest.raises(FileExistsError):
        models.export_model(entry, tmp_path / "mine")


def test_a_model_prints_as_one_line(user_folder: Path) -> None:
    kept = models.save_model(model(), user_folder)
    (entry,) = models.list_models()
    for text in (repr(kept), repr(entry)):
        assert "mine: version B" in text
        assert len(text) < 200
        assert "\n" not in text


def test_a_renamed_model_computes_the_same(user_folder: Path) -> None:
    old = models.save_model(model("one"), user_folder)
    entry = models.rename_model(models.find_model("one"), "two")
    assert [one.card.name for one in models.list_models()] == ["two"]
    assert entry == models.find_model("two")
    assert same_weights(models.load_model("two"), old)
    assert sorted(path.name for path in user_folder.iterdir()) == ["two"]


def test_a_model_is_not_renamed_over_another(user_folder: Path) -> None:
    for name in ("one", "two"):
        models.save_model(model(name), user_folder)
    with pytest.raises(ModelError, match="there is a model 'two' already"):
        models.rename_model(models.find_model("one"), "two")
    with pytest.raises(ModelError, match="cannot be a model's name"):
        models.rename_model(models.find_model("one"), "../two")
    assert [one.card.name for one in models.list_models()] == ["one", "two"]


def test_a_deleted_model_is_gone_and_others_stay(user_folder: Path) -> None:
    for name in ("one", "two"):
        models.save_model(model(name), user_folder)
    models.delete_model(models.find_model("one"))
    assert sorted(path.name for path in user_folder.iterdir()) == ["two"]


def test_files_that_are_no_part_of_a_model_are_not_deleted(user_folder: Path) -> None:
    models.save_model(model("one"), user_folder)
    notes = user_folder / "one" / "notes.txt"
    notes.write_text("mine")
    with pytest.raises(ModelError, match=r"holds 'notes\.txt' too"):
        models.delete_model(models.find_model("one"))
    assert models.load_model("one").name == "one"
    models.rename_model(models.find_model("one"), "two")
    assert notes.read_text() == "mine"


def test_shipped_models_and_loose_folders_stay(tmp_path: Path) -> None:
    models.save_model(model("B"), models.SHIPPED_FOLDER)
    models.save_model(model("loose"), tmp_path)
    for entry in (models.find_model("B"), models.find_model(tmp_path / "loose")):
        with pytest.raises(ModelError, match="own models can"):
            models.delete_model(entry)
        with pytest.raises(ModelError, match="own models can"):
            models.rename_model(entry, "mine")
        assert entry.folder.is_dir()
