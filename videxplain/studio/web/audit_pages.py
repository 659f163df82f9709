"""The page of an audit's clips. It exists if the studio was started with an audit."""

import asyncio
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from videxplain.studio.intake.uploads import receive_clip
from videxplain.studio.questions.asking import plain_text
from videxplain.studio.web.audit_clips import MOST_SHOWN, AuditClips, chunks_of
from videxplain.studio.web.desk import Desk
from videxplain.studio.web.pages import Pages


def audit_router(desk: Desk, pages: Pages, clips: AuditClips) -> APIRouter:
    """The routes of the page.

    Args:
        desk: The studio.
        pages: The templates.
        clips: The audit.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/audit-clips")
    def listed(truth: str = "", prediction: str = "") -> Response:
        return pages.show(
            "audit.html",
            words=clips.words,
            difference=clips.difference,
            confused=clips.confused,
            truth=plain_text(truth),
            prediction=plain_text(prediction),
            rows=clips.chosen(truth, prediction),
            most=MOST_SHOWN,
            page="audit",
        )

    @router.post("/audit-clips/{number}")
    async def opened(request: Request, number: int) -> Response:
        name, path = clips.file(number)
        sha = await receive_clip(desk.studio, chunks_of(path))
        await asyncio.to_thread(desk.add_clip, request.state.visitor, sha, name)
        return RedirectResponse(f"/clip/{sha}?{urlencode(clips.question)}", 303)

    return router
