import pytest

from tests.order_videos import order_tree


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """Two classes that only the order of frames tells apart: 20 videos to learn from, 8 to test with."""
    return order_tree(tmp_path_factory.mktemp("order") / "data")


@pytest.fixture
def recipe_of(tree):
    """A recipe for a tiny network on the tree, changed as asked."""
    from videxplain.train.recipe_file import recipe_from

    def make(**changes):
        content = {
            "model": "i3d",
            "data": str(tree),
            "options": {"depth": 18, "blocks": [1, 1, 1, 1], "width": 4, "size": 16, "num_frames": 8, "dropout": 0.5},
            "clips": "one",
            "augmentation": "flip",
            "epochs": 2,
            "batch_size": 4,
            "lr": 0.01,
            "workers": 0,
            "cache": True,
            "logger": "csv",
        }
        return recipe_from(content | changes)

    return make
