"""A local web page over files on disk: slides at full resolution, glands drawn over them, marks kept."""

from acinus.viewer.app import create_app
from acinus.viewer.server import serve

__all__ = ["create_app", "serve"]
