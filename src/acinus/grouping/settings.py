"""Settings of stage 2, one value for the package; every field with its unit and source."""

from __future__ import annotations

from dataclasses import field, replace
from typing import Annotated, Self

from acinus.core.limits import BelowOne, Count, Flag, Limits, Mpp, Positive, Switch, Weight
from acinus.core.settings import refuse, settings_class
from acinus.grouping.continuation import Continuation
from acinus.grouping.corrections import CorrectionSettings
from acinus.grouping.knowledge_diffusion import KnowledgeDiffusionLoss
from acinus.grouping.relabel import OmissionRelabelling, SelfTraining
from acinus.grouping.targets import BorderTargets
from acinus.networks.border_unet import BorderUNetSpec
from acinus.networks.spec import AnyNetwork

__all__ = ["GroupingSettings"]


@settings_class
class GroupingSettings:
    """How the segmentation network is trained.

    Attributes
    ----------
    network : NetworkSpec
        What is trained.
    mpp : float
        Working resolution in µm per pixel (ours: the stroma between neighbours is 3 to 12 µm wide; the
        trunk of the default network works on pixels of twice the size).
    borders : BorderTargets
        How the borders between glands are taught.
    balanced : bool
        Gland and background count alike in the cross-entropy, however much of each is labelled (ours);
        without it every labelled pixel counts alike.
    auxiliary_weight : float
        Weight of the cross-entropy of a second classifier, for networks that have one (Zhao et al. 2017,
        arXiv 1612.01105, section 3.3).
    depth_weight : float
        Weight of the depth's cross-entropy against that of the mask, for networks that tell it (ours).
    steps : int
        Optimiser steps of each round.
    last_round_factor : float
        By how many times longer the last round is, which learns from the best proposals (ours).
    several_sizes_factor : float
        By how many times longer all rounds are where glands of some sources are larger than those of others,
        so that each source is learnt from as if it were alone (ours).
    rounds : int
        How often the network is trained; from the second on it learns from relabelled proposals.
    warm_start : bool
        Each round goes on from the network of the round before (ours); otherwise it starts with a fresh one.
    batch_crops, crop_px : int
        Crops per step and their side (ours: 224 px are 280 µm).
    scale_range : float
        Crops are enlarged or reduced by up to e to this power.
    stain_strength : float
        Strength of `acinus.data.augment.stain_jitter`.
    learning_rate, weight_decay : float
        AdamW with a one-cycle schedule (Smith and Topin, arXiv 1708.07120).
    mixed_precision : bool
        Steps use bfloat16 on processors that multiply it themselves, where they take 0.6 times as long.
    diffusion : KnowledgeDiffusionLoss
        The knowledge diffusion loss.
    diffusion_weight : float
        Its weight against the cross-entropy; 0, the default, leaves it out: measured, it does not
        help (docs/results.md).
    omission : OmissionRelabelling or None
        Relabels background that looks like gland between rounds; the default leaves it out.
    self_training : SelfTraining or None
        Adds the network's own confident predictions between rounds; may be left out.
    averaging : float
        Decay of the exponential moving average of the weights, which is the network that is kept
        (Tarvainen and Valpola, arXiv 1703.01780).
    continuation : Continuation
        What is different when training goes on from a fitted model.
    corrections : CorrectionSettings
        How much what people corrected counts.
    """

    network: AnyNetwork = field(default_factory=BorderUNetSpec)
    mpp: Mpp = 1.25
    borders: BorderTargets = field(default_factory=BorderTargets)
    balanced: Flag = True
    auxiliary_weight: Weight = 0.4
    depth_weight: Weight = 0.5
    steps: Count = 250
    last_round_factor: Positive = 2.0
    several_sizes_factor: Positive = 1.6
    rounds: Count = 3
    warm_start: Flag = True
    batch_crops: Count = 16
    crop_px: Count = 224
    scale_range: Annotated[float, Limits(ge=0.0, le=2.0)] = 0.25
    stain_strength: Weight = 1.0
    learning_rate: Positive = 2e-3
    weight_decay: Weight = 1e-3
    mixed_precision: Flag = True
    diffusion: KnowledgeDiffusionLoss = field(default_factory=KnowledgeDiffusionLoss)
    diffusion_weight: Weight = 0.0
    omission: Annotated[OmissionRelabelling | None, Switch] = None
    self_training: Annotated[SelfTraining | None, Switch] = field(default_factory=SelfTraining)
    averaging: BelowOne = 0.98
    continuation: Continuation = field(default_factory=Continuation)
    corrections: CorrectionSettings = field(default_factory=CorrectionSettings)

    def steps_of(self, number: int) -> int:
        """Return the optimiser steps of a round; the first is 0."""
        last = number + 1 == self.rounds
        return max(1, round(self.steps * self.last_round_factor)) if last else self.steps

    def for_several_sizes(self) -> Self:
        """Return the settings where glands of several sizes are learnt from at once."""
        return replace(self, steps=max(1, round(self.steps * self.several_sizes_factor)))

    def continued(self) -> Self:
        """Return the settings of the rounds that go on from a fitted model."""
        instead = self.continuation
        return replace(
            self,
            rounds=instead.rounds,
            steps=instead.steps,
            last_round_factor=1.0,
            learning_rate=instead.learning_rate,
        )

    def __post_init__(self) -> None:
        """Refuse crops that the network cannot halve to its coarsest level."""
        stride = self.network.stride
        if self.crop_px % stride:
            raise refuse("crop_px", self.crop_px, f"a multiple of the network's stride, {stride}")
