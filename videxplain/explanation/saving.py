"""What the three results share: how they are saved, and how they are loaded again."""

import json
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from videxplain.boxes import Box
from videxplain.data.shown import irregular_times
from videxplain.data.stream import FrameSource
from videxplain.errors import VidexplainError
from videxplain.explanation.sources import ClipLike, SavedFrames, as_source, matching
from videxplain.files import as_path, parse_json, replacing, write_json
from videxplain.progress import Progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCHEMA = 1
"""Version of the JSON schema (docs/explanation-json.md). It grows when a key goes or changes its meaning."""
FIGURES, NUMBERS, TEXTS = ("png", "pdf", "svg"), ("json", "npz"), ("tex", "bib")
_DAMAGE = (
    *(LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError, MemoryError),
    *(EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error),
)
"""What reading numbers and archives that somebody has changed raises."""
_LONGEST_COMMENT = 2**16 - 1
Arrays: TypeAlias = Mapping[str, Any]
"""Arrays by name, as in an ``.npz`` file."""


class Result(ABC):
    """A result that can be drawn, saved and loaded again.

    Attributes:
        formats: The suffixes that :meth:`save` takes.
        kind: What this kind of result is called in its files.
        source: The frames of the clip.
    """

    source: FrameSource
    formats: ClassVar[tuple[str, ...]]
    kind: ClassVar[str]

    @abstractmethod
    def figure(self) -> "Figure":
        """The result as a matplotlib figure."""

    @abstractmethod
    def summary(self) -> dict[str, Any]:
        """The result as plain values for JSON; docs/explanation-json.md lists the keys."""

    @classmethod
    @abstractmethod
    def _restore(cls, summary: Mapping[str, Any], arrays: Arrays | None, source: FrameSource) -> Self:
        """The result of a summary and, if it comes from an ``.npz`` file, its arrays."""

    @property
    @abstractmethod
    def question(self) -> str:
        """SHA-256 of what was asked, which every file of the result carries."""

    @property
    @abstractmethod
    def provenance(self) -> str:
        """The weights in words, with their file and the start of its SHA-256; empty for random weights."""

    @property
    def _note(self) -> str:
        """What files carry that have no room for the summary."""
        return "; ".join(filter(None, (f"question: {self.question}", self.provenance)))

    @abstractmethod
    def save(self, path: str | Path) -> Path:
        """Write the result in the format that the suffix names; the file appears complete or not at all.

        Returns:
            The path.

        Raises:
            VidexplainError: Another suffix, or a file that cannot be written.
        """

    @classmethod
    def load(cls, path: str | Path, clip: ClipLike | None = None) -> Self:
        """Read what :meth:`save` has written as ``.npz`` or ``.json``.

        Args:
            path: The file.
            clip: The clip that was explained. None opens the file that the result names when frames are needed.

        Raises:
            VidexplainError: No such file, not a saved result of this kind, or another clip.
        """
        path = as_path(path)
        known = [kind for kind in NUMBERS if kind in cls.formats]
        if path.suffix.lower().lstrip(".") not in known:
            raise VidexplainError(f"cannot load '{path}': the name must end in {_suffixes(known)}")
        try:
            summary, arrays = _read(path)
            if summary["kind"] != cls.kind:
                raise VidexplainError(f"cannot load '{path}': it holds {summary['kind']}, not {cls.kind}")
            if summary["schema"] != SCHEMA:
                raise VidexplainError(f"cannot load '{path}': its schema is {summary['schema']}; known is {SCHEMA}")
            saved = SavedFrames(summary)
            return cls._restore(summary, arrays, saved if clip is None else matching(as_source(clip), saved))
        except VidexplainError:
            raise
        except OSError as error:
            raise VidexplainError(f"cannot load '{path}': {error.strerror or error}") from None
        except _DAMAGE:
            raise VidexplainError(f"cannot load '{path}': it is not a saved {cls.__name__}") from None

    def _write(
        self,
        path: str | Path,
        figure: Callable[[], "Figure"],
        video: Callable[[], Iterator[NDArray[np.uint8]]] | None = None,
        arrays: Callable[[], Arrays] | None = None,
        progress: Progress | None = None,
        caption: Callable[[], Iterable[str]] | None = None,
        methods: Sequence[str] = (),
    ) -> Path:
        """Write to ``path`` what its suffix asks for; only that is computed.

        Args:
            path: The file.
            figure: Makes the figure.
            video: Makes the frames of a video.
            arrays: Makes the arrays of an ``.npz`` file.
            progress: Called with the frames drawn and the frames in all, for a video.
            caption: Makes the sentences of the figure's caption in LaTeX.
            methods: Whose papers a ``.bib`` file holds.
        """
        path = as_path(path)
        kind = path.suffix.lower().lstrip(".")
        if kind not in self.formats:
            raise VidexplainError(f"cannot write '{path.name}': the name must end in {_suffixes(self.formats)}")
        if kind in FIGURES:
            from videxplain.viz.save import save_figure

            save_figure(figure(), path, note=self._note)
        elif kind == "json":
            write_json(path, self.summary())
        elif kind in TEXTS and caption:
            write_text(path, caption, methods, self.question)
        elif kind == "npz" and arrays:
            with replacing(path) as temporary:
                with temporary.open("wb") as file:
                    np.savez_compressed(file, **arrays(), summary=np.array(json.dumps(self.summary())))
                with zipfile.ZipFile(temporary, "a") as archive:  # the summary is compressed, and cannot be searched
                    archive.comment = self._note.encode("utf-8", "backslashreplace")[:_LONGEST_COMMENT]
        elif video:
            from videxplain.viz.video import save_video

            frames = _counted(video(), self.source.num_frames, progress)
            save_video(path, frames, self.source.fps, note=self._note, times=irregular_times(self.source))
        return path


def write_text(path: Path, caption: Callable[[], Iterable[str]], methods: Sequence[str], question: str) -> None:
    """Write the caption of a figure for LaTeX, or the papers of methods for BibTeX, as the suffix of ``path`` says."""
    from videxplain.explanation.latex import caption_text, references_text

    bibliography = path.suffix.lower() == ".bib"
    text = references_text(methods, question) if bibliography else caption_text(caption(), question)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _counted(frames: Iterable[NDArray[np.uint8]], total: int, progress: Progress | None) -> Iterator[NDArray[np.uint8]]:
    for i, frame in enumerate(frames):
        yield frame
        if progress:
            progress(i + 1, total)


def plain(value: Any) -> Any:
    """A value as JSON can hold it: no NaN and no infinity, which become None; tuples become lists."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)


def box_of(values: Sequence[float] | None) -> Box | None:
    """The box of a JSON file; files of earlier versions have none."""
    if values is None:
        return None
    top, left, bottom, right = map(float, values)
    return top, left, bottom, right


def _read(path: Path) -> tuple[dict[str, Any], Arrays | None]:
    if path.suffix.lower() == ".json":
        return parse_json(path.read_text(encoding="utf-8")), None
    with np.load(path, allow_pickle=False) as saved:
        arrays = {name: saved[name] for name in saved.files}
    return parse_json(str(arrays.pop("summary"))), arrays


def _suffixes(kinds: Iterable[str]) -> str:
    return ", ".join(f".{kind}" for kind in kinds)
