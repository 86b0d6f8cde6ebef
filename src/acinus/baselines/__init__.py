"""The methods to compare with: one a file, each fitted to the same unlabelled images and each a `Segmenter`.

All share the working resolution of 2.5 µm/px, the rule that names the gland clusters (`darkness`) and the
test for collapse (`collapse`). The deep ones share the network (`acinus.networks.dense`) and the size of its
embedding; differentiable feature clustering has its own, which is the method. Colour k-means has no network.
"""

from acinus.baselines.collapse import Collapse
from acinus.baselines.colour import ColourKMeans, HedDensity, Rgb
from acinus.baselines.deepcluster import DeepCluster
from acinus.baselines.feature_clustering import DifferentiableFeatureClustering
from acinus.baselines.fitted import Baseline, FittedBaseline
from acinus.baselines.iic import IIC
from acinus.baselines.picie import PiCIE
from acinus.baselines.untrained import UntrainedNetwork

__all__ = [
    "IIC",
    "Baseline",
    "Collapse",
    "ColourKMeans",
    "DeepCluster",
    "DifferentiableFeatureClustering",
    "FittedBaseline",
    "HedDensity",
    "PiCIE",
    "Rgb",
    "UntrainedNetwork",
]
