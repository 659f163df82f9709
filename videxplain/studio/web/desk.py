"""The actions behind the pages and the HTTP interface, each for one visitor."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from videxplain.attribution.display_names import display_name
from videxplain.errors import VidexplainError
from videxplain.studio.questions.addresses import address_of
from videxplain.studio.questions.asking import asked, plain_text
from videxplain.studio.questions.catalogue import DEFAULT_METHOD
from videxplain.studio.questions.question import Question
from videxplain.studio.settings import Studio
from videxplain.studio.storage.answers import read_answer
from videxplain.studio.storage.database import OPEN_STATES
from videxplain.studio.storage.jobs import Job
from videxplain.studio.storage.store import Store

_LONGEST_NAME = 120
_WORDS = {"explain": "", "trust": "hide what the map shows, ", "file": "file, "}
"""What is said of a kind of question before its method."""


class MissingError(Exception):
    """Something does not exist, or belongs to another visitor. The answer does not say which."""


@dataclass(frozen=True)
class Desk:
    """Takes questions and gives answers.

    Attributes:
        studio: The studio.
        store: Its tables.
    """

    studio: Studio
    store: Store

    def clip(self, visitor: str, sha: str) -> dict[str, Any]:
        """A clip of this visitor, or an example.

        Raises:
            MissingError: There is none.
        """
        found = self.store.clips.find(visitor, sha)
        if found is None:
            raise MissingError("this clip is not here, or it is another visitor's")
        return found

    def add_clip(self, visitor: str, sha: str, name: str) -> None:
        """Give an uploaded clip to a visitor.

        Args:
            visitor: The visitor.
            sha: The SHA-256 of the clip.
            name: The name of its file.

        Raises:
            VidexplainError: The visitor has too many clips.
        """
        self.store.clips.see(visitor)
        try:
            self.store.clips.add(visitor, sha, plain_text(name, _LONGEST_NAME) or "clip", self.studio.limits.clips)
        except VidexplainError:
            if sha not in self.store.clips.all():
                shutil.rmtree(self.studio.clips / sha, ignore_errors=True)
            raise

    def question(self, visitor: str, given: Mapping[str, Any]) -> tuple[Question, dict[str, Any]]:
        """Check a question.

        Args:
            visitor: The visitor.
            given: The fields of the request, as for :func:`videxplain.studio.questions.asking.asked`.

        Returns:
            The question, and its clip; the clip is empty for a question about a network only.

        Raises:
            VidexplainError: The question cannot be asked.
            MissingError: Its clip is not this visitor's.
        """
        question = asked(given, self.studio.weights, self.studio.own)
        clip = self.clip(visitor, question.clip) if question.clip else {}
        if clip and clip["state"] == "failed":
            raise VidexplainError(clip["error"])
        if clip and clip["state"] == "ready":
            _check_frames(question, int(clip["frames"]))
        if clip and question.kind != "predict":
            question = replace(question, name=str(clip["name"]))
        return question, clip

    def submit(self, visitor: str, given: Mapping[str, Any]) -> tuple[Question, Job]:
        """Queue a question of a visitor. The question for the classes goes first, because its answer is faster.

        Raises:
            VidexplainError: As for :meth:`question`; or the clip is not read yet, or too many questions wait.
            MissingError: As for :meth:`question`.
        """
        question, clip = self.question(visitor, given)
        if clip and clip["state"] == "new":
            raise VidexplainError("the clip is still being read: ask again in a moment")
        if question.kind in ("explain", "trust"):
            self._ask(visitor, question.prediction)
        if question.kind == "trust":
            self._ask(visitor, question.explanation)
        self._ask(visitor, question)
        self.store.use(question.key, question.clip)
        return question, self.job(visitor, question.key)

    def _ask(self, visitor: str, question: Question) -> None:
        self.store.jobs.ask(visitor, question.key, question.kind, question.record(), self.studio.limits.jobs)

    def job(self, visitor: str, key: str) -> Job:
        """A job that this visitor has asked.

        Raises:
            MissingError: There is none.
        """
        found = self.store.jobs.find(key, visitor)
        if found is None:
            raise MissingError("there is no such question of yours")
        return found

    def answer(self, visitor: str, key: str) -> dict[str, Any]:
        """The answer of a finished job.

        Raises:
            MissingError: There is no such job, or it is not finished.
        """
        job = self.job(visitor, key)
        found = read_answer(self.studio.results / key) if job.state == "done" else None
        if found is None:
            raise MissingError("this question is not answered" + (f": {job.error}" if job.error else ""))
        self.store.use(key, str(job.question["clip"]))
        return found

    def file(self, visitor: str, key: str, name: str) -> Path:
        """A file of a result.

        Raises:
            MissingError: There is no such job, or no such file.
        """
        self.job(visitor, key)
        path = self.studio.results / key / name
        if not path.is_file():
            raise MissingError("this question is not answered yet")
        return path

    def waiting(self, visitor: str) -> list[dict[str, Any]]:
        """The questions of this visitor that wait or run, each in words and with the address of its page.

        The questions that a page asks by itself, for classes and layers, are left out.
        """
        found = []
        for job in reversed(self.store.jobs.of(visitor)):
            question = Question.of_record(job.question)
            if job.state not in OPEN_STATES or not (question.method or question.edits):
                continue
            main = replace(question, method=question.method or DEFAULT_METHOD)
            named = f"{_WORDS[question.kind]}{display_name(main.method)} of {main.model}"
            words = named if question.method else f"edit, {main.model}"
            clip = self.store.clips.find(visitor, question.clip)
            found.append({"key": job.key, "words": words, "address": address_of(main, []), "clip": clip})
        return found

    def experiments(self, visitor: str, clip: str, model: str, view: str, frames: str) -> list[dict[str, Any]]:
        """The experiments of this visitor with a clip and a network, the last first. Arguments: as in a question."""
        rows = []
        for job in self.store.jobs.of(visitor):
            question = Question.of_record(job.question)
            tried = question.kind == "trust" or (question.kind == "predict" and question.edits)
            asked_of = question.clip, question.model, question.view, question.frames
            if not tried or asked_of != (clip, model, view, frames):
                continue
            answer = read_answer(self.studio.results / job.key) if job.state == "done" else None
            words = [edit.words(question.range[0]) for edit in question.edits]
            words = words or [f"strongest tenth of {display_name(question.method)} hidden"]
            before = read_answer(self.studio.results / question.prediction.key)
            rows.append(
                {
                    **job_record(job),
                    "words": words,
                    "answer": answer,
                    "before": before and before["predictions"],
                }
            )
        return rows


def job_record(job: Job) -> dict[str, Any]:
    """A job as plain values for JSON."""
    names = ("key", "kind", "state", "stage", "done", "total", "partial", "error", "place")
    return {name: getattr(job, name) for name in names}


def _check_frames(question: Question, frames: int) -> None:
    start, _ = question.range
    if start >= frames:
        raise VidexplainError(f"the clip has frames 0 to {frames - 1}; there is no frame {start}")
