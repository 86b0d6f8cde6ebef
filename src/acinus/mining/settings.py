"""Settings of stage 1, one value for the package; every field with its unit and source."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from acinus.core.limits import ClusterCount, Length, Mpp, Switch
from acinus.core.settings import settings_class
from acinus.mining.closed_shapes import ClosedShapes
from acinus.mining.cue import AgreedBackground, AnyCue, Cue, DarkestCluster
from acinus.mining.regions.settings import RegionSettings
from acinus.mining.second_look import SecondLook
from acinus.mining.train import ShallowSettings

__all__ = ["MiningSettings"]


def _default_cue() -> Cue:
    return AgreedBackground(trusted=ClosedShapes(), doubter=DarkestCluster())


@settings_class
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
    second_look : SecondLook or None
        How closed shapes are chosen again, by their appearance, too, where the cue finds closed shapes; by
        default they are not.
    regions : RegionSettings
        From which parts of slides the networks learn.
    """

    mpp: Mpp = 1.25
    shallow: ShallowSettings = field(default_factory=ShallowSettings)
    smoothing_um: Length = 3.75
    clusters: ClusterCount = 3
    cue: AnyCue = field(default_factory=_default_cue)
    second_look: Annotated[SecondLook | None, Switch] = None
    regions: RegionSettings = field(default_factory=RegionSettings)
