"""A model of the user's own by name: ``python:FILE.py:NAME``, as ``--model`` takes it.

The file is run like ``python FILE.py``. So only files that the user names on the command line are allowed, also those
that ``serve`` is started with. :func:`videxplain.load_model` does not run files, and no request to a studio names one.
"""

import runpy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videxplain.errors import VidexplainError, unknown

if TYPE_CHECKING:
    from videxplain.models.video_model import VideoModel
    from videxplain.progress import Progress

PREFIX = "python:"


def is_own(model: str) -> bool:
    """Whether ``--model`` names a file of Python."""
    return model.startswith(PREFIX)


def refuse_options(model: str, weights: str, view: str, given: Mapping[str, Any]) -> None:
    """Raise ``VidexplainError`` for options of :func:`videxplain.load_model`; a model of one's own has none."""
    if weights != "auto" or view != "model" or given:
        raise VidexplainError(f"{model} comes as the file makes it: leave --weights, --labels, --view and --set out")


def load_named(
    model: str, weights: str = "auto", *, view: str = "model", progress: "Progress | None" = None, **given: Any
) -> "VideoModel":
    """The model of a command line: a model of the user's own, or one that :func:`videxplain.load_model` loads.

    Raises:
        VidexplainError: As :func:`own_model` and :func:`videxplain.load_model` do, or for options beside
            ``python:FILE.py:NAME``.
    """
    from videxplain.models.zoo import load_model

    if not is_own(model):
        return load_model(model, weights, progress=progress, view=view, **given)
    refuse_options(model, weights, view, given)
    return own_model(model)


def own_model(model: str) -> "VideoModel":
    """The model that a file of Python makes, with the file, its SHA-256 and that of the state in the configuration.

    Args:
        model: ``python:FILE.py:NAME``. NAME is a model that :func:`videxplain.wrap`, :func:`videxplain.wrap_function`
            or :func:`videxplain.load_model` has returned.

    Raises:
        VidexplainError: There is no such file, it cannot be run, or NAME is no such model.
    """
    from videxplain.models.provenance import state_sha256_of
    from videxplain.models.video_model import VideoModel
    from videxplain.models.weights.files import sha256_of

    place, colon, name = model.removeprefix(PREFIX).rpartition(":")
    path = Path(place)
    if not colon or not name.isidentifier() or path.suffix != ".py":
        raise VidexplainError(
            f"a model of your own is python:FILE.py:NAME, such as python:detector.py:model, not '{model}'"
        )
    if not path.is_file():
        raise VidexplainError(f"the file '{place}' does not exist")
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # for its imports, also later ones inside functions
    try:
        names = runpy.run_path(str(path), run_name=path.stem)
    except VidexplainError as error:
        raise VidexplainError(f"{path.name}: {error}") from error
    # The file may raise anything.
    except (Exception, SystemExit) as error:
        reason = " ".join(str(error).split())[:200]
        raise VidexplainError(f"{path.name} cannot be run: {type(error).__name__}: {reason}") from error
    found = names.get(name)
    if not isinstance(found, VideoModel):
        models = [key for key, value in names.items() if isinstance(value, VideoModel)]
        if name in names:
            what = "a class" if isinstance(found, type) else f"of type {type(found).__name__}"
            raise VidexplainError(
                f"'{name}' of {path.name} is {what}, and no model: make it one with vx.wrap or vx.wrap_function"
            )
        raise unknown(f"model of {path.name}", name, models)
    if not found.config.weights_sha256:
        found.config = found.config.replace(weights_file=path.name, weights_sha256=sha256_of(path))
    found.config = found.config.replace(state_sha256=state_sha256_of(found))
    return found
