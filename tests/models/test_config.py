import pytest

from videxplain.models.config import ModelConfig

BASE = ModelConfig("i3d", 2, 16, (224, 224), "consecutive", "res5", "conv1")


def test_labels_must_fit_the_classes():
    with pytest.raises(ValueError, match="3 labels for 2 classes"):
        BASE.replace(labels=("a", "b", "c"))


def test_a_class_without_a_name_is_called_by_its_number():
    assert BASE.label(1) == "class 1"
    assert BASE.replace(labels=("jump", "walk")).label(1) == "walk"


def test_only_named_weights_count_as_trained():
    assert not BASE.trained
    assert BASE.replace(weights="bundled").trained
