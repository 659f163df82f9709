import pytest

from tests.concepts.networks import learned, marked_videos
from videxplain.concepts.api import find_concepts
from videxplain.data.datasets.open import open_dataset


@pytest.fixture(scope="session")
def marked(tmp_path_factory):
    """A data set with a planted mark, and a network that has learned it."""
    root = tmp_path_factory.mktemp("concepts") / "videos"
    return learned(marked_videos(root)), open_dataset(root, for_training=False)


@pytest.fixture(scope="session")
def found(marked, tmp_path_factory):
    """The concepts of that network."""
    model, data = marked
    out = tmp_path_factory.mktemp("found") / "concepts"
    return find_concepts(model, data, out, layer="relu2", subset="all", concepts=6, places=4000, designs=16)
