"""Names and numbers as people read them, and names that file systems take."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata

__all__ = ["composed", "is_text", "natural_key", "plural", "portable", "shortened"]


def composed(name: str) -> str:
    r"""Return a name with every accent in the sign that bears it; macOS and its archives take them apart.

    Examples
    --------
    >>> composed("e\u0301") == "\u00e9"
    True
    """
    return unicodedata.normalize("NFC", name)


def portable(name: str) -> str:
    r"""Return what two names have in common that are one name on Windows or macOS.

    Examples
    --------
    >>> portable("CAFE\u0301_1") == portable("caf\u00e9_1")
    True
    """
    return composed(composed(name).casefold())


def is_text(name: str) -> bool:
    r"""Say whether a name can be written into a table or page: file systems take any bytes, text is UTF-8.

    Examples
    --------
    >>> is_text("krypte_é"), is_text(os.fsdecode(b"krypte_\xe9"))
    (True, False)
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts names as people count: train_2 before train_10.

    Examples
    --------
    >>> sorted(["train_10", "train_2", "Train_1"], key=natural_key)
    ['Train_1', 'train_2', 'train_10']
    """
    return tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in re.split(r"(\d+)", name.lower())
        if part
    )


def plural(count: int, one: str, several: str | None = None, *, shown: str | None = None) -> str:
    """Return a count with its noun.

    Parameters
    ----------
    one, several : str
        The noun for one and for any other count; by default the plural ends in s.
    shown : str, optional
        The count as it is to be written.

    Examples
    --------
    >>> plural(1, "gland"), plural(3, "gland"), plural(0, "gland is", "glands are")
    ('1 gland', '3 glands', '0 glands are')
    """
    return f"{count if shown is None else shown} {one if count == 1 else several or one + 's'}"


def shortened(name: str, *, most_bytes: int) -> str:
    """Return a name that leaves room for endings on file systems, which take 255 bytes at most.

    Parameters
    ----------
    most_bytes : int
        A longer name is cut and ends in ``~`` and eight digits of a checksum of the whole.

    Examples
    --------
    >>> shortened("tile_1", most_bytes=40)
    'tile_1'
    >>> shortened("é" * 100, most_bytes=20), len(shortened("é" * 100, most_bytes=20).encode())
    ('ééééé~f42ec48e', 19)
    """
    content = os.fsencode(name)
    if len(content) <= most_bytes:
        return name
    digest = hashlib.sha256(content).hexdigest()[:8]
    start = content[: most_bytes - 9].decode("utf-8", "ignore")
    return f"{start}~{digest}"
