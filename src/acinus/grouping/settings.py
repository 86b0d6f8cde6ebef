"""Settings of stage 2, one value for the package; every field with its unit and source."""

from __future__ import annotations

from dataclasses import dataclass, field

from acinus.grouping.knowledge_diffusion import KnowledgeDiffusionLoss
from acinus.grouping.relabel import OmissionRelabelling, SelfTraining
from acinus.networks.pspnet import PSPNet
from acinus.networks.unet import UNet

__all__ = ["GroupingSettings", "PSPNetSpec", "UNetSpec"]


@dataclass(frozen=True)
class UNetSpec:
    """The default network (ours)."""

    widths: tuple[int, ...] = (16, 32, 64, 128)
    context_cells: int = 13

    @property
    def stride(self) -> int:
        """Side of a pixel of the coarsest level; crops are a multiple of it."""
        return int(2 ** (len(self.widths) - 1))

    def build(self) -> UNet:
        """Return the network with random weights."""
        return UNet(widths=self.widths, context_cells=self.context_cells)


@dataclass(frozen=True)
class PSPNetSpec:
    """The network the proposal names."""

    depth: int = 18
    bins: tuple[int, ...] = (1, 2, 3, 6)
    features: int = 128

    @property
    def stride(self) -> int:
        """Side of a pixel of the features; crops are a multiple of it."""
        return 8

    def build(self) -> PSPNet:
        """Return the network with random weights."""
        return PSPNet(depth=self.depth, bins=self.bins, features=self.features)


@dataclass(frozen=True)
class GroupingSettings:
    """How the segmentation network is trained.

    Attributes
    ----------
    network : UNetSpec or PSPNetSpec
        What is trained.
    mpp : float
        Working resolution in µm per pixel (ours: glands are 50 to 300 µm wide, 20 to 120 px here).
    steps : int
        Optimiser steps of each round.
    rounds : int
        How often a network is trained; from the second on it learns from relabelled proposals.
    batch_crops, crop_px : int
        Crops per step and their side (ours: 112 px are 280 µm).
    scale_range : float
        Crops are enlarged or reduced by up to e to this power.
    stain_strength : float
        Strength of `acinus.data.augment.stain_jitter`.
    learning_rate, weight_decay : float
        AdamW with a one-cycle schedule (Smith and Topin, arXiv 1708.07120).
    diffusion : KnowledgeDiffusionLoss
        The knowledge diffusion loss.
    diffusion_weight : float
        Its weight against the cross-entropy; 0, the default, leaves it out: measured, it does not
        help (docs/results.md).
    omission : OmissionRelabelling or None
        Relabels background that looks like gland between rounds; None leaves it out.
    self_training : SelfTraining or None
        Adds the network's own confident predictions between rounds; None leaves it out.
    averaging : float
        Decay of the exponential moving average of the weights, which is the network that is kept
        (Tarvainen and Valpola, arXiv 1703.01780).
    """

    network: UNetSpec | PSPNetSpec = field(default_factory=UNetSpec)
    mpp: float = 2.5
    steps: int = 250
    rounds: int = 3
    batch_crops: int = 16
    crop_px: int = 112
    scale_range: float = 0.25
    stain_strength: float = 1.0
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    diffusion: KnowledgeDiffusionLoss = field(default_factory=KnowledgeDiffusionLoss)
    diffusion_weight: float = 0.0
    omission: OmissionRelabelling | None = field(default_factory=OmissionRelabelling)
    self_training: SelfTraining | None = field(default_factory=SelfTraining)
    averaging: float = 0.98
