"""The estimator: `GlandSegmenter().fit(images).segment(image)`."""

from __future__ import annotations

import copy
import os
import tempfile
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, cast

import numpy as np

from acinus.core.errors import ModelError, UsageError
from acinus.core.geometry import Size
from acinus.core.image import BoolMask, RgbImage
from acinus.core.progress import Progress
from acinus.core.settings import settings_to_plain
from acinus.glands.roi import RegionOfInterest
from acinus.grouping.device import choose_device
from acinus.grouping.segmenter import NetworkSegmenter
from acinus.grouping.settings import GroupingSettings
from acinus.inference.instances import InstanceSettings
from acinus.inference.refinement import RefinedSegmenter, RefinementSettings
from acinus.inference.segmentation import Segmentation, segment_image
from acinus.mining.gland_size import DEFAULT_GLAND_SIZE_UM
from acinus.mining.settings import MiningSettings
from acinus.pipeline.arguments import check_seed
from acinus.pipeline.corrections import CorrectedImage, corrected_images, corrected_results
from acinus.pipeline.familiarity import Familiarity, Field, Rings, foreign_stain, judged
from acinus.pipeline.fit import fit, reduced
from acinus.pipeline.given_images import (
    ImageLike,
    check_names,
    given_image,
    given_images,
    named_as_argument,
)
from acinus.pipeline.gland_size import source_of, with_gland_size
from acinus.pipeline.model import load_model, read_description, save_model
from acinus.pipeline.params import changed_fields, flattened, with_params
from acinus.pipeline.parent import check_inherited, load_parent, parent_settings
from acinus.pipeline.segmented import SegmentedImage
from acinus.pipeline.settings import Settings, with_weights
from acinus.results.folder import ImageResult, read_results
from acinus.results.record import OriginName

__all__ = ["GlandSegmenter"]

_STAGES = ("mining", "grouping", "refinement", "instances")
_FITTED_WITH = ("mining", "grouping", "gland_size_um", "seed", "weights", "from_model")


@dataclass(frozen=True)
class _Reading:
    """An image as read for glands of one size."""

    found: Segmentation
    familiarity: Familiarity
    settings: Settings

    @property
    def suits(self) -> float:
        """How well that size suits the image, 0..1; where no gland is found, it does not."""
        return (self.familiarity.quality(self.found.quality) or 0.0) if self.found.gland_count else 0.0


class GlandSegmenter:
    """Learns to segment glands from unlabelled images and segments them.

    Parameters
    ----------
    mining : MiningSettings, optional
        Settings of stage 1.
    grouping : GroupingSettings, optional
        Settings of stage 2.
    refinement : RefinementSettings, optional
        Settings of what an image's own colours and borders add to the network's probability.
    instances : InstanceSettings, optional
        Settings of the last step, from probability to glands.
    gland_size_um : (smallest, largest), optional
        Diameters of glands in µm, from which every length and area in the settings follows that has its
        default; without it `fit` estimates them from the images.
    seed : int
        Decides everything that is random: same seed, same machine, same result on the CPU. On CUDA some of
        the operations that PyTorch has no reproducible version of may round differently from run to run.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    weights : str, optional
        Initial weights of a PSPNet's backbone, which then is the network: a file, or ``imagenet`` to download
        them.
    from_model : path, optional
        Folder of a fitted model that `fit` goes on from: in minutes it learns new images and keeps what the
        model knew. Settings that are not given, and the size of glands, are the model's.

    Attributes
    ----------
    settings : Settings
        All of them, as they were given.
    fitted_settings : Settings
        As they are used: for glands of the size that was given or estimated.
    stain : dict
        What the model keeps of the training images, see `acinus.data.stain.stain_of`; empty before `fit`.

    Raises
    ------
    UsageError
        When a setting lies outside its limits, or `seed` or `device` cannot be used.

    Examples
    --------
    A fit that is too short to be good, on synthetic images:

    >>> from acinus import GlandSegmenter, GroupingSettings, MiningSettings
    >>> from acinus.data.synthetic import synthetic_tile
    >>> image = synthetic_tile(seed=1, height_px=128, width_px=160).image
    >>> small = GroupingSettings(steps=3, rounds=1, batch_crops=2, crop_px=32)
    >>> model = GlandSegmenter(grouping=small, device="cpu").set_params(mining__shallow__steps=2)
    >>> result = model.fit([image], processes=1).segment(image)
    >>> result.labels.shape, len(result.glands) == result.gland_count == len(result.outlines)
    ((128, 160), True)

    With your own:

    >>> model = GlandSegmenter(seed=1).fit("tiles/", mpp=0.5)  # doctest: +SKIP
    >>> model.segment("tile.png", mpp=0.5).glands["area_um2"].mean()  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        mining: MiningSettings | None = None,
        grouping: GroupingSettings | None = None,
        refinement: RefinementSettings | None = None,
        instances: InstanceSettings | None = None,
        gland_size_um: tuple[float, ...] | None = None,
        seed: int = 0,
        device: str = "auto",
        weights: str | None = None,
        from_model: str | os.PathLike[str] | None = None,
    ) -> None:
        check_seed(seed)
        inherited = Settings() if from_model is None else parent_settings(Path(from_model))
        settings = Settings(
            gland_size_um=gland_size_um or inherited.gland_size_um,
            mining=mining or inherited.mining,
            grouping=grouping or inherited.grouping,
            refinement=refinement or inherited.refinement,
            instances=instances or inherited.instances,
        )
        if from_model is not None:
            check_inherited(inherited, settings, where="GlandSegmenter")
            if weights is not None:
                raise UsageError("weights cannot change the network of from_model; leave one of them out")
        self.settings = with_weights(settings, weights)
        self.from_model = from_model
        self.seed = seed
        self.device = choose_device(device)
        self.weights = weights
        self.stain: dict[str, Any] = {}
        self._device_name = device
        self._gland_size_um: tuple[float, ...] | None = None
        self._segmenter: NetworkSegmenter | None = None
        self._parent: dict[str, Any] | None = None

    def fit(
        self,
        images: ImageLike | Iterable[ImageLike] = (),
        y: object = None,
        *,
        mpp: float | None = None,
        corrections: Path | str | None = None,
        folder: Path | str | None = None,
        processes: int | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from images without labels.

        Parameters
        ----------
        images : path, (H, W, 3) uint8 array, Pillow image or RgbImage, or several of them
            Of a folder, all images in it.
        y : object
            Not used; there are no labels. It is here for scikit-learn's pipelines.
        mpp : float, optional
            µm per pixel; needed for arrays and Pillow images, and for files that do not say.
        corrections : path, optional
            Folder of results that ``acinus measure`` corrected, to learn from beside `images`: from all of
            its images if there are no others, else from those that somebody corrected.
        folder : path, optional
            Keeps proposals, metrics, checkpoints and the model; an interrupted fit resumes from there.
        processes : int, optional
            Processes of stage 1; by default one per core.

        Returns
        -------
        GlandSegmenter
            This one, fitted.

        Raises
        ------
        UsageError
            When there is no image, two have the same name, or an array comes without `mpp`.
        AcinusError
            When an image cannot be read or `folder` cannot be used.
        """
        del y
        given = given_images(images, mpp=mpp)
        corrected: list[CorrectedImage] = []
        if corrections is not None:
            asked, problems = corrected_results(Path(corrections), of_all=not given)
            for problem in problems:
                warnings.warn(problem, stacklevel=2)
            corrected = [image for each in asked for image in corrected_images(each, self.settings)]
            taken = {each.source.resolve() for each in asked}
            given = [(image, path) for image, path in given if not path or path.resolve() not in taken]
        loaded = [
            *(image for image, _, _ in corrected),
            *(reduced(image, self.settings) for image, _ in given),
        ]
        sources = [
            *(source for _, source, _ in corrected),
            *(source_of(path, mpp=image.mpp) for image, path in given),
        ]
        check_names(loaded)
        parent = None
        if self.from_model is not None:
            parent = load_parent(Path(self.from_model), device=self.device)
        with tempfile.TemporaryDirectory() as temporary:
            network, fitted, self.stain = fit(
                loaded,
                self.settings,
                seed=self.seed,
                device=self.device,
                folder=Path(folder) if folder is not None else Path(temporary) / "run",
                weights=self.weights,
                processes=processes,
                sources=sources,
                progress=progress,
                parent=parent,
                corrections={image.name: said for image, _, said in corrected if said is not None},
            )
        self._parent = parent.record if parent else None
        self._gland_size_um = fitted.gland_size_um
        self._segmenter = NetworkSegmenter.of(network, fitted.grouping, device=self.device)
        return self

    def segment(
        self, image: ImageLike, *, mpp: float | None = None, roi: RegionOfInterest | None = None
    ) -> SegmentedImage:
        """Segment one image that fits into memory, at its own size.

        Parameters
        ----------
        image : path, (H, W, 3) uint8 array, Pillow image or RgbImage
        mpp : float, optional
            µm per pixel; needed for arrays and Pillow images, and for a file that does not say.
        roi : RegionOfInterest, optional
            What lies outside is neither gland nor tissue.

        Returns
        -------
        SegmentedImage
            With ``labels`` and ``probability`` (H, W), the table ``glands``, the polygons ``outlines``,
            ``quality``, ``unfamiliar``, and ``save(folder)``. An image whose stain is of another kind than
            those of the fit is not segmented: it has no gland, and ``unfamiliar`` says why.

        Raises
        ------
        UsageError
            When the model is not fitted, or an array comes without `mpp`.
        InputError
            When the image cannot be read; one that is too large for memory goes to `segment_slide`.
        """
        models = self.by_size
        loaded = given_image(image, mpp=mpp)
        height, width = loaded.shape
        within = None if roi is None else roi.mask(Size(width, height), scale=1.0)
        familiarity = foreign_stain(loaded.rgb, self.stain, mpp=loaded.mpp)
        if familiarity is None:
            readings = [model._read(loaded, within) for model in models]
            reading = max(readings, key=lambda each: each.suits)  # of equal ones the first, the usual size
        else:
            reading = _Reading(Segmentation.without_glands(loaded), familiarity, self.fitted_settings)
        found = reading.found
        return SegmentedImage(
            image=found.image,
            labels=found.labels,
            probability=found.probability,
            certainty=found.certainty,
            within=within,
            familiarity=reading.familiarity,
            made_by={"settings": settings_to_plain(reading.settings), "stain": self.stain},
            path=Path(image) if isinstance(image, str | os.PathLike) else None,
        )

    def suited_to(self, fields: Iterable[RgbImage]) -> Self:
        """Return the model for the size of glands on an image or slide: this one, unless it knows several.

        Parameters
        ----------
        fields : iterable of RgbImage
            The image, or parts of the slide.
        """
        models = self.by_size
        if len(models) == 1:
            return models[0]
        suits = [0.0] * len(models)
        for image in fields:
            for number, model in enumerate(models):
                suits[number] += model._read(image, None).suits
        return models[int(np.argmax(suits))]

    @property
    def by_size(self) -> list[Self]:
        """A model for each size of glands that the fit's images had, the usual size first.

        All share the network, which sees images with larger glands at a coarser resolution.
        """
        factors = self.stain.get("size_factors") or [1.0]
        if len(factors) == 1:
            return [self]
        return [
            self._for_glands_larger_by(factor) for factor in sorted(factors, key=lambda each: each != 1.0)
        ]

    def _for_glands_larger_by(self, factor: float) -> Self:
        """Return the model for one of the sizes, which knows of no other."""
        smallest, largest = self.fitted_settings.gland_size_um or DEFAULT_GLAND_SIZE_UM
        other = copy.copy(self)
        other._gland_size_um = (smallest * factor, largest * factor)
        other._segmenter = replace(self.fitted, mpp=other.fitted_settings.grouping.mpp)
        other.stain = {**self.stain, "size_factors": [1.0]}
        return other

    def _read(self, image: RgbImage, within: BoolMask | None) -> _Reading:
        """Segment an image for glands of this model's size, and judge the result."""
        settings = self.fitted_settings
        segmenter = RefinedSegmenter(self.fitted, settings.refinement)
        found = segment_image(image, segmenter, settings.instances, within=within)
        seen = Field(image, found.labels > 0, within)
        familiarity = judged([seen], stain=self.stain, rings=Rings.of(settings))
        return _Reading(found, familiarity, settings)

    def segment_slide(
        self,
        path: Path | str,
        out: Path | str,
        *,
        mpp: float | None = None,
        origin: OriginName = "level0",
        artefacts: bool = True,
        progress: Progress | None = None,
    ) -> ImageResult:
        """Segment a slide of any size, window by window, at the model's resolution.

        Parameters
        ----------
        path : path
            Anything that ``acinus info`` can read.
        out : path
            Takes ``<stem of path>/`` with the files that ``acinus segment`` writes. After an interruption the
            same call resumes.
        mpp : float, optional
            µm per pixel at level 0, overriding what the file says.
        origin : {"level0", "bounds"}
            From where coordinates count: the corner of the whole slide, or that of the scanned part, as in
            QuPath.
        artefacts : bool
            Whether pen, folds, bubbles, edges, foreign stain and blur are found and left out.

        Returns
        -------
        ImageResult
            With ``glands`` (in µm), ``record``, and the paths of the files.

        Raises
        ------
        UsageError
            When the model is not fitted.
        InputError
            When the slide cannot be read, or its resolution is unknown or absurd.
        OutputError
            When `out` cannot be written to; what was computed is kept.
        """
        from acinus.pipeline.segment_slide import segment_slide  # which takes estimators itself

        path, out = Path(path), Path(out)
        with named_as_argument():
            segment_slide(path, self, out=out, mpp=mpp, origin=origin, artefacts=artefacts, progress=progress)
        return read_results(out / path.stem).images[0]

    def save(self, folder: Path | str) -> None:
        """Write the model folder: safetensors and JSON.

        Raises
        ------
        UsageError
            When the model is not fitted.
        OutputError
            When the folder cannot be written.
        """
        save_model(
            Path(folder), self.fitted.network, self.fitted_settings, stain=self.stain, parent=self._parent
        )

    @classmethod
    def load(cls, folder: Path | str, *, device: str = "auto") -> Self:
        """Read a model folder, written by `save` or by ``acinus fit``.

        Raises
        ------
        ModelError
            When it is none, or of another version.
        """
        if not Path(folder).is_dir():
            raise ModelError(f"{folder} is not a folder; --model takes the folder that acinus fit wrote")
        network, settings, stain = load_model(Path(folder), device=choose_device(device))
        stages = {stage: getattr(settings, stage) for stage in _STAGES}
        model = cls(**stages, gland_size_um=settings.gland_size_um, device=device)
        model.stain = stain
        model._parent = read_description(Path(folder)).get("parent")
        model._gland_size_um = settings.gland_size_um
        model._segmenter = NetworkSegmenter.of(network, settings.grouping, device=model.device)
        return model

    @property
    def fitted_settings(self) -> Settings:
        """The settings for glands of the size that was given or estimated; before `fit`, those given."""
        size_um = self._gland_size_um
        return self.settings if size_um is None else with_gland_size(self.settings, size_um)

    @property
    def fitted(self) -> NetworkSegmenter:
        """The trained network as a `Segmenter`.

        Raises
        ------
        UsageError
            When the model is not fitted.
        """
        if self._segmenter is None:
            raise UsageError("this GlandSegmenter is not fitted; call fit first, or load a model folder")
        return self._segmenter

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name; `deep` adds those within settings: ``refinement__gland_above``."""
        params = {stage: getattr(self.settings, stage) for stage in _STAGES}
        params |= {"gland_size_um": self.settings.gland_size_um}
        params |= {"seed": self.seed, "device": self._device_name, "weights": self.weights}
        params |= {"from_model": self.from_model}
        if deep:
            for stage in _STAGES:
                params |= dict(flattened(stage, params[stage]))
        return params

    def set_params(self, **params: Any) -> Self:
        """Change parameters, as ``set_params(seed=1, instances__threshold=0.4)``, and return the estimator.

        What only concerns segmenting (refinement, instances, device) keeps a fit; anything else undoes it.

        Raises
        ------
        UsageError
            When there is no such parameter, or a value lies outside its limits; then nothing is changed.
        """
        before = self.get_params(deep=False)
        after = with_params(before, params)
        changed = type(self)(**after)
        segmenter, stain, size_um = self._segmenter, self.stain, self._gland_size_um
        parent = self._parent
        self.__dict__.update(changed.__dict__)
        if segmenter is not None and all(after[name] == before[name] for name in _FITTED_WITH):
            network = cast("Any", segmenter.network).to(self.device)
            self._segmenter, self.stain = replace(segmenter, network=network, device=self.device), stain
            self._gland_size_um, self._parent = size_um, parent
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether it is fitted, to scikit-learn's checks."""
        return self._segmenter is not None

    def __repr__(self) -> str:
        """Show the parameters that differ from their defaults."""
        default: dict[str, Any] = {stage: getattr(Settings(), stage) for stage in _STAGES}
        default |= {"gland_size_um": None, "seed": 0, "device": "auto", "weights": None}
        default |= {"from_model": None}
        params = self.get_params(deep=False).items()
        shown = [f"{name}={changed_fields(value)}" for name, value in params if value != default[name]]
        return f"{type(self).__name__}({', '.join(shown)})"
