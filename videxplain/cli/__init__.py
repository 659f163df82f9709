"""The command line: parse, call, print."""

from videxplain.cli.app import main

__all__ = ["main"]
