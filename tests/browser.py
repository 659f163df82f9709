"""Debian's Chromium for tests of pages; a test that needs it is skipped, with the reason, where there is none."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"),
)


PATIENCE = 60
"""Seconds that the browser has to start."""


@contextmanager
def chromium() -> Iterator[Any]:
    """A running browser."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium on this machine")
    with ExitStack() as stack:
        for attempt in (1, 2):
            try:
                with no_longer_than(PATIENCE):
                    playwright = stack.enter_context(sync_api.sync_playwright())
                    browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
                break
            except Exception:  # the driver was ended because it did not answer; playwright has no type for that
                stack.close()
                if attempt == 2:
                    raise
        stack.callback(browser.close)
        yield browser


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    """End the drivers of this process that do not answer. Without a limit, a test would wait for them for ever."""
    import psutil

    def end() -> None:
        for child in psutil.Process().children():
            if "run-driver" in child.cmdline():
                child.kill()

    watch = threading.Timer(seconds, end)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


@contextmanager
def page(browser: Any, width: int = 1280, height: int = 900, offline: bool = True) -> Iterator[Any]:
    """A page of a fresh context, whose script errors fail the test."""
    context = browser.new_context(viewport={"width": width, "height": height}, offline=offline)
    errors: list[str] = []
    try:
        shown = context.new_page()
        shown.on("pageerror", lambda error: errors.append(str(error)))
        yield shown
        assert not errors
    finally:
        context.close()


def faults(shown: Any) -> list[tuple[str, list[str]]]:
    """What axe finds serious or critical."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(shown).response["violations"]
    return [
        (one["id"], [node["html"][:90] for node in one["nodes"]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
