"""Serves the studio at an address of this machine."""

import secrets
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import uvicorn

from videxplain.claim import claimed
from videxplain.device import find_device
from videxplain.errors import VidexplainError
from videxplain.models.weights.cache import cache_folder
from videxplain.studio.questions.catalogue import own_offers
from videxplain.studio.settings import LOOPBACK, Limits, Studio
from videxplain.studio.web.app import create_app

_SHORTEST_TOKEN = 12


def run_studio(
    host: str,
    port: int,
    *,
    folder: Path | None = None,
    names: Sequence[str] = (),
    token: str = "",
    weights: Path | None = None,
    own: Sequence[str] = (),
    audit: Path | None = None,
    device: str = "auto",
    limits: Limits | None = None,
    ready: Callable[[str, str], None],
    warn: Callable[[str], None],
) -> None:
    """Serve until the process is interrupted.

    Args:
        host: The address to listen on. Any but this machine's own needs a token.
        port: 0 takes a free one.
        folder: The folder of clips and results; None for a folder in the cache.
        names: Other host names of the studio, such as that of a proxy.
        token: The token. If it is empty and one is needed, a random one is made.
        weights: A folder of weights files to choose from.
        own: ``python:FILE.py:NAME`` of networks to choose from. The files are run.
        audit: The folder of a finished audit.
        device: Where the networks run.
        limits: The limits for visitors and clips; None for the defaults.
        ready: Called with the address and the token when the studio answers.
        warn: Called with a line that the user should read.

    Raises:
        VidexplainError: The address is taken, another studio uses the folder, the token is too short, or the audit has
            no report.
    """
    find_device(device)
    if audit is not None and not (audit / "report" / "index.html").is_file():
        raise VidexplainError(f"{audit} holds no report of an audit: run 'videxplain audit' into it, or 'audit report'")
    if host not in LOOPBACK or names:
        token = token or secrets.token_urlsafe(24)
        if len(token) < _SHORTEST_TOKEN:
            raise VidexplainError(f"a token has at least {_SHORTEST_TOKEN} characters")
        warn("whoever knows the token can use this studio; put it behind a proxy with HTTPS (docs/studio.md)")
    studio = Studio(
        folder=folder or cache_folder() / "studio",
        limits=limits or Limits(),
        device=device,
        weights=weights,
        own=own_offers(own),
        audit=audit,
        token=token,
        hosts=tuple(dict.fromkeys([*LOOPBACK, host, *(one.lower() for one in names)])),
    )
    try:
        studio.make_folders()
    except OSError as error:
        raise VidexplainError(f"cannot write to {studio.folder}: {error.strerror or error}") from None
    with claimed(studio.folder), closing(_listening(host, port)) as listening:
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listening.getsockname()[1]}/"
        app = create_app(studio)
        settings = uvicorn.Config(
            app, log_level="warning", timeout_graceful_shutdown=2, server_header=False, date_header=False
        )
        server = _Server(settings, lambda: ready(address, token), app.state.ending)
        server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """Tells when it answers, and tells the application when it ends."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], ending: threading.Event) -> None:
        super().__init__(config)
        self._ready, self._ending = ready, ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._ending.set()
        await super().shutdown(sockets=sockets)


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except (OSError, UnicodeError) as error:
        raise VidexplainError(
            f"cannot listen on {host} port {port}: {getattr(error, 'strerror', None) or error}; choose another --port"
        ) from None
    return listening
