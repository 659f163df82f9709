"""The settings of a studio: its folder, its limits, who may use it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from videxplain.studio.questions.catalogue import Offer

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Limits:
    """The most that one visitor and one clip may use.

    Attributes:
        upload_bytes: Size of a file, in bytes.
        seconds: Length of a clip.
        pixels: Height times width of a frame.
        frames: Frames of a clip.
        decode_seconds: Processor time for reading a file once.
        decode_memory: Memory for reading a file, in bytes.
        jobs: Jobs of one visitor that wait or run.
        clips: Clips of one visitor.
        job_seconds: Wall-clock time of a job.
        worker_memory: Memory of the worker in bytes, if it computes on the processor.
        cache_bytes: Size of all clips and results, in bytes. The longest unused are removed first.
        cache_days: Clips and results that are not used for this time are removed.
    """

    upload_bytes: int = 200 * 2**20
    seconds: float = 120
    pixels: int = 1920 * 1088
    frames: int = 6000
    decode_seconds: int = 120
    decode_memory: int = 4 * 2**30
    jobs: int = 20
    clips: int = 200
    job_seconds: float = 3600
    worker_memory: int = 8 * 2**30
    cache_bytes: int = 5 * 2**30
    cache_days: float = 30


@dataclass(frozen=True)
class Studio:
    """The settings of a studio.

    Attributes:
        folder: The folder of the database, the clips and the results.
        limits: The limits for visitors and clips.
        device: Where the networks run.
        weights: A folder of weights files that visitors may choose from, or None.
        own: Networks that files of Python make, which the studio was started with.
        audit: A finished audit whose report is shown, or None.
        token: The token that a visitor must know; empty if only this machine can reach the studio.
        hosts: The host names that requests may use.
    """

    folder: Path
    limits: Limits = field(default_factory=Limits)
    device: str = "auto"
    weights: Path | None = None
    own: "tuple[Offer, ...]" = ()
    audit: Path | None = None
    token: str = ""
    hosts: tuple[str, ...] = LOOPBACK

    @property
    def clips(self) -> Path:
        """The folder of the clips: a folder for each, named by the SHA-256 of its file."""
        return self.folder / "clips"

    @property
    def results(self) -> Path:
        """The folder of the results: a folder for each, named by the SHA-256 of its question."""
        return self.folder / "results"

    @property
    def incoming(self) -> Path:
        """The folder of files that are still arriving."""
        return self.folder / "incoming"

    def make_folders(self) -> None:
        """Make the folders. Only their owner can read them."""
        for folder in (self.folder, self.clips, self.results, self.incoming):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
