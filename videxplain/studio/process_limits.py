"""Limits that a process sets itself."""

from contextlib import suppress


def limit_process(**most: int) -> None:
    """Limit the resources of this process. On systems without limits, nothing happens.

    Args:
        **most: By name, such as ``cpu`` in seconds, or ``data`` and ``fsize`` in bytes: the resources of ``setrlimit``.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    for name, bound in most.items():
        what = getattr(resource, f"RLIMIT_{name.upper()}")
        _, hard = resource.getrlimit(what)
        with suppress(ValueError, OSError):
            resource.setrlimit(what, (bound if hard == resource.RLIM_INFINITY else min(bound, hard), hard))
