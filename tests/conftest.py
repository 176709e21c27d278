"""Small projects and a small model that finds cells, made once for all tests."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

# Networks this small are slower on many threads than on one.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# What the user has set in napari's preferences stays out of the tests.
os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp()) / "settings.yaml")

from napari_htcell import learn, models, rescue, sample, versions
from napari_htcell.config import DEFAULT_MODEL
from napari_htcell.models import Model
from napari_htcell.project import Project, open_project
from napari_htcell.simulate import SimulationConfig

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"

TINY_IMAGES = SimulationConfig(
    height_px=256, width_px=320, cells_per_mm2=60, wall_probability=0, scratch_probability=0
)
"""Small fields with a dozen to fifty cells."""

TINY_NETWORK = {"base_width": 4, "depth": 2, "square_px": 64, "device": "cpu"}


def pytest_collection_finish() -> None:
    # Two thirds of a million objects that stay; the clean-up after each window would look at each.
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    shutil.rmtree(Path(os.environ["NAPARI_CONFIG"]).parent, ignore_errors=True)


def shortened(version: versions.Version, steps: int) -> versions.Version:
    """Return a version with so many steps in each stage."""

    def short(stage: versions.Stage) -> versions.Stage:
        return replace(stage, epochs=1, min_steps=steps, steps_if_many=None, steps_if_unknown=None)

    tuning = None if version.tuning is None else short(version.tuning)
    return replace(version, stages=tuple(map(short, version.stages)), tuning=tuning)


@pytest.fixture(autouse=True)
def user_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the user's own models out of the tests, and the tests' out of theirs."""
    folder = tmp_path / "user_data" / "napari-htcell" / "models"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user_data"))
    monkeypatch.setattr(models, "user_folder", lambda: folder)
    monkeypatch.setattr(rescue, "unsaved_folder", lambda: folder.parent / "unsaved")
    return folder


@pytest.fixture
def full_disk():
    """Return a context in which the system lets nobody write a byte into a file."""
    resource = pytest.importorskip("resource", reason="Windows has no limit of a file's size")

    @contextmanager
    def full() -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return full


@pytest.fixture(scope="session")
def write_ome_zarr():
    """Return a function that writes an image as an OME-Zarr 0.4: (folder, pixels, um) -> folder.

    For a shape instead of pixels it writes a black image, which takes no space.
    """

    def write(path: Path, pixels, pixel_size_um: float) -> Path:
        import zarr

        group = zarr.open_group(path, mode="w", zarr_format=2)
        if isinstance(pixels, tuple):
            group.create_array("0", shape=pixels, chunks=(1024, 1024), dtype="u1")
        else:
            group.create_array("0", data=pixels, chunks=(1, 100, 150)[-pixels.ndim :])
        scale = {"type": "scale", "scale": [pixel_size_um, pixel_size_um]}
        group.attrs["multiscales"] = [
            {
                "version": "0.4",
                "axes": [{"name": one, "type": "space", "unit": "micrometer"} for one in "yx"],
                "datasets": [{"path": "0", "coordinateTransformations": [scale]}],
            }
        ]
        return path

    return write


@pytest.fixture
def nobody():
    """Return a context in which the tests have the rights of any user, where root runs them.

    Only its owner can enter `tmp_path`: what is to be reached has to be elsewhere.
    """
    if os.name != "posix":
        pytest.skip("Windows has other permissions")
    is_root = os.geteuid() == 0

    @contextmanager
    def without_rights() -> Iterator[None]:
        if is_root:
            os.seteuid(65534)
        try:
            yield
        finally:
            if is_root:
                os.seteuid(0)

    return without_rights


@pytest.fixture
def tiny_images() -> SimulationConfig:
    """Return the looks of `tiny_project`'s images."""
    return TINY_IMAGES


@pytest.fixture(scope="session")
def _projects(tmp_path_factory: pytest.TempPathFactory) -> dict[object, Project]:
    return {}


@pytest.fixture
def tiny_project(_projects, tmp_path_factory, tmp_path):
    """Return a function that makes a simulated project of small images.

    ``tiny_project(name="project", **settings)`` takes the fields of `SampleConfig`; 4 images
    with partial clicks, truth and masks without any.
    """

    def make(name: str = "project", **settings) -> Project:
        settings = {"n_images": 4} | settings
        key = tuple(sorted(settings.items()))
        if key not in _projects:
            folder = tmp_path_factory.mktemp("simulated") / "project"
            _projects[key] = sample.make_project(folder, TINY_IMAGES, **settings)
        return open_project(shutil.copytree(_projects[key].path, tmp_path / name))

    return make


@pytest.fixture(scope="session")
def tiny_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small model in place of the usual one; it knows other images."""
    folder = tmp_path_factory.mktemp("learning")
    project = sample.make_project(
        folder / "project", TINY_IMAGES, n_images=4, n_complete=4, n_masks=0, seed=7
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "user_folder", lambda: folder / "none")
        patch.setattr(models, "SHIPPED_FOLDER", folder / "none")
        patch.setitem(versions.VERSIONS, "D", shortened(versions.VERSIONS["D"], 200))
        learn.train("D", project, name=DEFAULT_MODEL, precision="float32", **TINY_NETWORK)
    return project.models_folder / DEFAULT_MODEL


@pytest.fixture
def tiny_model(tiny_model_folder: Path) -> Model:
    """Return the small model; it finds most cells of `tiny_project`."""
    return models.load_model(tiny_model_folder)


@pytest.fixture
def shipped_tiny_model(tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Ship the small model in place of the real ones; return its name."""
    monkeypatch.setattr(models, "SHIPPED_FOLDER", tiny_model_folder.parent)
    return DEFAULT_MODEL


@pytest.fixture
def quick_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten all training recipes to 20 steps a stage."""
    for name, version in list(versions.VERSIONS.items()):
        monkeypatch.setitem(versions.VERSIONS, name, shortened(version, 20))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real images that stay out of the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"{SHARED_DATA} is not there: no real images to test on")
    return SHARED_DATA
