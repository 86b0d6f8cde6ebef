"""Addresses of ``acinus view``, by which pages lead to an image, coloured by a statistic, or to one gland."""

from __future__ import annotations

from urllib.parse import urlencode

from acinus.glands import COLUMNS, gland_id

__all__ = ["VIEWER_PORT", "viewer_link"]

VIEWER_PORT = 8750
"""Where links of pages expect ``acinus view``."""

_KEYS = {column.name: column.qupath for column in COLUMNS if column.kind != "identity"}


def viewer_link(image: str, statistic: str, label: int | None = None) -> str:
    """Return the viewer's address of an image coloured by a statistic of its glands, or of one of them.

    Parameters
    ----------
    image : str
        Its name.
    statistic : str
        Column of the table of glands; one that is not a column colours nothing.
    label : int, optional
        Of a gland.

    Examples
    --------
    >>> viewer_link("a 1", "solidity")
    'http://127.0.0.1:8750/#slide=a+1&by=Solidity'
    """
    query = {"slide": image}
    if statistic in _KEYS:
        query["by"] = _KEYS[statistic]
    if label is not None:
        query["gland"] = gland_id(image, label)
    return f"http://127.0.0.1:{VIEWER_PORT}/#{urlencode(query)}"
