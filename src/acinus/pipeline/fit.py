"""Learn from unlabelled images: stage 1, stage 2, a model folder; resumable at any moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from acinus.core.errors import UsageError
from acinus.core.files import make_folder
from acinus.core.image import RgbImage
from acinus.core.lock import locked
from acinus.core.progress import Progress, SilentProgress
from acinus.data.resample import image_at_mpp, rgb_at_mpp
from acinus.data.stain import mixed_stain, stain_of
from acinus.grouping.corrections import ImageCorrections
from acinus.grouping.process_group import ProcessGroup
from acinus.grouping.rounds import train_rounds
from acinus.grouping.step_log import StepLog
from acinus.grouping.train import StepRecord
from acinus.inference.reading import ImageReading
from acinus.mining.proposals import load_proposals, mine_into
from acinus.pipeline.fit_folder import claim, fit_record
from acinus.pipeline.gland_size import GlandSizes, KnownSizes, estimated_sizes, with_gland_size
from acinus.pipeline.model import load_model, save_model
from acinus.pipeline.parent import Parent
from acinus.pipeline.settings import Settings

__all__ = ["finest_mpp", "fit", "reduced"]


def fit(
    images: Sequence[RgbImage],
    settings: Settings,
    *,
    seed: int,
    device: torch.device,
    folder: Path,
    weights: str | None = None,
    processes: int | None = None,
    inputs: Sequence[dict[str, Any]] = (),
    sources: Sequence[str] | None = None,
    progress: Progress | None = None,
    group: ProcessGroup | None = None,
    on_claim: Callable[[], None] | None = None,
    parent: Parent | None = None,
    corrections: Mapping[str, ImageCorrections] | None = None,
) -> tuple[nn.Module, Settings, dict[str, Any]]:
    """Learn to segment glands from images alone and leave a model in `folder`.

    Parameters
    ----------
    images : sequence of RgbImage
        With distinct names, see `reduced`.
    seed : int
        Decides everything that is random.
    folder : Path
        Takes ``run.json``, ``gland_size.json``, ``proposals/``, ``rounds/``, ``metrics.jsonl`` and the model.
        A second call with the same images, settings and seed resumes where the first was interrupted.
    weights : str, optional
        Initial weights of a PSPNet's backbone.
    processes : int, optional
        Of stage 1; by default one per core.
    inputs : sequence of dict
        Name, path and checksum of each image for the run file.
    sources : sequence of str, optional
        Where each image comes from: glands of one source are taken to be of one size, see `estimated_sizes`.
    group : ProcessGroup, optional
        The processes that fit together, by default this one alone; each has the same arguments but for
        `device` and `progress`. The first mines and writes, all train and relabel.
    on_claim : callable, optional
        Called by the first process as soon as `folder` is this fit's, unless it is finished already.
    parent : Parent, optional
        A model to go on from, of which `settings` were inherited: a shorter training that starts with its
        network, see `Continuation`. Its stain is mixed with that of the images.
    corrections : mapping, optional
        What people said of images, by their names; it counts more than any proposal.

    Returns
    -------
    network, settings, stain
        As `load_model` returns them: the network in evaluation mode, the settings for glands of the size that
        was given or estimated, and the stain of the training images.

    Raises
    ------
    UsageError, InputError, ModelError, OutputError
        See `claim`; also when there is no image, or `folder` is in use or cannot be written to.
    """
    progress, group = progress or SilentProgress(), group or ProcessGroup()
    if not images:
        raise UsageError("no image to learn from; give at least one image file or a folder of them")
    with locked(make_folder(folder)) if group.is_first else nullcontext():
        record = fit_record(
            images,
            settings,
            seed=seed,
            weights=weights,
            device=device,
            inputs=inputs,
            parent=parent,
            corrections=corrections,
        )
        if claim(folder, record, group):
            return load_model(folder, device=device)
        if on_claim is not None and group.is_first:
            on_claim()
        work = _Work(seed, device, folder, weights, processes, progress, group, parent, corrections)
        sizes = work.sizes(images, sources or ["one source"] * len(images), settings)
        settings = with_gland_size(settings, sizes.size_um)
        network = work.two_stages(images, sizes, settings)
        stain = {**group.broadcast(stain_of, images), "size_factors": list(sizes.distinct)}
        if parent is not None:
            stain = mixed_stain(parent.stain, stain)
        if group.is_first:
            save_model(folder, network, settings, stain=stain, parent=parent.record if parent else None)
        return network, settings, stain


@dataclass(frozen=True)
class _Work:
    """What the steps of one fit have in common."""

    seed: int
    device: torch.device
    folder: Path
    weights: str | None
    processes: int | None
    progress: Progress
    group: ProcessGroup
    parent: Parent | None
    corrections: Mapping[str, ImageCorrections] | None

    def sizes(self, images: Sequence[RgbImage], sources: Sequence[str], settings: Settings) -> GlandSizes:
        """Return how large the glands are, as given, as inherited, or as estimated by the first process."""
        known = None
        if settings.gland_size_um is not None:
            smallest, largest = settings.gland_size_um
            known = KnownSizes((smallest, largest), self._factors_of_parent)
            if len(known.factors) == 1:
                return GlandSizes(known.size_um, (1.0,) * len(images), tuple(sources))
        estimate = partial(
            estimated_sizes, images, sources, folder=self.folder, progress=self.progress, known=known
        )
        return self.group.broadcast(estimate)

    @property
    def _factors_of_parent(self) -> tuple[float, ...]:
        stain = {} if self.parent is None else self.parent.stain
        return tuple(stain.get("size_factors") or [1.0])

    def two_stages(self, images: Sequence[RgbImage], sizes: GlandSizes, settings: Settings) -> nn.Module:
        """Mine proposals, train on them in rounds, and return the network of the last round."""
        grouping = settings.grouping
        if self.parent is not None:
            grouping = grouping.continued()
        elif len(sizes.distinct) > 1:
            grouping = grouping.for_several_sizes()
        names = [image.name for image in images]
        # Glands that are twice as large are seen at half the resolution, and look like the others.
        images = [
            RgbImage(image.rgb, image.mpp / factor, image.name)
            for image, factor in zip(images, sizes.factors, strict=True)
        ]
        if self.group.is_first:
            mine_into(
                self.folder,
                images,
                settings.mining,
                seed=self.seed,
                processes=self.processes,
                progress=self.progress,
            )
        self.group.barrier()
        steps = StepLog(self.folder / "metrics.jsonl", grouping, self.progress)
        with steps if self.group.is_first else nullcontext(_no_log) as log:
            return train_rounds(
                [rgb_at_mpp(image, grouping.mpp) for image in images],
                names,
                load_proposals(self.folder, names),
                grouping,
                seed=self.seed,
                device=self.device,
                folder=self.folder / "rounds",
                weights=self.weights,
                on_step=log,
                reading=ImageReading(settings.refinement, settings.instances),
                group=self.group,
                start=None if self.parent is None else self.parent.network,
                corrections=self.corrections,
                chances=sizes.chances,
            )


def _no_log(number: int, record: StepRecord) -> None:
    """Leave the metrics to the first process."""


def reduced(image: RgbImage, settings: Settings) -> RgbImage:
    """Return the image at the finest resolution that fitting uses, which is all that memory has to hold."""
    return image_at_mpp(image, finest_mpp(settings))


def finest_mpp(settings: Settings) -> float:
    """Return the finest resolution that fitting uses, in µm per pixel.

    Where the settings do not say how large glands are, they are taken to be no smaller than colon's.
    """
    if settings.gland_size_um is not None:
        settings = with_gland_size(settings, settings.gland_size_um)
    return min(settings.mining.mpp, settings.grouping.mpp)
