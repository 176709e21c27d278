"""Models renamed, deleted, handed on as a file and taken in."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from small_models import model, same_weights

from napari_htcell import models, own_models
from napari_htcell.models import ModelError

pytestmark = pytest.mark.usefixtures("user_folder")


TRICKS = ["", "../up", "a/b", "a\\b", "/etc/x", ".hidden", "x" * 81, "a\n", "C:x", "end.", "end "]


@pytest.mark.parametrize("name", TRICKS)
def test_names_that_are_paths_are_refused(name: str, user_folder: Path) -> None:
    with pytest.raises(ModelError, match="cannot be a model's name"):
        own_models.check_new_name(name, user_folder)
    with pytest.raises(ValueError, match="name"):
        model(name)


@pytest.mark.parametrize("name", ["B", "A+DA-2026-01-01", "plate 3_v1.2", "7", "x" * 80])
def test_ordinary_names_are_fine(name: str, user_folder: Path) -> None:
    own_models.check_new_name(name, user_folder)
    assert model(name).name == name


def test_hand_a_model_on(user_folder: Path, tmp_path: Path) -> None:
    saved = models.save_model(model(), tmp_path / "a")
    entry = models.find_model(tmp_path / "a" / "mine")
    own_models.export_model(entry, tmp_path / "mine.zip")
    with zipfile.ZipFile(tmp_path / "mine.zip") as archive:
        assert sorted(archive.namelist()) == ["card.json", "weights.safetensors"]
    with pytest.raises(FileExistsError, match=r"mine\.zip is already there"):
        own_models.export_model(entry, tmp_path / "mine.zip")
    imported = own_models.import_model(tmp_path / "mine.zip")
    assert imported.folder == user_folder / "mine"
    assert models.load_model("mine").card == saved.card
    assert same_weights(models.load_model("mine"), saved)
    with pytest.raises(ModelError, match="there is a model 'mine' already"):
        own_models.import_model(tmp_path / "mine.zip")
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
    own_models.export_model(models.find_model(tmp_path / "a" / "mine"), good)
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
        own_models.import_model(path)
    assert list(user_folder.glob("*")) == list(user_folder.glob(".*")) == []


def test_an_archive_cannot_write_elsewhere(user_folder: Path, tmp_path: Path) -> None:
    models.save_model(model(), tmp_path / "a")
    folder = tmp_path / "a" / "mine"
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(folder / "card.json", "card.json")
        archive.write(folder / "weights.safetensors", "weights.safetensors")
        archive.writestr("../../escaped.txt", "x")
    own_models.import_model(path)
    assert sorted(path.name for path in (user_folder / "mine").iterdir()) == [
        "card.json",
        "weights.safetensors",
    ]
    assert not list(tmp_path.rglob("escaped.txt"))


def test_a_shipped_name_is_taken_everywhere(
    user_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models.save_model(model("B"), tmp_path / "shipped")
    monkeypatch.setattr(models, "SHIPPED_FOLDER", tmp_path / "shipped")
    with pytest.raises(ModelError, match="a model 'B' already"):
        own_models.check_new_name("B", user_folder)
    with pytest.raises(ModelError, match="a model 'B' already"):
        own_models.import_model(tmp_path / "shipped" / "B")
    entry = own_models.import_model(tmp_path / "shipped" / "B", name="theirs")
    assert (entry.origin, entry.folder) == ("user", user_folder / "theirs")
    assert models.load_model("theirs").name == "theirs"


def test_export_names_the_file_itself(user_folder: Path, tmp_path: Path) -> None:
    models.save_model(model(), user_folder)
    entry = models.find_model("mine")
    assert own_models.export_model(entry, tmp_path) == tmp_path / "mine.zip"
    assert own_models.export_model(entry, tmp_path / "v1.2") == tmp_path / "v1.2.zip"
    with pytest.raises(FileExistsError):
        own_models.export_model(entry, tmp_path / "mine")


def test_a_renamed_model_computes_the_same(user_folder: Path) -> None:
    old = models.save_model(model("one"), user_folder)
    entry = own_models.rename_model(models.find_model("one"), "two")
    assert [one.card.name for one in models.list_models()] == ["two"]
    assert entry == models.find_model("two")
    assert same_weights(models.load_model("two"), old)
    assert sorted(path.name for path in user_folder.iterdir()) == ["two"]


def test_a_model_is_not_renamed_over_another(user_folder: Path) -> None:
    for name in ("one", "two"):
        models.save_model(model(name), user_folder)
    with pytest.raises(ModelError, match="there is a model 'two' already"):
        own_models.rename_model(models.find_model("one"), "two")
    with pytest.raises(ModelError, match="cannot be a model's name"):
        own_models.rename_model(models.find_model("one"), "../two")
    assert [one.card.name for one in models.list_models()] == ["one", "two"]


def test_a_deleted_model_is_gone_and_others_stay(user_folder: Path) -> None:
    for name in ("one", "two"):
        models.save_model(model(name), user_folder)
    own_models.delete_model(models.find_model("one"))
    assert sorted(path.name for path in user_folder.iterdir()) == ["two"]


def test_files_that_are_no_part_of_a_model_are_not_deleted(user_folder: Path) -> None:
    models.save_model(model("one"), user_folder)
    notes = user_folder / "one" / "notes.txt"
    notes.write_text("mine")
    with pytest.raises(ModelError, match=r"holds 'notes\.txt' too"):
        own_models.delete_model(models.find_model("one"))
    assert models.load_model("one").name == "one"
    own_models.rename_model(models.find_model("one"), "two")
    assert notes.read_text() == "mine"


def test_shipped_models_and_loose_folders_stay(tmp_path: Path) -> None:
    models.save_model(model("B"), models.SHIPPED_FOLDER)
    models.save_model(model("loose"), tmp_path)
    for entry in (models.find_model("B"), models.find_model(tmp_path / "loose")):
        with pytest.raises(ModelError, match="own models can"):
            own_models.delete_model(entry)
        with pytest.raises(ModelError, match="own models can"):
            own_models.rename_model(entry, "mine")
        assert entry.folder.is_dir()


def test_an_archive_made_to_fill_the_memory_is_refused(
    user_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models.save_model(model(), tmp_path / "a")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "a" / "mine" / "card.json", "card.json")
        archive.writestr("weights.safetensors", b"\0" * 10**6)
    monkeypatch.setitem(own_models.MOST_BYTES, "weights.safetensors", 10**5)
    with pytest.raises(ModelError, match=r"bomb\.zip: .* its weights\.safetensors is too large"):
        own_models.import_model(tmp_path / "bomb.zip")
    assert models.list_models() == []
