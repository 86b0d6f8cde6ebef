"""What the estimator returns for an image: label map, table, outlines, and the folder that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from acinus.core.files import make_folder
from acinus.core.run import run_record
from acinus.glands import Glands, Outline, gland_polygons, measure_glands
from acinus.inference.segmentation import Segmentation
from acinus.pipeline.familiarity import Familiarity
from acinus.results.anndata import to_anndata
from acinus.results.folder import ImageResult, read_results
from acinus.results.writing import write_image_result

__all__ = ["SegmentedImage"]


@dataclass(frozen=True)
class SegmentedImage(Segmentation):
    """Glands of one image, measured when they are asked for.

    Attributes
    ----------
    image : RgbImage
        What was segmented.
    labels : (H, W) int32
        0 background, 1..N one number per gland, at the image's size.
    probability, certainty : (H, W) float32
        0..1, at the image's size.
    familiarity : Familiarity
        Whether the model has seen the like, and whether the image itself supports the outlines.
    made_by : mapping
        Settings and stain of the model, for the run file.
    path : Path, optional
        Of the image, where it was read from a file.

    Examples
    --------
    >>> import pyarrow
    >>> from acinus import GlandSegmenter
    >>> model = GlandSegmenter.load("model")  # doctest: +SKIP
    >>> result = model.segment("tile.png", mpp=0.5)  # doctest: +SKIP
    >>> pyarrow.table(result.glands).to_pandas()[["area_um2", "circularity"]].median()  # doctest: +SKIP
    >>> result.outlines[1].centroid  # of gland 1, in pixels of the image  # doctest: +SKIP
    >>> result.save("results/tile").overlay_file  # doctest: +SKIP
    """

    familiarity: Familiarity = field(default_factory=Familiarity)
    made_by: Mapping[str, Any] = field(default_factory=dict, repr=False)
    path: Path | None = None

    @property
    def quality(self) -> float | None:
        """Label-free estimate of how far to trust this, 0..1; None without tissue. See `Familiarity`."""
        return self.familiarity.quality(self.sureness)

    @property
    def sureness(self) -> float | None:
        """Mean certainty over the tissue, 0..1; None without tissue, or where it was not segmented."""
        return None if "stain" in self.unfamiliar else super().quality

    @property
    def unfamiliar(self) -> dict[str, str]:
        """Why this image is unlike what the model knows, a sentence for each reason; empty for most."""
        return self.familiarity.unfamiliar

    @cached_property
    def glands(self) -> Glands:
        """The table: one row per gland 1..N, columns with their units; a data frame for pandas and polars.

        See `acinus.glands.COLUMNS` for what each column means. An image without glands has all columns and no
        row.
        """
        return measure_glands(self.labels, mpp=self.image.mpp, image=self.image.rgb)

    @cached_property
    def outlines(self) -> dict[int, Outline]:
        """The outline of each gland by its label: shapely polygons in pixels of the image, x right, y down.

        Multiply by ``image.mpp`` for µm: ``shapely.affinity.scale(outline, mpp, mpp, origin=(0, 0))``.
        """
        return dict(gland_polygons(self.labels, mpp=self.image.mpp))

    def save(self, folder: Path | str) -> ImageResult:
        """Write the result as ``acinus segment`` does, and return it as `read_results` reads it.

        Parameters
        ----------
        folder : path
            Of this one image, such as ``results/tile``; an earlier result there is replaced as a whole, and
            what others put beside it is kept. ``acinus report``, ``view`` and ``measure`` take it, or the
            folder above it.

        Raises
        ------
        OutputError
            When it cannot be written; an earlier result is as it was.
        """
        make_folder(Path(folder).parent)
        settings = self.made_by.get("settings", {})
        inputs = [{"name": self.image.name, "path": str(self.path.resolve() if self.path else "")}]
        run = run_record(command=None, settings=settings, seed=None, inputs=inputs)
        write_image_result(
            Path(folder),
            self.image,
            self.labels,
            self.probability,
            tissue=self.tissue,
            quality=self.quality,
            certainty=self.sureness,
            unfamiliar=self.unfamiliar,
            run={**run, "stain": self.made_by.get("stain", {})},
            path=self.path.resolve() if self.path else None,
        )
        return read_results(folder).images[0]

    def to_anndata(self) -> Any:
        """Return the glands as `anndata.AnnData`, see `acinus.results.anndata.to_anndata`."""
        return to_anndata({self.image.name: self.glands})
