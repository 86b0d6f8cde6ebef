"""Opening any slide or image: the library that reads it is found by trying; errors are one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from acinus.core.errors import InputError
from acinus.core.files import leads_nowhere
from acinus.core.units import check_mpp
from acinus.slides.openslide_source import OpenSlideSource, openslide_vendor
from acinus.slides.orientation import upright
from acinus.slides.plain_source import PlainSource
from acinus.slides.pyramid import PixelSource, PyramidReader, SourceRefusedError
from acinus.slides.reader import SlideReader
from acinus.slides.tiff_source import TiffSource
from acinus.slides.zarr_files import is_zarr_folder
from acinus.slides.zarr_source import ZarrSource

__all__ = ["DICOM_SUFFIXES", "IMAGE_SUFFIXES", "SLIDE_SUFFIXES", "check_readable", "open_slide", "unreadable"]

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".jp2", ".webp")
"""Suffixes under which a folder's plain images are looked for."""

DICOM_SUFFIXES = (".dcm", ".dicom")
"""Suffixes under which several files may be one slide."""

SLIDE_SUFFIXES = (
    ".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".vms", ".vmu", ".svslide", *DICOM_SUFFIXES, ".czi",
    ".isyntax", ".vsi", ".qptiff", ".btf", ".lif", ".nd2", ".ims",
)  # fmt: skip
"""Suffixes under which a folder's slides are looked for, those included that have to be converted."""

_BIO_FORMATS = "convert it to OME-TIFF with bfconvert of Bio-Formats, or export it from QuPath"

_CONVERTED_BY = {
    ".isyntax": "convert it to OME-TIFF with isyntax2raw and raw2ometiff, or export it as DICOM or TIFF",
    **dict.fromkeys((".vsi", ".lif", ".nd2", ".ims"), _BIO_FORMATS),
}
"""Formats of scanners and microscopes that need a program of their own, and what to do."""

_MIRAX = ".mrxs"
"""Its file itself is a JPEG that shows the slide from afar; the slide lies in a folder."""

_NEEDS_OTHERS = (".vms", ".vmu")
"""They name the files that hold the pixels."""

_CZI = b"ZISRAWFILE"
_LFS_POINTER = b"version https://git-lfs"

_SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def open_slide(path: Path | str, *, mpp: float | None = None) -> SlideReader:
    """Open a slide or an image.

    Parameters
    ----------
    path : Path or str
        Any slide of OpenSlide's formats, TIFF, OME-Zarr (a folder or a zip), PNG, JPEG or BMP, whatever its
        suffix.
    mpp : float, optional
        µm per pixel at level 0; overrides what the file says.

    Returns
    -------
    SlideReader

    Raises
    ------
    InputError
        When no library can read it; the text gives the reason in one line.
    MppError
        When `mpp` is given and absurd. A file without µm/px, or with an absurd one, opens: see
        `acinus.slides.reader.resolved_mpp`.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> from acinus.core.geometry import Box
    >>> path = Path(tempfile.mkdtemp()) / "pink.png"
    >>> Image.new("RGB", (80, 60), (230, 150, 190)).save(path)
    >>> with open_slide(path, mpp=0.5) as slide:
    ...     print(slide.size, slide.mpp, slide.read(Box(0, 0, 80, 60), mpp=1.0).shape)
    Size(width=80, height=60) 0.5 (30, 40, 3)
    """
    if mpp is not None:
        check_mpp(mpp, source="mpp=", remedy="mpp=")  # verbs check --mpp themselves
    path = Path(path)
    check_readable(path)
    if path.suffix.lower() in _CONVERTED_BY:  # a VSI is a TIFF of its label and overview alone
        raise unreadable(path)
    for source in _sources(path):
        with suppress(SourceRefusedError):
            return PyramidReader(path, partial(_upright_source, source), mpp=mpp)
    raise unreadable(path)


def _upright_source(source: Callable[[Path], PixelSource], path: Path) -> PixelSource:
    return upright(source(path))


def _sources(path: Path) -> Iterator[Callable[[Path], PixelSource]]:
    if path.is_dir():
        yield ZarrSource
        return
    if path.suffix.lower() == _MIRAX:
        yield OpenSlideSource
        return
    vendor = openslide_vendor(path)
    # A "generic" TIFF has no vendor's secrets, and tifffile knows more of it: OME-XML, sub-images, 16 bits.
    if vendor not in (None, "generic-tiff"):
        yield OpenSlideSource
    yield TiffSource
    if vendor == "generic-tiff":
        yield OpenSlideSource
    yield ZarrSource
    yield PlainSource


def check_readable(path: Path) -> None:
    """Raise the one-line error for a path that is no file with content.

    Raises
    ------
    InputError
        When it is missing, a folder, empty or closed to this user.
    """
    if leads_nowhere(path):
        raise InputError(f"{path} is a link that leads nowhere; mend or delete it")
    if not path.exists():
        raise InputError(f"{path} does not exist; check the path")
    if is_zarr_folder(path):
        return
    if path.is_dir():
        raise InputError(f"{path} is a folder; expected one slide or image file")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    if empty:
        raise InputError(f"{path.name} is empty (0 bytes); copy it again")


def unreadable(path: Path) -> InputError:
    """Return the one-line error for a file that no library reads, by what its first bytes are."""
    if (how := _CONVERTED_BY.get(path.suffix.lower())) is not None:
        return InputError(f"{path.name} is of a format that acinus cannot read; {how}")
    if path.suffix.lower() == _MIRAX:
        return InputError(
            f"{path.name} cannot be read without the folder {path.stem} beside it and all files in there; "
            "copy it whole"
        )
    if path.suffix.lower() in _NEEDS_OTHERS:
        return InputError(
            f"{path.name} cannot be read without the files that it names; copy them to where it lies"
        )
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(_CZI):
        return InputError(f"{path.name} is a CZI, which acinus cannot read; {_BIO_FORMATS}")
    if head.startswith(_SIGNATURES):
        return InputError(f"{path.name} is damaged or truncated; copy it again")
    if head.startswith(_LFS_POINTER):
        return InputError(f"{path.name} is a pointer of Git LFS, not the file itself; run git lfs pull")
    if path.suffix.lower() == ".json" and _is_text(head):
        return InputError(f"{path.name} holds text, not an image; GeoJSON is known by the ending .geojson")
    if _is_text(head):
        return InputError(f"{path.name} holds text, not an image; check the path or copy it again")
    if path.suffix.lower() in SLIDE_SUFFIXES:
        return InputError(
            f"{path.name} is not a slide that OpenSlide or tifffile can read, or is damaged; copy it again"
        )
    return InputError(
        f"{path.name} is not an image that OpenSlide, tifffile or Pillow can read; export it as PNG or TIFF"
    )


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # not merely a character cut at the end
            return False
        text = head[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\r\n\t" for character in text)
