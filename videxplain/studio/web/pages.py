"""The pages, made on the server. Every state of a page has an address."""

from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from videxplain.attribution.display_names import display_name
from videxplain.attribution.registry import Family
from videxplain.errors import VidexplainError
from videxplain.studio.questions.addresses import address_of, given_in, option_text, query_of
from videxplain.studio.questions.asking import asked
from videxplain.studio.questions.catalogue import DEFAULT_METHOD, method_record, method_records, offers
from videxplain.studio.questions.commands import command_line, python_lines
from videxplain.studio.questions.question import Question
from videxplain.studio.web.api import Sha
from videxplain.studio.web.desk import Desk
from videxplain.studio.web.guard import KEY, key_of, same
from videxplain.version import __version__
from videxplain.viz.player import bundle

MOST_BESIDE = 3
FAMILIES: Mapping[Family, str] = {
    "cam": "Class activation maps",
    "gradient": "Gradients",
    "relevance": "Relevance",
    "perturbation": "Hiding parts",
    "attention": "Attention",
    "activation": "Activations",
}
FORMATS: Mapping[str, Mapping[str, str]] = {
    "video with the map": {"mp4": "MP4", "gif": "GIF"},
    "page with this player": {"html": "HTML"},
    "contact sheet": {"png": "PNG", "pdf": "PDF", "svg": "SVG"},
    "four panels": {"figure.png": "PNG", "figure.pdf": "PDF"},
    "for a paper": {"tex": "LaTeX caption", "bib": "BibTeX"},
    "numbers": {"json": "JSON", "npz": "npz"},
}
"""What can be saved: the formats of each kind of file, with the words of their buttons."""
_KINDS = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


class Pages:
    """Fills in templates."""

    def __init__(self, desk: Desk) -> None:
        """Use the templates of this package."""
        self._desk = desk
        self._environment = Environment(
            loader=PackageLoader("videxplain.studio.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._environment.filters["display_name"] = display_name

    def show(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page from a template.

        Args:
            template: File name of the template.
            status: HTTP status.
            **values: Values for the template.
        """
        shared = {"version": __version__, "has_audit": self._desk.studio.audit is not None, "page": ""}
        return HTMLResponse(self._environment.get_template(template).render(**{**shared, **values}), status)

    def problem(self, status: int, line: str) -> HTMLResponse:
        """A page with one line."""
        return self.show("problem.html", status, line=line)


def page_router(desk: Desk, pages: Pages, schema: Any) -> APIRouter:
    """The routes of the pages.

    Args:
        desk: The studio.
        pages: The templates.
        schema: Function that returns the OpenAPI description.
    """
    router = APIRouter(include_in_schema=False)
    assets = _assets()

    @router.get("/")
    def home(request: Request) -> Response:
        limits = desk.studio.limits
        clips, waiting = desk.store.clips.of(request.state.visitor), desk.waiting(request.state.visitor)
        return pages.show("home.html", clips=clips, waiting=waiting, limits=limits, page="home")

    @router.get("/clip/{sha}")
    def clip(request: Request, sha: Sha) -> Response:
        visitor, query = request.state.visitor, request.query_params
        found = desk.clip(visitor, sha)
        if found["state"] == "failed":
            return pages.problem(400, f"{found['name']}: {found['error']}")
        if found["state"] == "new":
            return pages.show("reading.html", clip=found)
        try:
            question, _ = desk.question(visitor, {"clip": sha, **given_in(query.multi_items())})
            besides = [_beside(desk, visitor, text) for text in query.getlist("beside")[:MOST_BESIDE]]
        except VidexplainError as error:
            back = f"/clip/{sha}"
            return pages.show("problem.html", 400, line=str(error), back=back)
        here = offers(desk.studio.weights, desk.studio.own)
        return pages.show(
            "clip.html",
            clip=found,
            clips=[one for one in desk.store.clips.of(visitor) if one["state"] == "ready"],
            question=question,
            panes=_panes(question, found, besides),
            besides=[query_of(one, with_clip=True) for one, _ in besides],
            offers=here,
            offer=here[question.model],
            method=method_record(question.method),
            methods=_by_family(),
            families=FAMILIES,
            formats=FORMATS,
            values={name: option_text(value) for name, value in question.options.items()},
            first=question.range[0],
            last=question.range[0] + _count(question, int(found["frames"])) - 1,
            command=command_line(question, here[question.model], found["name"]),
            python=python_lines(question, here[question.model], found["name"]),
            most_beside=MOST_BESIDE,
            player_scripts=bundle.SCRIPTS,
        )

    @router.get("/form/options")
    def options(method: str = DEFAULT_METHOD) -> Response:
        asked({"clip": "0" * 64, "method": method}, desk.studio.weights)
        return pages.show("options.html", method=method_record(method), values={})

    @router.get("/docs")
    def docs() -> Response:
        return pages.show("docs.html", schema=schema(), page="docs")

    @router.get("/enter")
    def enter() -> Response:
        if not desk.studio.token:
            return RedirectResponse("/", 303)
        return pages.show("enter.html", wrong=False)

    @router.post("/enter")
    async def entered(request: Request) -> Response:
        body = (await request.body()).decode("utf-8", "replace")
        given = dict(parse_qsl(body)).get("token", "")
        if not desk.studio.token or not same(given.strip(), desk.studio.token):
            return pages.show("enter.html", 401, wrong=True)
        answer = RedirectResponse("/", 303)
        secure = request.url.scheme == "https"
        answer.set_cookie(
            KEY, key_of(desk.studio.token), max_age=30 * 86400, httponly=True, samesite="lax", secure=secure
        )
        return answer

    @router.get("/assets/{name}")
    def asset(name: str) -> Response:
        if name not in assets:
            return pages.problem(404, "there is no such file")
        kind = _KINDS[name.rpartition(".")[2]]
        return Response(assets[name], media_type=kind, headers={"cache-control": "no-cache"})

    @router.get("/favicon.ico")
    def icon() -> Response:
        return Response(assets["icon.svg"], media_type="image/svg+xml")

    return router


def _count(question: Question, frames: int) -> int:
    """The number of frames of a clip that are explained."""
    start, stop = question.range
    return (frames if stop is None else min(stop, frames)) - start


def _assets() -> dict[str, bytes]:
    """The scripts and styles by name. Other files are not served."""
    own = files("videxplain.studio.web") / "assets"
    found = {one.name: one.read_bytes() for one in own.iterdir() if one.name.rpartition(".")[2] in _KINDS}
    return found | {name: bundle.asset(name).encode() for name in (*bundle.SCRIPTS, bundle.STYLE)}


def _beside(desk: Desk, visitor: str, text: str) -> tuple[Question, dict[str, Any]]:
    items = parse_qsl(text[:4000])
    return desk.question(visitor, {"clip": dict(items).get("clip", ""), **given_in(items)})


def _panes(
    main: Question, clip: dict[str, Any], besides: list[tuple[Question, dict[str, Any]]]
) -> list[dict[str, Any]]:
    """The panes, each with the addresses that change it and remove it."""
    everything = [(main, clip), *besides]
    panes = []
    for place, (question, shown) in enumerate(everything):
        others = [one for one, _ in (everything[:place] + everything[place + 1 :])]
        panes.append(
            {
                "question": asdict(question),
                "clip": shown,
                "model": question.model,
                "change": address_of(question, others),
                "remove": address_of(others[0], others[1:]) if others else "",
            }
        )
    return panes


def _by_family() -> Mapping[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for one in method_records():
        found.setdefault(one["family"], []).append(one)
    return found
