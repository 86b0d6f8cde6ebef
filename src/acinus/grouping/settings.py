"""Settings of stage 2, one value for the package; every field with its unit and source."""

from __future__ import annotations

from dataclasses import dataclass, field

from acinus.grouping.knowledge_diffusion import KnowledgeDiffusionLoss
from acinus.grouping.relabel import OmissionRelabelling, SelfTraining
from acinus.networks.backbone import BackboneDescription
from acinus.networks.pretrained import LIBRARIES, PretrainedNetwork, describe_backbone
from acinus.networks.pspnet import PSPNet
from acinus.networks.unet import UNet

__all__ = ["GroupingSettings", "PSPNetSpec", "PretrainedSpec", "UNetSpec"]


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
class PretrainedSpec:
    """A backbone of another library, with weights that the user has, and a light head (ours).

    Attributes
    ----------
    library : {"transformers", "timm"}
        Which of them builds the backbone; it must be installed (``acinus[transformers]``, ``acinus[timm]``).
    model : str
        Folder with the backbone's configuration and its weights as safetensors, or a name on the Hugging
        Face hub, from where they are downloaded.
    features : int
        Channels of the embedding before the classifier (as PSPNet's).
    bins : tuple of int
        Side of each pooled grid (as PSPNet's).
    stages : tuple of int
        Stages or layers of the backbone that give a feature map; empty takes four, evenly spaced.
    frozen : bool
        The backbone keeps its weights and the head alone learns. Otherwise choose a lower `learning_rate`:
        that of the default network is for weights drawn at random.
    backbone : BackboneDescription, optional
        Is read from `model` unless it is given, and saved with a fitted network, which therefore needs
        neither `model` nor a network to be loaded.

    Raises
    ------
    ModelError
        When the library is not installed, or `model` cannot be read or is no backbone.
    ValueError
        When there is no such library or stage.
    """

    library: str
    model: str
    features: int = 128
    bins: tuple[int, ...] = (1, 2, 3, 6)
    stages: tuple[int, ...] = ()
    frozen: bool = True
    backbone: BackboneDescription | None = None

    def __post_init__(self) -> None:
        if self.library not in LIBRARIES:
            raise ValueError(f"library is {self.library!r}; choose one of {', '.join(LIBRARIES)}")
        if self.backbone is None:
            found = describe_backbone(self.library, self.model, stages=self.stages)
            object.__setattr__(self, "backbone", found)

    @property
    def stride(self) -> int:
        """Common multiple of the sides of the feature maps' pixels; crops are a multiple of it."""
        return self._described.stride

    def build(self) -> PretrainedNetwork:
        """Return the network with random weights, without reading `model`."""
        return PretrainedNetwork(
            self.library, self._described, features=self.features, bins=self.bins, frozen=self.frozen
        )

    @property
    def _described(self) -> BackboneDescription:
        if self.backbone is None:
            raise ValueError("a PretrainedSpec without a description of its backbone")
        return self.backbone


@dataclass(frozen=True)
class GroupingSettings:
    """How the segmentation network is trained.

    Attributes
    ----------
    network : UNetSpec, PSPNetSpec or PretrainedSpec
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

    network: UNetSpec | PSPNetSpec | PretrainedSpec = field(default_factory=UNetSpec)
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
