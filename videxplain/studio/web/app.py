"""The application: the pages, the HTTP interface, the guard before them and the worker behind them."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from videxplain.errors import VidexplainError
from videxplain.studio.intake.examples import add_examples
from videxplain.studio.intake.uploads import clear_incoming
from videxplain.studio.questions.asking import plain_text
from videxplain.studio.settings import Studio
from videxplain.studio.storage.store import Store
from videxplain.studio.web.api import api_router
from videxplain.studio.web.audit_clips import AuditClips
from videxplain.studio.web.audit_pages import audit_router
from videxplain.studio.web.desk import Desk, MissingError
from videxplain.studio.web.guard import Guard
from videxplain.studio.web.pages import Pages, page_router
from videxplain.studio.worker.supervisor import Supervisor
from videxplain.version import __version__

_REPORT = "report"
_NO_PAGE = "there is no such page"


def create_app(studio: Studio, *, examples: bool = True, work: bool = True) -> FastAPI:
    """The studio as an ASGI application. The worker runs as long as the application.

    Args:
        studio: The settings of the studio.
        examples: Whether to render missing examples.
        work: Whether to start the worker and the reader of clips. Without them, questions wait for ever.
    """
    studio.make_folders()
    store = Store(studio)
    desk, supervisor = Desk(studio, store), Supervisor(studio, store)
    pages = Pages(desk)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        clear_incoming(studio, store)
        if examples:
            add_examples(studio, store)
        if work:
            supervisor.start()
        try:
            yield
        finally:
            if work:
                supervisor.stop()

    app = FastAPI(
        title="videxplain studio",
        version=__version__,
        summary="Explanations of video clips: submit, status, result.",
        docs_url=None,
        redoc_url=None,
        lifespan=life,
    )
    app.state.supervisor, app.state.store = supervisor, store
    app.state.ending = threading.Event()  # set when the server ends, so that no stream of events keeps it waiting
    app.include_router(api_router(desk))
    app.include_router(page_router(desk, pages, app.openapi))
    if studio.audit is not None:
        app.include_router(audit_router(desk, pages, AuditClips(studio.audit, studio.weights)))
        app.mount("/audit", StaticFiles(directory=studio.audit / _REPORT, html=True), name="audit")
    app.add_middleware(Guard, studio=studio)

    def say(request: Request, status: int, line: str) -> Response:
        line = plain_text(line, 500)
        if request.url.path.startswith("/api"):
            return JSONResponse({"error": line}, status)
        return pages.problem(status, line)

    def refused(request: Request, error: Exception) -> Response:
        return say(request, 400, str(error))

    def missing(request: Request, error: Exception) -> Response:
        return say(request, 404, str(error))

    def wrong(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        if not request.url.path.startswith("/api"):
            return say(request, 404, _NO_PAGE)
        return say(request, 422, _first(error.errors()))

    def status(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        lines = {404: _NO_PAGE, 405: "this cannot be asked in this way"}
        return say(request, error.status_code, lines.get(error.status_code, str(error.detail)))

    def broken(request: Request, error: Exception) -> Response:
        return say(request, 500, "something went wrong in the studio; its terminal says what")

    app.add_exception_handler(VidexplainError, refused)
    app.add_exception_handler(MissingError, missing)
    app.add_exception_handler(RequestValidationError, wrong)
    app.add_exception_handler(HTTPException, status)
    app.add_exception_handler(Exception, broken)
    return app


def _first(errors: Any) -> str:
    """The first error of a request, in one line."""
    first = errors[0]
    place = ".".join(str(one) for one in first.get("loc", ())[1:])
    return f"{place}: {first.get('msg', 'not valid')}" if place else str(first.get("msg", "not valid"))
