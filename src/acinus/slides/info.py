"""What a file is, for people: the answer of ``acinus info``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from acinus.core.errors import MppError
from acinus.slides.identity import file_size
from acinus.slides.opening import open_slide
from acinus.slides.reader import SlideReader, resolved_mpp

__all__ = ["describe"]


def describe(path: Path | str) -> dict[str, Any]:
    """Return what is known of a slide or image, for showing and as JSON.

    Parameters
    ----------
    path : Path or str
        A slide or image; one without µm/px, or with an absurd one, is described too.

    Returns
    -------
    dict
        ``path``, ``file_size_bytes``, ``format``, ``backend``, ``width_px``, ``height_px``, ``mpp`` (as the
        file says) with ``mpp_source`` and ``mpp_problem`` (one line, or None), ``width_mm`` and ``height_mm``
        (None when the mpp is in doubt), ``objective_power``, ``notes`` (what was
        left out, or is read otherwise than stored), ``bounds`` in level-0 pixels and ``levels``.

    Raises
    ------
    InputError
        When no library can read the file.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> path = Path(tempfile.mkdtemp()) / "pink.png"
    >>> Image.new("RGB", (800, 600), (230, 150, 190)).save(path, dpi=(50800, 50800))
    >>> facts = describe(path)
    >>> facts["format"], facts["mpp"], facts["mpp_source"], facts["width_mm"], len(facts["levels"])
    ('png', 0.5, 'PNG pHYs', 0.4, 1)
    """
    with open_slide(path) as slide:
        mpp_problem = _mpp_problem(slide)
        mm_per_px = None if mpp_problem or slide.mpp is None else slide.mpp / 1000
        bounds = slide.bounds
        return {
            "path": str(slide.path),
            "file_size_bytes": file_size(slide.path),
            "format": slide.format,
            "backend": slide.backend,
            "width_px": slide.size.width,
            "height_px": slide.size.height,
            "mpp": slide.mpp,
            "mpp_source": slide.mpp_source,
            "mpp_problem": mpp_problem,
            "width_mm": None if mm_per_px is None else round(slide.size.width * mm_per_px, 4),
            "height_mm": None if mm_per_px is None else round(slide.size.height * mm_per_px, 4),
            "objective_power": slide.objective_power,
            "notes": list(slide.notes),
            "bounds": {"x": bounds.x, "y": bounds.y, "width": bounds.width, "height": bounds.height},
            "levels": [
                {
                    "level": i,
                    "width_px": level.size.width,
                    "height_px": level.size.height,
                    "downsample": level.downsample,
                    "tile_width_px": level.tile.width,
                    "tile_height_px": level.tile.height,
                }
                for i, level in enumerate(slide.levels)
            ],
        }


def _mpp_problem(slide: SlideReader) -> str | None:
    try:
        resolved_mpp(slide)
    except MppError as error:
        return str(error)
    return None
