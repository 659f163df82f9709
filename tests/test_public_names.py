"""The public names: each can be imported, and docs/api.md lists them all."""

import re
from pathlib import Path

import pytest

import videxplain

PAGE = Path(videxplain.__file__).parent.parent / "docs" / "api.md"


@pytest.mark.parametrize("name", videxplain.__all__)
def test_a_public_name_can_be_imported_and_has_a_docstring(name):
    value = getattr(videxplain, name)
    assert name == "__version__" or value.__doc__


def test_names_are_in_order_and_all_are_documented():
    assert sorted(videxplain.__all__) == videxplain.__all__
    assert len(set(videxplain.__all__)) == len(videxplain.__all__)
    documented = set(re.findall(r"videxplain\.(\w+)", PAGE.read_text(encoding="utf-8")))
    assert documented == set(videxplain.__all__)


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'videxplain' has no attribute 'explian'"):
        videxplain.explian  # noqa: B018


def test_no_module_takes_the_place_of_a_public_name():
    # Importing videxplain.explain would make vx.explain the module.
    package = Path(videxplain.__file__).parent
    modules = {path.stem for path in package.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert not modules & set(videxplain.__all__)
