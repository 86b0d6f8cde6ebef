"""The folder of a fit: whose it is, what an earlier one left, what identifies it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import torch

from acinus.core.errors import InputError, ModelError, UsageError
from acinus.core.files import is_temporary, make_folder, output_error, read_json, write_json
from acinus.core.image import RgbImage
from acinus.core.run import fingerprint, run_record
from acinus.core.settings import settings_to_plain
from acinus.grouping.corrections import ImageCorrections
from acinus.grouping.process_group import ProcessGroup
from acinus.pipeline.model import MODEL_FILES, is_fit
from acinus.pipeline.parent import Parent
from acinus.pipeline.settings import Settings
from acinus.results.files import FAILURES
from acinus.results.ownership import claimed, in_the_way, refuse_to_replace

__all__ = ["check_folder", "claim", "fit_record"]


def check_folder(folder: Path) -> None:
    """Refuse a folder that a fit could not use, before time is spent on reading images.

    Raises
    ------
    UsageError, ModelError
        When `folder` holds something else than a fit, or a damaged one, or files under the names of a model's
        that acinus did not write.
    OutputError
        When it cannot be written to.
    """
    if (folder / "model.json").exists() and is_fit(folder):
        return  # finished: nothing will be written
    absent = [path for path in (folder, *folder.parents) if not path.exists()]
    make_folder(folder)
    try:
        _earlier_fingerprint(folder)
        refuse_to_replace(in_the_way(folder, (*MODEL_FILES, FAILURES)))
        probe = folder / f".{uuid.uuid4().hex[:8]}.tmp"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise output_error(error, folder) from error
    finally:
        with suppress(OSError):
            for path in absent:  # a fit that then finds no image leaves nothing
                path.rmdir()


def fit_record(
    images: Sequence[RgbImage],
    settings: Settings,
    *,
    seed: int,
    weights: str | None,
    device: torch.device,
    inputs: Sequence[dict[str, Any]],
    parent: Parent | None = None,
    corrections: Mapping[str, ImageCorrections] | None = None,
) -> dict[str, Any]:
    """Return the content of a fit's ``run.json``, with a fingerprint of all that its result depends on."""
    record = run_record(command=None, settings=settings_to_plain(settings), seed=seed, inputs=inputs)
    contents = [f"{image.name} {image.mpp} {fingerprint(image.rgb.tobytes())}" for image in images]
    plain = orjson.dumps(settings_to_plain(settings)).decode()
    decides = [plain, str(seed), str(weights), device.type, *contents]
    if parent is not None:
        record["parent"] = parent.record
        decides.append(f"from {parent.state}")
    decides += [f"{name} {said.state}" for name, said in sorted((corrections or {}).items())]
    record["fingerprint"] = fingerprint(*decides)
    return record


def claim(folder: Path, record: dict[str, Any], group: ProcessGroup) -> bool:
    """Take `folder` for the fit of `record`; return whether it is finished already.

    Raises
    ------
    UsageError
        When `folder` holds something else, such as a fit of other images, settings or seed.
    InputError
        When another process of the group has read other images.
    ModelError
        When what an earlier fit left in `folder` is damaged.
    """
    if group.broadcast(str, record["fingerprint"]) != record["fingerprint"]:
        raise InputError(
            f"process {group.rank} found other images or settings than process 0; all need the same files"
        )
    return group.broadcast(_claim, folder, record)


def _claim(folder: Path, record: dict[str, Any]) -> bool:
    make_folder(folder)
    earlier = _earlier_fingerprint(folder)
    if earlier is None:
        _remove(path for path in folder.glob(".run.json.*") if is_temporary(path.name))
        with claimed(folder, ["run.json"]):
            write_json(folder / "run.json", record)
        return False
    if earlier != record["fingerprint"]:
        raise UsageError(
            f"{folder} holds a fit of other images, settings or seed; choose another --out or delete it"
        )
    _remove(path for path in folder.rglob(".*") if is_temporary(path.name))
    return (folder / "model.json").exists()


def _earlier_fingerprint(folder: Path) -> str | None:
    """Return the fingerprint of the fit that `folder` holds, None when it is empty."""
    path = folder / "run.json"
    if path.exists():
        try:
            earlier = read_json(path).get("fingerprint")
        except (OSError, ValueError, AttributeError) as error:
            raise ModelError(f"{path} is damaged; delete {folder} or choose another --out") from error
        if earlier is None:
            raise UsageError(
                f"{folder} holds results of another verb; choose an empty or new folder for --out"
            )
        return str(earlier)
    if any(not entry.name.startswith(".") for entry in folder.iterdir()):
        raise UsageError(f"{folder} is not empty and holds no fit; choose an empty or new folder for --out")
    return None


def _remove(leftovers: Iterable[Path]) -> None:
    """Remove what a fit that was killed had half written."""
    for path in leftovers:
        path.unlink(missing_ok=True)
