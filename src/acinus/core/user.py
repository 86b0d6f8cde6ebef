"""Who is at work, for what people change by hand."""

from __future__ import annotations

import getpass

__all__ = ["user_name"]


def user_name() -> str:
    """Return the name of the user that runs this process; empty where the system knows none."""
    try:
        return getpass.getuser()
    except (OSError, ImportError, KeyError):  # in a container, or without a password file
        return ""
