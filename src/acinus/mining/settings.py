"""Settings of stage 1, one value for the package; every field with its unit and source."""

from __future__ import annotations

from dataclasses import dataclass, field

from acinus.mining.closed_shapes import ClosedShapes
from acinus.mining.cue import AgreedBackground, Cue, DarkestCluster
from acinus.mining.train import ShallowSettings

__all__ = ["MiningSettings"]


def _default_cue() -> Cue:
    return AgreedBackground(trusted=ClosedShapes(), doubter=DarkestCluster())


@dataclass(frozen=True)
class MiningSettings:
    """How proposals are found.

    Attributes
    ----------
    mpp : float
        Working resolution in µm per pixel (ours; a nucleus is about 5 px wide).
    shallow : ShallowSettings
        The self-supervised shallow network.
    smoothing_um : float
        σ of the blur of the responses before they are clustered (ours: nuclei of a ring become one band).
    clusters : int
        k of the k-means on its responses (MSSG: 5; ours: 3, since the blurred rings are one cluster).
    cue : Cue
        What turns an image and its clusters into a proposal map.
    """

    mpp: float = 1.25
    shallow: ShallowSettings = field(default_factory=ShallowSettings)
    smoothing_um: float = 3.75
    clusters: int = 3
    cue: Cue = field(default_factory=_default_cue)
