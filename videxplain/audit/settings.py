"""The settings of an audit, and their file."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from videxplain.attribution.display_names import display_name
from videxplain.attribution.engine import Precision
from videxplain.commands import command_line, python_call
from videxplain.runs.settings import RunSettings
from videxplain.runs.settings_file import SettingsFile

SETTINGS = "audit.json"
SCHEMA = 2
_FILE = SettingsFile(SETTINGS, SCHEMA, "an audit", "an audit")


@dataclass(frozen=True, kw_only=True)
class Settings(RunSettings):
    """Everything that the results of an audit depend on.

    Attributes:
        method: The method.
        layer: The layer as it was given, or None for the method's default.
        options: Values of the method's options, by name.
        precision: ``"fp32"`` or ``"bf16"``.
        trust: Whether trust figures, temporal reliance and the share of motion are measured.
        boxes: The file of UCF101-24's boxes; empty without.
    """

    method: str = "gradcam"
    layer: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    precision: str = "fp32"
    trust: bool = True
    boxes: str = ""
    shard: int = 64

    @property
    def passes(self) -> Precision:
        """The precision of every pass of the network."""
        return "bf16" if self.precision == "bf16" else "fp32"

    @property
    def title(self) -> str:
        """What was explained of what: ``Grad-CAM of i3d on figures``."""
        return f"{display_name(self.method)} of {self.model} on {Path(self.data).name}"

    def repeated(self, clip: str) -> str:
        """The command that explains one clip as the audit did; a line of Python for a network that was given.

        Args:
            clip: The path of the clip as :meth:`quoted` writes it.
        """
        if self.given:
            precision = None if self.passes == "fp32" else self.passes
            shown = {"layer": self.layer, "precision": precision, **self.options}
            return python_call("explain", "network", clip, repr(self.method), **shown)
        options = {**self.network_options, "layer": self.layer, **self.options}
        return f"{command_line(self.method, self.expects, **options)} --clip {clip}"

    def quoted(self, path: str) -> str:
        """The path of a clip as it is written there: for a shell, or for Python."""
        return repr(path) if self.given else shlex.quote(path)

    def write(self, folder: Path) -> None:
        """Write the settings, or check that the folder has the same settings already.

        Raises:
            VidexplainError: The folder holds another audit.
        """
        _FILE.write(folder, self)


def read_settings(folder: Path) -> Settings:
    """Read the settings of an audit from its folder.

    Raises:
        VidexplainError: The folder has none, or they are damaged or of another version.
    """
    return _FILE.load(folder, Settings)
