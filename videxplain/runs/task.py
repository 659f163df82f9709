"""A shard to work on, wherever that is done."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import nn

from videxplain.runs.entries import Entry
from videxplain.runs.network import load_once
from videxplain.runs.settings import RunSettings
from videxplain.runs.shards import Shard

SettingsT = TypeVar("SettingsT", bound=RunSettings)


@dataclass(frozen=True)
class ShardTask(Generic[SettingsT]):
    """A shard, with everything that another process needs.

    Attributes:
        shard: The shard.
        settings: The settings of the run.
        device: Where a network given by name runs.
        entries: The videos of the shard.
        network: The network, if it was not given by name. Otherwise None, and each process loads it.
    """

    shard: Shard
    settings: SettingsT
    device: str
    entries: tuple[Entry, ...]
    network: nn.Module | None = None

    @property
    def model(self) -> nn.Module:
        """The network; loaded once in each process."""
        return load_once(self.settings, self.device) if self.network is None else self.network
