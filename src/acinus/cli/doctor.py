"""``acinus doctor``."""

from __future__ import annotations

from acinus.cli.output import say

__all__ = ["doctor"]


def doctor() -> int:
    """Check this installation: versions, devices, slide readers, memory, free disk.

    Example: acinus doctor
    """
    from acinus.pipeline.doctor import examine

    healthy = True
    for check in examine():
        say(f"{'ok ' if check.passed else 'BAD'}  {check.name:<12} {check.finding}")
        healthy = healthy and check.passed
    return 0 if healthy else 1
