"""Backbones of Hugging Face's transformers: any that its `AutoBackbone` knows, from a folder or the hub."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from acinus.core.errors import ModelError
from acinus.networks.backbone import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    BackboneDescription,
    chosen_stages,
    explained,
    map_shapes,
    optional,
)

__all__ = ["TransformersBackbone", "describe_transformers"]

_IMPORT = "transformers"
# Not of the architecture: names of a classifier's classes, where the configuration came from.
_LEFT_OUT = ("_name_or_path", "architectures", "id2label", "label2id", "transformers_version")
# May be absent from a file without harm: norms behind the stages start as none, masks are for pretraining.
_NOT_NEEDED = ("norm", "mask_token")


class TransformersBackbone(nn.Module):
    """A backbone that `transformers.AutoBackbone` builds, with random weights.

    Parameters
    ----------
    configuration : str
        Of a `BackboneDescription`.
    """

    def __init__(self, configuration: str) -> None:
        super().__init__()
        transformers = optional(_IMPORT)
        with _quiet(transformers):
            config = transformers.AutoConfig.for_model(**json.loads(configuration))
            self.model: Any = transformers.AutoBackbone.from_config(config).float()

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Map (B, 3, H, W), normalised as the backbone expects, to feature maps (B, C, h, w)."""
        return list(self.model(images).feature_maps)

    def fill(self, model: str) -> None:
        """Load pretrained weights: safetensors only, and no code that comes with them.

        Parameters
        ----------
        model : str
            Folder that ``save_pretrained`` wrote, or a name on the hub, which is downloaded.

        Raises
        ------
        ModelError
            When they are not there or do not fit.
        """
        transformers = optional(_IMPORT)
        with _quiet(transformers), _explained(model):
            loaded, report = type(self.model).from_pretrained(
                model,
                config=self.model.config,
                dtype=torch.float32,
                use_safetensors=True,
                local_files_only=Path(model).is_dir(),
                output_loading_info=True,
            )
        lacking = [
            key for key in sorted(report["missing_keys"]) if not any(name in key for name in _NOT_NEEDED)
        ]
        if lacking:
            raise ModelError(
                f"{model} lacks {len(lacking)} of the backbone's tensors, the first {lacking[0]}; give "
                "weights of the architecture in its config.json"
            )
        self.model.load_state_dict(loaded.state_dict())


def describe_transformers(model: str, stages: Sequence[int]) -> BackboneDescription:
    """Read the configuration of a backbone and find out what feature maps it makes.

    Parameters
    ----------
    model : str
        As of `TransformersBackbone.fill`.
    stages : sequence of int
        As of `chosen_stages`; 0 is the stem, of a vision transformer the patches' embedding.

    Raises
    ------
    ModelError
        When transformers is not installed, or there is no such model or it is no backbone.
    ValueError
        When `stages` do not exist.
    """
    transformers = optional(_IMPORT)
    folder = Path(model)
    if not folder.is_dir() and (model.startswith((".", "~", "/")) or model.count("/") != 1):
        raise ModelError(
            f"{model} is not a folder; give one that save_pretrained wrote, or the hub's OWNER/NAME"
        )
    if folder.is_dir() and not any(folder.glob("*.safetensors")):
        raise ModelError(f"{model} holds no .safetensors; write it again with save_pretrained")
    with _quiet(transformers), _explained(model):
        config = transformers.AutoConfig.from_pretrained(
            model, local_files_only=folder.is_dir(), trust_remote_code=False
        )
    names = getattr(config, "stage_names", None)
    if names is None or config.model_type == "timm_backbone":
        raise ModelError(
            f"{model} is of the type {config.model_type}, of which transformers has no backbone; of "
            "resnet, convnext, swin, dinov2, dinov3_vit, beit and others it has"
        )
    config.out_indices = chosen_stages(stages, count=len(names))
    plain = {name: value for name, value in config.to_dict().items() if name not in _LEFT_OUT}
    # Without dropout a fit that was interrupted ends with the same network as one that was not.
    plain |= {name: 0.0 for name, value in plain.items() if "drop" in name and isinstance(value, float)}
    plain["dtype"] = "float32"
    configuration = json.dumps(plain, sort_keys=True)
    patch = getattr(config, "patch_size", 1)
    with _explained(model), torch.device("meta"):
        backbone = TransformersBackbone(configuration).eval()
        side_px = math.lcm(patch if isinstance(patch, int) else 1, 64)
        widths, strides = map_shapes(backbone, side_px=4 * side_px, device="meta")
    mean, std = _normalisation(transformers, model)
    return BackboneDescription(configuration, widths=widths, strides=strides, mean=mean, std=std)


def _normalisation(transformers: Any, model: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation that the model's image processor subtracts and divides by."""
    processor = transformers.image_processing_base.ImageProcessingMixin
    try:
        with _quiet(transformers):
            plain, _ = processor.get_image_processor_dict(model, local_files_only=Path(model).is_dir())
    except OSError:  # it has none
        return IMAGENET_MEAN, IMAGENET_STD
    if not plain.get("do_normalize", True):
        return (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    mean, std = plain.get("image_mean") or IMAGENET_MEAN, plain.get("image_std") or IMAGENET_STD
    return tuple(map(float, mean)), tuple(map(float, std))


def _explained(model: str) -> AbstractContextManager[None]:
    """Say in one line what the library could not do with a model."""
    trouble, remedy = "cannot be used as a backbone", "give one that save_pretrained wrote"
    if not Path(model).is_dir():
        trouble = "is not a folder, and not had from the hub either"
        remedy = "without a network give a folder that save_pretrained wrote"
    return explained(lambda said: f"{model} {trouble} ({said}); {remedy}")


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Keep the library's reports, progress bars and lost connections off the terminal."""
    log, hub = transformers.utils.logging, logging.getLogger("huggingface_hub")
    level, hub_level, bars = log.get_verbosity(), hub.level, log.is_progress_bar_enabled()
    log.set_verbosity_error()
    hub.setLevel(logging.CRITICAL)
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(level)
        hub.setLevel(hub_level)
        if bars:
            log.enable_progress_bar()
