"""Every parser with good files to damage, for `fuzz.py` and the suite."""

from __future__ import annotations

import hashlib
import json
import random
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import small
import tifffile

from napari_htcell import batch, models, own_models
from napari_htcell.annotation_files import load_annotation
from napari_htcell.detections import load_detections
from napari_htcell.export import ImageRecord
from napari_htcell.imagefiles import ImageFile, read_extent
from napari_htcell.images import to_grey
from napari_htcell.importing import Target as ImageTarget
from napari_htcell.importing import for_one_image
from napari_htcell.lease import FOLDER, Lease
from napari_htcell.project import Project, open_project
from napari_htcell.rois import write_rois

EXPECTED = (ValueError, OSError)
"""What is shown to the user in one line."""

SHAPE = (192, 256)

Seeds = Callable[[Project], Sequence[bytes]]


@dataclass(frozen=True)
class Parser:
    """Something that reads files.

    Parameters
    ----------
    file : str
        Name of the file in the folder that `read` gets.
    seeds : callable
        Returns good contents, of a project.
    read : callable
        Reads the file in a folder.
    """

    file: str
    seeds: Seeds
    read: Callable[[Path], Any]


def _pictures(kind: str) -> Seeds:
    def seeds(_: Project) -> list[bytes]:
        grey = np.arange(48, dtype=np.uint8).reshape(6, 8)
        made = []
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"a.{kind}"
            colours = np.stack([grey, grey, grey], axis=-1)
            for pixels in (grey, colours):
                PIL.Image.fromarray(pixels).save(path)
                made.append(path.read_bytes())
            if kind == "tif":
                others: list[dict[str, Any]] = [
                    {"imagej": True, "resolution": (2, 2), "metadata": {"unit": "um"}},
                    {"ome": True, "metadata": {"axes": "YX", "PhysicalSizeX": 1.6}},
                    {"compression": "zlib", "tile": (16, 16)},
                    {"photometric": "miniswhite", "bigtiff": True},
                ]
                for options in others:
                    tifffile.imwrite(path, grey, **options)
                    made.append(path.read_bytes())
                planes = colours.transpose(2, 0, 1)
                tifffile.imwrite(path, planes, photometric="rgb", planarconfig="separate")
                made.append(path.read_bytes())
        return made

    return seeds


def _read_picture(path: Path) -> None:
    for read in (ImageFile.read, read_extent):
        try:
            read(path)
        except EXPECTED as error:
            _check_line(error)
    file = ImageFile.read(path)
    if file.pixels.size < 10**6:
        to_grey(file.pixels, is_rgb=file.is_rgb)


def _file_of(pattern: str) -> Seeds:
    return lambda project: [path.read_bytes() for path in project.path.glob(pattern)][:3]


def _tables(project: Project) -> list[bytes]:
    return [
        *_file_of("annotations/**/*.csv")(project),
        b"\xef\xbb\xbfy;x\r\n1,5;2\r\n",
        b"image,frame,y,x,source\na.tif,0,1,2,hand\n",
        b" \tLabel\tArea\tX\tY\n1\ta.tif:0012\t4\t3.5\t2\n",
        b"index,axis-0,axis-1,axis-2\n7,5,1,2\n",
    ]


def _roi_zip(project: Project) -> list[bytes]:
    name = project.images[0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.zip"
        write_rois(path, [ImageRecord(name, None, project.annotation(name), 1)])
        return [path.read_bytes()]


def _rois(project: Project) -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.zip"
        path.write_bytes(_roi_zip(project)[0])
        with zipfile.ZipFile(path) as archive:
            return [archive.read(name) for name in archive.namelist()]


def _model_zip(project: Project) -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = own_models.export_model(models.list_models(project)[0], Path(folder) / "a.zip")
        return [path.read_bytes()]


def _counter(_: Project) -> list[bytes]:
    return [
        b"<?xml version='1.0'?><CellCounter_Marker_File><Image_Properties><Image_Filename>a.tif"
        b"</Image_Filename></Image_Properties><Marker_Data><Marker_Type><Type>1</Type><Name>dead"
        b"</Name><Marker><MarkerX>3</MarkerX><MarkerY>4</MarkerY><MarkerZ>1</MarkerZ></Marker>"
        b"</Marker_Type></Marker_Data></CellCounter_Marker_File>"
    ]


def _import(path: Path) -> None:
    for_one_image(path, ImageTarget("a.tif", SHAPE))


def _read_weights(path: Path) -> None:
    """Read weights whose hash is on the card, as a liar would have it."""
    card = json.loads((path.parent / "card.json").read_text(encoding="utf-8"))
    card["weights_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (path.parent / "card.json").write_text(json.dumps(card), encoding="utf-8")
    models.load_model(path.parent)


PARSERS: dict[str, Parser] = {
    "TIFF": Parser("a.tif", _pictures("tif"), _read_picture),
    "PNG": Parser("a.png", _pictures("png"), _read_picture),
    "JPEG": Parser("a.jpg", _pictures("jpg"), _read_picture),
    "table": Parser("a.csv", _tables, _import),
    "Cell Counter": Parser("a.xml", _counter, _import),
    "zip of ROIs": Parser("a.zip", _roi_zip, _import),
    "ROI": Parser("a.roi", _rois, _import),
    "annotation's table": Parser(
        "a.tif.csv", _tables, lambda path: load_annotation(path.with_suffix(""))
    ),
    "annotation's state": Parser(
        "a.tif.json",
        _file_of("annotations/**/*.json"),
        lambda path: load_annotation(path.with_suffix("")).frames,
    ),
    "detections' table": Parser(
        "a.tif.csv",
        _file_of("detections/*.csv"),
        lambda path: repr(load_detections(path.with_suffix(""))),
    ),
    "detections' state": Parser(
        "a.tif.json",
        _file_of("detections/*.json"),
        lambda path: repr(load_detections(path.with_suffix(""))),
    ),
    "settings": Parser(
        "htcell.json",
        lambda _: [b'{"format": 1, "pixel_size_um": 1.61}'],
        lambda path: open_project(path.parent),
    ),
    "card": Parser(
        "card.json", _file_of("models/*/card.json"), lambda path: models.load_model(path.parent)
    ),
    "weights": Parser(
        "weights.safetensors", _file_of("models/*/weights.safetensors"), _read_weights
    ),
    "model's archive": Parser(
        "a.zip", _model_zip, lambda path: own_models.import_model(path, path.parent / "models")
    ),
    "window's file": Parser(
        f"{FOLDER}/a.json",
        lambda _: [b'{"format": 1, "who": "x", "host": "y", "process": 1, "started": 1.0, '
                   b'"since": "2026-01-01T00:00:00+00:00"}'],
        lambda path: [one.in_words for one in Lease(path.parents[1]).others()],
    ),
}  # fmt: skip


def _check_line(error: Exception) -> None:
    if "\n" in str(error):
        raise RuntimeError(f"more than one line: {error}")


def feed(parser: Parser, folder: Path, content: bytes) -> None:
    """Have a parser read a content; raise what a user should not see."""
    path = folder / parser.file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    with warnings.catch_warnings():
        # Of what is strange in a file; numpy's tell of a number that should have been refused.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", RuntimeWarning)
        try:
            parser.read(path)
        except EXPECTED as error:
            _check_line(error)
        finally:
            for made in (folder / "models").glob("*/*"):
                made.unlink()
            for made in (folder / "models").glob("*"):
                made.rmdir()


def make_base(folder: Path) -> Project:
    """Return a project with all that is parsed."""
    project = small.make_small(folder, n_images=2)
    model = models.load_model(project.models_folder / small.NAME)
    for _ in batch.detect_project(project, model):
        pass
    return project


def make_place(base: Project, parser: Parser, folder: Path) -> None:
    """Fill a folder with what belongs to a parser's file."""
    folder.mkdir()
    tifffile.imwrite(folder / "b.tif", np.zeros(SHAPE, np.uint8))
    for kind in ("annotations", "detections"):
        # The other file of the pair; the one that is parsed is replaced.
        if parser.file.startswith("a.tif.") and parser.seeds is not _tables:
            for path in (base.path / kind).glob(f"{base.images[0]}.*"):
                (folder / f"a.tif{path.suffix}").write_bytes(path.read_bytes())
    for path in (base.models_folder / small.NAME).iterdir():
        (folder / path.name).write_bytes(path.read_bytes())


def mutate(seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """Return a good content with a few random changes."""
    content = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(content) + 1)
        end = min(len(content), at + rng.choice((1, 2, 4, 30)))
        match rng.randrange(5):
            case 0:
                content[at:end] = rng.randbytes(end - at)
            case 1:
                del content[at:end]
            case 2:
                content[at:at] = rng.choice((b"-1", b"1e999", b"NaN", b"\0\0", b"\xff" * 4, b"["))
            case 3:
                other = rng.choice(seeds)
                content[at:end] = other[at:end]
            case _:
                del content[at:]
    return bytes(content)


def fuzz_blindly(
    parser: Parser, seeds: Sequence[bytes], folder: Path, seconds: float, most: int = 10**9
) -> int:
    """Feed random changes for so many seconds; return how many."""
    rng, end, times = random.Random(0), time.monotonic() + seconds, 0
    while time.monotonic() < end and times < most:
        content = mutate(seeds, rng)
        try:
            feed(parser, folder, content)
        except Exception:
            (folder / "crash-input").write_bytes(content)
            raise
        times += 1
    return times
