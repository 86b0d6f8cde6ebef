"""Train the segmentation network of stage 2 for one round."""

from __future__ import annotations

import copy
import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from acinus.core.cores import usable_cores
from acinus.core.errors import ModelError
from acinus.core.files import atomic_path
from acinus.core.threads import in_threads
from acinus.grouping.batch import Batch, TrainingImage, draw_batch
from acinus.grouping.mask_loss import mask_loss
from acinus.grouping.process_group import ProcessGroup
from acinus.grouping.settings import GroupingSettings
from acinus.networks.precision import mixed_precision
from acinus.networks.prediction import Prediction

__all__ = ["StepRecord", "train_network"]

StepRecord = dict[str, float]
"""Metrics of a step: ``step``, ``loss``, its terms ``mask``, ``auxiliary``, ``depth`` and ``diffusion``, and
``learning_rate``."""

_MOST_THREADS = 6  # that draw crops for a GPU: a step takes a tenth of the time of drawing its crops
_CHECKPOINT_EVERY = 25  # steps
_WARM_UP = 0.1  # share of the steps over which the learning rate rises


def train_network(
    network: nn.Module,
    images: Sequence[TrainingImage],
    settings: GroupingSettings,
    *,
    steps: int,
    seed: int,
    device: torch.device,
    on_step: Callable[[StepRecord], None],
    checkpoint: Path | None = None,
    group: ProcessGroup | None = None,
) -> nn.Module:
    """Train `network` on proposals and return its moving average, in evaluation mode.

    Processes that train together draw the same crops, take a share of them each, and compute the loss of all:
    its terms are means over the labelled pixels of the whole batch, which means of shares do not add up to.

    Parameters
    ----------
    network : module returning a `Prediction`
        Trained in place.
    images : sequence of TrainingImage
        At the working resolution.
    steps : int
        Of the optimiser.
    seed : int
        Every step draws its crops from (seed, step), so a resumed run draws what an undisturbed one would.
    on_step : callable
        Receives the metrics of each step, in every process.
    checkpoint : Path, optional
        File from which training resumes if it exists, written every 25 steps. The caller removes it.
    group : ProcessGroup, optional
        The processes that train together, whose number divides `settings.batch_crops`; by default this one
        alone.

    Raises
    ------
    ModelError
        When the checkpoint is damaged.
    """
    group = group or ProcessGroup()
    network.to(device).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    averaged = copy.deepcopy(network)
    trained = group.wrap(network)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    start = _restore(group.broadcast(_read, checkpoint), network, averaged, optimiser)
    size = settings.batch_crops // group.size
    share = slice(group.rank * size, (group.rank + 1) * size)

    def draw(step: int) -> Batch:
        return draw_batch(
            images,
            crops=settings.batch_crops,
            crop_px=settings.crop_px,
            scale_range=settings.scale_range,
            stain_strength=settings.stain_strength,
            rng=np.random.default_rng([seed, step]),
            share=share,
            spoken_frequency=settings.corrections.frequency,
        )

    batches = in_threads(draw, range(start, steps), threads=_threads_beside(device))
    for step, drawn in zip(range(start, steps), batches, strict=True):
        learning_rate = settings.learning_rate * _rate_share(step, steps)
        for parameters in optimiser.param_groups:
            parameters["lr"] = learning_rate
        batch = drawn.to(device)
        with mixed_precision(device, wanted=settings.mixed_precision):
            prediction: Prediction = trained(batch.images)
        terms = _loss_terms(prediction, batch, settings, group)
        optimiser.zero_grad()
        # Each process knows the gradient of its own crops; their average is that of all over the count.
        (terms["loss"] * group.size).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        _average(averaged, network, decay=min(settings.averaging, (step + 1) / (step + 10)))
        values = {name: term.item() for name, term in terms.items()}
        on_step({"step": step, **values, "learning_rate": learning_rate})
        if checkpoint is not None and group.is_first and (step + 1) % _CHECKPOINT_EVERY == 0:
            _save(checkpoint, network, averaged, optimiser, step + 1)
    # Running statistics are of each process's own crops: those of the first are kept.
    averaged.load_state_dict(group.broadcast(_state_on_cpu, averaged))
    return averaged.eval()


def _threads_beside(device: torch.device) -> int:
    """Return how many threads draw crops while a device computes; a CPU has its cores at work already."""
    return 0 if device.type == "cpu" else min(_MOST_THREADS, max(1, usable_cores() - 1))


def _loss_terms(
    prediction: Prediction, batch: Batch, settings: GroupingSettings, group: ProcessGroup
) -> dict[str, torch.Tensor]:
    """Return the loss of a step and the terms of which it is the weighted sum."""
    mask = _mask(prediction.logits, batch, settings, group)
    auxiliary = _auxiliary(prediction, batch, settings, group)
    depth = _depth(prediction, batch, group)
    diffusion = _diffusion(prediction, batch, settings, group)
    loss = (
        mask
        + settings.auxiliary_weight * auxiliary
        + settings.depth_weight * depth
        + settings.diffusion_weight * diffusion
    )
    return {"loss": loss, "mask": mask, "auxiliary": auxiliary, "depth": depth, "diffusion": diffusion}


def _mask(
    logits: torch.Tensor, batch: Batch, settings: GroupingSettings, group: ProcessGroup
) -> torch.Tensor:
    """Return the cross-entropy of logits with the pseudo masks."""
    return mask_loss(group.all_gather(logits.float()), batch.gland, batch.weight, balanced=settings.balanced)


def _auxiliary(
    prediction: Prediction, batch: Batch, settings: GroupingSettings, group: ProcessGroup
) -> torch.Tensor:
    """Return the cross-entropy of the second classifier; 0 for a network without one."""
    if prediction.auxiliary is None:
        return prediction.logits.new_zeros(())
    return _mask(prediction.auxiliary, batch, settings, group)


def _depth(prediction: Prediction, batch: Batch, group: ProcessGroup) -> torch.Tensor:
    """Return the cross-entropy of the depth, a share between 0 and 1; 0 for a network that tells none.

    Deep and shallow count alike, as gland and background do in the mask loss.
    """
    if prediction.depth is None:
        return prediction.logits.new_zeros(())
    return mask_loss(group.all_gather(prediction.depth.float()), batch.depth, batch.depth_weight)


def _diffusion(
    prediction: Prediction, batch: Batch, settings: GroupingSettings, group: ProcessGroup
) -> torch.Tensor:
    """Return the knowledge diffusion loss on regions brought to the features' stride."""
    if settings.diffusion_weight == 0.0:
        return prediction.logits.new_zeros(())
    size = (prediction.features.shape[2], prediction.features.shape[3])
    regions = (batch.exterior, batch.interior, batch.background)
    shares = [functional.adaptive_avg_pool2d(region, size) for region in regions]
    return settings.diffusion(group.all_gather(prediction.features.float()), *shares)


def _rate_share(step: int, steps: int) -> float:
    """Return the share of the learning rate: up linearly over the first tenth, then down a half cosine."""
    warm_up = max(1, round(_WARM_UP * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    progress = (step - warm_up) / max(1, steps - warm_up)
    return 0.5 * (1.0 + math.cos(math.pi * progress))


@torch.no_grad()
def _average(averaged: nn.Module, network: nn.Module, *, decay: float) -> None:
    """Move the average towards the network; running statistics move along, counters are copied."""
    for mean, value in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.dtype.is_floating_point:
            mean.lerp_(value, 1.0 - decay)
        else:
            mean.copy_(value)


def _save(
    checkpoint: Path, network: nn.Module, averaged: nn.Module, optimiser: torch.optim.Optimizer, step: int
) -> None:
    state = {
        "network": network.state_dict(),
        "averaged": averaged.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": step,
    }
    content = io.BytesIO()  # first, since PyTorch tells of a full disk in its own way
    torch.save(state, content)
    with atomic_path(checkpoint) as temporary:
        temporary.write_bytes(content.getbuffer())


def _state_on_cpu(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.cpu() for name, value in network.state_dict().items()}


def _read(checkpoint: Path | None) -> dict[str, Any] | None:
    """Return what `_save` wrote, None when there is nothing to resume from."""
    if checkpoint is None or not checkpoint.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except Exception as error:  # PyTorch raises many types on damaged files
        reason = " ".join(str(error).split())[:120]
        raise ModelError(
            f"{checkpoint} is damaged ({reason}); delete it and run the same command again"
        ) from error
    return state


def _restore(
    state: dict[str, Any] | None,
    network: nn.Module,
    averaged: nn.Module,
    optimiser: torch.optim.Optimizer,
) -> int:
    """Load a checkpoint's state if there is one and return the step to resume at."""
    if state is None:
        return 0
    network.load_state_dict(state["network"])
    averaged.load_state_dict(state["averaged"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])
