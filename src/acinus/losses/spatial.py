"""The proposal's spatial loss: neighbouring pixels should respond alike.

::

    L_sp = mean|F[y+1] − F[y]| + mean|F[x+1] − F[x]|

Source: the proposal, first stage; as L1 in Kim et al. 2020 (arXiv 2007.09990, equation 3).
"""

from __future__ import annotations

import torch

__all__ = ["spatial_loss"]


def spatial_loss(responses: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute difference between vertical and horizontal neighbours.

    Parameters
    ----------
    responses : (B, C, H, W)
        H and W at least 2.

    Examples
    --------
    >>> ramp = torch.arange(4.0).reshape(1, 1, 1, 4).expand(1, 1, 3, 4)
    >>> spatial_loss(ramp).item()
    1.0
    """
    down = (responses[:, :, 1:, :] - responses[:, :, :-1, :]).abs().mean()
    right = (responses[:, :, :, 1:] - responses[:, :, :, :-1]).abs().mean()
    return down + right
