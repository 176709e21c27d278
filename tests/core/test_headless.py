"""The core knows no window, and importing the package costs next to nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import napari_htcell

FOLDER = Path(napari_htcell.__file__).parent
WINDOW = ("widgets",)
FORMATS = ("openpyxl", "roifile", "matplotlib")


def loaded_by(script: str, *, unwanted: tuple[str, ...]) -> set[str]:
    code = f"{script}\nimport sys\nprint(*(m for m in {unwanted!r} if m in sys.modules))"
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    return set(found.stdout.split())


def core_modules() -> list[str]:
    files = [path.relative_to(FOLDER) for path in FOLDER.rglob("*.py")]
    return sorted(
        ".".join(("napari_htcell", *file.with_suffix("").parts)).removesuffix(".__init__")
        for file in files
        if file.parts[0] not in WINDOW and not file.stem.startswith("__main__")
    )


def test_no_core_module_loads_a_window_or_hides_a_function() -> None:
    """A module must not take the place of a public function of its name."""
    modules = core_modules()
    assert {"training", "detect", "models"} <= {name.rpartition(".")[2] for name in modules}
    script = (
        "".join(f"import {module}\n" for module in modules)
        + "import napari_htcell as h\n"
        + "from napari_htcell import detect, evaluate, fine_tune, train\n"
        + "assert all(map(callable, (detect, evaluate, fine_tune, train, h.train)))\n"
    )
    window = ("qtpy", "PyQt6", "PySide6", "napari", "magicgui", "superqt")
    assert loaded_by(script, unwanted=window) == set()


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = ("torch", "scipy", "pydantic", "numpy", "cv2", "pandas", "napari", "qtpy", *FORMATS)
    assert loaded_by("import napari_htcell", unwanted=heavy) == set()


def test_libraries_of_formats_are_loaded_where_they_are_used() -> None:
    modules = [one for one in core_modules() if not one.endswith(".demo")]
    script = "".join(f"import {module}\n" for module in modules)
    assert loaded_by(script, unwanted=FORMATS) == set()


def test_listing_models_and_evaluating_load_no_torch() -> None:
    script = "import napari_htcell as h; h.list_models; h.evaluate; h.open_project; h.read_image"
    assert loaded_by(script, unwanted=("torch",)) == set()


def test_every_public_name_is_there() -> None:
    stub = ast.parse((FOLDER / "__init__.pyi").read_text())
    promised = {
        alias.asname or alias.name
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert {"detect", "evaluate", "fine_tune", "load_model", "open_project", "train"} <= promised
    assert promised <= set(dir(napari_htcell))
    for name in promised:
        assert getattr(napari_htcell, name).__name__ == name


def test_nothing_is_downloaded_or_sent() -> None:
    """No module can: even where a file asks for it. Dask does, when a scheduler is named.

    Training on several devices asks this machine for a free port, by which its processes talk.
    """
    network = {"socket", "ssl", "urllib", "http", "ftplib", "smtplib", "requests", "httpx"}
    network |= {"aiohttp", "urllib3", "huggingface_hub", "pooch", "torch.hub"}
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            names = [alias.name for alias in node.names]
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found = {name for name in names if name in network or name.split(".")[0] in network}
            if path.name == "team.py":
                found -= {"socket"}
            assert not found, f"{path} imports {found}"
