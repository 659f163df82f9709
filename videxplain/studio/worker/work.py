"""Answers each kind of question."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videxplain.attribution.display_names import display_name
from videxplain.attribution.registry import METHODS
from videxplain.attribution.targets import Contrast, class_index, describe
from videxplain.boxes import Box, scaled_box
from videxplain.data.shown import ShownFrames
from videxplain.data.stream import FileFrames
from videxplain.data.views import seen_box
from videxplain.errors import VidexplainError
from videxplain.explanation.api import explain, predict, predict_source
from videxplain.explanation.familiarity import REAL_NETWORK, familiarity_notes
from videxplain.explanation.layer_list import layer_list
from videxplain.explanation.panels import four_panel_figure
from videxplain.explanation.result import Explanation
from videxplain.metrics.strongest import STRONGEST
from videxplain.studio.intake.read_clip import SHOWN, SOURCE, shown_times
from videxplain.studio.questions.question import FIGURES, Question
from videxplain.studio.settings import Studio
from videxplain.studio.storage.answers import NUMBERS, read_answer, write_answer, write_explanation, write_partial
from videxplain.studio.worker.changed_frames import edited
from videxplain.studio.worker.hide import without_strongest
from videxplain.studio.worker.networks import Networks
from videxplain.viz.save import save_figure

Tell = Callable[[str, int, int | None, bool], None]
"""Called with the stage in words, the steps done, the number of all steps, and whether a partial result was written."""
_PARTIAL_SECONDS = 0.4
_ADVICE = f"Choose a model that was trained on real video. 'videxplain download {REAL_NETWORK}' adds one to the list."


class Work:
    """Answers questions."""

    def __init__(self, studio: Studio) -> None:
        """No network is loaded yet."""
        self._studio = studio
        self._networks = Networks(studio.device, studio.weights, studio.own)

    def answer(self, question: Question, tell: Tell) -> None:
        """Write the answer of a question, unless it exists already.

        Args:
            question: What is asked.
            tell: Called with the progress. An exception that it raises ends the work.

        Raises:
            VidexplainError: The question cannot be answered.
        """
        folder = self._folder(question)
        if read_answer(folder) is not None:
            return
        kinds = {
            "predict": self._predict,
            "explain": self._explain,
            "trust": self._trust,
            "file": self._file,
            "layers": self._layers,
        }
        write_answer(folder, kinds[question.kind](question, folder, tell))

    def _folder(self, question: Question) -> Path:
        folder = self._studio.results / question.key
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _source(self, question: Question) -> FileFrames:
        path = self._studio.clips / question.clip / SOURCE
        if not path.is_file():
            raise VidexplainError("the clip is no longer here: upload it again")
        try:
            source = FileFrames(path, *question.range)
        except VidexplainError as error:
            raise VidexplainError(str(error).replace(str(path), "the clip")) from None
        # Titles show this name. The file is not opened by it.
        source.path = Path(question.name or SOURCE)
        return source

    def _network(self, question: Question, tell: Tell) -> Any:
        tell(f"loading {question.model}", 0, None, False)
        return self._networks.get(question.model, question.weights_sha256, question.view)

    def _predict(self, question: Question, folder: Path, tell: Tell) -> dict[str, Any]:
        network = self._network(question, tell)
        source = edited(self._source(question), question.edits, network.config.mean)
        said = predict_source(network, source, progress=lambda done, total: tell("predicting", done, total, False))
        return {
            "predictions": [[label, float(probability)] for label, probability in said.classes],
            "notes": _advised((), familiarity_notes(said.familiarity, source)),
            "edits": [edit.words(question.range[0]) for edit in question.edits],
            "frames": source.num_frames,
        }

    def _predictions(self, question: Question, tell: Tell) -> list[tuple[str, float]]:
        """The classes of the clip. They are usually known: the page asks for them first."""
        first = question.prediction
        self.answer(first, tell)
        found = read_answer(self._folder(first))
        assert found is not None
        return [(label, probability) for label, probability in found["predictions"]]

    def _explain(self, question: Question, folder: Path, tell: Tell) -> dict[str, Any]:
        predictions = self._predictions(question, tell)
        network, source = self._network(question, tell), self._source(question)
        method = METHODS[question.method]
        # The class of the whole clip is known already, so the map of each window can be shown at once.
        target = (question.wanted or _index(predictions, network)) if method.candidates else None
        label = "" if target is None else _words(target, network)
        title = f"{question.name}: {display_name(question.method)} of {question.model}"
        timing = shown_times(source, self._studio.clips / question.clip / SHOWN)
        partial = _Partial(
            folder,
            source,
            seen_box(source.size, network.config.view),
            title,
            label,
            method.signed,
            timing,
        )

        def progress(done: int, total: int | None) -> None:
            tell("explaining", done, total, done != total and partial.write())

        tell("explaining", 0, None, False)
        explanation = explain(
            network,
            source,
            question.method,
            target=target,
            layer=question.layer or None,
            progress=progress,
            on_window=partial.add,
            **question.options,
        )
        tell("writing", 0, None, False)
        write_explanation(folder, explanation, title, source.start, *timing)
        origin = explanation.origin
        return {
            "predictions": [[a, float(b)] for a, b in explanation.predictions],
            "target": origin.target,
            "layer": origin.layer,
            "notes": _advised(explanation.notes, familiarity_notes(explanation.familiarity, source)),
            "provenance": explanation.provenance,
            "windows": origin.windows,
        }

    def _explained(self, question: Question, tell: Tell) -> Explanation:
        """The explanation that a question builds on."""
        whole = question.explanation
        self.answer(whole, tell)
        source = self._source(question)
        return Explanation.load(self._folder(whole) / NUMBERS, clip=source)

    def _trust(self, question: Question, folder: Path, tell: Tell) -> dict[str, Any]:
        explanation = self._explained(question, tell)
        network = self._network(question, tell)
        maps = np.stack(list(explanation.maps))
        label = explanation.explained_label or explanation.predictions[0][0]
        if question.against:
            label = question.target
        mean, source = network.config.mean, explanation.source
        scores = []
        for step, seed in enumerate((None, 0)):
            hidden = without_strongest(source, maps, mean, seed, explanation.view_box)
            said = predict(network, hidden, progress=lambda done, total: tell("hiding", done, total, False))
            scores.append(float(dict(said)[label]))
            tell("hiding", step + 1, 2, False)
        before = float(dict(explanation.predictions)[label])
        return {
            "label": label,
            "before": before,
            "hidden": scores[0],
            "random": scores[1],
            "share": STRONGEST,
            "trust": before - scores[0],
            "trust_random": before - scores[1],
        }

    def _file(self, question: Question, folder: Path, tell: Tell) -> dict[str, Any]:
        kind = question.format
        file = f"result.{kind.rpartition('.')[2]}"
        if kind in FIGURES:
            network = self._network(question, tell)
            drawn = four_panel_figure(
                network,
                self._source(question),
                target=question.wanted,
                layer=question.layer or None,
                progress=lambda done, total: tell("drawing", done, total, False),
            )
            save_figure(drawn, folder / file)
        else:
            explanation = self._explained(question, tell)
            explanation.save(folder / file, progress=lambda done, total: tell("drawing", done, total, False))
        return {"file": file}

    def _layers(self, question: Question, folder: Path, tell: Tell) -> dict[str, Any]:
        network = self._network(question, tell)
        config = network.config
        return {
            "layers": layer_list(network),
            "labels": [config.label(k) for k in range(config.num_outcomes)],
            "input": f"{config.num_frames} frames of {config.size[1]} x {config.size[0]} pixels",
        }


class _Partial:
    """The map of a clip as far as its windows have been explained."""

    def __init__(
        self,
        folder: Path,
        source: FileFrames,
        box: Box | None,
        title: str,
        label: str,
        signed: bool,
        timing: tuple[float, NDArray[np.float64] | None],
    ) -> None:
        """Nothing is known yet.

        Args:
            folder: The folder of the result.
            source: The clip.
            box: The part of a frame that the network sees, in stored pixels; None for the whole frame.
            title: Title of the player.
            label: The class that is explained; empty if there is none.
            signed: Whether maps have negative values.
            timing: What :func:`videxplain.studio.intake.read_clip.shown_times` says.
        """
        self._folder, self._source, self._timing = folder, source, timing
        self._size = ShownFrames(source).size
        self._box = scaled_box(box, source.size, self._size)
        self._title, self._label, self._signed = title, label, signed
        self._maps: NDArray[np.float32] | None = None
        self._written = 0.0

    def add(self, frames: NDArray[np.int64], shares: NDArray[np.float32], maps: NDArray[np.float32]) -> None:
        """Add the maps ``(T, h, w)`` of a window to its frames ``(T,)``, each with its share ``(T,)`` of the frame."""
        if self._maps is None:
            self._maps = np.zeros((self._source.num_frames, *maps.shape[1:]), np.float32)
        for frame, share, one in zip(frames, shares, maps, strict=True):
            self._maps[frame] += share * one

    def write(self) -> bool:
        """Write the map for the page, unless that was done a moment ago; whether it was written now."""
        if self._maps is None or time.monotonic() - self._written <= _PARTIAL_SECONDS:
            return False
        write_partial(
            self._folder,
            self._maps,
            *self._timing,
            size=self._size,
            title=self._title,
            label=self._label,
            signed=self._signed,
            view=self._box,
            first=self._source.start,
        )
        self._written = time.monotonic()
        return True


def _advised(notes: Sequence[str], unfamiliar: Sequence[str]) -> list[str]:
    """The notes for the page. For an unfamiliar clip, the advice is about the page, not about the terminal."""
    others = [note for note in notes if note not in unfamiliar]
    return [unfamiliar[0], _ADVICE, *others] if unfamiliar else others


def _index(predictions: list[tuple[str, float]], network: Any) -> int:
    return class_index(predictions[0][0], network.config.num_outcomes, _labels(network))


def _labels(network: Any) -> tuple[str, ...]:
    return tuple(network.config.label(k) for k in range(network.config.num_outcomes))


def _words(target: Any, network: Any) -> str:
    if isinstance(target, Contrast | int | str):
        return describe(target, network.config.num_outcomes, network.config.outcome_labels)
    return ""
