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
"""Seconds after which an interrupt during an import is repeated."""
_was_interrupted = False


def _leave() -> None:
    """End the process here after an interrupt. Python's own end may wait for threads of libraries."""
    if _was_interrupted:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):  # a closed terminal
                stream.flush()
        os._exit(INTERRUPTED)


# Registered before any library registers a function, so that it runs last.
atexit.register(_leave)


def main() -> NoReturn:
    """Run the program and end the process with its status, which is 130 after any interrupt."""
    global _was_interrupted
    interrupted = _was_interrupted = False
    waiting: list[threading.Timer] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        if _is_importing(frame):
            # A library that catches every exception while it is imported would lose the interrupt.
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
        # An interrupted import, or a library that ends the process itself, may raise another exception.
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
    # The work is done, and an interrupt while Python ends would only change the status.
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    sys.exit(status)


def _is_importing(frame: FrameType | None) -> bool:
    """Whether a frame, or one that called it, imports a module."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _raise_again(unraisable: "sys.UnraisableHookArgs") -> None:
    """Repeat an interrupt that came inside a destructor, where Python ignores it."""
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    else:
        sys.__unraisablehook__(unraisable)
