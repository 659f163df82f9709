"""Debian's Firefox for tests of pages, driven over Marionette, which Firefox itself speaks.

Playwright drives a Firefox of its own, which no package archive has. A test that needs Firefox is skipped, with the
reason, where there is none.
"""

import base64
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 120
"""Seconds that the browser has to start, and to answer a command."""


class Firefox:
    """One window."""

    def __init__(self, connection: socket.socket) -> None:
        self._stream, self._number = connection.makefile("rwb"), 0
        self._read()  # the greeting
        self.ask("WebDriver:NewSession")
        self.ask("WebDriver:SetTimeouts", script=1000 * PATIENCE, pageLoad=1000 * PATIENCE)

    def ask(self, command: str, **values: Any) -> Any:
        """The answer to a command; an assertion fails where Firefox answers with an error."""
        self._number += 1
        text = json.dumps([0, self._number, command, values]).encode()
        self._stream.write(f"{len(text)}:".encode() + text)
        self._stream.flush()
        _, number, error, answer = self._read()
        assert number == self._number
        assert error is None, error
        return answer

    def _read(self) -> Any:
        size = b""
        while (digit := self._stream.read(1)) != b":":
            assert digit, "Firefox has ended"
            size += digit
        return json.loads(self._stream.read(int(size)))

    def resize(self, width: int, height: int) -> None:
        """Make the window that wide and high."""
        self.ask("WebDriver:SetWindowRect", width=width, height=height)

    def go(self, address: str) -> None:
        """Open an address and wait until the page is loaded."""
        self.ask("WebDriver:Navigate", url=address)

    def run(self, script: str) -> Any:
        """The value of an expression in the page; promises are waited for."""
        return self.ask("WebDriver:ExecuteScript", script=f"return ({script})", args=[], sandbox=None)["value"]

    def wait(self, condition: str) -> None:
        """Wait until an expression in the page is true."""
        until = time.monotonic() + PATIENCE
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < until, f"never true: {condition}"
            time.sleep(0.1)

    def click(self, selector: str) -> None:
        """Click the first element that a selector finds."""
        found = self.ask("WebDriver:FindElement", using="css selector", value=selector)["value"]
        self.ask("WebDriver:ElementClick", id=next(iter(found.values())))

    def picture(self, path: Path) -> None:
        """Write what the window shows as a PNG file."""
        path.write_bytes(base64.b64decode(self.ask("WebDriver:TakeScreenshot", full=False)["value"]))


@contextmanager
def firefox() -> Iterator[Firefox]:
    """A running browser without a connection to anything but the disk and this machine."""
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        pytest.skip("no Firefox on this machine")
    with tempfile.TemporaryDirectory() as profile:
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = {
            "marionette.port": port,
            "network.proxy.type": 1,
            "network.proxy.http": "127.0.0.1",
            "network.proxy.http_port": 9,
            "network.proxy.ssl": "127.0.0.1",
            "network.proxy.ssl_port": 9,
            "network.proxy.no_proxies_on": "127.0.0.1",
            "datareporting.policy.dataSubmissionEnabled": False,
            "app.update.enabled": False,
        }
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in settings.items())
        (Path(profile) / "user.js").write_text("\n".join(lines))
        process = subprocess.Popen(
            [program, "--headless", "--marionette", "--no-remote", "--profile", profile],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with closing(_connected(process, port)) as connection:
                yield Firefox(connection)
        finally:
            process.kill()
            process.wait()


def _connected(process: subprocess.Popen[bytes], port: int) -> socket.socket:
    until = time.monotonic() + PATIENCE
    while True:
        assert process.poll() is None, "Firefox ended at its start"
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        except ConnectionRefusedError:
            assert time.monotonic() < until, "Firefox does not answer"
            time.sleep(0.2)
