"""The model folder: ``model.json`` and ``weights.safetensors``; nothing in it can run code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import safetensors
import safetensors.torch
import torch
from torch import nn

from acinus import __version__
from acinus.core.errors import ModelError, UsageError
from acinus.core.files import make_folder, write_json
from acinus.core.run import checksum, fingerprint
from acinus.core.settings import settings_to_plain
from acinus.grouping.rounds import build_network
from acinus.networks.weights import save_weights
from acinus.pipeline.settings import Settings, model_settings
from acinus.results.ownership import claimed

__all__ = ["FORMAT", "MODEL_FILES", "is_fit", "load_model", "model_state", "read_description", "save_model"]

MODEL_FILES = ("weights.safetensors", "model.json")

FORMAT = 1
"""Raised whenever a folder written before can no longer be read."""


def save_model(
    folder: Path,
    network: nn.Module,
    settings: Settings,
    *,
    stain: dict[str, Any],
    parent: dict[str, Any] | None = None,
) -> None:
    """Write a model folder; ``model.json`` comes last, so a folder that has it is whole.

    Parameters
    ----------
    stain : dict
        What is known of the training images, from `acinus.data.stain.stain_of`: by it images are told that
        are unlike them.
    parent : dict, optional
        What is known of the model that this one went on from.

    Raises
    ------
    UsageError
        When acinus did not write the files of these names that are there.
    OutputError
        When they cannot be written.
    """
    make_folder(folder)
    with claimed(folder, MODEL_FILES):
        save_weights(network, folder / "weights.safetensors")
        write_json(
            folder / "model.json",
            {
                "format": FORMAT,
                "acinus": __version__,
                "settings": settings_to_plain(settings),
                "stain": stain,
                "weights_sha256": checksum(folder / "weights.safetensors"),
                **({} if parent is None else {"parent": parent}),
            },
        )


def model_state(network: nn.Module, settings: Settings) -> str:
    """Return a digest of all that a model's results depend on: weights and settings."""
    weights = fingerprint(*(value.cpu().numpy().tobytes() for value in network.state_dict().values()))
    return fingerprint(weights, orjson.dumps(settings_to_plain(settings)))


def load_model(folder: Path, *, device: torch.device) -> tuple[nn.Module, Settings, dict[str, Any]]:
    """Read a model folder and return the network in evaluation mode, its settings and its stain.

    Raises
    ------
    ModelError
        When the folder is no model, was written by another format version, or is damaged.
    """
    description = read_description(folder)
    path = folder / "weights.safetensors"
    try:
        settings = model_settings(description["settings"], where=f"{folder}/model.json")
        network = build_network(settings.grouping, seed=0, weights=None)
        if checksum(path) != description.get("weights_sha256", checksum(path)):
            raise ValueError(f"{path.name} does not have the checksum in model.json")
        network.load_state_dict(safetensors.torch.load_file(path))
    except (KeyError, UsageError, OSError, RuntimeError, ValueError, safetensors.SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{folder} is a damaged model ({reason}); copy it again or run acinus fit"
        ) from error
    network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.eval(), settings, description.get("stain", {})


def is_fit(folder: Path) -> bool:
    """Say whether a folder holds the run file of a fit, finished or not, and not that of another verb."""
    try:
        return "fingerprint" in orjson.loads((folder / "run.json").read_bytes())
    except (OSError, ValueError, TypeError):
        return False


def read_description(folder: Path) -> dict[str, Any]:
    """Return the content of a model's ``model.json``.

    Raises
    ------
    ModelError
        When there is none, or it is damaged or of another format version.
    """
    path = folder / "model.json"
    if not path.is_file():
        remedy = (
            "its fit was interrupted; run the same acinus fit command again to finish it"
            if is_fit(folder)
            else "--model takes the folder that acinus fit wrote with --out"
        )
        raise ModelError(f"{folder} holds no model.json; {remedy}")
    try:
        description = orjson.loads(path.read_bytes())
        found = description["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is not a model description; copy it again or run acinus fit") from error
    if found != FORMAT:
        raise ModelError(
            f"{folder} was written by acinus {description.get('acinus', 'of another version')} in format "
            f"{found}, this acinus {__version__} reads format {FORMAT}; fit again or install that version"
        )
    return dict(description)
