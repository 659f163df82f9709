"""Debian's Chromium for tests of pages; a test that needs it is skipped, with the reason, where there is none."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

PROGRAMS = ("chromium-headless-shell", "chromium")
"""Without a screen the first is enough. It starts faster, and does nothing in the background."""
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"),
)
PAGE_SECONDS = 240
"""The time that a test may take with a page, and with a browser that has to start first. Playwright itself waits for
the result of a script for ever."""
WAIT = 120_000
"""Milliseconds that a browser may take to start, and anything on a page to come. A machine that does much else is
slow."""
DRAWN = "[...document.querySelectorAll('[data-chart]')].every((one) => one.querySelector('svg .mark-group'))"
"""Whether the charts of a report stand there."""


class BrowserHungError(Exception):
    """The browser was ended because it did not answer."""


class Chromium:
    """A browser that is started when a page needs it, and again after it was ended."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._running: Any = None

    def __enter__(self) -> "Chromium":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def context(self, seconds: float, **settings: Any) -> Iterator[Any]:
        """Playwright's browser context, which shares nothing with others. It has this time.

        Raises:
            BrowserHungError: The time was over, and the browser was ended.
        """
        with self._ended_after(seconds):
            if self._running is None:
                self._running = self._started()
            context = self._running.new_context(**settings)
            try:
                yield context
            finally:
                context.close()

    def close(self) -> None:
        """End the browser if it runs."""
        self._running = None
        stack, self._stack = self._stack, ExitStack()
        stack.close()

    def _started(self) -> Any:
        sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if program is None:
            pytest.skip("no chromium on this machine")
        playwright = self._stack.enter_context(sync_api.sync_playwright())
        try:
            return playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS), timeout=WAIT)
        except sync_api.TimeoutError as error:
            self.close()
            raise BrowserHungError("the browser did not start") from error

    @contextmanager
    def _ended_after(self, seconds: float) -> Iterator[None]:
        import psutil

        hung = threading.Event()

        def end() -> None:
            hung.set()
            for driver in psutil.Process().children():
                if "run-driver" in driver.cmdline():
                    for process in (*driver.children(recursive=True), driver):
                        process.kill()

        watch = threading.Timer(seconds, end)
        watch.daemon = True
        watch.start()
        try:
            yield
        except Exception as error:
            if hung.is_set():
                raise BrowserHungError(f"the browser was ended after {seconds:g} s") from error
            raise
        finally:
            watch.cancel()
            if hung.is_set():
                self.close()


@contextmanager
def page(
    browser: Chromium, width: int = 1280, height: int = 900, offline: bool = True, seconds: float = PAGE_SECONDS
) -> Iterator[Any]:
    """A page of a fresh context, whose script errors fail the test."""
    errors: list[str] = []
    with browser.context(seconds, viewport={"width": width, "height": height}, offline=offline) as context:
        context.set_default_timeout(WAIT)
        shown = context.new_page()
        shown.on("pageerror", lambda error: errors.append(str(error)))
        yield shown
        assert not errors


def expect(found: Any) -> Any:
    """What Playwright expects of a page or of an element: it is waited for.

    Scripts of a page act when they come to it. So what a click, a key, another address or an answer of a server changes
    is not read at once, but expected.
    """
    from playwright.sync_api import expect as of

    of.set_options(timeout=WAIT)
    return of(found)


def until(shown: Any, holds: str) -> None:
    """Wait until this expression of JavaScript holds on a page or in a frame.

    Playwright evaluates a bare expression anew each time, which the studio's pages forbid to all but the first time; a
    function is only called again.
    """
    shown.wait_for_function(f"() => ({holds})")


def faults(shown: Any) -> list[tuple[str, list[str]]]:
    """What axe finds serious or critical."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(shown).response["violations"]
    return [
        (one["id"], [node["html"][:90] for node in one["nodes"]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
