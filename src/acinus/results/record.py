"""``image.json``: what one image or slide was, and what was found on it; read and written here alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from acinus.core.code import code_digest
from acinus.core.errors import InputError
from acinus.core.files import is_there, write_json
from acinus.core.geometry import Box, Size
from acinus.core.limits import Area, Count, Limits, Mpp, Number, Share
from acinus.core.settings_errors import shown
from acinus.results.files import RECORD

__all__ = [
    "VERSION",
    "ImageRecord",
    "Origin",
    "OriginName",
    "ScannedPart",
    "find_source",
    "read_record",
    "results_code",
    "write_record",
]

VERSION = 2
"""Of what is written now. 1 is every ``image.json`` that names no version."""

OriginName = Literal["level0", "bounds"]
"""From where coordinates count: the corner of level 0, or that of the part that was scanned."""

_ROOMS = (
    *("core", "slides", "data", "networks", "mining", "grouping", "inference", "glands", "results"),
    *("pipeline.estimator", "pipeline.familiarity", "pipeline.gland_size", "pipeline.segmented"),
    *("pipeline.segment_slide", "pipeline.slide_fields", "pipeline.source_sizes"),
)
"""The code that a result is made by, from an image to its table and its quality."""

OrMissing = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]
"""A number that may be missing: null in the file, NaN in memory."""


class _Frozen(BaseModel):
    """Fields that are checked and cannot be changed; what a later version adds is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Origin(_Frozen):
    """The point from which coordinates of results count, in level-0 pixels."""

    name: OriginName = Field(
        default="level0", validation_alias=AliasChoices("from", "name"), serialization_alias="from"
    )
    x_px: Number = 0.0
    y_px: Number = 0.0

    @classmethod
    def of(cls, name: OriginName, *, scanned: Box) -> Origin:
        """Return the origin of this name on a slide of which this part was scanned.

        Examples
        --------
        >>> Origin.of("bounds", scanned=Box(90, 80, 500, 400)).x_px
        90.0
        """
        return cls(name=name, x_px=scanned.x, y_px=scanned.y) if name == "bounds" else cls(name=name)


class ScannedPart(_Frozen):
    """The part of a slide that was scanned, which its overlay shows; all of an image. Level-0 pixels."""

    x_px: int
    y_px: int
    width_px: Count
    height_px: Count

    @classmethod
    def of(cls, box: Box) -> ScannedPart:
        """Return a box in the form that is written."""
        return cls(x_px=box.x, y_px=box.y, width_px=box.width, height_px=box.height)


class ImageRecord(_Frozen):
    """What is known of the result of one image or slide. A new field is a line here, and nothing elsewhere.

    Attributes
    ----------
    version : int
        Of the layout of this record and of the files beside it.
    kind : {"image", "slide"}
        An image was segmented in memory at its own resolution, a slide window by window at the model's.
    name : str
    path : str or None
        Of the stained image, as it was when it was segmented; see `find_source`.
    width_px, height_px : int
        At full resolution.
    mpp : float
        µm per pixel at full resolution.
    working_mpp : float
        µm per pixel of the label map, at which glands were segmented and measured.
    scanned : ScannedPart
    origin : Origin
        From where outlines, centroids and the translation of ``labels.zarr`` count.
    gland_count : int
    gland_area_fraction : float
        Share of all pixels that is gland, 0..1.
    tissue_area_um2 : float or None
        Glands included; None where it was not delineated.
    artefacts : dict of str to float, or None
        Area in µm² of each kind of artefact that was left out, which is no tissue; None where none was looked
        for, as on images.
    quality : float or None
        Label-free estimate of how far to trust the result, 0..1; None where it was not made.
    certainty : float or None
        The part of it that is the network's and the colours', 0..1; the other is the rings'.
    unfamiliar : dict of str to str
        Why it is unlike what the model knows, a sentence for each reason: ``stain`` (of another kind than
        those of the fit, so that it was not segmented), ``look``, ``rings`` (none support the outlines).
    summary : dict of str to float
        Over the tissue, as `acinus.glands.summarise` names it; NaN where a value is missing, and empty where
        an early version wrote none.
    seconds : dict of str to float
        By phase, of slides.
    model : str or None
        The model folder as it was named.
    fingerprint : str or None
        Digest of the model, the image and the options: another one means another result.
    code : str or None
        Digest of the code that made it; see `results_code`.
    """

    version: int = VERSION
    kind: Literal["image", "slide"]
    name: str
    path: str | None = None
    width_px: Count
    height_px: Count
    mpp: Mpp
    working_mpp: Mpp
    scanned: ScannedPart
    origin: Origin = Origin()
    gland_count: Annotated[int, Limits(ge=0)]
    gland_area_fraction: Share
    tissue_area_um2: Area | None = None
    artefacts: dict[str, Area] | None = None
    quality: Share | None = None
    certainty: Share | None = None
    unfamiliar: dict[str, str] = {}
    summary: dict[str, OrMissing] = {}
    seconds: dict[str, float] = {}
    model: str | None = None
    fingerprint: str | None = None
    code: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_version_1(cls, facts: Any) -> Any:
        """Complete what an acinus wrote that knew no version: only slides named a working resolution."""
        if not isinstance(facts, dict) or "version" in facts or "kind" in facts:
            return facts
        whole = {"x_px": 0, "y_px": 0, "width_px": facts.get("width_px"), "height_px": facts.get("height_px")}
        summary = facts.get("summary") or {}
        added = {
            "version": 1,
            "kind": "slide" if "working_mpp" in facts else "image",
            "working_mpp": facts.get("mpp"),
            "scanned": whole,
            "tissue_area_um2": summary.get("tissue_area_um2") if isinstance(summary, dict) else None,
        }
        return {**added, **{key: value for key, value in facts.items() if value is not None}}

    @property
    def is_slide(self) -> bool:
        """Whether it was segmented as a slide."""
        return self.kind == "slide"

    @property
    def size(self) -> Size:
        """At full resolution."""
        return Size(self.width_px, self.height_px)

    @property
    def area_um2(self) -> float:
        """Of the whole image."""
        return self.width_px * self.height_px * self.mpp**2

    @property
    def origin_px(self) -> tuple[float, float]:
        """Level-0 x, y of the point from which coordinates count."""
        return self.origin.x_px, self.origin.y_px

    @property
    def pixels_per_level0(self) -> float:
        """Pixels of the label map per level-0 pixel."""
        return self.mpp / self.working_mpp

    @property
    def scanned_width_um(self) -> float:
        """Width of what the overlay shows."""
        return self.scanned.width_px * self.mpp


def read_record(folder: Path) -> ImageRecord:
    """Read the record of a result, of this version or an earlier one.

    Parameters
    ----------
    folder : Path
        Of one image's or slide's results.

    Raises
    ------
    InputError
        When there is none, or it is damaged; the text names the field.
    """
    path = folder / RECORD
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or error}); run acinus segment on this image again"
        ) from error
    try:
        return ImageRecord.model_validate_json(content)
    except ValidationError as error:
        raise InputError(
            f"{path} is damaged ({_mistake(error)}); run acinus segment on this image again"
        ) from error


def _mistake(error: ValidationError) -> str:
    """Return the first mistake of a record in a few words: its place and what stands there."""
    first = error.errors(include_url=False)[0]
    if not first["loc"]:
        return " ".join(first["msg"].split())  # no JSON, with line and column; or no object
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"{place} is missing"
    expected = first.get("ctx", {}).get("expected")
    return f"{place} is {shown(first['input'])}" + (f", expected {expected}" if expected else "")


def write_record(folder: Path, record: ImageRecord) -> None:
    """Write the record of a result, whole or not at all.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    write_json(folder / RECORD, record.model_dump(by_alias=True))


def find_source(record: ImageRecord, folder: Path) -> Path | None:
    """Return the stained image: where it was, or beside the results if they were moved together.

    Parameters
    ----------
    record : ImageRecord
    folder : Path
        Where the record lies. A path that is not absolute counts from there, from the folder above, or from
        where this process was started.

    Returns
    -------
    Path or None
        None where it is in none of these places.
    """
    if not record.path:
        return None
    path = Path(record.path)
    places = (folder / path, folder.parent / path, path, folder.parent / path.name, folder / path.name)
    return next((place for place in places if is_there(place)), None)


def results_code() -> str:
    """Return a digest of the code that decides what results say, beside model and image."""
    return code_digest(*_ROOMS)
