"""The estimator: `GlandSegmenter().fit(images).segment(image)`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from acinus.core.errors import ModelError, UsageError
from acinus.core.image import RgbImage
from acinus.core.progress import Progress
from acinus.data.folder import folder as find_samples
from acinus.grouping.segmenter import NetworkSegmenter
from acinus.grouping.settings import GroupingSettings
from acinus.inference.instances import InstanceSettings
from acinus.inference.refinement import RefinedSegmenter, RefinementSettings
from acinus.inference.segmentation import Segmentation, segment_image
from acinus.mining.settings import MiningSettings
from acinus.pipeline.arguments import check_seed
from acinus.pipeline.device import choose_device
from acinus.pipeline.fit import fit, reduced
from acinus.pipeline.model import load_model, save_model
from acinus.pipeline.settings import Settings, with_weights
from acinus.slides.images import read_image

__all__ = ["GlandSegmenter"]

ImageLike = str | os.PathLike[str] | NDArray[np.uint8] | RgbImage


class GlandSegmenter:
    """Learns to segment glands from unlabelled images and segments them.

    Parameters
    ----------
    mining : MiningSettings, optional
        Settings of stage 1.
    grouping : GroupingSettings, optional
        Settings of stage 2.
    refinement : RefinementSettings, optional
        Settings of what an image's own colours and sides add to the network's probability.
    instances : InstanceSettings, optional
        Settings of the last step, from probability to glands.
    seed : int
        Decides everything that is random: same seed, same machine, same result on the CPU. On CUDA some of
        the operations that PyTorch has no reproducible version of may round differently from run to run.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    weights : str, optional
        Initial weights of a PSPNet's backbone, which then is the network: a file, or ``imagenet`` to download
        them.

    Examples
    --------
    >>> from acinus import GlandSegmenter
    >>> model = GlandSegmenter(seed=1)
    >>> model.fit(["a.png", "b.png"], mpp=0.5)  # doctest: +SKIP
    >>> model.segment("c.png", mpp=0.5).labels  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        mining: MiningSettings | None = None,
        grouping: GroupingSettings | None = None,
        refinement: RefinementSettings | None = None,
        instances: InstanceSettings | None = None,
        seed: int = 0,
        device: str = "auto",
        weights: str | None = None,
    ) -> None:
        check_seed(seed)
        settings = Settings(
            mining=mining or MiningSettings(),
            grouping=grouping or GroupingSettings(),
            refinement=refinement or RefinementSettings(),
            instances=instances or InstanceSettings(),
        )
        self.settings = with_weights(settings, weights)
        self.seed = seed
        self.device = choose_device(device)
        self.weights = weights
        self.stain: dict[str, Any] = {}
        self._segmenter: NetworkSegmenter | None = None

    def fit(
        self,
        images: Iterable[ImageLike],
        *,
        mpp: float | None = None,
        folder: Path | str | None = None,
        processes: int | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from images without labels.

        Parameters
        ----------
        images : iterable of paths, (H, W, 3) uint8 arrays or RgbImage
            Folders stand for the images in them.
        mpp : float, optional
            µm per pixel; needed for arrays, and for files that do not say.
        folder : path, optional
            Keeps proposals, metrics, checkpoints and the model; an interrupted fit goes on from there.
        processes : int, optional
            Processes of stage 1; by default one a core.

        Raises
        ------
        AcinusError
            When an image cannot be read or `folder` cannot be used.
        """
        loaded = [reduced(image, self.settings) for image in _load_all(images, mpp)]
        with tempfile.TemporaryDirectory() as temporary:
            network, self.stain = fit(
                loaded,
                self.settings,
                seed=self.seed,
                device=self.device,
                folder=Path(folder) if folder is not None else Path(temporary) / "run",
                weights=self.weights,
                processes=processes,
                progress=progress,
            )
        self._segmenter = NetworkSegmenter(network, mpp=self.settings.grouping.mpp, device=self.device)
        return self

    def segment(self, image: ImageLike, *, mpp: float | None = None) -> Segmentation:
        """Segment one image: instance labels and probability at its own size.

        Raises
        ------
        UsageError
            When the model was not fitted.
        AcinusError
            When the image cannot be read.
        """
        segmenter = RefinedSegmenter(self.fitted, self.settings.refinement)
        return segment_image(_load(image, mpp), segmenter, self.settings.instances)

    def save(self, folder: Path | str) -> None:
        """Write the model folder: safetensors and JSON."""
        save_model(Path(folder), self.fitted.network, self.settings, stain=self.stain)

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
        chosen = choose_device(device)
        network, settings, stain = load_model(Path(folder), device=chosen)
        model = cls(
            mining=settings.mining,
            grouping=settings.grouping,
            refinement=settings.refinement,
            instances=settings.instances,
        )
        model.device, model.stain = chosen, stain
        model._segmenter = NetworkSegmenter(network, mpp=settings.grouping.mpp, device=chosen)
        return model

    @property
    def fitted(self) -> NetworkSegmenter:
        """The trained network as a `Segmenter`."""
        if self._segmenter is None:
            raise UsageError("this model has learnt nothing yet; call fit first, or load a model folder")
        return self._segmenter


def _load_all(images: Iterable[ImageLike], mpp: float | None) -> list[RgbImage]:
    """Read all images; those in memory are numbered where they have no name of their own."""
    loaded: list[RgbImage] = []
    entries = [images] if isinstance(images, str | os.PathLike | np.ndarray | RgbImage) else list(images)
    for number, entry in enumerate(entries):
        if isinstance(entry, str | os.PathLike):
            loaded += [sample.image() for sample in find_samples([Path(entry)], mpp=mpp)]
        elif isinstance(entry, RgbImage):
            loaded.append(entry)
        else:
            image = _load(entry, mpp)
            loaded.append(RgbImage(rgb=image.rgb, mpp=image.mpp, name=f"image_{number:03d}"))
    names = [image.name for image in loaded]
    if len(set(names)) < len(names):
        raise UsageError(
            "two images have one name, and one's proposals would replace the other's; rename them"
        )
    return loaded


def _load(image: ImageLike, mpp: float | None) -> RgbImage:
    if isinstance(image, RgbImage):
        return image
    if isinstance(image, np.ndarray):
        if mpp is None:
            raise UsageError("an array has no µm/px; pass mpp=, for example mpp=0.5")
        return RgbImage(rgb=image, mpp=mpp)
    return read_image(Path(image), mpp=mpp)
