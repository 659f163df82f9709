import pytest

from tests.order_videos import order_tree


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """Two classes that only the order of frames tells apart: 20 videos to learn from, 8 to test with."""
    return order_tree(tmp_path_factory.mktemp("order") / "data")
