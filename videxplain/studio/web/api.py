"""The HTTP interface under ``/api``. The pages use it, and other programs can."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi import Path as InPath
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from videxplain.files import file_stem
from videxplain.studio.intake.read_clip import POSTER, SHOWN
from videxplain.studio.intake.uploads import receive_clip
from videxplain.studio.questions.catalogue import FIRST, method_records, offers
from videxplain.studio.questions.question import FILES, KINDS
from videxplain.studio.storage.answers import MAPS, PARTIAL, PARTIAL_MAPS, PLAYER
from videxplain.studio.storage.database import OPEN_STATES
from videxplain.studio.web.desk import Desk, MissingError, job_record
from videxplain.viz.player.bundle import colour_tables

Sha = Annotated[str, InPath(pattern="^[0-9a-f]{64}$", description="64 hexadecimal digits")]
Keys = Annotated[list[str], Query(max_length=16, description="the keys of the jobs to watch, at most 16")]
Name = Annotated[str, Query(description="the file's name, which the page and saved files show")]
ClipPart = Annotated[str, InPath(description="video or poster")]
ResultPart = Annotated[str, InPath(description="player, maps, partial or partial-maps")]
_LOOK_SECONDS = 0.25
_EAGER_SECONDS, _EAGER_LOOK_SECONDS = 3.0, 0.04
_QUIET_SECONDS = 15.0
_LONGEST_SECONDS = 3600.0
_FILES = {"player": PLAYER, "maps": MAPS, "partial": PARTIAL, "partial-maps": PARTIAL_MAPS}


class Asked(BaseModel):
    """A question. Every field has a default."""

    model_config = ConfigDict(extra="forbid")

    kind: str = Field("explain", description=", ".join(KINDS))
    clip: str = Field("", description="SHA-256 of the clip")
    model: str = Field(FIRST, description="an id of /api/models")
    view: str = Field("model", description="model (frames as its authors show them, perhaps cropped) or whole")
    method: str = Field("", description="a name of /api/methods")
    target: str = Field("", description="a class by name or number; empty for the class predicted")
    against: str = Field("", description="why target rather than this class")
    layer: str = Field("", description="a layer by its dotted name")
    frames: str = Field("", description="START:STOP; empty for all frames")
    format: str = Field("", description="for kind file: " + ", ".join(FILES))
    options: dict[str, Any] = Field(default_factory=dict, description="options of the method")
    edits: list[dict[str, Any]] = Field(
        default_factory=list,
        description="for kind predict: kind (freeze, blur, hide, cut), first, last, box (left, top, right, bottom); "
        "first and last count from START of frames",
    )


def api_router(desk: Desk) -> APIRouter:
    """The routes under ``/api``."""
    router = APIRouter(prefix="/api")

    @router.post("/clips", status_code=201, summary="Upload a clip: the file is the body of the request")
    async def upload(request: Request, name: Name = "") -> dict[str, Any]:
        visitor = request.state.visitor
        sha = await receive_clip(desk.studio, request.stream())
        await asyncio.to_thread(desk.add_clip, visitor, sha, name.replace("\\", "/").rpartition("/")[2])
        return desk.clip(visitor, sha)

    @router.get("/clips", summary="The examples, and your clips")
    def clips(request: Request) -> list[dict[str, Any]]:
        return desk.store.clips.of(request.state.visitor)

    @router.get("/clips/{sha}", summary="One clip: its state is new, ready or failed")
    def clip(request: Request, sha: Sha) -> dict[str, Any]:
        return desk.clip(request.state.visitor, sha)

    @router.delete("/clips/{sha}", status_code=204, summary="Delete one of your clips")
    def drop(request: Request, sha: Sha) -> Response:
        if not desk.store.clips.drop(request.state.visitor, sha):
            raise MissingError("this clip is not yours")
        return Response(status_code=204)

    @router.get("/clips/{sha}/{what}", summary="The clip as a browser plays it (video), or a picture of it (poster)")
    def clip_file(request: Request, sha: Sha, what: ClipPart) -> Response:
        desk.clip(request.state.visitor, sha)
        name = {"video": SHOWN, "poster": POSTER}.get(what)
        path = desk.studio.clips / sha / (name or "")
        if name is None or not path.is_file():
            raise MissingError("the clip is not read yet")
        kind = "video/mp4" if name == SHOWN else "image/jpeg"
        return FileResponse(path, media_type=kind, headers={"cache-control": "private, max-age=86400"})

    @router.get("/models", summary="The networks, with what they were trained on")
    def models() -> list[dict[str, Any]]:
        return [
            {"id": one.id, "model": one.model, "weights": one.words, "labels": list(one.labels)}
            for one in offers(desk.studio.weights, desk.studio.own).values()
        ]

    @router.get("/methods", summary="The methods, with their options")
    def methods() -> list[dict[str, Any]]:
        return method_records()

    @router.get("/colours", summary="The colour maps of the player, 256 colours of three bytes in base64")
    def colours() -> Response:
        return JSONResponse(colour_tables(), headers={"cache-control": "max-age=86400"})

    @router.post("/jobs", status_code=202, summary="Ask a question; the same question again costs nothing")
    def submit(request: Request, asked: Asked) -> dict[str, Any]:
        question, job = desk.submit(request.state.visitor, asked.model_dump())
        return {**job_record(job), "prediction": question.prediction.key if question.clip else None}

    @router.get("/jobs", summary="The questions that you have asked")
    def jobs(request: Request) -> list[dict[str, Any]]:
        return [job_record(job) for job in desk.store.jobs.of(request.state.visitor)]

    @router.get("/jobs/{key}", summary="How far a question is")
    def status(request: Request, key: Sha) -> dict[str, Any]:
        return job_record(desk.job(request.state.visitor, key))

    @router.delete("/jobs/{key}", status_code=204, summary="Cancel a question")
    def cancel(request: Request, key: Sha) -> Response:
        if not desk.store.jobs.cancel(request.state.visitor, key):
            raise MissingError("there is no such question of yours")
        return Response(status_code=204)

    @router.get("/events", summary="How far questions are, as server-sent events", response_class=StreamingResponse)
    async def events(request: Request, key: Keys) -> StreamingResponse:
        stream = _events(desk, request.state.visitor, key, request.app.state.ending)
        return StreamingResponse(stream, media_type="text/event-stream")

    @router.get("/results/{key}", summary="The answer to a question")
    def result(request: Request, key: Sha) -> dict[str, Any]:
        return desk.answer(request.state.visitor, key)

    @router.get("/results/{key}/file", summary="The file of a question of kind file")
    def file(request: Request, key: Sha) -> Response:
        answer = desk.answer(request.state.visitor, key)
        if "file" not in answer:
            raise MissingError("this question is not for a file")
        path = desk.file(request.state.visitor, key, answer["file"])
        return FileResponse(path, filename=_download_name(desk, request.state.visitor, key, path))

    @router.get("/results/{key}/{what}", summary="For the player: player and maps, partial and partial-maps")
    def part(request: Request, key: Sha, what: ResultPart) -> Response:
        if what not in _FILES:
            raise MissingError("there is player, maps, partial and partial-maps")
        path = desk.file(request.state.visitor, key, _FILES[what])
        return Response(path.read_bytes(), media_type="application/json" if path.suffix == ".json" else None)

    @router.get("/experiments", summary="The changes of a clip that you have tried")
    def experiments(
        request: Request,
        clip: Annotated[str, Query(description="SHA-256 of the clip")],
        model: Annotated[str, Query(description="an id of /api/models")] = FIRST,
        view: Annotated[str, Query(description="model or whole, as in the question")] = "model",
        frames: Annotated[str, Query(description="START:STOP, as in the question")] = ":",
    ) -> list[dict[str, Any]]:
        return desk.experiments(request.state.visitor, clip, model, view, frames)

    return router


async def _events(desk: Desk, visitor: str, keys: list[str], ending: threading.Event) -> AsyncIterator[str]:
    """Server-sent events: every change of some jobs, until all have ended, or the server ends."""
    told: dict[str, dict[str, Any]] = {}
    quiet, started = time.monotonic(), time.monotonic()
    while time.monotonic() - started < _LONGEST_SECONDS and not ending.is_set():
        jobs = await asyncio.to_thread(lambda: [desk.store.jobs.find(key, visitor) for key in keys])
        known = [job_record(job) for job in jobs if job is not None]
        # A question that another visitor has asked too goes on without this one, for whom it is cancelled.
        still = {record["key"] for record in known}
        known += [{**record, "state": "cancelled"} for key, record in told.items() if key not in still]
        for record in known:
            if told.get(record["key"]) != record:
                told[record["key"]] = record
                quiet = time.monotonic()
                yield f"data: {json.dumps(record)}\n\n"
        if all(record["state"] not in OPEN_STATES for record in known):
            yield "event: over\ndata: {}\n\n"
            return
        if time.monotonic() - quiet > _QUIET_SECONDS:
            quiet = time.monotonic()
            yield ": waiting\n\n"
        # Look often at first, while a person waits for the predictions, and less often later.
        await asyncio.sleep(_LOOK_SECONDS if time.monotonic() - started > _EAGER_SECONDS else _EAGER_LOOK_SECONDS)


def _download_name(desk: Desk, visitor: str, key: str, path: Path) -> str:
    question = desk.job(visitor, key).question
    clip = str(question["name"]).rpartition(".")[0] or str(question["name"])
    figure = "-figure" if question["format"].startswith("figure.") else ""
    words = f"{clip}-{question['model']}-{question['method']}{figure}"
    return f"{file_stem(words) or 'explanation'}{path.suffix}"
