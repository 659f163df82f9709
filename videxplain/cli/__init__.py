"""The command line: parse, call, print."""

# Little is imported here, so that an interrupt is handled from the first moment on.
import atexit
import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import NoReturn

__all__ = ["main"]

INTERRUPTED = 130
_AGAIN = 2.0
"""Seconds after which an interrupt during an import is sent again."""
_was_interrupted = False


def _leave() -> None:
    """End the process here after an interrupt: Python's own end may wait for what libraries still do in threads."""
    if _was_interrupted:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):  # a closed terminal
                stream.flush()
        os._exit(INTERRUPTED)


# Before any library registers what it does at the end, so that this comes last.
atexit.register(_leave)


def main() -> NoReturn:
    """Run the program and end the process with its status; 130 after an interrupt, whatever became of it."""
    global _was_interrupted
    interrupted = _was_interrupted = False
    waiting: list[threading.Timer] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        if _is_importing(frame):
            # A library that catches everything while it is imported would lose it.
            again = threading.Timer(_AGAIN, os.kill, (os.getpid(), signal.SIGINT))
            again.daemon = True
            again.start()
            waiting.append(again)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    hook, sys.unraisablehook = sys.unraisablehook, _raise_again
    try:
        from videxplain.cli.app import run

        status = run()
        interrupted = interrupted or status == INTERRUPTED
    except KeyboardInterrupt:
        interrupted = True
    except BaseException:
        # An import that is interrupted, or a library that ends the process itself, raises something else.
        if not interrupted:
            raise
    finally:
        for again in waiting:
            again.cancel()
        signal.signal(signal.SIGINT, signal.SIG_IGN if interrupted else before)
        sys.unraisablehook = hook
    if interrupted:
        print("videxplain: interrupted", file=sys.stderr)
        status, _was_interrupted = INTERRUPTED, True
    # The work is done: an interrupt while Python ends would only change the status.
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    sys.exit(status)


def _is_importing(frame: FrameType | None) -> bool:
    """Whether code runs because a module is imported."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _raise_again(unraisable: "sys.UnraisableHookArgs") -> None:
    """An interrupt inside a destructor is lost there, so it is sent again."""
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    else:
        sys.__unraisablehook__(unraisable)
