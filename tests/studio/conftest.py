from pathlib import Path

import pytest

from tests.studio.running import LIMITS, running, write_clip


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """One studio with its worker for all tests that need answers."""
    with running(tmp_path_factory.mktemp("studio") / "data") as one:
        yield one


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "wave.mp4")


@pytest.fixture
def limits():
    return LIMITS
