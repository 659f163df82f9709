"""Reads a clip in a process with limits, so that a hostile file harms nothing but this process."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from videxplain.studio.intake.read_clip import SHOWN, SOURCE
from videxplain.studio.settings import Studio

_ENDED = "the file cannot be read: decoding it took too much time or memory, or broke the decoder"


def read_in_child(studio: Studio, folder: Path) -> dict[str, Any]:
    """Read the clip in ``folder`` in a process with limits.

    Returns:
        ``facts``, or ``error`` in a line.
    """
    limits = studio.limits
    text = json.dumps(
        {
            "seconds": limits.seconds,
            "pixels": limits.pixels,
            "frames": limits.frames,
            "decode_seconds": limits.decode_seconds,
            "decode_memory": limits.decode_memory,
            "file_bytes": 4 * limits.upload_bytes,
        }
    )
    command = [sys.executable, "-m", "videxplain.studio.intake.read_clip", str(folder / SOURCE), str(folder), text]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=4 * limits.decode_seconds, stdin=subprocess.DEVNULL, check=False
        )
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, IndexError, ValueError):
        return {"error": _ENDED}
    if "facts" in answer and not (folder / SHOWN).is_file():
        return {"error": _ENDED}
    return answer
