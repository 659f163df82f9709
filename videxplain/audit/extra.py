"""What an audit and a search for concepts need beyond the package itself: the extra ``audit``."""

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
"""Module to the package that has it."""


def need_extra(what: str, modules: Iterable[str] = tuple(_PACKAGES)) -> None:
    """Refuse ``what`` before any work is done where a package that it needs is not installed.

    Args:
        what: Who asks, such as ``"audit"``.
        modules: Those that it imports.

    Raises:
        VidexplainError: One is missing. The message names the extra.
    """
    missing = [_PACKAGES[name] for name in modules if find_spec(name) is None]
    if missing:
        raise VidexplainError(f"{what} needs {', '.join(missing)}: pip install 'videxplain[audit]'")
