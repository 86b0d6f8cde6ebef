"""Figures of others on GlaS, as they published them: mIoU in percent. None of them was computed here."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PUBLISHED", "Published"]

_PROPOSAL = "founding proposal of this method"
_SUCCESSOR = "MSSG: Zhang et al., MICCAI 2023, arXiv 2307.11989"
_WEAK = "OEEM: Li et al., MICCAI 2022, arXiv 2206.06665"


@dataclass(frozen=True)
class Published:
    """A published figure.

    Attributes
    ----------
    method : str
    miou_percent : tuple of float
        One figure, or the ends of a range.
    source : str
    labels : str
        What labels the method was given.
    beside : str or None
        Name of the method here that it is to be read beside.
    """

    method: str
    miou_percent: tuple[float, ...]
    source: str
    labels: str = "none"
    beside: str | None = None

    @property
    def text(self) -> str:
        """The figure as it is printed."""
        return "–".join(f"{value:g}" for value in self.miou_percent)


PUBLISHED: tuple[Published, ...] = (
    Published("Random network", (34.3,), _PROPOSAL, beside="untrained"),
    Published("PiCIE", (39.3,), _PROPOSAL, beside="picie"),
    Published("PiCIE", (48.8,), _SUCCESSOR, beside="picie"),
    Published("The proposal, stage 1", (41.1,), _PROPOSAL, beside="proposal-exterior"),
    Published("The proposal, stage 1 with prior", (49.3,), _PROPOSAL, beside="proposal-prior"),
    Published("The proposal, stage 2", (56.3,), _PROPOSAL, beside="proposal"),
    Published("MSSG", (62.7,), _SUCCESSOR, beside="mssg"),
    Published("OEEM", (77.6,), _WEAK, labels="of whole images"),
    Published(
        "Fully supervised",
        (80.0, 85.0),
        "several, about; the range in which they lie",
        labels="of every pixel",
    ),
)
