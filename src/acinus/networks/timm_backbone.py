"""Backbones of timm, by name or from a folder; imported only when a user has asked for one.

timm needs torchvision, which must be the one made for the PyTorch beside it.
"""

from __future__ import annotations

import importlib
import json
import logging
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

__all__ = ["TimmBackbone", "describe_timm"]

_IMPORT = "timm"
# Vision transformers take images of any size only when they are told to; other models do not know the word.
_ANY_SIZE: tuple[dict[str, bool], ...] = ({"dynamic_img_size": True}, {"strict_img_size": False}, {})
_WEIGHTS = "model.safetensors"


class TimmBackbone(nn.Module):
    """A model of timm that gives its feature maps, with random weights.

    Parameters
    ----------
    configuration : str
        Of a `BackboneDescription`: JSON of ``architecture`` and ``out_indices``.
    """

    def __init__(self, configuration: str) -> None:
        super().__init__()
        self._configuration: dict[str, Any] = json.loads(configuration)
        self.model = _create(optional(_IMPORT), **self._configuration)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Map (B, 3, H, W), normalised as the backbone expects, to feature maps (B, C, h, w)."""
        maps: list[torch.Tensor] = self.model(images)
        if getattr(self.model, "output_fmt", "NCHW") == "NHWC":  # as Swin transformers have it
            maps = [x.permute(0, 3, 1, 2) for x in maps]
        return maps

    def fill(self, model: str) -> None:
        """Load pretrained weights, safetensors only.

        Parameters
        ----------
        model : str
            Folder with ``config.json`` and ``model.safetensors``, as timm writes them for the hub, or a name
            that timm knows, whose weights are downloaded.

        Raises
        ------
        ModelError
            When they are not there or do not fit.
        """
        timm = optional(_IMPORT)
        with _quiet(), _explained(model):
            path = Path(model) / _WEIGHTS if Path(model).is_dir() else _downloaded(timm, model)
            # timm then renames the file's tensors itself, to what a model of feature maps calls them.
            filled = _create(
                timm, pretrained=True, pretrained_cfg_overlay={"file": str(path)}, **self._configuration
            )
            self.model.load_state_dict(filled.state_dict())


def describe_timm(model: str, stages: Sequence[int]) -> BackboneDescription:
    """Find out what feature maps a model of timm makes, and how it expects its images.

    Parameters
    ----------
    model : str
        As of `TimmBackbone.fill`.
    stages : sequence of int
        As of `chosen_stages`: indices of timm's feature maps. Maps of less than 4 px a cell are left out
        unless they are chosen.

    Raises
    ------
    ModelError
        When timm is not installed or cannot be imported, or there is no such model or it has no feature maps.
    ValueError
        When `stages` do not exist.
    """
    timm = optional(_IMPORT)
    with _explained(model):
        architecture, pretrained = _source(timm, model)
        reductions = [entry["reduction"] for entry in _create(timm, architecture).feature_info.info]
    fine = sum(reduction < 4 for reduction in reductions)
    out_indices = chosen_stages(stages, count=len(reductions), first=fine - 1)
    configuration = json.dumps({"architecture": architecture, "out_indices": out_indices}, sort_keys=True)
    with _explained(model):
        backbone = TimmBackbone(configuration).eval()
        side_px = 4 * max(backbone.model.feature_info.reduction())
        widths, strides = map_shapes(backbone, side_px=side_px, device="cpu")
        mean = tuple(map(float, pretrained.get("mean") or IMAGENET_MEAN))
        std = tuple(map(float, pretrained.get("std") or IMAGENET_STD))
        return BackboneDescription(configuration, widths=widths, strides=strides, mean=mean, std=std)


def _create(timm: Any, architecture: str, *, pretrained: bool = False, **more: Any) -> Any:
    """Return a model of feature maps for images of any size."""
    for sizes in _ANY_SIZE[:-1]:
        try:
            return timm.create_model(
                architecture, pretrained=pretrained, features_only=True, **sizes, **more
            ).float()
        except TypeError:  # it takes no such word
            continue
    return timm.create_model(architecture, pretrained=pretrained, features_only=True, **more).float()


def _source(timm: Any, model: str) -> tuple[str, dict[str, Any]]:
    """Return the architecture of a folder or name, and what is known of its weights."""
    folder = Path(model)
    if not folder.is_dir():
        if folder.is_absolute() or model.startswith((".", "~")):
            raise ModelError(f"{model} is not a folder; give one with config.json and {_WEIGHTS}, or a name")
        known = timm.get_pretrained_cfg(model)
        return model, {} if known is None else {"mean": known.mean, "std": known.std}
    if not (folder / _WEIGHTS).is_file():
        raise ModelError(f"{model} holds no {_WEIGHTS}; write it with timm's save_for_hf and safetensors")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return str(config["architecture"]), dict(config.get("pretrained_cfg", {}))


def _downloaded(timm: Any, model: str) -> Path:
    known = timm.get_pretrained_cfg(model)
    if known is None or not known.hf_hub_id:
        raise ModelError(f"timm has no {_WEIGHTS} for {model}; give a folder that holds one")
    return Path(importlib.import_module("huggingface_hub").hf_hub_download(known.hf_hub_id, _WEIGHTS))


def _explained(model: str) -> AbstractContextManager[None]:
    """Say in one line what timm could not do with a model."""
    return explained(
        lambda said: (
            f"{model} cannot be loaded by timm ({said}); give a name that timm.list_models() has, "
            f"or a folder with config.json and {_WEIGHTS}"
        )
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep off the terminal that a file holds a classifier, too, which a model of feature maps leaves out."""
    log = logging.getLogger(_IMPORT)
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
