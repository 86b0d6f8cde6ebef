"""A pretrained backbone of another library as a segmentation network.

Sources: feature maps of several strides are added up at the finest, as in the semantic branch of panoptic
feature pyramids (Kirillov et al. 2019, arXiv 1901.02446), and pooled as in PSPNet (Zhao et al. 2017, arXiv
1612.01105), which UperNet does too (Xiao et al. 2018, arXiv 1807.10221). One 1×1 convolution a map in place
of a decoder is ours: there are no labels to teach more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from torch import nn
from torch.nn import functional

from acinus.core.errors import ModelError
from acinus.core.limits import Count, Counts, Flag, Limits, Name, Switch
from acinus.core.settings import settings_class
from acinus.networks.backbone import BackboneDescription, one_line
from acinus.networks.prediction import Prediction
from acinus.networks.pyramid import PooledClassifier
from acinus.networks.spec import NetworkSpec
from acinus.networks.timm_backbone import TimmBackbone, describe_timm
from acinus.networks.transformers_backbone import TransformersBackbone, describe_transformers

__all__ = ["LIBRARIES", "PretrainedNetwork", "PretrainedSpec", "describe_backbone"]


LIBRARIES: dict[str, type[TimmBackbone] | type[TransformersBackbone]] = {
    "transformers": TransformersBackbone,
    "timm": TimmBackbone,
}

# The inverse of `acinus.data.augment.normalise`.
_MEAN, _STD = 0.5, 0.25


def describe_backbone(library: str, model: str, *, stages: Sequence[int] = ()) -> BackboneDescription:
    """Read what is needed to build a backbone from a folder, or from the hub when `model` is a name there.

    Parameters
    ----------
    library : {"transformers", "timm"}
    model : str
        Folder, or name on the hub, of which the configuration alone is downloaded.
    stages : sequence of int
        Which stages give a feature map, see `acinus.networks.backbone.chosen_stages`.

    Raises
    ------
    ModelError
        When the library is not installed, or the model cannot be read or is no backbone.
    ValueError
        When `stages` do not exist.
    """
    describe = {"transformers": describe_transformers, "timm": describe_timm}[library]
    return describe(model, stages)


class PretrainedNetwork(PooledClassifier):
    """A backbone, its feature maps brought together, and a classifier.

    Parameters
    ----------
    library : {"transformers", "timm"}
        Which builds the backbone, with random weights; `fill` loads others.
    description : BackboneDescription
        Of the backbone.
    features : int
        Channels of the embedding before the classifier.
    bins : tuple of int
        Side of each pooled grid, as of `PSPNet`.
    frozen : bool
        The backbone stays as it is, batch statistics included; only what follows it learns.

    Raises
    ------
    ModelError
        When the library is not installed.
    ValueError
        When it does not build a backbone of the description.
    """

    def __init__(
        self,
        library: str,
        description: BackboneDescription,
        *,
        features: int = 128,
        bins: tuple[int, ...] = (1, 2, 3, 6),
        frozen: bool = True,
    ) -> None:
        super().__init__(features, bins=bins, features=features)
        self.backbone = _build(library, description.configuration)
        self.lateral = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, features, 1, bias=False), nn.BatchNorm2d(features))
            for width in description.widths
        )
        self.stride = description.stride
        self.frozen = frozen
        self._finest = description.strides.index(min(description.strides))
        # Images come normalised as all networks of this package take them. Backbones expect another mean and
        # standard deviation: each channel is scaled and shifted from one to the other.
        mean, std = torch.tensor(description.mean), torch.tensor(description.std)
        self.register_buffer("scale", (_STD / std)[:, None, None], persistent=False)
        self.register_buffer("shift", ((_MEAN - mean) / std)[:, None, None], persistent=False)
        self.scale: torch.Tensor
        self.shift: torch.Tensor
        _freeze(self.backbone, self.stride, everything=frozen)

    def fill(self, model: str) -> None:
        """Load the backbone's pretrained weights from a folder, or from the hub.

        Raises
        ------
        ModelError
            When they are not there or do not fit.
        """
        self.backbone.fill(model)

    def train(self, mode: bool = True) -> PretrainedNetwork:
        """Set training mode; a frozen backbone stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    def forward(self, images: torch.Tensor) -> Prediction:
        """Map (B, 3, H, W) normalised images, H and W multiples of `stride`, to logits and features.

        Features are at the stride of the finest feature map.
        """
        maps = self.backbone(images * self.scale + self.shift)  # each (B, widths[i], H / s_i, W / s_i)
        size = maps[self._finest].shape[-2:]
        x = torch.zeros((), device=images.device)
        for lateral, feature_map in zip(self.lateral, maps, strict=True):
            x = x + functional.interpolate(
                lateral(feature_map), size=size, mode="bilinear", align_corners=False
            )
        return self.classify(functional.relu(x), size=images.shape[-2:])


@settings_class
class PretrainedSpec(NetworkSpec):
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
        When there is no such stage.
    """

    library: Annotated[Literal["transformers", "timm"], Limits()]
    model: Name
    features: Count = 128
    bins: Counts = (1, 2, 3, 6)
    stages: Annotated[tuple[Annotated[int, Limits(ge=0)], ...], Limits()] = ()
    frozen: Flag = True
    backbone: Annotated[BackboneDescription | None, Switch] = None

    def __post_init__(self) -> None:
        """Read what the backbone is like, unless it is known."""
        if self.backbone is None:
            found = describe_backbone(self.library, self.model, stages=self.stages)
            object.__setattr__(self, "backbone", found)

    @property
    def stride(self) -> int:
        """Common multiple of the sides of the feature maps' pixels; crops are a multiple of it."""
        return self._described.stride

    @property
    def reach_px(self) -> None:
        """None: the network looks at all of an image."""
        return None

    @property
    def own_weights(self) -> str | None:
        """The folder or the name on the hub."""
        return self.model

    def build(self) -> PretrainedNetwork:
        """Return the network with random weights, without reading `model`."""
        return PretrainedNetwork(
            self.library, self._described, features=self.features, bins=self.bins, frozen=self.frozen
        )

    def load_weights(self, network: nn.Module, weights: str) -> None:
        """Fill the backbone, see `PretrainedNetwork.fill`."""
        assert isinstance(network, PretrainedNetwork)
        network.fill(weights)

    @property
    def _described(self) -> BackboneDescription:
        if self.backbone is None:
            raise ValueError("a PretrainedSpec without a description of its backbone")
        return self.backbone


def _build(library: str, configuration: str) -> TimmBackbone | TransformersBackbone:
    try:
        return LIBRARIES[library](configuration)
    except ModelError:  # the library is missing
        raise
    except Exception as error:  # libraries check their configurations in many ways
        raise ValueError(f"{library} builds no backbone of its description, {one_line(error)}") from error


def _freeze(backbone: nn.Module, stride: int, *, everything: bool) -> None:
    """Freeze a backbone, or what no feature map depends on: several processes wait for all gradients."""
    if everything:
        backbone.requires_grad_(False)
        return
    parameters = [parameter for parameter in backbone.parameters() if parameter.requires_grad]
    with torch.enable_grad():
        maps = backbone.eval()(torch.zeros(1, 3, 2 * stride, 2 * stride))
        total = torch.stack([x.sum() for x in maps]).sum()
        gradients = torch.autograd.grad(total, parameters, allow_unused=True)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.requires_grad_(gradient is not None)
    backbone.train()
