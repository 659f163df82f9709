"""Ask a video network what it saw, where and when."""

from videxplain.version import __version__

__all__ = ["__version__"]
