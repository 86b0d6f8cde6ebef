"""The model that a fit goes on from, and what the new model records of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from acinus.core.errors import ModelError, UsageError
from acinus.core.settings import apply_settings
from acinus.core.settings_file import read_settings_file
from acinus.mining.gland_size import DEFAULT_GLAND_SIZE_UM
from acinus.pipeline.model import load_model, model_state, read_description
from acinus.pipeline.settings import Settings, model_settings

__all__ = ["Parent", "check_inherited", "continued_settings", "load_parent", "parent_settings"]


@dataclass(frozen=True)
class Parent:
    """A fitted model to go on from.

    Attributes
    ----------
    network : module
        In evaluation mode.
    stain : dict
        Of the images that it was fitted on.
    record : dict
        Its ``folder``, ``weights_sha256``, the version of ``acinus`` that wrote it and, where it went on from
        another model itself, that one's record as ``parent``.
    state : str
        Digest of its weights and settings.
    """

    network: nn.Module
    stain: dict[str, Any]
    record: dict[str, Any]
    state: str


def load_parent(folder: Path, *, device: torch.device) -> Parent:
    """Read a model folder in order to go on from it.

    Raises
    ------
    ModelError
        As of `load_model`.
    """
    network, settings, stain = load_model(folder, device=device)
    described = read_description(folder)
    record = {"folder": str(folder.resolve()), "weights_sha256": described.get("weights_sha256")}
    record |= {name: described[name] for name in ("acinus", "parent") if name in described}
    return Parent(network, stain, record, model_state(network, settings))


def parent_settings(folder: Path) -> Settings:
    """Return the settings that a fit inherits from a model, the size of glands among them.

    Raises
    ------
    ModelError
        When the folder is no model, or a damaged one.
    """
    if not folder.is_dir():
        raise ModelError(f"{folder} is not a folder; --from takes the folder that acinus fit wrote")
    try:
        settings = model_settings(read_description(folder)["settings"], where=f"{folder}/model.json")
    except (KeyError, UsageError) as error:
        raise ModelError(f"{folder} is a damaged model ({error}); copy it again or run acinus fit") from error
    if settings.gland_size_um is None:  # of an earlier version, whose lengths were those of colon
        return replace(settings, gland_size_um=DEFAULT_GLAND_SIZE_UM)
    return settings


def continued_settings(inherited: Settings, path: Path | None) -> Settings:
    """Return inherited settings with the changes of a settings file; None changes nothing.

    Raises
    ------
    UsageError
        When the file cannot be used, or changes what a fitted network cannot change any more.
    """
    if path is None:
        return inherited
    changed = apply_settings(inherited, read_settings_file(path), where=path.name)
    check_inherited(inherited, changed, where=path.name)
    return changed


def check_inherited(inherited: Settings, changed: Settings, *, where: str) -> None:
    """Refuse settings that change the network, or the size of glands, of the model to go on from.

    Raises
    ------
    UsageError
        With `where`, who changes them.
    """
    for name, before, after in (
        ("grouping.network", inherited.grouping.network, changed.grouping.network),
        ("gland_size_um", inherited.gland_size_um, changed.gland_size_um),
    ):
        if before != after:
            raise UsageError(
                f"{where} changes {name}, which is inherited from the model; leave it out, or fit anew"
            )
