"""Read and write state dicts: those of this package, and ResNet weights in torchvision's layout."""

from __future__ import annotations

from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import nn

from acinus.core.errors import ModelError
from acinus.core.files import atomic_path
from acinus.networks.resnet import ResNet

__all__ = ["load_backbone_weights", "load_own_weights", "save_weights"]

_IMAGENET_URLS = {
    18: "https://download.pytorch.org/models/resnet18-f37072fd.pth",
    34: "https://download.pytorch.org/models/resnet34-b627a593.pth",
    50: "https://download.pytorch.org/models/resnet50-11ad3fa6.pth",
}


def load_backbone_weights(backbone: ResNet, weights: str, *, depth: int) -> None:
    """Fill `backbone` from a file, or from torchvision's ImageNet weights when `weights` is ``imagenet``.

    Parameters
    ----------
    weights : str
        Path of a ``.pth`` (read with ``weights_only``, so no code in it runs) or ``.safetensors`` file, or
        ``imagenet``, the only value for which anything is downloaded.
    depth : int
        Depth of `backbone`, which decides the file that is downloaded.

    Raises
    ------
    ModelError
        When the file is missing, is no state dict or does not fit; when the download fails.
    """
    state = _download(depth) if weights == "imagenet" else _read(Path(weights))
    state = {key: value for key, value in state.items() if not key.startswith("fc.")}
    try:
        backbone.load_state_dict(state)
    except RuntimeError as error:
        raise ModelError(
            f"{weights} does not hold a torchvision-layout ResNet-{depth} "
            f"({str(error).splitlines()[-1].strip()[:160]}); choose the depth that matches the file"
        ) from error


def load_own_weights(path: Path) -> dict[str, torch.Tensor]:
    """Return the state dict that an earlier step of this fit wrote as safetensors.

    Raises
    ------
    ModelError
        When it is damaged.
    """
    try:
        return safetensors.torch.load_file(path)
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise ModelError(f"{path} is damaged ({error}); delete it and run the same command again") from error


def save_weights(network: nn.Module, path: Path) -> None:
    """Write the state dict as safetensors, whole or not at all."""
    state = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    with atomic_path(path) as temporary:
        # Written by Python, so that a full disk is an OSError and not safetensors' own.
        temporary.write_bytes(safetensors.torch.save(state))


def _read(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise ModelError(f"{path} does not exist; --weights takes a .pth or .safetensors file, or 'imagenet'")
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # both readers raise many types on damaged files
        raise ModelError(
            f"{path} cannot be read as weights ({type(error).__name__}); expected a state dict of tensors"
        ) from error
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in state.items()
    ):
        raise ModelError(f"{path} holds no state dict; save it with torch.save(model.state_dict(), path)")
    return state


def _download(depth: int) -> dict[str, torch.Tensor]:
    url = _IMAGENET_URLS[depth]
    try:
        state: dict[str, torch.Tensor] = torch.hub.load_state_dict_from_url(
            url, progress=False, weights_only=True
        )
    except Exception as error:  # urllib raises several unrelated types
        raise ModelError(
            f"ImageNet weights could not be downloaded from {url} ({type(error).__name__}); "
            "without a network fetch that file elsewhere and pass --weights PATH"
        ) from error
    return state
