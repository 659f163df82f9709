"""The studio as a command in a process of its own, for scripts that are run by hand."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx


class Command:
    """``videxplain serve`` on a free port.

    Attributes:
        address: Where it answers.
    """

    def __init__(self, folder: Path, *options: str, patience: float = 120) -> None:
        """Start it, and wait until it answers."""
        line = [
            sys.executable,
            "-m",
            "videxplain",
            "serve",
            "--no-browser",
            "--port",
            "0",
            "--data",
            str(folder),
            *options,
        ]
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said: queue.Queue[str] = queue.Queue()
        assert self.process.stdout is not None
        output = self.process.stdout
        threading.Thread(target=lambda: [said.put(one) for one in output], daemon=True).start()
        lines, end = [], time.monotonic() + patience
        while time.monotonic() < end:
            try:
                lines.append(said.get(timeout=0.5))
            except queue.Empty:
                if self.process.poll() is not None:
                    break
                continue
            if found := re.search(r"http://\S+?(?=/\s|/$)", lines[-1]):
                self.address = found[0]
                return
        raise RuntimeError(f"the studio did not start: {''.join(lines)}")

    def worker(self) -> int | None:
        """The process number of the worker."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found: list[int] = []
        for task in children.parent.parent.iterdir():
            found += [int(one) for one in (task / "children").read_text().split()]
        for pid in found:
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        return None

    def memory(self) -> float:
        """Megabytes that the server holds."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024  # type: ignore[index]

    def kill(self) -> None:
        """SIGKILL."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        """An interrupt, as from the keyboard."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()


def patient(address: str, cookies: dict[str, str] | None = None) -> httpx.Client:
    """A client of the studio."""
    return httpx.Client(base_url=address, cookies=cookies, timeout=120)
