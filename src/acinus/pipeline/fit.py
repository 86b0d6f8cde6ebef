"""Learn from unlabelled images: stage 1, stage 2, a model folder; resumable at any moment."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import torch
from torch import nn

from acinus.core.colour import optical_density
from acinus.core.errors import InputError, ModelError, UsageError
from acinus.core.files import atomic_path, make_folder, output_error, read_json, write_json
from acinus.core.image import RgbImage
from acinus.core.lock import locked
from acinus.core.progress import Progress, SilentProgress
from acinus.core.proposal import ProposalMap
from acinus.core.run import fingerprint, run_record
from acinus.core.settings import settings_to_plain
from acinus.data.resample import rgb_at_mpp
from acinus.grouping.ranks import OneRank, Ranks
from acinus.grouping.rounds import proposal_path, save_weights, train_rounds
from acinus.grouping.train import StepRecord
from acinus.mining.mine import fit_shallow, mine_proposals
from acinus.mining.settings import MiningSettings
from acinus.networks.shallow import ShallowCNN
from acinus.networks.weights import load_own_weights
from acinus.pipeline.model import load_model, save_model
from acinus.pipeline.settings import Settings
from acinus.slides.tissue import tissue_mask

__all__ = ["check_folder", "fit", "reduced"]


def fit(
    images: Sequence[RgbImage],
    settings: Settings,
    *,
    seed: int,
    device: torch.device,
    folder: Path,
    weights: str | None = None,
    processes: int | None = None,
    inputs: Sequence[dict[str, str]] = (),
    progress: Progress | None = None,
    ranks: Ranks | None = None,
) -> tuple[nn.Module, dict[str, Any]]:
    """Learn to segment glands from images alone and leave a model in `folder`.

    Parameters
    ----------
    images : sequence of RgbImage
        With distinct names, see `reduced`.
    settings : Settings
    seed : int
        Decides everything that is random.
    device : torch.device
        Where stage 2 computes.
    folder : Path
        Takes ``run.json``, ``proposals/``, ``rounds/``, ``metrics.jsonl`` and the model. A second call with
        the same images, settings and seed goes on where the first was interrupted.
    weights : str, optional
        Initial weights of a PSPNet's backbone.
    processes : int, optional
        Processes that share the images in stage 1; by default one a core.
    inputs : sequence of dict
        Name, path and checksum of each image for the run file.
    progress : Progress, optional
    ranks : Ranks, optional
        The processes that fit together, each with the same arguments but for `device` and `progress`; by
        default this one alone. The first mines and writes, all train and relabel.

    Returns
    -------
    network, stain
        The network in evaluation mode and the training images' stain, as `save_model` takes them.

    Raises
    ------
    UsageError
        When there is no image, or `folder` holds something else, such as a fit of other images or settings,
        or another process is fitting there.
    InputError
        When another process has read other images.
    ModelError
        When what an earlier fit left in `folder` is damaged.
    OutputError
        When `folder` cannot be written to, or its disk is full.
    """
    progress, ranks = progress or SilentProgress(), ranks or OneRank()
    if not images:
        raise UsageError("no image to learn from; give at least one image file or a folder of them")
    with locked(make_folder(folder)) if ranks.number == 0 else nullcontext():
        record = run_record(command=None, settings=settings_to_plain(settings), seed=seed, inputs=inputs)
        record["fingerprint"] = _fingerprint(images, settings, seed=seed, weights=weights, device=device)
        if ranks.from_first(str, record["fingerprint"]) != record["fingerprint"]:
            raise InputError(
                f"process {ranks.number} found other images or settings than process 0; "
                "all need the same files"
            )
        if ranks.from_first(_claim, folder, record):
            network, _, stain = load_model(folder, device=device)
            return network, stain
        proposals: list[ProposalMap] = []
        if ranks.number == 0:
            proposals = _mine(
                images, settings.mining, seed=seed, folder=folder, processes=processes, progress=progress
            )
        ranks.wait()
        if ranks.number != 0:
            proposals = [
                ProposalMap.load(proposal_path(folder / "proposals", image.name)) for image in images
            ]
        first = ranks.number == 0
        with _StepLog(folder / "metrics.jsonl", settings, progress) if first else nullcontext(_no_log) as log:
            network = train_rounds(
                [rgb_at_mpp(image, settings.grouping.mpp) for image in images],
                [image.name for image in images],
                proposals,
                settings.grouping,
                seed=seed,
                device=device,
                folder=folder / "rounds",
                weights=weights,
                on_step=log,
                ranks=ranks,
            )
        stain = ranks.from_first(_stain, images)
        if first:
            save_model(folder, network, settings, stain=stain)
        return network, stain


def check_folder(folder: Path) -> None:
    """Refuse a folder that a fit could not use, before time is spent on reading images.

    Raises
    ------
    UsageError, ModelError
        When `folder` holds something else than a fit, or a damaged one.
    OutputError
        When it cannot be written to.
    """
    if (folder / "model.json").exists():
        return  # finished: nothing will be written
    absent = [path for path in (folder, *folder.parents) if not path.exists()]
    make_folder(folder)
    try:
        _earlier_fingerprint(folder)
        probe = folder / f".{uuid.uuid4().hex[:8]}.tmp"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise output_error(error, folder) from error
    finally:
        with suppress(OSError):
            for path in absent:  # a fit that then finds no image leaves nothing
                path.rmdir()


def reduced(image: RgbImage, settings: Settings) -> RgbImage:
    """Return the image at the finest resolution that fitting uses, which is all that memory has to hold."""
    mpp = min(settings.mining.mpp, settings.grouping.mpp)
    return RgbImage(rgb=rgb_at_mpp(image, mpp), mpp=mpp, name=image.name)


def _fingerprint(
    images: Sequence[RgbImage], settings: Settings, *, seed: int, weights: str | None, device: torch.device
) -> str:
    contents = [f"{image.name} {image.mpp} {fingerprint(image.rgb.tobytes())}" for image in images]
    plain = orjson.dumps(settings_to_plain(settings)).decode()
    return fingerprint(plain, str(seed), str(weights), device.type, *contents)


def _claim(folder: Path, record: dict[str, Any]) -> bool:
    """Take `folder` for this run; return whether the run is finished already."""
    make_folder(folder)
    earlier = _earlier_fingerprint(folder)
    if earlier is not None:
        if earlier != record["fingerprint"]:
            raise UsageError(
                f"{folder} holds a fit of other images, settings or seed; choose another --out or delete it"
            )
        _remove(folder.rglob(".*.tmp*"))
        return (folder / "model.json").exists()
    _remove(folder.glob(".run.json.*.tmp*"))
    write_json(folder / "run.json", record)
    return False


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


def _mine(
    images: Sequence[RgbImage],
    settings: MiningSettings,
    *,
    seed: int,
    folder: Path,
    processes: int | None,
    progress: Progress,
) -> list[ProposalMap]:
    """Return the proposals of all images, those on disk included, and write the others as they come."""
    target = make_folder(folder / "proposals")
    found: dict[str, ProposalMap] = {}
    for image in images:
        try:
            found[image.name] = ProposalMap.load(proposal_path(target, image.name))
        except InputError:
            continue  # not mined yet
    missing = [image for image in images if image.name not in found]
    with progress.task("Stage 1: proposals", total=len(images), done=len(found)) as advance:
        if missing:
            network = _shallow(images, settings, seed=seed, folder=folder)
            mined = mine_proposals(
                missing, settings, network=network, seed=seed, processes=processes or os.cpu_count() or 1
            )
            for image, proposal in zip(missing, mined, strict=True):
                proposal.save(proposal_path(target, image.name))
                # Read back, so that a resumed run sees the very values that an undisturbed one does.
                found[image.name] = ProposalMap.load(proposal_path(target, image.name))
                advance(image.name)
    return [found[image.name] for image in images]


def _shallow(
    images: Sequence[RgbImage], settings: MiningSettings, *, seed: int, folder: Path
) -> ShallowCNN | None:
    """Return the shared shallow network, from disk when it is there."""
    path = folder / "shallow.safetensors"
    if path.exists() and settings.shallow.shared:
        shallow = settings.shallow
        network = ShallowCNN(channels=shallow.channels, responses=shallow.responses)
        network.load_state_dict(load_own_weights(path))
        return network.eval()
    trained = fit_shallow(images, settings, seed=seed)
    if trained is not None:
        save_weights(trained, path)
    return trained


def _stain(images: Sequence[RgbImage]) -> dict[str, Any]:
    """Return mean and spread over images of their tissue's mean optical density, by channel.

    Images without tissue say nothing of the stain; where none has any, all pixels of all images count.
    """
    masks = [tissue_mask(image.rgb, mpp=image.mpp) for image in images]
    stained = [
        optical_density(image.rgb)[mask] for image, mask in zip(images, masks, strict=True) if mask.any()
    ]
    pixels = stained or [optical_density(image.rgb).reshape(-1, 3) for image in images]
    means = np.stack([density.mean(axis=0, dtype=np.float64) for density in pixels])
    return {"mean_od": means.mean(axis=0).tolist(), "std_od": means.std(axis=0).tolist()}


def _no_log(number: int, record: StepRecord) -> None:
    """Leave the metrics to the first process."""


class _StepLog:
    """Writes each step's metrics as a JSON line and shows progress; called with (round, record)."""

    def __init__(self, path: Path, settings: Settings, progress: Progress) -> None:
        self._path = path
        self._steps = settings.grouping.steps
        self._rounds = settings.grouping.rounds
        self._progress = progress
        self._round = -1
        self._task: Any = None
        self._start = time.monotonic()

    def __enter__(self) -> _StepLog:
        return self

    def __exit__(self, *error: object) -> None:
        if self._task is not None:
            self._task.__exit__(*error)

    def __call__(self, number: int, record: StepRecord) -> None:
        step = int(record["step"])
        if number != self._round:
            self._open_round(number, step)
        line = {"round": number, **record, "seconds": round(time.monotonic() - self._start, 3)}
        try:
            with self._path.open("ab") as file:
                file.write(orjson.dumps(line) + b"\n")
        except OSError as error:
            raise output_error(error, self._path) from error
        self._advance(f"loss {record['loss']:.3f}")

    def _open_round(self, number: int, step: int) -> None:
        if self._task is not None:
            self._task.__exit__(None, None, None)
        _forget_from(self._path, number, step)
        name = f"Stage 2: round {number + 1} of {self._rounds}"
        self._task = self._progress.task(name, total=self._steps, done=step)
        self._advance = self._task.__enter__()
        self._round = number


def _forget_from(path: Path, number: int, step: int) -> None:
    """Drop the lines that an interrupted run wrote after its last checkpoint: they are computed again."""
    if not path.exists():
        return
    kept = []
    for line in path.read_bytes().splitlines():
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:  # cut off by the crash
            continue
        if (record["round"], record["step"]) < (number, step):
            kept.append(line + b"\n")
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"".join(kept))
