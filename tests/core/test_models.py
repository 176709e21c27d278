"""Models are kept whole, listed, handed on, and nothing in their files is ever run."""

from __future__ import annotations

import hashlib
import json
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from small_models import model, same_weights

from napari_htcell import models, own_models
from napari_htcell.models import ModelError
from napari_htcell.project import Project

pytestmark = pytest.mark.usefixtures("user_folder")


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
        own_models.import_model(folder, tmp_path / "elsewhere")
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


def test_a_model_prints_as_one_line(user_folder: Path) -> None:
    kept = models.save_model(model(), user_folder)
    (entry,) = models.list_models()
    for text in (repr(kept), repr(entry)):
        assert "mine: version B" in text
        assert len(text) < 200
        assert "\n" not in text
