"""Debian's Chromium for tests of pages; a test that needs it is skipped, with the reason, where there is none."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"),
)


@contextmanager
def chromium() -> Iterator[Any]:
    """A running browser."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


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
