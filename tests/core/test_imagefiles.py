"""Files as microscopes, Fiji, Python scripts and office software write them."""

from __future__ import annotations

import os
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
import tifffile

from napari_htcell.imagefiles import ImageError, ImageFile, read_extent

GREY = np.arange(20 * 30, dtype=np.uint8).reshape(20, 30)
COLOURS = np.stack([GREY, GREY // 2, 255 - GREY], axis=-1)


@pytest.mark.parametrize("suffix", [".tif", ".TIFF", ".png"])
def test_lossless_grey(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    PIL.Image.fromarray(GREY).save(path)
    file = ImageFile.read(path)
    np.testing.assert_array_equal(file.pixels, GREY)
    assert (file.ndim, file.is_rgb, file.pixel_size_um) == (2, False, None)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg"])
def test_jpeg(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    PIL.Image.new("L", (30, 20), 77).save(path)
    np.testing.assert_array_equal(ImageFile.read(str(path)).pixels, np.full((20, 30), 77))


@pytest.mark.parametrize("suffix", [".tif", ".png"])
@pytest.mark.parametrize("channels", [3, 4])
def test_colours_come_last(tmp_path: Path, suffix: str, channels: int) -> None:
    path = tmp_path / f"a{suffix}"
    pixels = np.concatenate([COLOURS, np.full((20, 30, 1), 255, np.uint8)], axis=-1)[..., :channels]
    PIL.Image.fromarray(pixels).save(path)
    file = ImageFile.read(path)
    np.testing.assert_array_equal(file.pixels, pixels)
    assert file.is_rgb
    assert file.ndim == 2


@pytest.mark.parametrize(
    "dtype", ["uint8", "uint16", "int16", "uint32", "float32", "float64", ">u2", ">f4"]
)
def test_every_number_type(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "a.tif"
    order: Any = ">" if dtype.startswith(">") else None
    tifffile.imwrite(path, GREY.astype(dtype), byteorder=order)
    file = ImageFile.read(path)
    np.testing.assert_array_equal(file.pixels, GREY)
    assert file.pixels.dtype.kind == np.dtype(dtype).kind


def test_bool_tiff(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY > 100)
    np.testing.assert_array_equal(ImageFile.read(tmp_path / "a.tif").pixels, GREY > 100)


def test_16_bit_png(tmp_path: Path) -> None:
    wide = GREY.astype(np.uint16) * 257
    PIL.Image.fromarray(wide).save(tmp_path / "a.png")
    np.testing.assert_array_equal(ImageFile.read(tmp_path / "a.png").pixels, wide)


@pytest.mark.parametrize("mode", ["1", "LA"])
def test_png_of_black_and_white_or_grey_with_alpha(tmp_path: Path, mode: str) -> None:
    PIL.Image.fromarray(np.where(GREY > 100, 255, 0).astype(np.uint8)).convert(mode).save(
        tmp_path / "a.png"
    )
    file = ImageFile.read(tmp_path / "a.png")
    np.testing.assert_array_equal(file.pixels, np.where(GREY > 100, 255, 0))


def palette_image() -> tuple[PIL.Image.Image, npt.NDArray[np.uint8]]:
    """Return an image whose index 0 is the brightest, and its colours."""
    image = PIL.Image.fromarray(np.asarray([[0, 1], [2, 0]], np.uint8)).convert("P")
    image.putpalette([250, 240, 230, 10, 20, 30, 100, 110, 120])
    colours = [[(250, 240, 230), (10, 20, 30)], [(100, 110, 120), (250, 240, 230)]]
    return image, np.asarray(colours, np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_palette_is_looked_up(tmp_path: Path, suffix: str) -> None:
    image, colours = palette_image()
    image.save(tmp_path / f"a{suffix}")
    file = ImageFile.read(tmp_path / f"a{suffix}")
    assert file.is_rgb
    np.testing.assert_array_equal(file.pixels, colours)


def test_transparent_palette_is_read_without_a_warning(tmp_path: Path) -> None:
    image, colours = palette_image()
    image.save(tmp_path / "a.png", transparency=b"\x00\x80\xff")
    np.testing.assert_array_equal(ImageFile.read(tmp_path / "a.png").pixels, colours)


def test_fiji_lookup_table_only_colours_the_display(tmp_path: Path) -> None:
    green = np.zeros((3, 256), np.uint8)
    green[1] = np.arange(256)[::-1]
    tifffile.imwrite(tmp_path / "a.tif", GREY, imagej=True, colormap=green.astype(np.uint16) * 257)
    np.testing.assert_array_equal(ImageFile.read(tmp_path / "a.tif").pixels, GREY)


def test_white_is_zero_is_turned_round(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", 255 - GREY, photometric="miniswhite")
    np.testing.assert_array_equal(ImageFile.read(tmp_path / "a.tif").pixels, GREY)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_tiff(tmp_path: Path, compression: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    PIL.Image.fromarray(noise).save(tmp_path / "a.tif", compression=compression)
    np.testing.assert_array_equal(ImageFile.read(tmp_path / "a.tif").pixels, noise)


@pytest.mark.parametrize("as_imagej", [False, True])
def test_time_stack(tmp_path: Path, as_imagej: bool) -> None:
    stack = np.stack([GREY, GREY + 1, GREY + 2])
    metadata = {"axes": "TYX"} if as_imagej else None
    tifffile.imwrite(
        tmp_path / "a.tif",
        stack,
        imagej=as_imagej,
        metadata=metadata,
        photometric="minisblack",
    )
    file = ImageFile.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(file.pixels, stack)
    assert file.ndim == 3


def test_pages_of_equal_size_are_a_time_stack(tmp_path: Path) -> None:
    pages = [PIL.Image.fromarray(GREY), PIL.Image.fromarray(GREY + 1)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    np.testing.assert_array_equal(
        ImageFile.read(tmp_path / "a.tif").pixels, np.stack([GREY, GREY + 1])
    )


def test_time_stack_of_colours(tmp_path: Path) -> None:
    stack = np.stack([COLOURS, COLOURS])
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="rgb")
    file = ImageFile.read(tmp_path / "a.tif")
    assert (file.ndim, file.is_rgb) == (3, True)
    np.testing.assert_array_equal(file.pixels, stack)


def test_axes_of_one_are_dropped(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.ome.tif", GREY[None, None, None], ome=True, metadata={"axes": "TCZYX"}
    )
    np.testing.assert_array_equal(ImageFile.read(tmp_path / "a.ome.tif").pixels, GREY)


@pytest.mark.parametrize(
    ("size", "unit", "um"),
    [
        (1.61, "µm", 1.61),
        (650.0, "nm", 0.65),
        (0.002, "mm", 2.0),
        (1.5, None, 1.5),
        (3.0, "pixel", None),
        (0.0, "µm", None),
    ],
)
def test_ome_pixel_size(tmp_path: Path, size: float, unit: str | None, um: float | None) -> None:
    metadata: dict[str, Any] = {"axes": "YX", "PhysicalSizeX": size, "PhysicalSizeY": size}
    if unit:
        metadata |= {"PhysicalSizeXUnit": unit, "PhysicalSizeYUnit": unit}
    tifffile.imwrite(tmp_path / "a.ome.tif", GREY, ome=True, metadata=metadata)
    assert ImageFile.read(tmp_path / "a.ome.tif").pixel_size_um == pytest.approx(um)


def test_of_pixels_that_are_not_square_no_size_is_believed(tmp_path: Path) -> None:
    metadata = {"axes": "YX", "PhysicalSizeX": 1.0, "PhysicalSizeY": 2.0}
    tifffile.imwrite(tmp_path / "a.ome.tif", GREY, ome=True, metadata=metadata)
    tifffile.imwrite(
        tmp_path / "b.tif", GREY, imagej=True, resolution=(2, 1), metadata={"unit": "um"}
    )
    for name in ("a.ome.tif", "b.tif"):
        assert ImageFile.read(tmp_path / name).pixel_size_um is None


@pytest.mark.parametrize(
    "xml",
    [
        '<?xml version="1.0"?><OME',
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="30" '
        'SizeY="20" SizeC="1" SizeZ="1" SizeT="1" PhysicalSizeX="wide"><TiffData/></Pixels>'
        "</Image></OME>",
    ],
)
def test_damaged_metadata_do_not_hide_the_pixels(tmp_path: Path, xml: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY, description=xml, metadata=None)
    file = ImageFile.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(file.pixels, GREY)
    assert file.pixel_size_um is None


@pytest.mark.parametrize(
    ("unit", "um"),
    [
        ("micron", 0.5),
        ("um", 0.5),
        ("\\u00B5m", 0.5),
        ("\\u00b5m", 0.5),
        ("microns", 0.5),
        ("nm", 0.0005),
        ("mm", 500.0),
        ("pixel", None),
        ("", None),
    ],
)
def test_imagej_pixel_size(tmp_path: Path, unit: str, um: float | None) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", GREY, imagej=True, resolution=(2, 2), metadata={"unit": unit}
    )
    assert ImageFile.read(tmp_path / "a.tif").pixel_size_um == pytest.approx(um)


@pytest.mark.parametrize(
    ("per_unit", "unit", "um"),
    [
        (5000, "CENTIMETER", 2.0),
        (72, "INCH", None),
        (1, "NONE", None),
    ],
)
def test_resolution_tag(tmp_path: Path, per_unit: int, unit: str, um: float | None) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", GREY, resolution=(per_unit, per_unit), resolutionunit=unit, metadata={}
    )
    assert ImageFile.read(tmp_path / "a.tif").pixel_size_um == pytest.approx(um)


def test_stated_pixel_size_wins(tmp_path: Path) -> None:
    PIL.Image.fromarray(GREY).save(tmp_path / "a.png")
    file = ImageFile.read(tmp_path / "a.png")
    assert file.with_pixel_size(2.0).pixel_size_um == 2.0
    assert file.with_pixel_size(2.0).with_pixel_size(None).pixel_size_um == 2.0


def damaged(folder: Path, kind: str) -> Path:
    """Write a file that is no image, in one of several ways."""
    noise = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    good, suffix = folder / "good", kind.rpartition(" ")[2]
    PIL.Image.fromarray(noise).save(good, {".tif": "tiff", ".png": "png", ".jpg": "jpeg"}[suffix])
    path = folder / f"a{suffix}"
    content = {
        "truncated": good.read_bytes()[: good.stat().st_size // 2],
        "header of": good.read_bytes()[:6],
        "zero-byte": b"",
        "text as": b"y,x\n1,2\n",
    }[kind.rpartition(" ")[0]]
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg"])
@pytest.mark.parametrize("kind", ["truncated", "header of", "zero-byte", "text as"])
def test_damaged_file_is_named_in_one_line(tmp_path: Path, kind: str, suffix: str) -> None:
    path = damaged(tmp_path, f"{kind} {suffix}")
    with pytest.raises(ImageError) as caught:
        ImageFile.read(path)
    name = {".tif": "TIFF", ".png": "PNG", ".jpg": "JPEG"}[suffix]
    assert str(caught.value).startswith(f"{path}: cannot be read as a {name} image; it is damaged")
    assert str(caught.value).endswith("copy or export it again")
    assert "\n" not in str(caught.value)


def test_missing_and_unknown_files(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"gone\.tif: no such file"):
        ImageFile.read(tmp_path / "gone.tif")
    (tmp_path / "a.nd2").write_bytes(b"1")
    with pytest.raises(ImageError, match=r"a\.nd2: unknown kind of file; save it as one of \.tif"):
        ImageFile.read(tmp_path / "a.nd2")
    (tmp_path / "folder.tif").mkdir()
    with pytest.raises(ImageError, match=r"folder\.tif: is a folder"):
        ImageFile.read(tmp_path / "folder.tif")


def test_file_without_permission(nobody: Any) -> None:
    # Not in tmp_path, which only its owner can enter.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "a.png"
        PIL.Image.fromarray(GREY).save(path)
        path.chmod(0)
        denied = r"a\.png: cannot be read \(Permission denied\)"
        with nobody(), pytest.raises(ImageError, match=denied):
            ImageFile.read(path)


@pytest.mark.parametrize(("axes", "shape"), [("CYX", (2, 20, 30)), ("TZYX", (2, 3, 20, 30))])
def test_several_channels_or_planes_are_refused_with_the_cure(
    tmp_path: Path, axes: str, shape: tuple[int, ...]
) -> None:
    tifffile.imwrite(
        tmp_path / "a.ome.tif", np.zeros(shape, np.uint8), ome=True, metadata={"axes": axes}
    )
    with pytest.raises(
        ImageError, match=r"a\.ome\.tif: has axes .* save one channel and one plane"
    ):
        ImageFile.read(tmp_path / "a.ome.tif")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_ink_is_not_light(tmp_path: Path, dtype: Any) -> None:
    most = np.iinfo(dtype).max
    ink = np.zeros((4, 5, 4), dtype)
    ink[0, 0] = [0, 0, 0, most]  # black
    ink[1, 1] = [most, 0, 0, 0]  # cyan
    tifffile.imwrite(tmp_path / "a.tif", ink, photometric="separated")
    file = ImageFile.read(tmp_path / "a.tif")
    assert file.is_rgb
    assert file.pixels.shape == (4, 5, 3)
    assert file.pixels.dtype == dtype
    np.testing.assert_array_equal(file.pixels[0, 0], [0, 0, 0])
    np.testing.assert_array_equal(file.pixels[1, 1], [0, most, most])
    np.testing.assert_array_equal(file.pixels[3, 4], [most, most, most])


def test_extent_is_read_from_the_head_alone(tmp_path):
    tifffile.imwrite(tmp_path / "t.tif", np.zeros((3, 40, 50), "u1"), photometric="minisblack")
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((40, 50, 3), "u1"), photometric="rgb")
    PIL.Image.fromarray(np.zeros((40, 50), "u1")).save(tmp_path / "a.png")
    for name in ("t.tif", "rgb.tif", "a.png"):
        assert read_extent(tmp_path / name) == ImageFile.read(tmp_path / name).extent == (40, 50)
    (tmp_path / "bad.tif").write_bytes(b"II*\0")
    for name in ("bad.tif", "none.png"):
        with pytest.raises(ImageError, match=name):
            read_extent(tmp_path / name)


def test_colours_in_planes_of_their_own_are_no_time_stack(tmp_path):
    planes = np.moveaxis(COLOURS, -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate")
    file = ImageFile.read(tmp_path / "a.tif")
    assert (file.ndim, file.is_rgb) == (2, True)
    np.testing.assert_array_equal(file.pixels, COLOURS)


@pytest.mark.parametrize(("mode", "name"), [("LAB", "CIELAB"), ("YCbCr", "YCBCR")])
def test_colours_that_are_not_red_green_and_blue_are_refused(tmp_path, mode, name):
    PIL.Image.new(mode, (30, 20), (100, 30, 40)).save(tmp_path / "a.tif")
    with pytest.raises(ImageError, match=rf"a\.tif: its colours are kept as {name}; save it as"):
        ImageFile.read(tmp_path / "a.tif")


def test_complex_numbers_are_refused_with_the_file(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", GREY.astype(np.complex64))
    with pytest.raises(ImageError, match=r"a\.tif: its pixels are no real numbers but complex64"):
        ImageFile.read(tmp_path / "a.tif")


def declare(path: Path, width: int, height: int) -> Path:
    """Change what the head of a little-endian TIFF says of its size."""
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        tags = file.pages.first.tags
        for name, value in (("ImageWidth", width), ("ImageLength", height)):
            content[tags[name].offset + 2 : tags[name].offset + 4] = (4).to_bytes(2, "little")
            content[tags[name].offset + 8 : tags[name].offset + 12] = value.to_bytes(4, "little")
    path.write_bytes(content)
    return path


def test_an_image_made_to_fill_the_memory_is_refused_before_it_does(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", GREY, compression="zlib")
    with pytest.raises(ImageError, match=r"a\.tif: is too large: it would take .* GB of memory"):
        ImageFile.read(declare(tmp_path / "a.tif", 3_000_000, 3_000_000))


def png_of(width: int, height: int) -> bytes:
    """Return a PNG whose head says its size, with hardly any pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + kind + content + check

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(b"0" * 99)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_a_png_of_more_pixels_than_are_safe_says_so(tmp_path):
    (tmp_path / "a.png").write_bytes(png_of(60_000, 60_000))
    with pytest.raises(ImageError, match=r"a\.png: has more than 178 million pixels.*as TIFF"):
        ImageFile.read(tmp_path / "a.png")
    # Large, but not suspect: what is wrong with it is that it is cut short, without a warning.
    (tmp_path / "b.png").write_bytes(png_of(11_000, 11_000))
    with pytest.raises(ImageError, match=r"b\.png: cannot be read as a PNG image"):
        ImageFile.read(tmp_path / "b.png")


@pytest.mark.parametrize("suffix", [".tif", ".png"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (20, 1), (3, 60_000)])
def test_images_of_odd_sizes(tmp_path, shape, suffix):
    pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    PIL.Image.fromarray(pixels).save(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(ImageFile.read(tmp_path / f"a{suffix}").pixels, pixels)


def test_names_with_spaces_and_other_scripts(tmp_path):
    path = tmp_path / "µ 細胞  (1)é.tif"
    tifffile.imwrite(path, GREY)
    np.testing.assert_array_equal(ImageFile.read(path).pixels, GREY)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders here")
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.tif")
    (tmp_path / "loop.tif").symlink_to(tmp_path / "loop.tif")
    for read in (ImageFile.read, read_extent):
        with pytest.raises(ImageError, match=r"pipe\.tif: is no file"):
            read(tmp_path / "pipe.tif")
        with pytest.raises(ImageError, match=r"loop\.tif: no such file"):
            read(tmp_path / "loop.tif")


@pytest.mark.parametrize("is_big", [False, True])
def test_pages_that_lead_in_a_circle_are_refused_and_not_followed(tmp_path, is_big):
    """What fuzzing found: tifffile goes round for ever."""
    path = tmp_path / "a.tif"
    for page in range(3):
        tifffile.imwrite(path, GREY, bigtiff=is_big, append=page > 0, metadata=None)
    assert ImageFile.read(path).pixels.shape == (3, 20, 30)
    with tifffile.TiffFile(path) as file:
        first, last = file.pages[0].offset, file.pages[-1].offset
        n_tags = len(file.pages[-1].tags)
    content = bytearray(path.read_bytes())
    at = last + (8 + 20 * n_tags if is_big else 2 + 12 * n_tags)
    assert not any(content[at : at + 4])
    content[at : at + 4] = first.to_bytes(4, "little")
    path.write_bytes(content)
    for read in (ImageFile.read, read_extent):
        with pytest.raises(ImageError, match=r"a\.tif: is damaged: its pages lead in a circle"):
            read(path)
