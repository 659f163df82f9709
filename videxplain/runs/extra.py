"""The packages of the extra ``audit``, which an audit and a search for concepts need."""

from collections.abc import Iterable
from importlib.util import find_spec

from videxplain.errors import VidexplainError

_PACKAGES = {
    "pyarrow": "pyarrow",
    "pandas": "pandas",
    "zarr": "zarr",
    "sklearn": "scikit-learn",
    "jinja2": "jinja2",
    "altair": "altair",
    "vl_convert": "vl-convert-python",
}
"""The package of each module."""


def need_extra(what: str, modules: Iterable[str] = tuple(_PACKAGES)) -> None:
    """Check that packages are installed, before any work is done.

    Args:
        what: What needs them, such as ``"audit"``.
        modules: The modules that it imports.

    Raises:
        VidexplainError: A package is missing. The message names the extra.
    """
    missing = [_PACKAGES[name] for name in modules if find_spec(name) is None]
    if missing:
        raise VidexplainError(f"{what} needs {', '.join(missing)}: pip install 'videxplain[audit]'")
