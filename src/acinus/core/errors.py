"""The errors a user can cause, each ending in one line: what was expected, what came, what to do."""

from __future__ import annotations

__all__ = [
    "AcinusError",
    "DatasetError",
    "InputError",
    "LongNameError",
    "ModelError",
    "MppError",
    "OutputError",
    "UsageError",
]


class AcinusError(Exception):
    """Base of every error a user can cause; the command line prints its text as one line.

    Attributes
    ----------
    exit_code : int
        What the process ends with: 1 "some input failed", 2 "wrong usage".
    """

    exit_code: int = 1


class UsageError(AcinusError):
    """The command or the settings are wrong, whatever the input."""

    exit_code = 2


class InputError(AcinusError):
    """A file cannot be read as the image or label map it was given as."""


class MppError(InputError):
    """The resolution of an image is unknown or absurd; the remedy is always ``--mpp``."""


class DatasetError(InputError):
    """A data set's folder lacks files; the text says which and where they are obtained."""


class OutputError(AcinusError):
    """A result could not be written: no permission, no space, not a folder."""


class LongNameError(OutputError):
    """The name of a result is too long for the file system; others can still be written."""


class ModelError(AcinusError):
    """A model folder is not one, is incomplete or was written by another version."""
